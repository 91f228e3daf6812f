"""A batch: what one transaction makes of the submissions that wait for one fund.

Commands are decided one after the other, each on the book that the one before it left. A book is a
value, so a refused command leaves no trace in it. Events become sealed entries; each is followed at
once by the consequences that the ledger must record, with their cause.
"""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection

from app.chain import canonical
from app.chain.entry import BadEntry, time_text
from app.chain.tree import Frontier, Subtree
from app.domain.admission import MAX_READ_ROUNDS, RecordedEvent, record, wanted
from app.domain.book import Book, NotNamed
from app.domain.command import Actor, Command
from app.domain.event import Act, Event
from app.domain.governance.funds import Fund, require_issuer
from app.domain.governance.log_keys import Log
from app.domain.governance.members import Member
from app.domain.refusals.base import NotFound, Refusal
from app.domain.refusals.people import NotAMember, RoleNotPermitted, SignatureMismatch
from app.domain.refusals.record import BatchTooSlow, EntryTooLarge, IdempotencyKeyReused
from app.domain.values import Role
from app.ledger.access_log import Attempt, refused
from app.ledger.sealing import Content, Place, seal
from app.ledger.submission import KeyedCommand, PartRefused, Submission
from app.runtime import clock
from app.store import log, read_tables
from app.store.driver_errors import DRIVER_ERRORS
from app.store.log import Head, KeyUse, Sealed
from app.trust.attestations import attest
from app.trust.ledger_keys import LedgerKeys
from app.trust.signatures import PartySignature

DECIDE_S = 8.0
"""How many seconds one transaction decides; the commands that are left are then refused."""
MAX_CHANGED_ROWS = 2_000
"""About how many rows one transaction changes: other writers of the fund wait meanwhile."""


class Done(NamedTuple):
    """The result of one command: recorded now, or by an earlier request with its key."""

    use: KeyUse
    entries: tuple[bytes, ...] = ()
    """Their bytes, when they were recorded now; else empty."""


Outcome = Done | Refusal


class Batch:
    """The submissions of one fund that are decided together: `decide` works them out, `store`
    writes them.
    """

    def __init__(self, fund: str, now: datetime, keys: LedgerKeys, book: Book | None) -> None:
        """`book` is what the last batch left, if nobody else has written since; else None."""
        self._fund = fund
        self._now = now
        self._log_vkey = str(keys.of_log(fund).verifier)
        self._export_kid = keys.export_kid
        self._head: Head | None = None
        self._first_at = now
        """The time of the batch's first entry, and of all its others."""
        self._known_last: tuple[Actor | None, Actor] = (None, Actor("", "", frozenset()))
        self._deadline = 0.0
        self._used: dict[tuple[str, str], KeyUse] = {}
        self.book = book or Book()
        self.decided: list[tuple[Submission, list[Outcome]]] = []
        self.refused: list[tuple[Submission, BaseException]] = []
        self.deferred: list[Submission] = []
        """Submissions that would make this transaction too long; the next one takes them."""
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
            # A log's times never decrease, so the later of the clock and the last entry is taken.
            self._first_at = datetime.fromisoformat(head.last_at)
        waiting = [(item.actor, keyed) for item in items for keyed in item.commands]
        keys = [(actor.party, one.key) for actor, one in waiting]
        self._used = log.find_keys(connection, self._fund, keys)
        # The rows of all commands at once; rows that depend on an earlier command's outcome are
        # read below.
        self._load(connection, [(one.command, self._known(actor, one)) for actor, one in waiting])
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
        log.append(connection, self._head, self.entries, uses, (self.after, self.completed))
        read_tables.save(connection, self._fund, dict(self.book.changed.items()))

    def unrefused(self) -> Iterator[Submission]:
        """The decided submissions of which no command was refused."""
        for item, outcomes in self.decided:
            if not any(isinstance(outcome, Refusal) for outcome in outcomes):
                yield item

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
            refused(actor, keyed, refusal.code)
            for actor, keyed, refusal in self._refusals()
            # Refusals of the ledger's own commands, and of outsiders, are only counted in the
            # metrics.
            if actor.party in parties
        ]

    @property
    def speaker(self) -> str | None:
        """The key that the log names for checkpoints after this batch."""
        log_state = self.book.peek(Log)
        return log_state.vkey if log_state is not None else None

    def known_hashes(self) -> dict[Subtree, bytes]:
        """The hashes of subtrees from which the receipts of this batch are made."""
        return {**self.before.subtrees(), **self.completed}

    def _refusals(self) -> Iterator[tuple[Actor, KeyedCommand, Refusal]]:
        if self._head is None or not self._head.size:
            return
        for item, reason in self.refused:
            if isinstance(reason, PartRefused):
                yield item.actor, item.commands[reason.position], reason.refusal
            elif isinstance(reason, Refusal):
                yield item.actor, item.commands[0], reason
        for item, outcomes in self.decided:
            for keyed, outcome in zip(item.commands, outcomes, strict=True):
                if isinstance(outcome, Refusal):
                    yield item.actor, keyed, outcome

    def _decide_all(self, connection: Connection, item: Submission) -> None:
        """Decide one submission's commands in order; if it is atomic, all are recorded or none."""
        book, length, used = self.book, len(self.entries), dict[tuple[str, str], KeyUse]()
        outcomes: list[Outcome] = []
        try:
            for position, keyed in enumerate(item.commands):
                outcome = self._outcome(connection, item.actor, keyed)
                if isinstance(outcome, Done):
                    used[item.actor.party, keyed.key] = outcome.use
                elif item.atomic:
                    refusal = outcome if item.single else PartRefused(position, outcome)
                    raise refusal  # noqa: TRY301  the way to forget what came before it
                outcomes.append(outcome)
        except DRIVER_ERRORS:
            raise  # it is the transaction's
        except Exception as reason:  # noqa: BLE001  a fault in one submission is not the others'
            self.book = book
            del self.entries[length:]
            for label in used:
                if self._used[label].seq >= self.before.size + length:
                    del self._used[label]
            self.refused.append((item, reason))
        else:
            self.decided.append((item, outcomes))

    def _outcome(self, connection: Connection, actor: Actor, keyed: KeyedCommand) -> Outcome:
        label = (actor.party, keyed.key)
        try:
            if time.monotonic() > self._deadline:
                raise BatchTooSlow("There was no time for it: send it again, or fewer at once.")
            if label in self._used:
                return self._replay(actor, keyed, self._used[label])
            try:
                book, sealed = self._run(keyed, actor)
            except NotNamed:
                # An earlier command of the batch has changed which rows this one reads, so it names
                # them again.
                self._load(connection, [(keyed.command, self._known(actor, keyed))])
                book, sealed = self._run(keyed, actor)
        except Refusal as refusal:
            return refusal
        self.book = book
        self.entries += sealed
        use = KeyUse(actor.party, keyed.key, keyed.digest, sealed[0].seq, len(sealed))
        self._used[label] = use
        return Done(use, tuple(entry.body for entry in sealed))

    def _replay(self, actor: Actor, keyed: KeyedCommand, use: KeyUse) -> Done:
        """The result of the first request with this key, for an actor who may still act for the
        party. Raises Refusal.
        """
        if use.digest != keyed.digest:
            raise IdempotencyKeyReused(
                "This idempotency key stands for another request of your party."
            )
        self._role(keyed.command, actor)
        member = self.book.peek(Member, actor.subject)
        if member is None or member.party != actor.party or not member.active:
            raise NotAMember(f"This person is not a member of {actor.party} in this fund.")
        return Done(use)

    def _known(self, actor: Actor, keyed: KeyedCommand) -> Actor:
        """The actor, completed with the day of the entry and the signature of the request."""
        day = self._first_at.date()
        if isinstance(keyed.signature, PartySignature):
            return replace(actor, day=day, kid=keyed.signature.kid, nonce=keyed.signature.nonce)
        if self._known_last[0] is not actor:
            # Kept, because many commands in a row are of one person.
            self._known_last = (actor, replace(actor, day=day))
        return self._known_last[1]

    def _role(self, command: Command, actor: Actor) -> Role:
        """The role in which the actor acts. Raises RoleNotPermitted, IssuerNotRegistered."""
        fund = self.book.peek(Fund)
        if fund is not None:
            require_issuer(fund, actor)
        role = command.in_role(self.book, actor)
        if role not in actor.roles:
            raise RoleNotPermitted(f"This takes the role {role}; the token does not carry it.")
        return role

    def _run(self, keyed: KeyedCommand, actor: Actor) -> tuple[Book, list[Sealed]]:
        """The book and the entries that the command leads to; nothing is stored. Raises Refusal,
        NotNamed.
        """
        if isinstance(keyed.signature, Refusal):
            raise keyed.signature
        act = self._first_act(self._known(actor, keyed), self._role(keyed.command, actor))

        def vet(book: Book, event: Event, here: Act) -> None:
            if here.seq == act.seq:
                _require_meant(keyed, event, here.digest)
            attest(book, event)

        sealed: list[Sealed] = []
        for recorded in record(self.book, keyed.command, act, canonical.encode, vet):
            sealed.append(self._sealed(recorded, keyed, sealed))
        return recorded.book, sealed

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
            digest_of=canonical.digest_of,
        )

    def _sealed(self, recorded: RecordedEvent, keyed: KeyedCommand, behind: list[Sealed]) -> Sealed:
        """The entry of an event, after those of the same command. Raises EntryTooLarge."""
        event, act, data, book = recorded
        before = behind or self.entries
        prev = before[-1].leaf if before else (self._head.last_leaf if self._head else b"")
        derived = event.derived()
        signature = keyed.signature if not behind else None
        try:
            content = Content(
                event.type,
                {"party": act.party, "subject": act.subject, "role": str(act.role)},
                data,
                canonical.encode(derived) if derived else None,
                signature.jws if isinstance(signature, PartySignature) else None,
            )
            return seal(Place(self._fund, act.seq, act.at, prev), content, book.postings)
        except BadEntry as error:
            raise EntryTooLarge(f"The entry would have {error}.") from None

    def _load(self, connection: Connection, asking: list[tuple[Command, Actor]]) -> None:
        """Read what the commands name, in rounds, until they name nothing new."""
        for _ in range(MAX_READ_ROUNDS):
            missing = wanted(asking, self.book)
            if not missing:
                return
            found = list(read_tables.load(connection, self._fund, missing))
            self.book = self.book.loaded(found)
            if all(state is None for _, state in found):
                # Only rows that exist can lead to further rows, and none of these does.
                return
        raise AssertionError("a command keeps naming rows")


def _require_meant(keyed: KeyedCommand, event: Event, digest: str) -> None:
    """Check that the signature, if there is one, was made for exactly this event.

    Raises SignatureMismatch.
    """
    signature = keyed.signature
    if not isinstance(signature, PartySignature):
        return
    for what, signed, meant in (
        ("operation", signature.op, event.type),
        ("nonce", signature.nonce, keyed.key),
        ("statement", signature.digest, digest),
    ):
        if signed != meant:
            raise SignatureMismatch(f"The signature was made for another {what}.")
