"""Rounds: what goes on beside requests, again and again, whatever goes wrong.

Every worker runs through here. A round that fails is counted and logged, and the next one comes
after the pause; so none of them ends unseen, and an alert asks when each last went well.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge

from app.runtime import clock, logs
from app.runtime.metrics import Metrics
from app.store.engine import Unavailable

_log = logs.get(__name__)


class RoundMetrics:
    """When each worker's round last went well, and how often one failed."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.last = Gauge(
            "ledger_worker_last_success_timestamp_seconds",
            "When a worker beside the requests last went through its round.",
            ["worker"],
            registry=registry,
        )
        self.failures = Counter(
            "ledger_worker_failures",
            "Rounds of a worker that ended with an error; the next one came.",
            ["worker"],
            registry=registry,
        )


class Rounds:
    """The rounds of one worker."""

    def __init__(self, worker: str, metrics: Metrics) -> None:
        self._worker = worker
        self._metrics = metrics.of(RoundMetrics)
        # From here on: one that never goes well has a beginning too.
        self._metrics.last.labels(worker).set(clock.now().timestamp())

    async def forever(self, work: Callable[[], Awaitable[None]], pause_s: float) -> None:
        """Work until cancelled."""
        while True:
            await asyncio.sleep(pause_s)
            with self.noted():
                await work()

    def until(self, stop: threading.Event, work: Callable[[], None], pause_s: float) -> None:
        """Work until `stop`, in the caller's thread."""
        while not stop.wait(pause_s):
            with self.noted(BaseException):
                work()

    @contextmanager
    def noted(self, caught: type[BaseException] = Exception) -> Iterator[None]:
        """Note how the block ends; an error ends here."""
        try:
            yield
        except Unavailable as error:
            # Of the database, which everybody misses at once: one line for all of it.
            self._metrics.failures.labels(self._worker).inc()
            logs.seldom(_log, "database_unavailable", why=str(error))
        except caught as error:
            self._metrics.failures.labels(self._worker).inc()
            _log.error("worker_failed", worker=self._worker, exc_info=error)
        else:
            self._metrics.last.labels(self._worker).set(clock.now().timestamp())
