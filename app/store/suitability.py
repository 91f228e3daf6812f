"""Whether a database can hold a ledger, judged before anything is written to it."""

from typing import Any, Final

from sqlalchemy import Connection

from app.runtime.faults import Fault

OLDEST_POSTGRESQL: Final = 130_000
_DURABLE: Final = {
    "fsync": ("on",),
    "full_page_writes": ("on",),
    "synchronous_commit": ("on", "local", "remote_write", "remote_apply"),
}
"""Without these a commit that was acknowledged may be gone after a crash."""


class Unsuitable(Fault):
    """The database cannot hold a ledger; the message says why, and what to do."""


def require_suitable(connection: Connection, *, durable: bool) -> None:
    """Check encoding and version; if `durable`, that commits outlive a crash. Raises Unsuitable."""
    if connection.dialect.name == "sqlite":
        encoding = _value(connection, "PRAGMA encoding")
        if encoding != "UTF-8":
            raise Unsuitable(f"the SQLite file is in {encoding}: make a new one, in UTF-8")
        return
    encoding = _value(connection, "SHOW server_encoding")
    if encoding != "UTF8":
        raise Unsuitable(
            f"the database is in {encoding}, which cannot hold every name: "
            "CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
        )
    version = int(_value(connection, "SHOW server_version_num"))
    if version < OLDEST_POSTGRESQL:
        raise Unsuitable(f"PostgreSQL {version // 10_000} is too old: 13 or newer")
    for name, allowed in _DURABLE.items() if durable else ():
        found = _value(connection, f"SHOW {name}")
        if found not in allowed:
            raise Unsuitable(
                f"{name} is {found}: what was acknowledged would be lost in a crash; "
                f"set it to {allowed[0]}"
            )


def _value(connection: Connection, question: str) -> Any:
    return connection.exec_driver_sql(question).scalar_one()
