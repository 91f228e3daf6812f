"""Names of logs: a fund's first log has the fund's name, its access log that name and a suffix."""

from app.runtime.faults import Fault


class NoSuchFund(Fault):
    """The database holds no fund of this name."""

    def __init__(self, fund: str) -> None:
        super().__init__(f"there is no fund {fund}")


def access_log(fund: str) -> str:
    """The name of a fund's second log."""
    return f"{fund}/access"


def main_log(name: str) -> str:
    """The fund that a log belongs to, as its first log or its second."""
    return name.partition("/")[0]


def is_access_log(name: str) -> bool:
    """Whether a log is a fund's second one."""
    return "/" in name
