"""A batch: what one transaction makes of the submissions that waited for one fund.

Commands are decided one after the other, each on the book that the one before it left. A book is
a value, so a refused command leaves nothing behind. Events become sealed entries; what the ledger
must record as a consequence follows in the same breath, with its cause.
"""

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple

from sqlalchemy import Connection

from app.chain import canonical
from app.chain.entry import GENESIS_PREV, BadEntry, time_text, write_line
from app.chain.tree import Frontier, Subtree, leaf_hash
from app.domain.admission import MAX_READ_ROUNDS, admit, decided, wanted
from app.domain.book import Book, NotNamed
from app.domain.command import Actor, Command
from app.domain.event import Act, Event
from app.domain.governance.funds import Fund, require_issuer
from app.domain.governance.log_keys import Log
from app.domain.governance.members import Member
from app.domain.refusals import (
    Kind,
    NotAMember,
    NotFound,
    Refusal,
    RoleNotPermitted,
    SignatureMismatch,
)
from app.domain.values import Role
from app.ledger.access_log import Attempt, refused
from app.ledger.submission import KeyedCommand, PartRefused, Submission
from app.runtime import clock
from app.store import log, read_tables
from app.store.log import Head, KeyUse, Sealed
from app.trust.attestations import attest
from app.trust.ledger_keys import LedgerKeys
from app.trust.signatures import PartySignature

DECIDE_S = 8.0
"""How long one transaction decides; then what is left of a batch is refused."""
MAX_CHANGED_ROWS = 2_000
"""Rows that one transaction changes, about: others wait for the head as long as it takes."""


class KeyReused(Refusal):
    """The idempotency key stood for another request."""

    kind, code = Kind.INVALID, "idempotency_key_reused"


class EntryTooLarge(Refusal):
    """The entry would exceed 65,535 bytes."""

    kind, code = Kind.INVALID, "entry_too_large"


class TooMuchAtOnce(Refusal):
    """Deciding took too long: others wait for the same head, and give up after ten seconds."""

    kind, code = Kind.LATER, "batch_too_slow"


class Done(NamedTuple):
    """What became of one command: recorded now, or by an earlier request with its key."""

    use: KeyUse
    entries: tuple[bytes, ...] = ()
    """Their bytes, where they were recorded now."""


Outcome = Done | Refusal


class Batch:
    """The submissions of one fund, decided together. Filled by `decide`, kept by `store`."""

    def __init__(self, fund: str, now: datetime, keys: LedgerKeys, book: Book | None) -> None:
        """`book` is what the last batch left, where nobody else has written since."""
        self._fund = fund
        self._now = now
        self._log_vkey = str(keys.of_log(fund).verifier)
        self._export_kid = keys.export_kid
        self._head: Head | None = None
        self._first_at = now
        """When the first entry of this batch is recorded, and with it all others."""
        self._first_at_text = ""
        self._known_last: tuple[Actor | None, Actor] = (None, Actor("", "", frozenset()))
        self._deadline = 0.0
        self._used: dict[tuple[str, str], KeyUse] = {}
        self.book = book or Book()
        self.decided: list[tuple[Submission, list[Outcome]]] = []
        self.refused: list[tuple[Submission, BaseException]] = []
        self.deferred: list[Submission] = []
        """Submissions for which this transaction would become too long: they go into the next."""
        self.entries: list[Sealed] = []
        self.before = self.after = Frontier()
        self.completed: dict[Subtree, bytes] = {}
        """The subtrees that the new entries complete, leaves too."""

    def decide(self, connection: Connection, head: Head | None, items: list[Submission]) -> None:
        """Work out every command; nothing is written yet."""
        if head is None:
            self.refused += [(item, NotFound("There is no such fund.")) for item in items]
            return
        self._head, self.before, self.after = head, head.frontier, head.frontier
        self._deadline = time.monotonic() + DECIDE_S
        if head.last_at and time_text(self._now) < head.last_at:
            # Time never runs backwards in a log: the later of the clock and the entry before.
            self._first_at = datetime.fromisoformat(head.last_at)
        self._first_at_text = time_text(self._first_at)
        asked = [(item.actor, asked) for item in items for asked in item.asked]
        keys = [(actor.party, one.key) for actor, one in asked]
        self._used = log.find_keys(connection, self._fund, keys)
        # All commands' rows at once; what one command's outcome makes the next one need, below.
        self._load(connection, [(one.command, self._known(actor, one)) for actor, one in asked])
        for position, item in enumerate(items):
            if len(self.book.changed) > MAX_CHANGED_ROWS:
                self.deferred = items[position:]
                break
            self._decide_all(connection, item)
        self.after, self.completed = self.before.extend(entry.leaf for entry in self.entries)

    def store(self, connection: Connection) -> None:
        """Write everything that `decide` accepted."""
        assert self._head is not None, "decided before stored"  # noqa: S101
        uses = [
            outcome.use
            for _, outcomes in self.decided
            for outcome in outcomes
            if isinstance(outcome, Done) and outcome.entries
        ]
        log.append(connection, self._head, self.entries, uses, self.completed, self.after)
        read_tables.save(connection, self._fund, dict(self.book.changed.items()))

    @property
    def head_after(self) -> Head | None:
        """The fund's head after this batch; None where there is no such fund."""
        if self._head is None or not self.entries:
            return self._head
        last = self.entries[-1]
        return replace(self._head, frontier=self.after, last_leaf=last.leaf, last_at=last.at)

    def attempts(self) -> list[Attempt]:
        """Every attempt of one of the fund's parties that its rules refused."""
        fund = self.book.peek(Fund)
        parties = {party.id for party in fund.charter.parties} if fund is not None else set()
        return [
            refused(actor, asked.command.event.type, asked.digest, refusal.code)
            for actor, asked, refusal in self._refusals()
            # The ledger's own, and strangers', are for the service's metrics.
            if actor.party in parties
        ]

    @property
    def speaker(self) -> str | None:
        """The key that the log names after this batch."""
        standing = self.book.peek(Log)
        return standing.vkey if standing is not None else None

    def known_hashes(self) -> dict[Subtree, bytes]:
        """What the receipts of this batch are made from."""
        return {**self.before.subtrees(), **self.completed}

    def _refusals(self) -> Iterator[tuple[Actor, KeyedCommand, Refusal]]:
        if self._head is None or not self._head.size:
            return
        for item, reason in self.refused:
            if isinstance(reason, PartRefused):
                yield item.actor, item.asked[reason.position], reason.refusal
            elif isinstance(reason, Refusal):
                yield item.actor, item.asked[0], reason
        for item, outcomes in self.decided:
            for asked, outcome in zip(item.asked, outcomes, strict=True):
                if isinstance(outcome, Refusal):
                    yield item.actor, asked, outcome

    def _decide_all(self, connection: Connection, item: Submission) -> None:
        """Decide one submission's commands in order; an atomic one stands or falls as a whole."""
        book, length, used = self.book, len(self.entries), dict[tuple[str, str], KeyUse]()
        outcomes: list[Outcome] = []
        try:
            for position, asked in enumerate(item.asked):
                outcome = self._outcome(connection, item.actor, asked)
                if isinstance(outcome, Done):
                    used[item.actor.party, asked.key] = outcome.use
                elif item.atomic:
                    refusal = outcome if item.single else PartRefused(position, outcome)
                    raise refusal  # noqa: TRY301  the way to forget what came before it
                outcomes.append(outcome)
        except Exception as reason:  # noqa: BLE001  a fault in one submission is not the others'
            self.book = book
            del self.entries[length:]
            for label in used:
                if self._used[label].seq >= self.before.size + length:
                    del self._used[label]
            self.refused.append((item, reason))
        else:
            self.decided.append((item, outcomes))

    def _outcome(self, connection: Connection, actor: Actor, asked: KeyedCommand) -> Outcome:
        label = (actor.party, asked.key)
        try:
            if time.monotonic() > self._deadline:
                raise TooMuchAtOnce("There was no time for it: send it again, or fewer at once.")
            if label in self._used:
                return self._replay(actor, asked, self._used[label])
            try:
                book, sealed = self._run(asked, actor)
            except NotNamed:
                # A command before it has changed what it must read: let it name that, once more.
                self._load(connection, [(asked.command, self._known(actor, asked))])
                book, sealed = self._run(asked, actor)
        except Refusal as refusal:
            return refusal
        self.book = book
        self.entries += sealed
        use = KeyUse(actor.party, asked.key, asked.digest, sealed[0].seq, len(sealed))
        self._used[label] = use
        return Done(use, tuple(entry.body for entry in sealed))

    def _replay(self, actor: Actor, asked: KeyedCommand, use: KeyUse) -> Done:
        """The first answer again, to somebody who may still act for the party. Raises Refusal."""
        if use.digest != asked.digest:
            raise KeyReused("This idempotency key stands for another request of your party.")
        self._role(asked.command, actor)
        member = self.book.peek(Member, actor.subject)
        if member is None or member.party != actor.party or not member.active:
            raise NotAMember(f"This person is not a member of {actor.party} in this fund.")
        return Done(use)

    def _known(self, actor: Actor, asked: KeyedCommand) -> Actor:
        """The actor, with what is known of this request: its day, and who signed it."""
        day = self._first_at.date()
        if isinstance(asked.signature, PartySignature):
            return replace(actor, day=day, kid=asked.signature.kid, nonce=asked.signature.nonce)
        if self._known_last[0] is not actor:
            # Many commands in a row are of one person.
            self._known_last = (actor, replace(actor, day=day))
        return self._known_last[1]

    def _role(self, command: Command, actor: Actor) -> Role:
        """The role in which the actor does it. Raises RoleNotPermitted, IssuerNotRegistered."""
        fund = self.book.peek(Fund)
        if fund is not None:
            require_issuer(fund, actor)
        role = command.in_role(self.book, actor)
        if role not in actor.roles:
            raise RoleNotPermitted(f"This takes the role {role}; the token does not carry it.")
        return role

    def _run(self, asked: KeyedCommand, actor: Actor) -> tuple[Book, list[Sealed]]:
        """Admit the command's event and all that follows from it. Raises Refusal, NotNamed."""
        book, sealed = self.book, list[Sealed]()
        if isinstance(asked.signature, Refusal):
            raise asked.signature
        act = self._first_act(self._known(actor, asked), self._role(asked.command, actor))
        pending: deque[Event] = deque([decided(book, asked.command, act)])
        while pending:
            event = pending.popleft()
            attest(book, event)
            data = canonical.encode(event.data())
            digest = sha256(data).hexdigest()
            act = act.by_ledger(act.seq + 1, digest) if sealed else act._replace(digest=digest)
            jws = None if sealed else _signed(asked, event, digest)
            book = admit(book, event, act)
            sealed.append(self._seal(event, data, act, book, sealed, jws))
            pending.extend(event.consequences(book, act))
        return book, sealed

    def _first_act(self, actor: Actor, role: Role) -> Act:
        at = self._first_at
        return Act(
            seq=self.before.size + len(self.entries),
            at=at,
            party=actor.party,
            subject=actor.subject,
            role=role,
            digest="",
            new_id=lambda: clock.new_id(at),
            log_vkey=self._log_vkey,
            export_kid=self._export_kid,
            kid=actor.kid,
            nonce=actor.nonce,
        )

    def _seal(
        self,
        event: Event,
        data: bytes,
        act: Act,
        book: Book,
        sealed: list[Sealed],
        jws: str | None,
    ) -> Sealed:
        """The entry's bytes and hash; `data` are the event's canonical bytes.

        Raises EntryTooLarge.
        """
        before = sealed or self.entries
        prev = before[-1].leaf if before else (self._head.last_leaf if self._head else b"")
        derived = event.derived()
        identifier, at = clock.new_id(act.at), self._first_at_text
        try:
            body = write_line(
                fund=self._fund,
                seq=act.seq,
                id=identifier,
                type=event.type,
                at=at,
                by={"party": act.party, "subject": act.subject, "role": str(act.role)},
                data=data,
                derived=canonical.encode(derived) if derived else None,
                prev=prev.hex() if prev else GENESIS_PREV,
                jws=jws,
            )
        except BadEntry as error:
            raise EntryTooLarge(f"The entry would have {error}.") from None
        return Sealed(
            seq=act.seq,
            id=identifier,
            type=event.type,
            party=act.party,
            at=at,
            prev=prev or bytes.fromhex(GENESIS_PREV),
            leaf=leaf_hash(body),
            body=body,
            postings=book.postings,
        )

    def _load(self, connection: Connection, asking: list[tuple[Command, Actor]]) -> None:
        """Read what the commands name, in rounds, until they name nothing new."""
        for _ in range(MAX_READ_ROUNDS):
            missing = wanted(asking, self.book)
            if not missing:
                return
            found = list(read_tables.load(connection, self._fund, missing))
            self.book = self.book.loaded(found)
            if all(state is None for _, state in found):
                # Commands look at rows that exist to name more: there are none.
                return
        raise AssertionError("a command keeps naming rows")


def _signed(asked: KeyedCommand, event: Event, digest: str) -> str | None:
    """The signature of an entry, made for exactly it; None without one.

    Raises SignatureMismatch.
    """
    signature = asked.signature
    if not isinstance(signature, PartySignature):
        return None
    for what, signed, meant in (
        ("operation", signature.op, event.type),
        ("nonce", signature.nonce, asked.key),
        ("statement", signature.digest, digest),
    ):
        if signed != meant:
            raise SignatureMismatch(f"The signature was made for another {what}.")
    return signature.jws
