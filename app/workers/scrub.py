"""The scrub reads the log again in the background and checks that it is what was signed.

A tile of entries at a time, with pauses between, it compares stored bytes with the hashes that the
last signed checkpoint fixes; then it begins again. What it finds stops the writing to that fund.
If everything was rewritten at once, checkpoints and second store included, receipts, remembered
checkpoints and witnesses show it.
"""

import threading
from collections.abc import Iterable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge

from app.chain.checkpoint import Checkpoint
from app.chain.tiles import TILE_WIDTH
from app.ledger.damage_watch import DamageWatch
from app.ledger.integrity import SOMEWHERE, Damage, SignedTree
from app.ledger.notary import ForkDetected, Notary
from app.runtime import clock, logs
from app.runtime.metrics import Metrics
from app.store import log
from app.store.engine import Database
from app.store.guards import GuardsMissing, verify_guards
from app.workers.readiness import ReadinessMetrics
from app.workers.rounds import Rounds

TILES: Final = 2
"""How many tiles of each log one look takes."""
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

    def __init__(
        self,
        database: Database,
        notary: Notary,
        damages: DamageWatch,
        metrics: Metrics,
        pause_s: float = PAUSE_S,
    ) -> None:
        self._database = database
        self._notary = notary
        self._damages = damages
        self._metrics = metrics.of(ScrubMetrics)
        self._guards_ok = metrics.of(ReadinessMetrics).guards_ok
        self._rounds = Rounds("scrub", metrics)
        self._pause_s = pause_s
        self._next: dict[str, int] = {}
        """By log: the tile that is read next; it begins with the first."""
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
        """Check the guards and the next tiles of every log. Raises Unavailable."""
        with self._database.read() as connection:
            try:
                verify_guards(connection)
                self._guards_ok.set(1)
            except GuardsMissing as error:
                self._guards_ok.set(0)
                logs.seldom(_log, "guards_missing", level="critical", why=str(error))
            names = log.funds(connection)
        for name in names:
            self._look_at(name)

    def _look_at(self, name: str) -> None:
        try:
            signed = self._notary.signed(name)
        except ForkDetected as fork:
            # The writer finds it too, and says what to do.
            logs.seldom(_log, "scrub_has_no_checkpoint", name, fund=name, why=str(fork))
            return
        if signed is None:
            return
        first, tiles = self._next.get(name, 0), -(-signed.size // TILE_WIDTH)
        last = min(first + TILES, tiles)
        found = self._damages_of(name, signed, range(first, last))
        if found:
            # A fund is not halted for what one look saw: it may have met a row that is being put
            # back at this moment.
            found = self._damages_of(name, signed, range(first, last))
        new = self._damages.found(name, found)
        if new:
            self._metrics.verification_failures.labels(name).inc(new)
        if not found:
            self._metrics.verified_seq.labels(name).set(min(last * TILE_WIDTH, signed.size) - 1)
            self._metrics.verified_time.labels(name).set(clock.now().timestamp())
        self._next[name] = last if last < tiles else 0

    def _damages_of(self, name: str, signed: Checkpoint, tiles: Iterable[int]) -> list[Damage]:
        """What a snapshot shows to be damaged in these tiles. Raises Unavailable."""
        with self._database.read() as connection:
            tree = SignedTree(connection, name, signed)
            try:
                return [one for number in tiles for one in tree.damages(number)]
            except (TypeError, AttributeError, ValueError, LookupError) as error:
                # The stored value does not even have the right form, which has to be reported.
                return [Damage(SOMEWHERE, f"unreadable: {error}")]
