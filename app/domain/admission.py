"""Admission: the only way in which an event gets into a book.

The same function runs when the server accepts a request and when an auditor replays a bundle.
Importing this module imports every module of the domain (`catalogue`).
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from itertools import chain
from typing import Any, NamedTuple

from app.domain.book import Book, Key
from app.domain.books.closing import closing_key
from app.domain.catalogue import EVENTS
from app.domain.command import Actor, Command
from app.domain.event import Act, Event, LedgerEvent, TimedEvent
from app.domain.governance.funds import FundOpened, OpenFund, fund_key
from app.domain.governance.log_keys import log_key, require_open_log
from app.domain.governance.members import Member, member_key, principal_keys, require_actor
from app.domain.governance.party_keys import remembered, require_signed, signing_keys
from app.domain.refusals.people import RoleNotPermitted
from app.domain.values import LEDGER_PARTY

MAX_READ_ROUNDS = 8
"""How often a command may name further rows to read; three rounds are usual."""


class UnknownEvent(ValueError):
    """The entry's type is not in this version's catalogue."""


def event_of(event_type: str, data: dict[str, object], derived: dict[str, object]) -> Event:
    """The event in an entry. Raises UnknownEvent, ValueError (malformed members)."""
    if event_type not in EVENTS:
        raise UnknownEvent(f"{event_type} is not in the catalogue of this version")
    return EVENTS[event_type].read(data, derived)


def decided(book: Book, command: Command, act: Act) -> Event:
    """The event that the command asks for; its `permit` then says whether it may be.

    The actor's membership and role are checked first, before the command looks at anything else.
    Raises Refusal.
    """
    if not isinstance(command, OpenFund) and not issubclass(command.event, TimedEvent):
        require_actor(book, act, command.event.actor_roles)
    return command.decide(book, act)


class RecordedEvent(NamedTuple):
    """An event in its circumstances, the canonical bytes of its `data`, and the book after it."""

    event: Event
    act: Act
    data: bytes
    book: Book


def record(
    book: Book,
    command: Command,
    act: Act,
    canonical: Callable[[Any], bytes],
    vet: Callable[[Book, Event, Act], None] = lambda _book, _event, _act: None,
) -> list[RecordedEvent]:
    """What recording a command brings: its event, and after it what the ledger must record.

    `act` is that of the command's event, without its digest. `canonical` writes canonical JSON;
    `vet` refuses, before the rules are asked, what only code outside the domain can judge:
    signatures. The given book is never changed. Raises Refusal, NotNamed.
    """
    recorded: list[RecordedEvent] = []
    owed: deque[Event] = deque([decided(book, command, act)])
    while owed:
        event = owed.popleft()
        if recorded:
            event = event.worked_out(book, recorded[0].act)
        data = canonical(event.data())
        digest = sha256(data).hexdigest()
        act = act.by_ledger(act.seq + 1, digest) if recorded else act._replace(digest=digest)
        vet(book, event, act)
        book = admit(book, event, act)
        recorded.append(RecordedEvent(event, act, data, book))
        owed.extend(event.consequences(book, act))
    return recorded


def admit(book: Book, event: Event, act: Act) -> Book:
    """The book after the event, if it is permitted. Raises a Refusal otherwise."""
    require_open_log(book)
    if isinstance(event, LedgerEvent | TimedEvent):
        if act.party != LEDGER_PARTY:
            raise RoleNotPermitted("Only the ledger itself records this.")
    elif not isinstance(event, FundOpened):
        # Opening a fund checks the actor against the charter that it brings along.
        require_actor(book, act, type(event).actor_roles)
        require_signed(book, event, act)
    event.permit(book, act)
    return remembered(event.fold(book.next_entry(), act), act)


def named(command: Command, book: Book, actor: Actor) -> Iterator[Key]:
    """The rows that deciding `command` reads, as far as the rows already in the book tell."""
    return chain(
        (member_key(actor.subject), fund_key(), log_key(), closing_key()),
        principal_keys(book.peek(Member, actor.subject)),
        signing_keys(actor.kid, actor.nonce, actor.party),
        command.reads(book, actor),
    )


def wanted(asking: Iterable[tuple[Command, Actor]], book: Book) -> set[Key]:
    """The rows that deciding these commands reads and that the book does not hold yet."""
    rows = set[Key]()
    for command, actor in asking:
        # One set for all commands: most of them name the same few rows.
        rows.update(named(command, book, actor))
    return {row for row in rows if not book.knows(row)}
