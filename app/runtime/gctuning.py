"""Garbage collection, tuned for processes that make millions of objects and few cycles."""

import gc


def relax() -> None:
    """Search for cycles rarely, and never among objects that live as long as the process.

    With Python's defaults the search took a third of a write's time, and its longest runs made the
    slowest answers.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
