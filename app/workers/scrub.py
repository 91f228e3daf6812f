"""The scrub re-reads the log in the background and checks that it has not changed.

It reads stored bytes, a piece at a time with pauses between, and compares position, chain, the
stored hash of each entry and, at the end, the tree with the head; then it begins again. It finds
what was changed while the service runs. If everything was rewritten at once, hashes and head
included, receipts, remembered checkpoints and verifiers show it.
"""

import threading
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge
from sqlalchemy import Connection

from app.chain.entry import BadEntry, BrokenChain
from app.chain.log_reader import LogReader
from app.chain.tree import leaf_hash
from app.runtime import clock, logs
from app.runtime.metrics import Metrics
from app.store import log
from app.store.engine import Database
from app.store.guards import GuardsMissing, verify_guards
from app.workers.readiness import ReadinessMetrics
from app.workers.rounds import Rounds

PIECE: Final = 500
PAUSE_S: Final = 2.0
_log = logs.get(__name__)


class ScrubMetrics:
    """Metrics of the scrub: how far it has read, and what it found."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.verified_seq = Gauge(
            "ledger_chain_last_verified_seq",
            "Entries below this one were re-read and found whole in the present round.",
            ["fund"],
            registry=registry,
        )
        self.verified_time = Gauge(
            "ledger_chain_last_verified_timestamp_seconds",
            "When the background check last looked.",
            ["fund"],
            registry=registry,
        )
        self.verification_failures = Counter(
            "ledger_chain_verification_failures",
            "Entries that the background check found broken.",
            ["fund"],
            registry=registry,
        )


class Scrub:
    """A thread that scrubs between `start` and `stop`."""

    def __init__(self, database: Database, metrics: Metrics, pause_s: float = PAUSE_S) -> None:
        self._database = database
        self._metrics = metrics.of(ScrubMetrics)
        self._guards_ok = metrics.of(ReadinessMetrics).guards_ok
        self._rounds = Rounds("scrub", metrics)
        self._pause_s = pause_s
        self._reached: dict[str, LogReader] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="scrub", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        self._rounds.until(self._stop, self.look, self._pause_s)

    def look(self) -> None:
        """Check the guards and the next piece of every fund's log."""
        with self._database.read() as connection:
            try:
                verify_guards(connection)
                self._guards_ok.set(1)
            except GuardsMissing as error:
                self._guards_ok.set(0)
                _log.critical("guards_missing", why=str(error))
            for fund in log.funds(connection):
                try:
                    self._look_at(connection, fund)
                except (TypeError, AttributeError, ValueError, LookupError) as error:
                    # The stored value does not even have the right form, which the scrub has to
                    # report.
                    self._broken(fund, -1, f"unreadable: {error}")

    def _look_at(self, connection: Connection, fund: str) -> None:
        """Check one piece; at the end of the log, compare the tree with the head."""
        reader = self._reached.pop(fund, None) or LogReader()
        head, start = log.read_head(connection, fund), reader.size
        lines = list(log.lines(connection, fund, start, start + PIECE))
        for line, stored in lines:
            try:
                _require_hash(line, stored)
                reader.read(line)
            except (BadEntry, BrokenChain) as error:
                self._broken(fund, reader.size, str(error))
                return
        if head is not None and reader.size == head.size and reader.frontier != head.frontier:
            self._broken(fund, reader.size - 1, "the entries do not make the head's tree")
            return
        self._metrics.verified_seq.labels(fund).set(reader.size - 1)
        self._metrics.verified_time.labels(fund).set(clock.now().timestamp())
        if len(lines) == PIECE:
            self._reached[fund] = reader

    def _broken(self, fund: str, seq: int, why: str) -> None:
        self._metrics.verification_failures.labels(fund).inc()
        _log.critical("entry_broken", fund=fund, seq=seq, why=why)


def _require_hash(line: bytes, stored: bytes) -> None:
    """Check an entry's bytes against the leaf hash that is stored with them. Raises BrokenChain."""
    if leaf_hash(line) != stored:
        raise BrokenChain("its bytes do not have the hash that is stored beside them")
