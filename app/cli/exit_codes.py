"""Exit codes of the command `fundledger`."""

OK, WRONG, CANNOT_TELL = 0, 1, 2


def say(sentence: str) -> int:
    """Print the sentence; returns the exit code for success."""
    print(sentence)
    return OK
