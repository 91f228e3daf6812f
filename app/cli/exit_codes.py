"""What the command `fundledger` ends with, and how it says that all is well."""

OK, WRONG, CANNOT_TELL = 0, 1, 2


def say(sentence: str) -> int:
    """Print it; the exit code of a command that did what it was asked to do."""
    print(sentence)
    return OK
