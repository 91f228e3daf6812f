"""A batch: what one transaction makes of the commands that waited for one fund.

Commands are decided one after the other, each on the book that the one before it left. A book is
a value, so a refused command leaves nothing behind. Events become sealed entries; what the ledger
must record as a consequence follows in the same breath, with its cause.
"""

import time
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256

from sqlalchemy import Connection

from app import clock
from app.chain import canonical
from app.chain.entry import GENESIS_PREV, BadEntry, Entry, time_text
from app.chain.tree import Frontier, Subtree, leaf_hash
from app.domain.admission import MAX_READ_ROUNDS, admit, wanted
from app.domain.book import Book
from app.domain.command import Actor, Command
from app.domain.event import Act, Event
from app.domain.governance.members import Member
from app.domain.refusals import Kind, NotAMember, NotFound, Refusal, RoleNotPermitted
from app.domain.values import Role
from app.keys import LedgerKeys
from app.store import log, readtables
from app.store.log import Head, KeyUse, Sealed

MAX_CHANGED_ROWS = 2_000
"""Rows that one transaction changes, about: others wait for the head as long as it takes."""


class KeyReused(Refusal):
    """The idempotency key stood for another request."""

    kind, code = Kind.INVALID, "idempotency_key_reused"


class EntryTooLarge(Refusal):
    """The entry would exceed 65,535 bytes."""

    kind, code = Kind.INVALID, "entry_too_large"


@dataclass(frozen=True, slots=True)
class Accepted:
    """What a caller gets: the entry, what followed from it, and the receipt (a tlog-proof)."""

    entries: tuple[bytes, ...]
    receipt: str
    replayed: bool = False


@dataclass(slots=True)
class Submission:
    """One command on its way through the door. `digest` stands for the whole request."""

    fund: str
    command: Command
    actor: Actor
    key: str
    digest: bytes
    arrived: float = field(default_factory=time.monotonic)
    answer: "Future[Accepted]" = field(default_factory=Future)

    @property
    def label(self) -> tuple[str, str, str]:
        return self.fund, self.actor.party, self.key

    def accept(self, accepted: "Accepted") -> None:
        if not self.answer.done():
            self.answer.set_result(accepted)

    def refuse(self, reason: BaseException) -> None:
        if not self.answer.done():
            self.answer.set_exception(reason)


class Batch:
    """The commands of one fund, decided together. Filled by `decide`, kept by `store`."""

    def __init__(self, fund: str, now: datetime, keys: LedgerKeys) -> None:
        self._fund = fund
        self._now = now
        self._keys = keys
        self._book = Book()
        self._head: Head | None = None
        self._completed: dict[Subtree, bytes] = {}
        self._used: dict[tuple[str, str], KeyUse] = {}
        self.accepted: list[tuple[Submission, list[Sealed]]] = []
        self.replayed: list[tuple[Submission, KeyUse]] = []
        self.refused: list[tuple[Submission, BaseException]] = []
        self.deferred: list[Submission] = []
        """Commands for which this transaction would become too long: they go into the next."""
        self.entries: list[Sealed] = []
        self.before = self.after = Frontier()

    def decide(self, connection: Connection, head: Head | None, items: list[Submission]) -> None:
        """Sort the commands into accepted, replayed and refused; nothing is written yet."""
        if head is None:
            self.refused += [(item, NotFound("There is no such fund.")) for item in items]
            return
        self._head, self.before, self.after = head, head.frontier, head.frontier
        self._used = log.find_keys(
            connection, self._fund, [(item.actor.party, item.key) for item in items]
        )
        # All commands' rows at once; what one command's outcome makes the next one need, below.
        self._load(connection, items)
        for position, item in enumerate(items):
            if len(self._book.changed) > MAX_CHANGED_ROWS:
                self.deferred = items[position:]
                return
            try:
                self._decide_one(connection, item)
            except Refusal as refusal:
                self.refused.append((item, refusal))
            except Exception as fault:  # noqa: BLE001  a fault in one command is not the others'
                self.refused.append((item, fault))

    def store(self, connection: Connection) -> None:
        """Write everything that `decide` accepted."""
        assert self._head is not None, "decided before stored"  # noqa: S101
        uses = [self.use_of(item, entries) for item, entries in self.accepted]
        log.append(connection, self._head, self.entries, uses, self._completed, self.after)
        readtables.save(connection, self._fund, dict(self._book.changed.items()))

    def known_hashes(self) -> dict[Subtree, bytes]:
        """What the receipts of this batch are made from."""
        return {**self.before.subtrees(), **self._completed}

    def _decide_one(self, connection: Connection, item: Submission) -> None:
        label = (item.actor.party, item.key)
        if label in self._used:
            self._replay(item, self._used[label])
            return
        self._load(connection, [item])
        role = item.command.role(self._book, item.actor)
        if role not in item.actor.roles:
            raise RoleNotPermitted(f"This takes the role {role}; the token does not carry it.")
        book, sealed = self._run(item, role)
        self._book = book
        self.entries += sealed
        self.after, completed = self.after.extend(entry.leaf for entry in sealed)
        self._completed |= completed
        self.accepted.append((item, sealed))
        self._used[label] = self.use_of(item, sealed)

    def _replay(self, item: Submission, use: KeyUse) -> None:
        """The first answer again, to somebody who may still act for the party."""
        if use.digest != item.digest:
            raise KeyReused("This idempotency key stands for another request of your party.")
        role = item.command.role(self._book, item.actor)
        if role not in item.actor.roles:
            raise RoleNotPermitted(f"This takes the role {role}; the token does not carry it.")
        member = self._book.peek(Member, item.actor.subject)
        if member is None or member.party != item.actor.party or not member.active:
            raise NotAMember(f"This person is not a member of {item.actor.party} in this fund.")
        self.replayed.append((item, use))

    def _run(self, item: Submission, role: Role) -> tuple[Book, list[Sealed]]:
        """Admit the command's event and all that follows from it. Raises Refusal."""
        book, sealed = self._book, list[Sealed]()
        act = self._first_act(item, role)
        pending: deque[Event] = deque([item.command.decide(book, act)])
        while pending:
            event = pending.popleft()
            data = event.data()
            digest = sha256(canonical.encode(data)).hexdigest()
            seq = self.after.size + len(sealed)
            act = act.by_ledger(seq, digest) if sealed else replace(act, digest=digest)
            book = admit(book, event, act)
            sealed.append(self._seal(event, act, book, sealed))
            pending.extend(event.consequences(book, act))
        return book, sealed

    def _first_act(self, item: Submission, role: Role) -> Act:
        at = self._now
        last_at = (
            self.entries[-1].at if self.entries else (self._head.last_at if self._head else "")
        )
        if last_at and time_text(at) < last_at:
            # Time never runs backwards in a log: the later of the clock and the entry before.
            at = datetime.fromisoformat(last_at)
        return Act(
            seq=self.after.size,
            at=at,
            party=item.actor.party,
            subject=item.actor.subject,
            role=role,
            digest="",
            new_id=lambda: clock.new_id(at),
            log_vkey=str(self._keys.of_log(self._fund).verifier),
            export_kid=self._keys.export_kid,
        )

    def _seal(self, event: Event, act: Act, book: Book, sealed: list[Sealed]) -> Sealed:
        """The entry's bytes and hash. Raises EntryTooLarge."""
        before = sealed or self.entries
        prev = before[-1].leaf if before else (self._head.last_leaf if self._head else b"")
        entry = Entry(
            fund=self._fund,
            seq=act.seq,
            id=clock.new_id(act.at),
            type=event.type,
            at=time_text(act.at),
            by={"party": act.party, "subject": act.subject, "role": str(act.role)},
            data=event.data(),
            derived=event.derived(),
            prev=prev.hex() if prev else GENESIS_PREV,
        )
        try:
            body = entry.to_bytes()
        except BadEntry as error:
            raise EntryTooLarge(f"The entry would have {error}.") from None
        return Sealed(
            seq=act.seq,
            id=entry.id,
            type=event.type,
            party=act.party,
            at=entry.at,
            prev=bytes.fromhex(entry.prev),
            leaf=leaf_hash(body),
            body=body,
            postings=book.postings,
        )

    def _load(self, connection: Connection, items: list[Submission]) -> None:
        """Read what the commands name, in rounds, until they name nothing new."""
        for _ in range(MAX_READ_ROUNDS):
            missing = set().union(*(wanted(item.command, self._book, item.actor) for item in items))
            if not missing:
                return
            self._book = self._book.loaded(readtables.load(connection, self._fund, missing))
        raise AssertionError("a command keeps naming rows")

    @staticmethod
    def use_of(item: Submission, entries: list[Sealed]) -> KeyUse:
        return KeyUse(item.actor.party, item.key, item.digest, entries[0].seq, len(entries))
