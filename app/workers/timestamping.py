"""Time stamping: at intervals a time authority (RFC 3161) signs the newest checkpoint.

Each stamp becomes an entry, so that it travels with the log. A log to which only stamps and
cosignatures were added since its last stamp is not stamped again. Nothing waits for the authority.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import httpx
from cryptography.x509 import Certificate
from prometheus_client import CollectorRegistry, Counter, Gauge

from app.chain.checkpoint import Checkpoint
from app.chain.note import Note
from app.chain.spelling import write_base64
from app.domain.governance.checkpoints import CheckpointStamped, CheckpointWitnessed, RecordStamp
from app.domain.governance.log_keys import Log
from app.domain.refusals.base import Refusal
from app.ledger.submission import LEDGER_ITSELF, own_command
from app.ledger.writer import Ledger
from app.runtime import clock, logs, outbound
from app.runtime.backoff import Backoff
from app.runtime.metrics import Metrics
from app.runtime.threads import in_thread
from app.store import checkpoints, log, queries
from app.store.engine import Database
from app.store.log_names import main_log
from app.trust.timestamps import MAX_STAMP_BYTES, StampError, stamp_request, verify_stamp
from app.workers.rounds import Rounds

PAUSE_S: Final = 1.0
TIMEOUT_S: Final = 15.0
RETRY_S: Final = 60.0
QUERY: Final = "application/timestamp-query"
_OURS: Final = (CheckpointStamped.type, CheckpointWitnessed.type)
_log = logs.get(__name__)


class NoStamp(Exception):
    """The authority did not give a stamp."""


@dataclass(frozen=True, slots=True)
class Authority:
    """A time authority: its address, its root certificates, and the interval between stamps."""

    url: str
    roots: Sequence[Certificate]
    period_s: float


class StampMetrics:
    """Metrics of requests to the time authority."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.stamps = Counter(
            "ledger_time_stamps", "Questions to the time authority.", ["result"], registry=registry
        )
        for result in ("stamped", "failed"):
            # From the start: an increase from nothing is none to Prometheus.
            self.stamps.labels(result)
        self.stamp_time = Gauge(
            "ledger_time_stamp_last_timestamp_seconds",
            "When a fund's log was last stamped.",
            ["fund"],
            registry=registry,
        )


class TimestampWorker:
    """Has every fund's log stamped, each at its own intervals."""

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        metrics: Metrics,
        authority: Authority,
        pause_s: float = PAUSE_S,
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._metrics = metrics.of(StampMetrics)
        self._authority = authority
        self._rounds = Rounds("time stamps", metrics)
        self._pause_s = pause_s
        self._backoff = Backoff(min(RETRY_S, authority.period_s), authority.period_s)
        """When each fund's log is stamped again."""

    async def run(self) -> None:
        """Run until cancelled."""
        async with httpx.AsyncClient(timeout=TIMEOUT_S, follow_redirects=False) as client:
            await self._rounds.forever(partial(self.tick, client), self._pause_s)

    async def tick(self, client: httpx.AsyncClient) -> None:
        """Have those logs stamped that are due. Raises Unavailable."""
        for fund in await in_thread(self._funds):
            if not self._backoff.is_due(fund):
                continue
            note = await in_thread(self._unstamped, fund)
            if note is None:
                continue
            try:
                await self._stamp(client, fund, Note.parse(note).text)
            except (NoStamp, Refusal) as reason:
                self._backoff.failed(fund)
                self._metrics.stamps.labels("failed").inc()
                _log.warning("not_stamped", fund=fund, why=str(reason))
            else:
                self._backoff.succeeded(fund, self._authority.period_s)
                self._metrics.stamps.labels("stamped").inc()
                self._metrics.stamp_time.labels(fund).set(clock.now().timestamp())

    async def _stamp(self, client: httpx.AsyncClient, fund: str, text: str) -> None:
        """Ask for a stamp, verify it, put it on record. Raises NoStamp, Refusal."""
        request = stamp_request(text.encode())
        answer = await self._asked(client, request.as_bytes())
        try:
            verify_stamp(answer, text.encode(), self._authority.roots, request.nonce)
        except StampError as error:
            raise NoStamp(str(error)) from None
        checkpoint = Checkpoint.parse(text)
        command = RecordStamp(
            size=checkpoint.size, root=checkpoint.root.hex(), token=write_base64(answer)
        )
        keyed = own_command(command, f"stamped-{checkpoint.size}")
        await self._ledger.submit(fund, LEDGER_ITSELF, keyed)

    async def _asked(self, client: httpx.AsyncClient, question: bytes) -> bytes:
        """The authority's answer (RFC 3161 section 3.4). Raises NoStamp."""
        url = self._authority.url
        try:
            async with asyncio.timeout(TIMEOUT_S):
                answer = await outbound.post(client, url, question, MAX_STAMP_BYTES, QUERY)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            raise NoStamp(type(error).__name__) from None
        if answer.status != httpx.codes.OK:
            raise NoStamp(f"status {answer.status}")
        if answer.cut_off:
            raise NoStamp("the answer is too long")
        return answer.body

    def _funds(self) -> list[str]:
        with self._database.read() as connection:
            return [name for name in log.funds(connection) if main_log(name) == name]

    def _unstamped(self, fund: str) -> bytes | None:
        """The newest checkpoint if more than stamps and cosignatures was added; else None."""
        with self._database.read() as connection:
            log_state = queries.one(connection, fund, Log)
            if log_state is None or log_state.closed_seq is not None:
                return None
            known = log_state.stamped.size if log_state.stamped is not None else 0
            if not log.has_grown(connection, fund, known, _OURS):
                return None
            return checkpoints.newest_checkpoint(connection, fund)
