"""Gauges of pending approvals and their age, read from the database at each scrape."""

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from app.runtime import clock
from app.store import queries
from app.store.engine import Database, Unavailable


class ApprovalsWaiting(Collector):
    """Pending approvals by step; no samples while the database does not answer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def collect(self) -> list[GaugeMetricFamily]:
        pending = GaugeMetricFamily(
            "ledger_approvals_pending", "Approvals that nobody has given.", labels=["step"]
        )
        oldest = GaugeMetricFamily(
            "ledger_approval_oldest_pending_seconds",
            "Age of the approval that has waited longest.",
            labels=["step"],
        )
        try:
            with self._database.read() as connection:
                found = queries.waiting(connection)
        except Unavailable:
            return []
        now = clock.now()
        for waiting in found:
            age = (now - waiting.oldest_since).total_seconds()
            pending.add_metric([waiting.step], waiting.count)
            oldest.add_metric([waiting.step], max(age, 0.0))
        return [pending, oldest]

    def describe(self) -> list[GaugeMetricFamily]:
        return []
