"""Meaning, and nothing but: values, rules, states. No I/O, no clock, no randomness.

Imports go one way (pyproject.toml checks it): values <- book <- event <- command <- charter
<- governance <- books <- inflow <- outflow <- trustee <- proposals <- catalogue <- admission.
"""
