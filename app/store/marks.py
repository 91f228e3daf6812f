"""Marks: what the database is bound to outside itself."""

from typing import Final

from sqlalchemy import Connection, delete, select

from app.store import rows
from app.store.tables import metadata

SECOND_STORE: Final = "second_store"
_marks = metadata.tables["marks"]


def mark_of(connection: Connection, name: str) -> str | None:
    """The value of a mark; None where it was never set."""
    found: str | None = connection.execute(
        select(_marks.c.value).where(_marks.c.name == name)
    ).scalar()
    return found


def set_mark(connection: Connection, name: str, value: str, *, anew: bool) -> None:
    """Set a mark that is not set yet; `anew` also changes one that is."""
    if anew:
        connection.execute(delete(_marks).where(_marks.c.name == name))
    rows.add(connection, _marks, {"name": name, "value": value})
