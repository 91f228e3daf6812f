"""An operator's word that the clock is right, for every process of the service."""

from datetime import datetime

from sqlalchemy import Connection, func, insert, select

from app.chain.entry import time_text
from app.store.tables import metadata

_confirmations = metadata.tables["clock_confirmations"]


def confirm_clock(connection: Connection, at: datetime, reason: str) -> None:
    """Record that the clock was right at this time."""
    connection.execute(insert(_confirmations).values(at=time_text(at), reason=reason))


def newest_confirmation(connection: Connection) -> datetime | None:
    """When an operator last confirmed the clock; None before the first time."""
    at = connection.execute(select(func.max(_confirmations.c.at))).scalar_one()
    return datetime.fromisoformat(at) if at is not None else None
