"""Faults: what can be wrong with the surroundings, said to an operator in one line."""


class Fault(RuntimeError):
    """The service or a command cannot go on, and it is no mistake of the code."""
