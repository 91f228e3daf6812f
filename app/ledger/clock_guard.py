"""The clock guard: writing stops while this machine's clock is not to be believed.

What is recorded is dated for ever, and votes end by the clock. So before each transaction the clock
is compared with what it cannot have moved: the time that this machine has been running, the newest
entry anywhere in the database; and in rounds with the database's own clock and with the times at
which witnesses cosigned. Where they contradict it, nothing is recorded (`clock_suspect`) until the
clock is right again, or an operator confirms that it is: `fundledger clock --confirm`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Final

from prometheus_client import CollectorRegistry, Gauge

from app.runtime import clock, logs
from app.runtime.metrics import Metrics
from app.runtime.settings import CLOCK_GAP_DAYS
from app.store import log
from app.store.clock_confirmations import Confirmation, newest_confirmation
from app.store.engine import READ_S, Database

STEP: Final = timedelta(seconds=10)
"""By so much the clock may differ from the time that has passed since it was last read."""
OFFSET: Final = timedelta(seconds=60)
"""By so much it may differ from other clocks, and lie behind the newest entry."""
GAP: Final = timedelta(days=CLOCK_GAP_DAYS)
HEARD_FOR: Final = timedelta(hours=1)
"""So long a witness's time counts."""
CONFIRMED_FOR: Final = timedelta(hours=24)
"""So long a confirmation outweighs other clocks."""
_log = logs.get(__name__)


class ClockSuspect(Exception):
    """The clock contradicts other evidence of the time; nothing is recorded meanwhile."""


class ClockMetrics:
    """Whether the clock is believed, and how far it is from others."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.suspect = Gauge(
            "ledger_clock_suspect",
            "1 while the clock is not believed and nothing is recorded.",
            registry=registry,
        )
        self.offset = Gauge(
            "ledger_clock_offset_seconds",
            "This clock less another: the database's, a witness's.",
            ["other"],
            registry=registry,
        )


@dataclass(frozen=True, slots=True)
class _Reading:
    """What a clock said, and how long this machine had been running then."""

    wall: datetime
    elapsed: float

    def expected(self, elapsed: float) -> datetime:
        return self.wall + timedelta(seconds=elapsed - self.elapsed)


class ClockGuard:
    """Judges the clock of one process."""

    def __init__(self, database: Database, metrics: Metrics, gap: timedelta = GAP) -> None:
        """`gap` is how long a log may have been quiet without an operator's word."""
        self._database = database
        self._metrics = metrics.of(ClockMetrics)
        self._gap = gap
        self._lock = Lock()
        self._last: _Reading | None = None
        """The newest reading that was believed."""
        self._newest: datetime | None = None
        """The newest entry of any log, as of the last round."""
        self._theirs: _Reading | None = None
        """The database's clock, as of the last round."""
        self.watched_by = 0
        """How many witnesses are asked for cosignatures."""
        self._heard: dict[str, tuple[float, float]] = {}
        """By witness: its clock (POSIX) when it cosigned last, and how long this machine had been
        running then. A witness may say any number.
        """
        self._confirmed: Confirmation | None = None
        self._accepted: Confirmation | None = None
        """The confirmation by which a step was last accepted."""
        self.why: str | None = None
        """Why the clock is not believed; None while it is."""

    def compare(self, patience_s: float = READ_S) -> None:
        """Ask the database for its time and its newest entry. Raises Unavailable."""
        with self._database.read(patience_s) as connection:
            theirs = self._database.clock(connection)
            newest = log.newest_time(connection)
            confirmed = newest_confirmation(connection, clock.now() + OFFSET)
        with self._lock:
            self._newest, self._confirmed = newest, confirmed
            self._theirs = _Reading(theirs, clock.elapsed()) if theirs is not None else None
        now = self.judge()
        if theirs is not None:
            self._metrics.offset.labels("database").set((now - theirs).total_seconds())

    def heard(self, witness: str, posix_time: int) -> None:
        """Note the time of a cosignature that has just come."""
        theirs = float(posix_time)
        self._metrics.offset.labels(f"witness {witness}").set(clock.now().timestamp() - theirs)
        with self._lock:
            self._heard[witness] = (theirs, clock.elapsed())

    def require_sound(self, last_at: str = "") -> datetime:
        """The time now, for what follows an entry of `last_at`.

        Raises ClockSuspect, HeadDamaged.
        """
        now, doubt = self._judged(log.read_time(last_at))
        if doubt is not None:
            raise ClockSuspect(doubt)
        return now

    def judge(self) -> datetime:
        """Read the clock, and compare it with everything that is known."""
        return self._judged(None)[0]

    def _judged(self, last: datetime | None) -> tuple[datetime, str | None]:
        with self._lock:
            now = _Reading(clock.now(), clock.elapsed())
            newest = max((at for at in (self._newest, last) if at is not None), default=None)
            doubts = list(self._doubts(now, newest))
            if not doubts:
                self._last = now
                if self.why is not None:
                    _log.warning("clock_believed_again")
            elif self.why is None:
                _log.critical("clock_suspect", why=doubts[0])
            doubt = self.why = doubts[0] if doubts else None
        self._metrics.suspect.set(doubt is not None)
        return now.wall, doubt

    def _doubts(self, now: _Reading, newest: datetime | None) -> Iterator[str]:
        confirmed = self._confirmed
        if confirmed is not None and not -OFFSET <= now.wall - confirmed.at <= CONFIRMED_FOR:
            confirmed = None
        theirs = self._theirs
        off = now.wall - theirs.expected(now.elapsed) if theirs is not None else timedelta()
        # What an operator saw counts: how far the database's clock was off then.
        known_off = confirmed.off if confirmed is not None else timedelta()
        if min(abs(off), abs(off - known_off)) > OFFSET:
            yield f"it differs from the database's by {off.total_seconds():.0f} s"
        if self._last is not None:
            expected = self._last.expected(now.elapsed)
            if abs(now.wall - expected) > STEP and confirmed in (None, self._accepted):
                yield f"it says {_said(now.wall)}, and {_said(expected)} was due"
        if confirmed is not None:
            # An operator has looked: what witnesses and the log say does not count for a while.
            self._accepted = confirmed
            return
        # A process that has believed its clock all the time knows that it was quiet so long.
        if self._last is None and newest is not None and now.wall - newest > self._gap:
            days = (now.wall - newest).days
            yield f"it says {_said(now.wall)}, {days} days after the newest entry"
        if newest is not None and newest - now.wall > OFFSET:
            yield f"it says {_said(now.wall)}, before the newest entry of {_said(newest)}"
        yield from self._witnesses_doubt(now)

    def _witnesses_doubt(self, now: _Reading) -> Iterator[str]:
        """More than half of the witnesses have another time: fewer cannot stop the ledger."""
        lately = [
            now.wall.timestamp() - (theirs + now.elapsed - then)
            for theirs, then in self._heard.values()
            if now.elapsed - then <= HEARD_FOR.total_seconds()
        ]
        most = max(self.watched_by, len(lately))
        for side in (1, -1):
            others = [off for off in lately if off * side > OFFSET.total_seconds()]
            if 2 * len(others) > most:
                yield f"{len(others)} of {most} witnesses differ by {others[0]:.0f} s"


def _said(at: datetime) -> str:
    return at.isoformat(timespec="seconds")
