"""The writer: the only way in which a command is recorded. The SQL is in `store/log.append`.

One thread in each process takes everything that waits, and for each fund makes one transaction:
lock the head, load the rows that the commands read, decide each command on the book that the one
before it left, store, commit, sign the checkpoint, answer. So the lock and the write to disk come
once for each batch. Several processes can write to one fund: the lock is the head row.

A caller is answered only after the commit is durable. When it is not known whether it was, the
answer is OutcomeUnknown, never success.

No exception ends the thread: what a transaction raises is sorted in `_failed`, and whatever else
happens is caught in `_run`, which answers who waited and goes on. If it happens again and again, or
if the database may only be written by a new process, `broken` says so, and `/livez` with it.
"""

import asyncio
import queue
import threading
import time
from collections import deque
from collections.abc import Iterable
from contextlib import suppress

from app.domain.command import Actor
from app.domain.proposals.custody_effects import LogKeyChanged
from app.domain.refusals.record import RequestInFlight
from app.ledger.access_log import AccessLog
from app.ledger.answers import Answers
from app.ledger.batch import Batch
from app.ledger.book_cache import BookCache
from app.ledger.clock_guard import ClockGuard, ClockSuspect
from app.ledger.damage_watch import DamageWatch
from app.ledger.integrity import SOMEWHERE, Damage
from app.ledger.notary import ForkDetected, FundDamaged, Notary
from app.ledger.submission import (
    Accepted,
    KeyedCommand,
    QueueFull,
    Submission,
    deliver,
    recalled,
)
from app.ledger.writer_metrics import WriterMetrics
from app.runtime import clock, logs
from app.runtime.metrics import Metrics
from app.runtime.threads import in_thread
from app.store import log
from app.store.engine import ConstraintBroken, Database, OutcomeUnknown, Unavailable
from app.store.log_names import is_access_log

JOIN_TIMEOUT_S = 2.0
"""How long a repeated request waits for the first one before it is refused with a hint to retry."""
RETRY_S = 5.0
"""How long the writer waits before it tries again to sign."""
ANSWER_S = 30.0
"""How long a caller of one command waits; then the outcome is unknown to him."""
FAULTS_IN_A_ROW = 5
"""So many unforeseen faults without a step that succeeds, and the writer calls itself broken."""
FAULT_PAUSE_S = 0.2

_log = logs.get(__name__)


class _NothingToKeep(Exception):
    """Every command of the batch was refused or replayed: the transaction is rolled back."""


class Ledger:
    """The writer of one process, which takes commands between `start` and `stop`."""

    def __init__(
        self,
        database: Database,
        notary: Notary,
        metrics: Metrics,
        *,
        batch_limit: int = 256,
        queue_limit: int = 4_096,
        guard: ClockGuard | None = None,
    ) -> None:
        self._database = database
        self._notary = notary
        self._metrics = metrics.of(WriterMetrics)
        self._answers = Answers(database, notary, self._metrics)
        self._batch_limit = batch_limit
        self._queue_limit = queue_limit
        self.clock = guard or ClockGuard(database, metrics)
        self.damages = DamageWatch(database, notary)
        self.access = AccessLog(database, notary, self.clock, self.damages)
        self._waiting: queue.SimpleQueue[Submission | None] = queue.SimpleQueue()
        self._lines: dict[str, deque[Submission]] = {}
        """By fund: submissions taken from the queue, in the order of arrival."""
        self._ended = False
        self._in_flight: dict[tuple[str, str, str], Submission] = {}
        self._in_line = 0
        self._books = BookCache()
        self._lock = threading.Lock()
        self._open = False
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self.halted: dict[str, str] = {}
        """By fund: logs that contradict a signed checkpoint, and how. They are not written to."""
        self.unsigned: set[str] = set()
        """Funds whose newest entries could not be signed; nothing is added before they are."""
        self._faults = 0  # unforeseen ones, in a row

    def start(self, logs: Iterable[str] | None = None) -> None:
        """Check every log, or these, against its last signed checkpoint, then accept commands."""
        self.clock.compare()
        self.damages.learn()
        for name in sorted(self._notary.funds() if logs is None else logs):
            if is_access_log(name):
                self.access.check(name)
            else:
                self._notary.check(name)
            if name not in self.access.halted:
                self.damages.check(name)
        if logs is None:
            self._notary.claim_store()
        self._metrics.second_logs_halted.set(len(self.access.halted))
        self._open = True
        self._thread.start()

    def stop(self) -> None:
        """Accept nothing new, finish what waits, end the thread."""
        with self._lock:
            self._open = False
        self._waiting.put(None)
        if self._thread.is_alive():
            self._thread.join()

    @property
    def running(self) -> bool:
        """Whether commands are accepted."""
        return self._open and self._thread.is_alive()

    @property
    def has_room(self) -> bool:
        return self._in_line < self._queue_limit

    @property
    def broken(self) -> str | None:
        """Why only a new process can record anything; None while this one can, or is stopping."""
        if self._open and not self._thread.is_alive():
            return "the writer's thread has ended"
        if self._faults >= FAULTS_IN_A_ROW:
            return f"{self._faults} unforeseen faults in a row"
        return self._database.broken

    async def submit(self, fund: str, actor: Actor, keyed: KeyedCommand) -> Accepted:
        """Record what a command asks for, exactly once for this party's key.

        Raises Refusal, QueueFull, Unavailable, ClockSuspect (then nothing was recorded),
        OutcomeUnknown, ForkDetected. A caller who disconnects does not stop the submission.
        """
        return await self.pass_through(Submission(fund, actor, (keyed,)))

    async def pass_through(self, mine: Submission) -> Accepted:
        """The answer to a submission of one command or of many.

        Raises as `submit`; PartRefused for an atomic batch.
        """
        while (first := self._enqueue(mine)) is not None:
            # A request with one of these keys is under way. Once it is through, this one is
            # judged by itself, with its own person's rights, and finds what was recorded.
            done, _ = await asyncio.wait([asyncio.wrap_future(first.ended)], timeout=JOIN_TIMEOUT_S)
            if not done:
                raise RequestInFlight("The first request with this key is still under way.")
        try:
            # A batch takes its time; one command that waits so long waits for a frozen database.
            async with asyncio.timeout(ANSWER_S if mine.single else None):
                accepted = await asyncio.shield(mine.answer)
        except TimeoutError:
            raise OutcomeUnknown("the writer has not answered yet") from None
        if not accepted.lacks_entries:
            return accepted
        # Read here and not by the writer, which a long batch sent again would hold up.
        return await in_thread(recalled, self._database, mine.fund, accepted)

    def _enqueue(self, mine: Submission) -> Submission | None:
        """Queue the submission, or return the one in progress that shares a key with it."""
        with self._lock:
            for label in mine.labels:
                if label in self._in_flight:
                    return self._in_flight[label]
            if not self.running or self._in_line >= self._queue_limit:
                raise QueueFull
            self._in_flight.update(dict.fromkeys(mine.labels, mine))
            self._in_line += 1
            self._metrics.queue_depth.inc()
            self._waiting.put(mine)
        return None

    # -- the writer thread ---------------------------------------------------------------------

    def _run(self) -> None:
        while self._lines or not self._ended:
            try:
                self._sort_in(wait=not self._lines)
                self._sign_what_is_owed()
                while self._lines:
                    # One transaction for each fund in turn: none waits for another's long line.
                    fund = next(iter(self._lines))
                    self._write(fund)
                    if line := self._lines.pop(fund):
                        self._lines[fund] = line
                self._faults = 0
            except BaseException:  # noqa: BLE001  nothing ends this thread but `stop`
                self._survive()

    def _survive(self) -> None:
        """Go on after a fault that nobody foresaw; those whom it concerned have been answered."""
        self._faults += 1
        for fund in list(self._lines)[:1]:
            # The fund that it happened to comes last now: the others need not have the fault.
            self._lines[fund] = self._lines.pop(fund)
        with suppress(Exception):
            self._metrics.faults.inc()
            _log.critical("writer_fault", in_a_row=self._faults, exc_info=True)
        time.sleep(FAULT_PAUSE_S)

    def _sort_in(self, *, wait: bool) -> None:
        """Move what has arrived into lines; if `wait`, wait until something arrives."""
        with suppress(queue.Empty):
            # While something is unsigned, signing is tried again even if nothing arrives.
            item = self._waiting.get(block=wait, timeout=RETRY_S if self.unsigned else None)
            while True:
                if item is None:
                    self._ended = True
                else:
                    self._lines.setdefault(item.fund, deque()).append(item)
                item = self._waiting.get_nowait()

    def _sign_what_is_owed(self) -> None:
        """Try again to sign entries that were committed and could not be signed."""
        for fund in list(self.unsigned):
            try:
                self._require_signed(fund)
            except ForkDetected as fork:
                self._halt(fund, [], fork)
                if fund in self.halted:
                    self.unsigned.discard(fund)
            except Exception as error:  # noqa: BLE001  whatever it is, it may be over next time
                logs.seldom(_log, "still_unsigned", fund, fund=fund, why=str(error))

    def _next(self, fund: str) -> list[Submission]:
        """The submissions of a fund that one transaction takes."""
        line, taken, commands = self._lines[fund], list[Submission](), 0
        while line and commands < self._batch_limit:
            item = line.popleft()
            taken.append(item)
            commands += len(item.commands)
            self._metrics.queue_wait.observe(time.monotonic() - item.arrived)
        self._metrics.queue_depth.dec(len(taken))
        self._metrics.batch_size.observe(commands)
        return taken

    def _write(self, fund: str) -> None:
        """One transaction for one fund's submissions, and an answer to each that it took."""
        taken: list[Submission] = []
        try:
            self._attempt(fund, taken)
        finally:
            # Without an answer by now: a fault that nobody foresaw, at whatever moment.
            self._answers.fail(taken, OutcomeUnknown("a fault of the writer"), "unknown")
            self._release(item for item in taken if not item.ended.done())

    def _release(self, settled: Iterable[Submission]) -> None:
        """Deliver these answers, and free the keys of their submissions."""
        items = list(settled)
        with self._lock:
            for item in items:
                self._in_line -= 1
                for label in item.labels:
                    del self._in_flight[label]
        deliver(items)

    def _attempt(self, fund: str, taken: list[Submission]) -> None:
        """Write `taken`; an empty list takes what waits once the head is locked."""
        try:
            self._require_signed(fund)
            with self._metrics.commit.time():
                batch = self._transact(fund, taken)
        except Exception as reason:  # noqa: BLE001  sorted there
            if not taken:
                taken += self._next(fund)
            self._failed(fund, taken, reason)
        else:
            for item in reversed(batch.deferred):
                taken.remove(item)
                self._lines[fund].appendleft(item)
                self._metrics.queue_depth.inc()
            self._conclude(fund, taken, batch)

    def _failed(self, fund: str, items: list[Submission], reason: Exception) -> None:
        """Answer the submissions of a transaction that failed."""
        match reason:
            case ForkDetected():
                self._halt(fund, items, reason)
            case OutcomeUnknown():
                _log.warning("outcome_unknown", fund=fund, commands=len(items), why=str(reason))
                self._answers.fail(items, reason, "unknown")
            case log.HeadDamaged():
                self.damages.found(fund, [Damage(SOMEWHERE, str(reason))])
                self._answers.fail(items, FundDamaged(str(reason)), "failed")
            case ConstraintBroken():
                self._one_by_one(fund, items, reason)
            case ClockSuspect():
                self._answers.fail(items, reason, "failed")
            case Unavailable():
                logs.seldom(_log, "database_unavailable", why=str(reason))
                self._answers.fail(items, reason, "failed")
            case _:
                # A fault of the program ends this batch only, and not the thread that serves all
                # others.
                _log.error("batch_failed", fund=fund, exc_info=reason)
                self._answers.fail(items, reason, "failed")

    def _conclude(self, fund: str, items: list[Submission], batch: Batch) -> None:
        """Answer every submission of a committed batch. If signing fails now, no answer may say
        that nothing was recorded; a request with the same key gets the receipt later.
        """
        try:
            self._books.keep(fund, batch.head_after, batch.book.saved())
            self._answer(fund, batch)
        except ForkDetected as fork:
            # The entries are stored: no answer may say that they are not.
            self._answers.fail(items, OutcomeUnknown(f"recorded, but {fork}"), "unknown")
            self._halt(fund, [], fork)
        except Exception as error:  # noqa: BLE001  logged whole
            _log.error("batch_unanswered", fund=fund, exc_info=error)
            # Refusals have been answered; all others have an entry.
            self.unsigned.add(fund)
            self._answers.fail(items, OutcomeUnknown("recorded, but not signed"), "unknown")
        if attempts := batch.attempts():
            # Only those who were refused wait for the access log.
            self._release(batch.unrefused())
            self.access.try_to_record(fund, attempts)

    def _require_signed(self, fund: str) -> None:
        """Check that the log's end is signed. Raises ForkDetected, Unavailable."""
        if fund in self.halted:
            raise ForkDetected(self.halted[fund])
        if (why := self.damages.why(fund)) is not None:
            raise FundDamaged(why)
        if fund in self.unsigned:
            try:
                self._notary.check(fund)
            except ForkDetected:
                raise
            except Exception as error:
                # Whatever keeps the log from being signed keeps it from growing, and no more.
                raise Unavailable(f"the log's end cannot be signed: {error}") from error
            self.unsigned.discard(fund)

    def _halt(self, fund: str, items: list[Submission], fork: ForkDetected) -> None:
        """Answer those who wait for a fund that is not written to, or from now on is not."""
        if fund not in self.halted and not isinstance(fork, FundDamaged):
            self.halted[fund] = str(fork)
            _log.critical("fund_halted", fund=fund, why=str(fork))
        self._answers.fail(items, fork, "failed")

    def _one_by_one(self, fund: str, items: list[Submission], broken: ConstraintBroken) -> None:
        """Write each submission by itself, to find the one that the database refused."""
        waiting = [item for item in items if item.settled is None]
        if len(waiting) == 1:
            _log.error("refused_by_database", fund=fund, why=str(broken))
            self._answers.fail(waiting, broken, "failed")
            return
        for item in waiting:
            self._attempt(fund, [item])

    def _transact(self, fund: str, taken: list[Submission]) -> Batch:
        """Decide and store; the transaction is rolled back when all was refused or replayed."""
        with suppress(_NothingToKeep), self._database.write() as connection:
            head = log.lock_head(connection, fund)
            if not taken:
                # More may have arrived while another process held the head; it is taken too.
                self._sort_in(wait=False)
                taken += self._next(fund)
            if head is None and any(item.opens_a_fund for item in taken):
                head = log.lock_head(connection, fund, create=True)
            now = self.clock.require_sound(head.last_at if head is not None else "")
            book = self._books.take(fund, head)
            batch = Batch(fund, now, self._notary.keys, book)
            batch.decide(connection, head, taken)
            if not batch.entries:
                raise _NothingToKeep  # rolls the transaction back
            batch.store(connection)
        return batch

    def _answer(self, fund: str, batch: Batch) -> None:
        """Sign what was committed, and settle every submission."""
        self._answers.refuse(batch.refused)
        note, size = b"", 0
        if batch.entries:
            note, size = self._notary.sign(fund, batch.before, batch.after, batch.speaker)
            self._answers.observe(fund, batch, size, clock.now())
            if any(entry.type == LogKeyChanged.type for entry in batch.entries):
                self.access.follow_key(fund)
        self._answers.give(fund, batch, note, size)
