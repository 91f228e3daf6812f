"""Asking witnesses to cosign: after every commit, outside every lock, so that no write waits for
it.

Each witness has a task of its own, so that a slow or faulty one does not delay the others.
Cosignatures are stored with the checkpoint as they come. Where a fund's charter makes releases wait
for its witnesses, and one waits, the quorum's cosignatures are put on record.
"""

import asyncio
import logging
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import httpx
from anyio import create_task_group
from prometheus_client import CollectorRegistry, Counter, Gauge
from sqlalchemy import Connection

from app.chain.checkpoint import Checkpoint
from app.chain.note import Note, NoteError, VerifierKey
from app.chain.policy import Policy, PolicyError
from app.chain.spelling import read_decimal, write_base64
from app.chain.witness import MAX_ANSWER_BYTES, Question, cosignature_of
from app.domain.governance.checkpoints import Cosignature, RecordWitnessed
from app.domain.governance.log_keys import Log
from app.domain.refusals.base import Refusal
from app.ledger.submission import LEDGER_ITSELF, own_command
from app.ledger.writer import Ledger
from app.runtime import clock, logs, outbound
from app.runtime.backoff import Backoff
from app.runtime.faults import Fault
from app.runtime.metrics import Metrics
from app.runtime.threads import in_thread
from app.store import checkpoints, log, queries
from app.store.engine import Database
from app.store.log_names import main_log
from app.trust.attestations import witness_keys
from app.workers.rounds import Rounds

PAUSE_S: Final = 0.5
TIMEOUT_S: Final = 10.0
BYTES: Final = "application/octet-stream"
FIRST_WAIT_S: Final = 1.0
"""How many seconds pass before a witness is asked again after its first failure."""
_REFUSED: Final = {
    403: ("unknown_key", "it does not know the key that signs this log: give it the new one"),
    404: ("unknown_log", "it does not watch this log"),
    422: ("inconsistent", "it has cosigned another history of this log: somebody signed a fork"),
}
_ALARMING: Final = ("ahead", "forgotten", "inconsistent")
_log = logs.get(__name__)


class NoCosignature(Exception):
    """A witness did not cosign; `result` is the label in the metrics."""

    def __init__(self, result: str, why: str) -> None:
        super().__init__(why)
        self.result = result


class WitnessesUnusable(Fault):
    """The file that names the witnesses to ask cannot be used."""


class _Behind(Exception):
    """The witness has last cosigned another size than was assumed."""

    def __init__(self, size: int) -> None:
        super().__init__(f"it has cosigned {size} entries")
        self.size = size


@dataclass
class FollowedWitness:
    """One witness, and the size of each log that it has cosigned."""

    name: str
    key: VerifierKey
    url: str
    sizes: dict[str, int] = field(default_factory=dict)
    behind_since: dict[str, float] = field(default_factory=dict)
    """By log: since when it has had entries that the witness did not cosign."""
    backoff: Backoff = field(default_factory=lambda: Backoff(FIRST_WAIT_S))
    """When it is asked again, by log."""


class CosigningMetrics:
    """Metrics of requests to witnesses."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.witness_answers = Counter(
            "ledger_witness_cosign",
            "Questions to witnesses by what came of them.",
            ["witness", "result"],
            registry=registry,
        )
        self.witness_size = Gauge(
            "ledger_witness_size",
            "Entries of a log that a witness has cosigned.",
            ["log", "witness"],
            registry=registry,
        )
        self.witness_behind = Gauge(
            "ledger_witness_behind_seconds",
            "How long a log has had entries that a witness did not cosign; 0 where it has all.",
            ["log", "witness"],
            registry=registry,
        )
        self.witness_time = Gauge(
            "ledger_witness_last_success_timestamp_seconds",
            "When a witness last cosigned anything.",
            ["witness"],
            registry=registry,
        )


class CosigningWorker:
    """Asks every witness that has an address to cosign every log of the service."""

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        metrics: Metrics,
        policy: Policy,
        pause_s: float = PAUSE_S,
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._all_metrics = metrics
        self._metrics = metrics.of(CosigningMetrics)
        self._pause_s = pause_s
        self._asked = [
            FollowedWitness(name, key, policy.urls[name].rstrip("/"))
            for name, key in policy.witnesses.items()
            if name in policy.urls
        ]
        ledger.clock.watched_by = len(self._asked)
        for witness in self._asked:
            for result in _ALARMING:
                # From the start: an increase from nothing is none to Prometheus.
                self._metrics.witness_answers.labels(witness.name, result)

    async def run(self) -> None:
        """Run until cancelled."""
        limits = httpx.Timeout(TIMEOUT_S)
        async with (
            httpx.AsyncClient(timeout=limits, follow_redirects=False) as client,
            create_task_group() as following,
        ):
            for witness in self._asked:
                following.start_soon(self._follow, client, witness)

    async def _follow(self, client: httpx.AsyncClient, witness: FollowedWitness) -> None:
        rounds = Rounds(f"cosigning {witness.name}", self._all_metrics)
        await rounds.forever(partial(self.ask_about_all, client, witness), self._pause_s)

    async def ask_about_all(self, client: httpx.AsyncClient, witness: FollowedWitness) -> None:
        """Ask one witness about every log that has grown since it cosigned. Raises Unavailable."""
        sizes = await in_thread(self._sizes)
        for name, size in sizes.items():
            self._note_lag(witness, name, behind=size > witness.sizes.get(name, 0))
            if size <= witness.sizes.get(name, 0):
                continue
            if not witness.backoff.is_due(name):
                continue
            try:
                cosigned = await self._ask(client, witness, name)
            except NoCosignature as reason:
                self._put_off(witness, name, reason)
                continue
            await self._record(name)
            witness.sizes[name] = cosigned
            witness.backoff.succeeded(name)
            self._note_lag(witness, name, behind=cosigned < size)
            self._metrics.witness_size.labels(name, witness.name).set(cosigned)
            self._metrics.witness_time.labels(witness.name).set(clock.now().timestamp())

    async def _ask(self, client: httpx.AsyncClient, witness: FollowedWitness, name: str) -> int:
        """Ask once; returns the size that the witness has now cosigned. Raises NoCosignature."""
        note, old = await in_thread(self._newest, name, witness.key)
        text = Note.parse(note).text
        checkpoint = Checkpoint.parse(text)
        if old == checkpoint.size:
            # Another process has asked about it.
            return old
        try:
            try:
                answer = await self._post(client, witness, name, note, checkpoint, old)
            except _Behind as known:
                if known.size < old:
                    # We hold its cosignature of more: it has lost what it remembered.
                    self._note(witness, name, NoCosignature("forgotten", f"{known}; it had {old}"))
                answer = await self._post(client, witness, name, note, checkpoint, known.size)
        except _Behind as known:
            if known.size > checkpoint.size:
                # Another process may have signed more. If not, somebody else uses this log's key.
                raise NoCosignature("ahead", f"{known}, we have {checkpoint.size}") from None
            raise NoCosignature("conflict", str(known)) from None
        try:
            verified, line = cosignature_of(text, answer, witness.key)
        except (NoteError, ValueError) as error:
            raise NoCosignature("invalid", str(error)) from None
        await in_thread(self._keep, name, checkpoint.size, witness.key, line)
        if verified.timestamp is not None:
            self._ledger.clock.heard(witness.name, verified.timestamp)
        self._count(witness, "cosigned")
        return checkpoint.size

    async def _post(
        self,
        client: httpx.AsyncClient,
        witness: FollowedWitness,
        name: str,
        note: bytes,
        checkpoint: Checkpoint,
        old: int,
    ) -> bytes:
        """The signature lines of an answer. Raises _Behind, NoCosignature."""
        if old > checkpoint.size:
            raise _Behind(old)
        proof = await in_thread(self._proof, name, old, checkpoint.size)
        question = Question(old, proof, note).to_bytes()
        try:
            async with asyncio.timeout(TIMEOUT_S):
                answer = await outbound.post(
                    client, f"{witness.url}/add-checkpoint", question, MAX_ANSWER_BYTES, BYTES
                )
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            raise NoCosignature("unreachable", type(error).__name__) from None
        status = answer.status
        if status == httpx.codes.CONFLICT and answer.media_type.startswith("text/x.tlog.size"):
            try:
                raise _Behind(read_decimal(answer.body.decode().removesuffix("\n")))
            except ValueError:
                raise NoCosignature("invalid", "a size that is none") from None
        if status != httpx.codes.OK:
            result, why = _REFUSED.get(status, ("refused", "it did not cosign"))
            raise NoCosignature(result, f"{why} (status {status})")
        return answer.body

    async def _record(self, name: str) -> None:
        """Put the quorum's cosignatures on record, where a release waits for them."""
        fund = main_log(name)
        if fund != name:
            return
        command = await in_thread(self._awaited, fund)
        if command is None:
            return
        keyed = own_command(command, f"witnessed-{command.size}")
        try:
            await self._ledger.submit(fund, LEDGER_ITSELF, keyed)
        except Refusal as refusal:
            # Another task or process was first, most likely.
            _log.info("not_put_on_record", fund=fund, key=keyed.key, why=refusal.sentence)

    def _note_lag(self, witness: FollowedWitness, name: str, *, behind: bool) -> None:
        """A log that does not grow has no lag, however long ago it was cosigned."""
        now = clock.elapsed()
        since = witness.behind_since.setdefault(name, now) if behind else now
        if not behind:
            witness.behind_since.pop(name, None)
        self._metrics.witness_behind.labels(name, witness.name).set(now - since)

    def _put_off(self, witness: FollowedWitness, name: str, reason: NoCosignature) -> None:
        witness.backoff.failed(name)
        if reason.result == "unknown_log":
            # It need not watch every log.
            self._note_lag(witness, name, behind=False)
        self._note(witness, name, reason)

    def _note(self, witness: FollowedWitness, name: str, reason: NoCosignature) -> None:
        self._count(witness, reason.result)
        # A witness need not watch every log.
        quiet = logging.INFO if reason.result == "unknown_log" else logging.WARNING
        level = logging.CRITICAL if reason.result in _ALARMING else quiet
        _log.log(
            level,
            "witness_did_not_cosign",
            witness=witness.name,
            log=name,
            result=reason.result,
            why=str(reason),
        )

    def _count(self, witness: FollowedWitness, result: str) -> None:
        self._metrics.witness_answers.labels(witness.name, result).inc()

    # -- the database, in threads ----------------------------------------------------------------

    def _sizes(self) -> dict[str, int]:
        with self._database.read() as connection:
            return log.sizes(connection)

    def _newest(self, name: str, witness: VerifierKey) -> tuple[bytes, int]:
        """The newest checkpoint, and the size that the witness cosigned last."""
        with self._database.read() as connection:
            note = checkpoints.newest_checkpoint(connection, name)
            old = checkpoints.newest_cosigned(connection, name, witness)
        if note is None:
            raise NoCosignature("unsigned", "nothing is signed yet")
        return note, old

    def _proof(self, name: str, old: int, new: int) -> tuple[bytes, ...]:
        with self._database.read() as connection:
            return tuple(log.hashes(connection, name).consistency_proof(old, new))

    def _keep(self, name: str, size: int, witness: VerifierKey, line: str) -> None:
        with self._database.write(durable=False) as connection:
            checkpoints.keep_cosignature(connection, name, size, witness, line)

    def _awaited(self, fund: str) -> RecordWitnessed | None:
        """The command that records a quorum's cosignatures, if a release waits for it and it is
        complete.
        """
        with self._database.read() as connection:
            state, log_state = queries.fund(connection, fund), queries.one(connection, fund, Log)
            if state is None or log_state is None or state.charter.witnessing is None:
                return None
            known = log_state.witnessed.size if log_state.witnessed is not None else 0
            wanted = queries.first_unwitnessed(connection, fund, known)
            if wanted is None:
                return None
            keys, quorum = witness_keys(state.charter), state.charter.witnessing.quorum
            return _quorum(connection, fund, wanted, keys, quorum)


def _quorum(
    connection: Connection, fund: str, seq: int, keys: dict[str, VerifierKey], quorum: int
) -> RecordWitnessed | None:
    """The newest checkpoint with entry `seq` that at least `quorum` of these keys have cosigned."""
    for _, raw in checkpoints.cosigned(connection, fund, seq, from_newest=True):
        note = Note.parse(raw)
        checkpoint = Checkpoint.parse(note.text)
        lines = {(key.name, key.id): key for key in keys.values()}
        found = [one for one in note.signatures if (one.name, one.key_id) in lines]
        if len({one.name for one in found}) >= quorum:
            return RecordWitnessed(
                size=checkpoint.size,
                root=checkpoint.root.hex(),
                cosignatures=tuple(
                    Cosignature(witness=one.name, signature=write_base64(one.key_id + one.value))
                    for one in found
                ),
            )
    return None


def read_witnesses(path: Path | None) -> Policy | None:
    """The witnesses to ask, and the quorum rule: a tlog-policy. Raises WitnessesUnusable."""
    if path is None:
        return None
    try:
        policy = Policy.parse(path.read_bytes(), needs_log=False)
    except (PolicyError, OSError) as error:
        raise WitnessesUnusable(f"{path}: {error}") from None
    if unreachable := sorted(policy.witnesses.keys() - policy.urls.keys()):
        raise WitnessesUnusable(f"{path}: witness {unreachable[0]} has no address")
    return policy
