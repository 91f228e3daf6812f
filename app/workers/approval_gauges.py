"""Gauges of pending approvals and their age, read from the database in rounds.

Not at each scrape: a scrape that waits for the database would make a database that is away look
like a process that is dead.
"""

from typing import Final

from prometheus_client import CollectorRegistry, Gauge

from app.runtime import clock
from app.runtime.metrics import Metrics
from app.runtime.threads import in_thread
from app.store import queries
from app.store.engine import Database
from app.workers.rounds import Rounds

PAUSE_S: Final = 10.0


class ApprovalMetrics:
    """Pending approvals by step."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.pending = Gauge(
            "ledger_approvals_pending",
            "Approvals that nobody has given.",
            ["step"],
            registry=registry,
        )
        self.oldest = Gauge(
            "ledger_approval_oldest_pending_seconds",
            "Age of the approval that has waited longest.",
            ["step"],
            registry=registry,
        )


class ApprovalGauges:
    """Counts what waits; the figures of a round stay until the next that succeeds."""

    def __init__(self, database: Database, metrics: Metrics, pause_s: float = PAUSE_S) -> None:
        self._database = database
        self._metrics = metrics.of(ApprovalMetrics)
        self._rounds = Rounds("approval gauges", metrics)
        self._pause_s = pause_s

    async def run(self) -> None:
        """Run until cancelled."""
        with self._rounds.noted():
            await self.tick()
        await self._rounds.forever(self.tick, self._pause_s)

    async def tick(self) -> None:
        """Count once. Raises Unavailable."""
        found = await in_thread(self._waiting)
        now = clock.now()
        self._metrics.pending.clear()
        self._metrics.oldest.clear()
        for waiting in found:
            age = (now - waiting.oldest_since).total_seconds()
            self._metrics.pending.labels(waiting.step).set(waiting.count)
            self._metrics.oldest.labels(waiting.step).set(max(age, 0.0))

    def _waiting(self) -> list[queries.Waiting]:
        with self._database.read() as connection:
            return list(queries.waiting(connection))
