"""Marks: what the database is bound to outside itself."""

from typing import Final

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

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
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(_marks).values(name=name, value=value)
    if anew:
        changed = statement.on_conflict_do_update(index_elements=["name"], set_={"value": value})
    else:
        changed = statement.on_conflict_do_nothing()
    connection.execute(changed)
