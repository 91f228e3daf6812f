"""An operator's word that the clock is right, for every process of the service."""

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, insert, select

from app.chain.entry import time_text
from app.store.tables import metadata

_confirmations = metadata.tables["clock_confirmations"]


class Confirmation(NamedTuple):
    """The clock was right at this time; `off` is this clock less the database's, as it was then."""

    at: datetime
    off: timedelta


def confirm_clock(connection: Connection, at: datetime, off: timedelta, reason: str) -> None:
    """Record that the clock was right at this time."""
    milliseconds = off // timedelta(milliseconds=1)
    values = {"at": time_text(at), "off_ms": milliseconds, "reason": reason}
    connection.execute(insert(_confirmations).values(values))


def newest_confirmation(connection: Connection, until: datetime) -> Confirmation | None:
    """What an operator last confirmed up to a time; None where nobody did."""
    query = (
        select(_confirmations.c.at, _confirmations.c.off_ms)
        .where(_confirmations.c.at <= time_text(until))
        .order_by(_confirmations.c.at.desc())
        .limit(1)
    )
    found = connection.execute(query).one_or_none()
    if found is None:
        return None
    return Confirmation(datetime.fromisoformat(found.at), timedelta(milliseconds=found.off_ms))
