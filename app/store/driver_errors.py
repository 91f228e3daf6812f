"""What an error of a database driver means for the transaction that it ended: a table.

PostgreSQL's errors are known by SQLSTATE (Appendix A of its manual), SQLite's by the name of its
result code. The longest prefix counts. The moment matters: before COMMIT was sent nothing can have
happened; once it was, nothing but a few errors tells that it did not.
"""

import sqlite3
from dataclasses import dataclass
from enum import Enum
from typing import Final

import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

DRIVER_ERRORS: Final = (DBAPIError, PoolTimeout, psycopg.Error, sqlite3.Error)
"""Everything that SQLAlchemy and the two drivers raise for what a database did."""


class Fate(Enum):
    """What became of the transaction."""

    REFUSED = "refused"
    """The database refused this very transaction; nothing happened, and again it would refuse."""
    NOTHING = "nothing"
    """Nothing happened; the same request may be sent again."""
    UNKNOWN = "unknown"
    """It is recorded, or not: only the log tells, once it can be read."""


class Then(Enum):
    """What must be done before this process uses the database again."""

    GO_ON = "go on"
    RECONNECT = "reconnect"
    """The connections of the pool share the trouble: drop them all."""
    RESTART = "restart"
    """What the driver holds in memory may differ from the disk: only a new process may write."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """A row of the table."""

    codes: tuple[str, ...]
    before: Fate
    """If the error came before COMMIT was sent …"""
    at_commit: Fate
    """… and if it came in answer to COMMIT."""
    then: Then
    why: str


_REFUSED, _NOTHING, _UNKNOWN = Fate.REFUSED, Fate.NOTHING, Fate.UNKNOWN
_ELSE: Final = Meaning((), _NOTHING, _UNKNOWN, Then.RECONNECT, "the database does not answer")
POSTGRESQL: Final = (
    Meaning(("08",), _NOTHING, _UNKNOWN, Then.RECONNECT, "the connection broke"),
    Meaning(("22",), _REFUSED, _UNKNOWN, Then.GO_ON, "the database cannot hold this value"),
    Meaning(("23",), _REFUSED, _REFUSED, Then.GO_ON, "a constraint refused it"),
    Meaning(("25006",), _NOTHING, _UNKNOWN, Then.RECONNECT, "the database is read-only"),
    Meaning(("25",), _NOTHING, _UNKNOWN, Then.RECONNECT, "the transaction was ended for us"),
    Meaning(("28", "3D", "3F"), _NOTHING, _UNKNOWN, Then.RECONNECT, "the database denies us"),
    Meaning(("40",), _NOTHING, _NOTHING, Then.GO_ON, "another transaction was in the way"),
    Meaning(("40003",), _UNKNOWN, _UNKNOWN, Then.RECONNECT, "its completion is unknown"),
    Meaning(("42501",), _NOTHING, _UNKNOWN, Then.GO_ON, "a right is missing"),
    Meaning(("0A", "26", "34"), _NOTHING, _UNKNOWN, Then.RECONNECT, "the schema changed under us"),
    Meaning(("42",), _NOTHING, _UNKNOWN, Then.GO_ON, "the schema is not what it should be"),
    Meaning(("53", "54"), _NOTHING, _UNKNOWN, Then.GO_ON, "disk, memory or connections ran out"),
    Meaning(("55P03",), _NOTHING, _UNKNOWN, Then.GO_ON, "somebody holds the lock too long"),
    Meaning(("57014",), _NOTHING, _UNKNOWN, Then.GO_ON, "the statement was cancelled"),
    Meaning(("57",), _NOTHING, _UNKNOWN, Then.RECONNECT, "the database is being stopped"),
    Meaning(("58", "XX", "F0"), _NOTHING, _UNKNOWN, Then.RECONNECT, "the database is damaged"),
)
SQLITE: Final = (
    Meaning(("SQLITE_CONSTRAINT",), _REFUSED, _REFUSED, Then.GO_ON, "a constraint refused it"),
    Meaning(("SQLITE_BUSY", "SQLITE_LOCKED"), _NOTHING, _NOTHING, Then.GO_ON, "it is locked"),
    Meaning(("SQLITE_INTERRUPT",), _NOTHING, _UNKNOWN, Then.GO_ON, "the statement took too long"),
    Meaning(("SQLITE_TOOBIG", "SQLITE_MISMATCH"), _REFUSED, _UNKNOWN, Then.GO_ON, "a bad value"),
    # A commit's last page may be on the disk although the disk is full for what follows it.
    Meaning(("SQLITE_FULL",), _NOTHING, _UNKNOWN, Then.GO_ON, "the disk is full"),
    # After a failed fsync the kernel may have dropped what it could not write: nothing that this
    # process remembers of the file is certain any more.
    Meaning(("SQLITE_IOERR",), _NOTHING, _UNKNOWN, Then.RESTART, "the disk failed"),
    Meaning(("SQLITE_CORRUPT", "SQLITE_NOTADB"), _NOTHING, _UNKNOWN, Then.RESTART, "it is damaged"),
    Meaning(("SQLITE_NOMEM",), _NOTHING, _UNKNOWN, Then.GO_ON, "memory ran out"),
    Meaning(("SQLITE_READONLY",), _NOTHING, _UNKNOWN, Then.RECONNECT, "the file is read-only"),
    Meaning(("SQLITE_CANTOPEN",), _NOTHING, _UNKNOWN, Then.RECONNECT, "it cannot be opened"),
    Meaning(("SQLITE_AUTH", "SQLITE_PERM"), _NOTHING, _UNKNOWN, Then.GO_ON, "a right is missing"),
    Meaning(("SQLITE_ERROR", "SQLITE_SCHEMA"), _NOTHING, _UNKNOWN, Then.GO_ON, "a wrong schema"),
)


def meaning_of(error: BaseException) -> Meaning:
    """The row for an error of a driver, bare or as SQLAlchemy wraps it."""
    cause = getattr(error, "orig", None) or error
    if isinstance(error, PoolTimeout):
        return Meaning((), _NOTHING, _UNKNOWN, Then.GO_ON, "all connections are in use")
    if isinstance(cause, sqlite3.Error):
        return _row(SQLITE, getattr(cause, "sqlite_errorname", None) or "")
    # A driver that lost its server has no code to tell.
    return _row(POSTGRESQL, getattr(cause, "sqlstate", None) or "")


def described(error: BaseException) -> str:
    """The row's reason and the database's own first line."""
    said = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
    return f"{meaning_of(error).why}: {said}"


def _row(table: tuple[Meaning, ...], code: str) -> Meaning:
    found = [(len(prefix), row) for row in table for prefix in row.codes if code.startswith(prefix)]
    return max(found, key=lambda one: one[0])[1] if found else _ELSE
