"""What an operator sees of the clock, and says about it."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from app.runtime import clock
from app.runtime.faults import Fault
from app.store import log
from app.store.clock_confirmations import confirm_clock, newest_confirmation
from app.store.engine import Database

NEAR: Final = timedelta(minutes=5)
"""How far an operator's watch may be from the clock that it confirms."""


class ClockNotConfirmed(Fault):
    """The operator's watch says another time than the clock: one of them is wrong."""


def report(database: Database) -> Iterator[str]:
    """Our clock, the database's, and the newest entry, a line each."""
    with database.read() as connection:
        theirs, newest = database.clock(connection), log.newest_time(connection)
        confirmed = newest_confirmation(connection, clock.now() + NEAR)
    now = clock.now()
    yield f"this machine's clock: {now.isoformat(timespec='seconds')}"
    for name, at in (
        ("the database's clock", theirs),
        ("the newest entry", newest),
        ("confirmed last", confirmed.at if confirmed is not None else None),
    ):
        if at is not None:
            yield f"{name}: {at.isoformat(timespec='seconds')} ({_apart(now - at)})"


def confirm(database: Database, watch: datetime, reason: str) -> None:
    """Record that the clock is right, as the operator's watch shows. Raises ClockNotConfirmed."""
    now = clock.now()
    if not reason:
        raise ClockNotConfirmed("say why the clock may have looked wrong: --reason")
    if abs(now - watch) > NEAR:
        raise ClockNotConfirmed(
            f"this machine says {now.isoformat(timespec='minutes')}, your watch "
            f"{watch.isoformat(timespec='minutes')}: set the clock first"
        )
    with database.write() as connection:
        theirs = database.clock(connection)
        off = now - theirs if theirs is not None else timedelta()
        confirm_clock(connection, now, off, reason)


def _apart(off: timedelta) -> str:
    return f"{abs(off.total_seconds()):.0f} s {'before' if off >= timedelta() else 'after'} it"
