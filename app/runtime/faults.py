"""Faults: errors of the surroundings, reported to an operator in one line."""


class Fault(RuntimeError):
    """The service or a command cannot continue, for a reason outside the code."""
