"""SQLSTATEs for tests: a whole code for each row of the table."""


def sqlstate(prefix: str) -> str:
    """A whole code that begins so and falls under no other row."""
    filler = {"08": "08006", "25": "25P02", "40": "40001", "42": "42P01", "57": "57P01"}
    return filler.get(prefix, prefix.ljust(5, "0") if len(prefix) == 5 else f"{prefix}900")
