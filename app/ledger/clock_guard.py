"""The clock guard: writing stops while this machine's clock is not to be believed.

What is recorded is dated for ever, and votes end by the clock. So before each transaction the clock
is compared with what it cannot have moved: the time that this machine has been running, the newest
entry anywhere in the database; and in rounds with the database's own clock and with the times at
which witnesses cosigned. Where they contradict it, nothing is recorded (`clock_suspect`) until the
clock is right again, or an operator confirms that it is: `fundledger clock confirm`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Final

from prometheus_client import CollectorRegistry, Gauge

from app.runtime import clock, logs
from app.runtime.metrics import Metrics
from app.store import log
from app.store.clock_confirmations import newest_confirmation
from app.store.engine import READ_S, Database

STEP: Final = timedelta(seconds=10)
"""By so much the clock may differ from the time that has passed since it was last read."""
OFFSET: Final = timedelta(seconds=60)
"""By so much it may differ from other clocks, and lie behind the newest entry."""
GAP: Final = timedelta(days=30)
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
        self._heard: dict[str, _Reading] = {}
        """By witness: its clock when it cosigned last."""
        self._confirmed: datetime | None = None
        self._accepted: datetime | None = None
        """The confirmation by which a step was last accepted."""
        self.why: str | None = None
        """Why the clock is not believed; None while it is."""

    def compare(self, patience_s: float = READ_S) -> None:
        """Ask the database for its time and its newest entry. Raises Unavailable."""
        with self._database.read(patience_s) as connection:
            theirs = self._database.clock(connection)
            newest = log.newest_time(connection)
            confirmed = newest_confirmation(connection)
        with self._lock:
            self._newest, self._confirmed = newest, confirmed
            self._theirs = _Reading(theirs, clock.elapsed()) if theirs is not None else None
        now = self.judge()
        if theirs is not None:
            self._metrics.offset.labels("database").set((now - theirs).total_seconds())

    def heard(self, witness: str, posix_time: int) -> None:
        """Note the time of a cosignature that has just come."""
        theirs = datetime.fromtimestamp(posix_time, UTC)
        off = (clock.now() - theirs).total_seconds()
        self._metrics.offset.labels(f"witness {witness}").set(off)
        with self._lock:
            self._heard[witness] = _Reading(theirs, clock.elapsed())

    def require_sound(self, last_at: str = "") -> datetime:
        """The time now, for what follows an entry of `last_at`. Raises ClockSuspect."""
        now = self.judge(datetime.fromisoformat(last_at) if last_at else None)
        if self.why is not None:
            raise ClockSuspect(self.why)
        return now

    def judge(self, last: datetime | None = None) -> datetime:
        """Read the clock, and compare it with everything that is known."""
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
            self.why = doubts[0] if doubts else None
        self._metrics.suspect.set(bool(doubts))
        return now.wall

    def _doubts(self, now: _Reading, newest: datetime | None) -> Iterator[str]:
        confirmed = self._confirmed
        if confirmed is not None and not -OFFSET <= now.wall - confirmed <= CONFIRMED_FOR:
            confirmed = None
        if self._last is not None:
            expected = self._last.expected(now.elapsed)
            if abs(now.wall - expected) > STEP and confirmed in (None, self._accepted):
                yield f"it says {_said(now.wall)}, and {_said(expected)} was due"
        if confirmed is not None:
            # An operator has looked: what other clocks say does not count for a while.
            self._accepted = confirmed
            return
        if newest is not None and now.wall - newest > self._gap:
            days = (now.wall - newest).days
            yield f"it says {_said(now.wall)}, {days} days after the newest entry"
        if newest is not None and newest - now.wall > OFFSET:
            yield f"it says {_said(now.wall)}, before the newest entry of {_said(newest)}"
        if self._theirs is not None:
            off = now.wall - self._theirs.expected(now.elapsed)
            if abs(off) > OFFSET:
                yield f"it differs from the database's by {_seconds(off)}"
        yield from self._witnesses_doubt(now)

    def _witnesses_doubt(self, now: _Reading) -> Iterator[str]:
        """More than half of the witnesses have another time: fewer cannot stop the ledger."""
        lately = [
            now.wall - theirs.expected(now.elapsed)
            for theirs in self._heard.values()
            if now.elapsed - theirs.elapsed <= HEARD_FOR.total_seconds()
        ]
        most = max(self.watched_by, len(lately))
        for side in (1, -1):
            others = [off for off in lately if off * side > OFFSET]
            if 2 * len(others) > most:
                yield f"{len(others)} of {most} witnesses differ by {_seconds(others[0])}"


def _said(at: datetime) -> str:
    return at.isoformat(timespec="seconds")


def _seconds(off: timedelta) -> str:
    return f"{off.total_seconds():.0f} s"
