"""Submissions: what was asked of the writer, by whom, and the result.

A submission is one request: a single command, or many of one person. The writer thread settles it;
its caller waits in an event loop.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import NamedTuple

from app.domain.command import Actor, Command
from app.domain.governance.funds import OpenFund
from app.domain.refusals.base import Refusal
from app.domain.values import LEDGER_PARTY, LEDGER_SUBJECT, Role
from app.store import log
from app.store.engine import Database, OutcomeUnknown, Unavailable
from app.trust.signatures import PartySignature


class QueueFull(Exception):
    """Too many submissions wait already, or the service is stopping: try again in a moment."""


class KeyedCommand(NamedTuple):
    """A command under its party's idempotency key. `digest` is that of the whole request.

    `signature` is the party's valid signature, or the refusal of an invalid one.
    """

    command: Command
    key: str
    digest: bytes
    signature: PartySignature | Refusal | None = None


LEDGER_ITSELF = Actor(LEDGER_PARTY, LEDGER_SUBJECT, frozenset({Role.LEDGER}))


def own_command(command: Command, key: str) -> KeyedCommand:
    """A command of the ledger itself; its key names what it records, so that one process records it
    once.
    """
    return KeyedCommand(command, key, sha256(key.encode()).digest())


class RecordedCommand(NamedTuple):
    """What was recorded for one command: its entry, and after it the consequences.

    The writer leaves out the `entries` of an earlier request; `recalled` reads them again.
    """

    seq: int
    entry_count: int
    entries: tuple[bytes, ...]
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Accepted:
    """The answer: the result of each command, in order, and one receipt (a tlog-proof).

    For a single command the receipt proves its entry. For many it proves the last entry that was
    recorded, and with it those before: each entry names the hash of the one before it. Without a
    recorded command there is no receipt.
    """

    outcomes: tuple[RecordedCommand | Refusal, ...]
    receipt: str | None

    @property
    def lacks_entries(self) -> bool:
        """Whether entries of earlier requests are still to be read again."""
        return any(isinstance(one, RecordedCommand) and not one.entries for one in self.outcomes)

    def results(self) -> Counter[str]:
        """How many commands were committed, replayed and refused."""
        recorded = [one.replayed for one in self.outcomes if isinstance(one, RecordedCommand)]
        replayed = sum(recorded)
        return Counter(
            committed=len(recorded) - replayed,
            replayed=replayed,
            refused=len(self.outcomes) - len(recorded),
        )


def recalled(database: Database, fund: str, accepted: Accepted) -> Accepted:
    """The answer with the entries of earlier requests, as stored, which are read in one statement.
    Raises OutcomeUnknown.
    """
    wanted = {
        seq
        for one in accepted.outcomes
        if isinstance(one, RecordedCommand) and not one.entries
        for seq in range(one.seq, one.seq + one.entry_count)
    }
    try:
        with database.read() as connection:
            found = log.bodies_at(connection, fund, wanted)
    except Unavailable as error:
        raise OutcomeUnknown("recorded, but it could not be read again") from error

    def whole(outcome: RecordedCommand | Refusal) -> RecordedCommand | Refusal:
        if isinstance(outcome, Refusal) or outcome.entries:
            return outcome
        places = range(outcome.seq, outcome.seq + outcome.entry_count)
        return outcome._replace(entries=tuple(found[seq] for seq in places))

    return replace(accepted, outcomes=tuple(map(whole, accepted.outcomes)))


class PartRefused(Exception):
    """A command of an atomic batch was refused, and so was the batch. `position` is from 0."""

    def __init__(self, position: int, refusal: Refusal) -> None:
        super().__init__(position, refusal)
        self.position = position
        self.refusal = refusal


@dataclass(slots=True, eq=False)
class Submission:
    """One request to the writer. `single` distinguishes a command from a batch of one."""

    fund: str
    actor: Actor
    commands: tuple[KeyedCommand, ...]
    single: bool = True
    atomic: bool = True
    arrived: float = field(default_factory=time.monotonic)
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    answer: "asyncio.Future[Accepted]" = field(init=False)
    settled: Accepted | BaseException | None = None
    """The answer, set by the writer thread; the future belongs to the event loop."""
    ended: "Future[None]" = field(default_factory=Future)
    """Done when the answer has been delivered; requests with the same key wait for it."""

    def __post_init__(self) -> None:
        self.answer = self.loop.create_future()

    @property
    def labels(self) -> list[tuple[str, str, str]]:
        """Its keys, each with fund and party, so that no two parties' keys collide."""
        return [(self.fund, self.actor.party, keyed.key) for keyed in self.commands]

    @property
    def opens_a_fund(self) -> bool:
        return any(isinstance(keyed.command, OpenFund) for keyed in self.commands)

    def settle(self, result: Accepted | BaseException) -> None:
        """Set the answer; a second call changes nothing."""
        if self.settled is None:
            self.settled = result


def deliver(submissions: Iterable[Submission]) -> None:
    """Hand all settled answers to their callers, in one step for each event loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Submission]] = {}
    for submission in submissions:
        by_loop.setdefault(submission.loop, []).append(submission)
        # Whoever waited for it may have gone.
        with suppress(InvalidStateError):
            submission.ended.set_result(None)
    for loop, settled in by_loop.items():
        # The loop has ended, and with it the caller.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(_hand_over, settled)


def _hand_over(submissions: list[Submission]) -> None:
    for submission in submissions:
        if submission.answer.done():
            continue
        if isinstance(submission.settled, Accepted):
            submission.answer.set_result(submission.settled)
        elif submission.settled is not None:
            submission.answer.set_exception(submission.settled)
