"""Meaning, and nothing but: values, rules, states. No I/O, no clock, no randomness.

Straight line of imports: refusals <- values <- book <- event <- command <- books <- governance
<- inflow <- outflow <- admission.
"""
