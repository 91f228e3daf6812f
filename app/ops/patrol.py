"""The patrol: walks the log in the background and checks that it is still what it was.

It re-reads stored bytes, a piece at a time with pauses between, and compares hash, chain and
position; at the end it begins again. It finds what was changed under a running service; that
nobody rewrote everything at once is for receipts and verifiers to notice.
"""

import logging
import threading
from typing import Final

from app import clock
from app.chain.entry import BadEntry, BrokenChain, Entry, check_follows
from app.chain.tree import leaf_hash
from app.ops.metrics import Metrics
from app.store import log
from app.store.engine import Database, Unavailable
from app.store.guards import GuardsMissing, verify_guards

PIECE: Final = 500
PAUSE_S: Final = 2.0
_logger = logging.getLogger(__name__)


class Patrol:
    """One thread; `start` and `stop` bracket its life."""

    def __init__(self, database: Database, metrics: Metrics, pause_s: float = PAUSE_S) -> None:
        self._database = database
        self._metrics = metrics
        self._pause_s = pause_s
        self._reached: dict[str, tuple[Entry, bytes]] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="patrol", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._pause_s):
            try:
                self.look()
            except Unavailable:
                _logger.warning("the patrol could not reach the database")

    def look(self) -> None:
        """Check the guards and the next piece of every fund's log."""
        with self._database.read() as connection:
            try:
                verify_guards(connection)
                self._metrics.guards_ok.set(1)
            except GuardsMissing as error:
                self._metrics.guards_ok.set(0)
                _logger.critical("%s", error)
            for fund in log.funds(connection):
                before = self._reached.pop(fund, None)
                start = 0 if before is None else before[0].seq + 1
                lines = list(log.bodies(connection, fund, start, start + PIECE))
                self._check(fund, start, lines, before)

    def _check(
        self, fund: str, start: int, lines: list[bytes], before: tuple[Entry, bytes] | None
    ) -> None:
        for offset, line in enumerate(lines):
            try:
                entry = Entry.from_bytes(line)
                check_follows(entry, *(before or (None, None)))
            except (BadEntry, BrokenChain) as error:
                self._metrics.verification_failures.labels(fund).inc()
                _logger.critical("fund %s, seq %s: %s", fund, start + offset, error)
                return
            before = (entry, leaf_hash(line))
        self._metrics.verified_seq.labels(fund).set(start + len(lines))
        self._metrics.verified_time.labels(fund).set(clock.now().timestamp())
        if before is not None and len(lines) == PIECE:
            self._reached[fund] = before
