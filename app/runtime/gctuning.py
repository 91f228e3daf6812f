"""The garbage collector's pace, for processes that make millions of objects and no circles."""

import gc


def relax() -> None:
    """Look for circles of dead objects rarely, and never among what lives as long as the process.

    At Python's own pace the search took a third of a write's time, and its longest runs were the
    slowest answers.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
