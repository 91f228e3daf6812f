"""The domain: values, states and rules of the fund, without I/O, clock or randomness.

Imports go one way (pyproject.toml checks it): values <- book <- event <- command <- charter <-
governance <- books <- inflow <- outflow <- trustee <- proposals <- catalogue <- admission.
"""
