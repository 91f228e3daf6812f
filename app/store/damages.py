"""Damage that was found in logs, kept so that a restart does not forget it.

Not part of any log: whoever deletes these rows only has the scrub find the damage again.
"""

from collections.abc import Iterable

from sqlalchemy import Connection, delete, select

from app.store import rows
from app.store.tables import DamageRow, metadata

_damages = metadata.tables["damages"]


def keep_damages(connection: Connection, found: Iterable[DamageRow]) -> None:
    """Store what was found; what is known already stays."""
    for one in found:
        rows.add(connection, _damages, one.model_dump())


def known_damages(connection: Connection) -> list[DamageRow]:
    """All damage of all logs."""
    query = select(_damages).order_by(_damages.c.fund, _damages.c.seq)
    return [DamageRow(**row) for row in connection.execute(query).mappings()]


def forget_damages(connection: Connection, fund: str) -> None:
    """Drop what was found in a log, once it is what was signed again."""
    connection.execute(delete(_damages).where(_damages.c.fund == fund))
