"""Clocks that tests set."""

from collections.abc import Callable
from datetime import datetime

from app.ledger.clock_guard import ClockGuard
from app.runtime.metrics import Metrics
from app.store.engine import Database


class TestClock(ClockGuard):
    """Says what a test tells it to, and is always believed."""

    __test__ = False

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        super().__init__(database, Metrics())
        self._now = now

    def compare(self, patience_s: float = 0.0) -> None:
        """Ask nobody."""

    def _judged(self, last: datetime | None) -> tuple[datetime, str | None]:
        return self._now(), None
