"""Readiness: whether requests should be sent to this process, and if not, why.

Looked at in rounds, for the gauge that alerts read, and whenever somebody asks. It has a thread of
its own and little patience, because it has to say that the database does not answer while all other
threads wait for it.
"""

import asyncio
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, Gauge

from app.ledger.writer import Ledger
from app.runtime import logs
from app.runtime.faults import Fault
from app.runtime.metrics import Metrics
from app.store.engine import Database, OutcomeUnknown, Unavailable
from app.store.guards import GuardsMissing, verify_guards
from app.store.migrate import check_schema
from app.store.tables import metadata
from app.workers.rounds import Rounds

PAUSE_S: Final = 5.0
PATIENCE_S: Final = 2.0
WITHIN_S: Final = 4.0
"""How long whoever asks waits for a database that does not answer."""
DISK_RESERVE: Final = 64 * 1024 * 1024
"""Bytes that must be free where keys, checkpoints and, on SQLite, the log lie."""
READING: Final = ("database", "schema")
"""The checks that reading needs; all others are for writing."""
OF_FUNDS: Final = ("history",)
"""The checks that a single fund fails, on every process: the others are written to all the same."""
_heads = metadata.tables["heads"]
_log = logs.get(__name__)


class ReadinessMetrics:
    """The result of each check."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.ready = Gauge(
            "ledger_ready",
            "1 where a check of readiness went well when it was last made.",
            ["check"],
            registry=registry,
        )
        self.guards_ok = Gauge(
            "ledger_guards_ok",
            "1 while the database's guards are as they should be; as they were last seen.",
            registry=registry,
        )
        self.disk_free = Gauge(
            "ledger_disk_free_bytes",
            "Free bytes where keys, checkpoints and, on SQLite, the log lie.",
            registry=registry,
        )
        self.damaged = Gauge(
            "ledger_damaged_entries",
            "Entries that are known not to be what was signed.",
            ["fund"],
            registry=registry,
        )
        self.funds_halted = Gauge(
            "ledger_funds_halted", "Funds that take no entries now.", registry=registry
        )


@dataclass(frozen=True, slots=True)
class Found:
    """The result of every check; `why` has a sentence for each that failed."""

    checks: dict[str, bool]
    why: dict[str, str] = field(default_factory=dict)
    begun: float = 0.0

    @property
    def ready(self) -> bool:
        return all(self.checks.values())

    @property
    def writes(self) -> bool:
        """Whether writing requests can be answered, be it not for every fund."""
        return all(well for name, well in self.checks.items() if name not in OF_FUNDS)

    @property
    def reads(self) -> bool:
        """Whether reading requests can be answered."""
        return all(self.checks.get(name, False) for name in READING)


_SILENT: Final = Found({"database": False}, {"database": "it does not answer"})


class Readiness:
    """Makes the checks: one at a time, however many ask."""

    def __init__(
        self, database: Database, ledger: Ledger, metrics: Metrics, data_dir: Path
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._metrics = metrics.of(ReadinessMetrics)
        self._rounds = Rounds("readiness", metrics)
        self._data_dir = data_dir
        self._turn = asyncio.Lock()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="readiness")
        self._found = Found({})
        self._was_ready = False
        # From here on: a gauge of which nothing is known yet would say that no byte is free.
        self._metrics.disk_free.set(shutil.disk_usage(data_dir).free)

    async def run(self) -> None:
        """Look in rounds until cancelled."""
        try:
            await self._rounds.forever(self._round, PAUSE_S)
        finally:
            self._pool.shutdown(wait=True, cancel_futures=True)

    async def _round(self) -> None:
        await self.fresh()

    async def fresh(self) -> Found:
        """What is found now."""
        asked = time.monotonic()
        try:
            async with asyncio.timeout(WITHIN_S), self._turn:
                if self._found.begun < asked:
                    loop = asyncio.get_running_loop()
                    self._found = await loop.run_in_executor(self._pool, self.look)
        except TimeoutError:
            self._publish(_SILENT)
            return _SILENT
        return self._found

    def look(self) -> Found:
        """Make every check."""
        begun, why = time.monotonic(), dict[str, str]()
        checks = dict.fromkeys(("database", "schema", "guards", "writable"), False)
        self._ask_database(checks, why)
        if checks["database"]:
            with suppress(Unavailable):
                self._ledger.clock.compare(PATIENCE_S)
                self._ledger.damages.learn(PATIENCE_S)
        for name, trouble in self._troubles():
            checks[name] = not trouble
            if trouble:
                why[name] = trouble
        found = Found(checks, why, begun)
        self._publish(found)
        return found

    def _ask_database(self, checks: dict[str, bool], why: dict[str, str]) -> None:
        with _explained("database", why), self._database.read(PATIENCE_S) as connection:
            checks["database"] = True
            with _explained("schema", why):
                check_schema(connection)
                checks["schema"] = True
            with _explained("guards", why):
                try:
                    verify_guards(connection)
                except GuardsMissing:
                    self._metrics.guards_ok.set(0)
                    raise
                checks["guards"] = True
                self._metrics.guards_ok.set(1)
        if not checks["database"]:
            return
        with (
            _explained("writable", why),
            self._database.write(durable=False, patience_s=PATIENCE_S) as connection,
        ):
            # A server that only reads refuses this, whatever is in the table.
            locked = _heads.select().limit(1).with_for_update(skip_locked=True)
            connection.execute(locked)
            checks["writable"] = True

    def _troubles(self) -> Iterator[tuple[str, str]]:
        """What is wrong apart from the database, by check; an empty sentence where nothing is."""
        ledger = self._ledger
        stopped = "" if ledger.running else "it does not run"
        yield "writer", ledger.broken or stopped
        yield "queue", "" if ledger.has_room else "more waits than is taken"
        damaged = {name: ledger.damages.why(name) or "" for name in ledger.damages.funds}
        halted = {**damaged, **ledger.halted}
        self._metrics.funds_halted.set(len(halted))
        self._metrics.damaged.clear()
        for name in damaged:
            self._metrics.damaged.labels(name).set(ledger.damages.count(name))
        yield "history", "; ".join(halted[fund] for fund in sorted(halted))
        ledger.clock.judge()
        yield "clock", ledger.clock.why or ""
        unsigned = ", ".join(sorted(ledger.unsigned))
        yield "signing", f"the newest entries are not signed: {unsigned}" if unsigned else ""
        free = shutil.disk_usage(self._data_dir).free
        self._metrics.disk_free.set(free)
        yield "disk", "" if free >= DISK_RESERVE else f"only {free} bytes are free"

    def _publish(self, found: Found) -> None:
        for name, went_well in found.checks.items():
            self._metrics.ready.labels(name).set(went_well)
        if found.ready and not self._was_ready:
            _log.info("ready")
        self._was_ready = found.ready
        if not found.ready:
            logs.seldom(_log, "not_ready", ",".join(sorted(found.why)), why=found.why)


@contextmanager
def _explained(check: str, why: dict[str, str]) -> Iterator[None]:
    try:
        yield
    except (Unavailable, OutcomeUnknown, Fault) as error:
        why[check] = str(error)
