"""The write door: the only way in which anything is recorded.

One thread a process takes everything that waits, and for each fund makes one transaction of it:
lock the head, load the rows that the commands read, decide each command on the book that the one
before it left, store entries, journal and changed rows, commit, sign the checkpoint, answer. So
the lock is held and the disk is forced once a batch, not once a request. Several processes share
a fund safely, because the lock is the head row in the database.

A caller is answered only after the commit is durable. When nobody can say whether it was, the
answer is OutcomeUnknown, never success.
"""

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from app import clock
from app.batch import Accepted, Batch, Submission
from app.chain.proof import Receipt, path_from
from app.chain.tree import Frontier
from app.domain.command import Actor, Command
from app.domain.governance.funds import OpenFund
from app.domain.refusals import Kind, Refusal
from app.notary import ForkDetected, Notary
from app.ops.metrics import Metrics
from app.store import log
from app.store.engine import ConstraintBroken, Database, OutcomeUnknown, Unavailable
from app.store.log import KeyUse

JOIN_TIMEOUT_S = 2.0
"""How long a repeated request waits for the first one before it is told to come back."""

_logger = logging.getLogger(__name__)


class QueueFull(Exception):
    """Too much waits already, or the service is stopping: come back in a moment."""


class StillInFlight(Refusal):
    """The first request with this key has not been answered yet."""

    kind, code = Kind.CONFLICT, "request_in_flight"


async def _finished(first: Submission) -> Accepted:
    """The answer of a request under way. Raises its refusal; StillInFlight when that takes long."""
    waiting = asyncio.shield(asyncio.wrap_future(first.answer))
    done, _ = await asyncio.wait([waiting], timeout=JOIN_TIMEOUT_S)
    if not done:
        raise StillInFlight("The first request with this key is still under way.")
    return await waiting


class _NothingToKeep(Exception):
    """Every command of the batch was refused or replayed: the transaction is rolled back."""


class Ledger:
    """The door of one process. `start` and `stop` bracket its life."""

    def __init__(
        self,
        database: Database,
        notary: Notary,
        metrics: Metrics,
        *,
        batch_limit: int = 256,
        queue_limit: int = 4_096,
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        self._database = database
        self._notary = notary
        self._metrics = metrics
        self._batch_limit = batch_limit
        self._queue_limit = queue_limit
        self._now = now
        self._waiting: queue.SimpleQueue[Submission | None] = queue.SimpleQueue()
        self._in_flight: dict[tuple[str, str, str], Submission] = {}
        self._lock = threading.Lock()
        self._open = False
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self.halted: dict[str, str] = {}
        """Funds whose history contradicts what was signed, and how. Nothing is written to them."""
        self.unsigned: set[str] = set()
        """Funds whose newest entries could not be signed; first they must be."""

    def start(self) -> None:
        """Check every fund against its last signed checkpoint, then begin to take commands."""
        for fund in sorted(self._notary.funds()):
            self._notary.check(fund)
        self._open = True
        self._thread.start()

    def stop(self) -> None:
        """Take nothing new, finish what waits, end the thread."""
        with self._lock:
            self._open = False
        self._waiting.put(None)
        if self._thread.is_alive():
            self._thread.join()

    @property
    def running(self) -> bool:
        """Whether commands are taken."""
        return self._open and self._thread.is_alive()

    async def submit(
        self, fund: str, command: Command, actor: Actor, key: str, digest: bytes
    ) -> Accepted:
        """Record what `command` asks for, once for ever for this party's `key`.

        Raises Refusal (nothing was recorded), QueueFull, Unavailable (nothing was recorded),
        OutcomeUnknown, ForkDetected. A caller who goes away does not stop what is under way.
        """
        mine = Submission(fund, command, actor, key, digest)
        while (first := self._enqueue(mine)) is not mine:
            if first.actor == actor and first.digest == digest:
                return replace(await _finished(first), replayed=True)
            # Somebody else of the party: nobody is answered with another person's rights. Once the
            # first is through, this one is judged by itself.
            try:
                await _finished(first)
            except StillInFlight:
                raise
            except Exception as other:  # noqa: BLE001  the first one's fate is not this one's
                _logger.debug("the request before with this key ended with %s", type(other))
        return await asyncio.shield(asyncio.wrap_future(mine.answer))

    def _enqueue(self, mine: Submission) -> Submission:
        """Put the submission in the queue, unless one with its key is under way: then that one."""
        with self._lock:
            if mine.label in self._in_flight:
                return self._in_flight[mine.label]
            if not self.running or len(self._in_flight) >= self._queue_limit:
                raise QueueFull
            self._in_flight[mine.label] = mine
            mine.answer.add_done_callback(lambda _: self._leave(mine))
            self._metrics.queue_depth.inc()
            self._waiting.put(mine)
        return mine

    def _leave(self, mine: Submission) -> None:
        with self._lock:
            self._in_flight.pop(mine.label, None)

    # -- the writer thread ---------------------------------------------------------------------

    def _run(self) -> None:
        stopping = False
        while not stopping:
            batch, stopping = self._take()
            for fund in dict.fromkeys(item.fund for item in batch):
                waiting = [item for item in batch if item.fund == fund]
                while waiting:
                    waiting = self._write(waiting)

    def _take(self) -> tuple[list[Submission], bool]:
        """Everything that waits, up to the limit; blocks while nothing does."""
        batch: list[Submission] = []
        item = self._waiting.get()
        while item is not None:
            batch.append(item)
            self._metrics.queue_depth.dec()
            self._metrics.queue_wait.observe(time.monotonic() - item.arrived)
            if len(batch) >= self._batch_limit:
                break
            try:
                item = self._waiting.get_nowait()
            except queue.Empty:
                break
        return batch, item is None

    def _write(self, items: list[Submission]) -> list[Submission]:
        """One transaction for one fund's commands, and an answer for each that it took.

        Returns those that wait for the next one.
        """
        fund = items[0].fund
        self._metrics.batch_size.observe(len(items))
        try:
            self._require_signed(fund)
            with self._metrics.commit.time():
                batch = self._transact(fund, items)
        except ForkDetected as fork:
            self._halt(fund, items, fork)
        except OutcomeUnknown as unknown:
            self._fail(items, unknown, "unknown")
        except ConstraintBroken as broken:
            self._one_by_one(items, broken)
        except Unavailable as unavailable:
            self._fail(items, unavailable, "failed")
        except Exception as fault:
            # A fault of ours must end this batch, never the thread that all others wait for.
            _logger.exception("a batch of fund %s failed", fund)
            self._fail(items, fault, "failed")
        else:
            self._conclude(fund, [item for item in items if item not in batch.deferred], batch)
            return batch.deferred
        return []

    def _conclude(self, fund: str, items: list[Submission], batch: Batch) -> None:
        """Answer everybody. What was committed stays committed, whatever goes wrong from here on:
        then nobody is told that nothing was recorded, and the same key gets the receipt later.
        """
        try:
            self._answer(fund, batch)
        except ForkDetected as fork:
            self._halt(fund, items, fork)
        except Exception:
            _logger.exception("a batch of fund %s was not answered as it should have been", fund)
            # Refusals have been answered; whoever is left has an entry, of now or of before.
            self.unsigned.add(fund)
            self._fail(items, OutcomeUnknown("recorded, but not signed"), "unknown")

    def _require_signed(self, fund: str) -> None:
        """Nothing is added to a log whose end could not be signed.

        Raises ForkDetected, Unavailable.
        """
        if fund in self.halted:
            raise ForkDetected(self.halted[fund])
        if fund in self.unsigned:
            try:
                self._notary.check(fund)
            except OSError as error:
                raise Unavailable(f"the second store: {error.strerror}") from error
            self.unsigned.discard(fund)

    def _halt(self, fund: str, items: list[Submission], fork: ForkDetected) -> None:
        self.halted[fund] = str(fork)
        _logger.critical("writing to fund %s is halted: %s", fund, fork)
        self._fail(items, fork, "failed")

    def _one_by_one(self, items: list[Submission], broken: ConstraintBroken) -> None:
        """Find the command that the database itself refused; the others are not to blame."""
        waiting = [item for item in items if not item.answer.done()]
        if len(waiting) == 1:
            _logger.error("the database refused what the rules allowed: %s", broken)
            self._fail(waiting, broken, "failed")
            return
        for item in waiting:
            self._write([item])

    def _transact(self, fund: str, items: list[Submission]) -> Batch:
        """Decide and store; when everything was refused or replayed, nothing is left behind."""
        opening = any(isinstance(item.command, OpenFund) for item in items)
        batch = Batch(fund, self._now(), self._notary.keys)
        try:
            with self._database.write() as connection:
                head = log.lock_head(connection, fund, create=opening)
                batch.decide(connection, head, items)
                if not batch.entries:
                    raise _NothingToKeep  # noqa: TRY301  the way to roll back
                batch.store(connection)
        except _NothingToKeep:
            pass
        return batch

    def _answer(self, fund: str, batch: Batch) -> None:
        """Sign what was committed and answer everybody."""
        for item, refusal in batch.refused:
            if not isinstance(refusal, Refusal):
                _logger.error("a command failed", exc_info=refusal)
            self._fail([item], refusal, "refused" if isinstance(refusal, Refusal) else "failed")
        note = b""
        if batch.entries:
            note = self._notary.sign(fund, batch.before, batch.after)
            self._observe(fund, batch, note)
        for item, use in batch.replayed:
            self._give(item, self.recall(fund, use, replayed=True))
        for item, entries in batch.accepted:
            index = entries[0].seq
            if self._notary.size_of(fund, note) == batch.after.size:
                path = path_from(batch.known_hashes(), index, batch.after.size)
                receipt = Receipt(index, path, note).to_text()
                self._give(item, Accepted(tuple(e.body for e in entries), receipt))
            else:
                # Another process has signed past this batch: its checkpoint covers ours too.
                use = Batch.use_of(item, entries)
                self._give(item, self.recall(fund, use, replayed=False))

    def recall(self, fund: str, use: KeyUse, *, replayed: bool) -> Accepted:
        """The answer that the use of a key got: same entries, same receipt."""
        with self._database.read() as connection:
            note = log.checkpoint_covering(connection, fund, use.seq)
            head = log.read_head(connection, fund)
        if note is None:
            frontier = head.frontier if head else Frontier()
            note = self._notary.sign(fund, frontier, frontier)
        # A fresh look at the database: another process may have signed past what was seen above.
        with self._database.read() as connection:
            size = self._notary.size_of(fund, note)
            path = log.hashes(connection, fund).inclusion_proof(use.seq, size)
            entries = tuple(log.bodies(connection, fund, use.seq, use.seq + use.entry_count))
        return Accepted(entries, Receipt(use.seq, tuple(path), note).to_text(), replayed)

    def _give(self, item: Submission, accepted: Accepted) -> None:
        self._metrics.appends.labels("replayed" if accepted.replayed else "committed").inc()
        item.accept(accepted)

    def _fail(self, items: list[Submission], reason: BaseException, result: str) -> None:
        for item in items:
            if not item.answer.done():
                self._metrics.appends.labels(result).inc()
                item.refuse(reason)

    def _observe(self, fund: str, batch: Batch, note: bytes) -> None:
        for entry in batch.entries:
            self._metrics.entries.labels(entry.type).inc()
        self._metrics.head.labels(fund).set(batch.after.size - 1)
        self._metrics.checkpoint_size.labels(fund).set(self._notary.size_of(fund, note))
        self._metrics.checkpoint_time.labels(fund).set(self._now().timestamp())
