"""The domain on paper: what its tests share.

Every command is decided on two books: the whole one, and one that holds only the rows that the
command names, as on the server. Both must give the same, so that each test here tests `reads` too.
"""

from collections import deque
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count

import pytest

from app.domain.admission import MAX_READ_ROUNDS, admit, event_of, wanted
from app.domain.book import Book
from app.domain.books.journal import account_of
from app.domain.books.pools import FREE, Pool, pool_of
from app.domain.books.positions import Position
from app.domain.command import Actor, Command
from app.domain.event import Event, TimedEvent
from app.domain.outflow.disbursements import Disbursement
from app.domain.outflow.payments import CancelDisbursement, ReturnDisbursement
from app.domain.refusals.base import Refusal
from app.domain.values import LEDGER_PARTY, Money, Role
from tests.support.builders import REQUESTER, TRUSTEE, VALUE_DATE, Person, money
from tests.support.paper import Paper, Recorded

UNKNOWN_ID = "01947b6e-3c00-7000-8000-ffffffffffff"
DIGEST = "0" * 64


class Door(Paper):
    """The ledger on paper, where each command is also decided on the rows that it names."""

    def do(self, who: Person, command: Command, *, kid: str = "", nonce: str = "") -> Event:
        self._attempts = getattr(self, "_attempts", 0) + 1
        self._ids = _ids_from(self._attempts)
        if kid and not nonce:
            nonce = f"nonce-{len(self.log)}"
        named = self._named_rows(self.actor(who, kid, nonce), command)
        twin = Paper(book=named, log=list(self.log), now=self.now)
        twin._ids = _ids_from(self._attempts)
        answer = _answer(twin, who, command, kid, nonce)
        try:
            event = super().do(who, command, kid=kid, nonce=nonce)
        except Refusal as refusal:
            _require_same(answer, f"{refusal.code}: {refusal.sentence}")
            raise
        _require_same(answer, event)
        _require_same([line.postings for line in twin.log], [line.postings for line in self.log])
        for (kind, identity), state in twin.book.changed.items():
            assert self.book.get(kind, *identity) == state
        return event

    def _named_rows(self, actor: Actor, command: Command) -> Book:
        book = Book()
        for _ in range(MAX_READ_ROUNDS):
            rows = wanted([(command, actor)], book)
            if not rows:
                return book
            book = book.loaded((row, self.book.peek(row[0], *row[1])) for row in rows)
        raise AssertionError("a command that never stops naming rows")


@dataclass(frozen=True)
class Known(Person):
    """A person with a subject of their own."""

    name: str

    @property
    def subject(self) -> str:
        return self.name


@contextmanager
def refused(paper: Paper, code: str, *words: str) -> Iterator[None]:
    """Check that the block is refused with this code and these words, and changes nothing."""
    before, length = paper.book, len(paper.log)
    with pytest.raises(Refusal) as caught:
        yield
    assert caught.value.code == code
    for word in words:
        assert word in caught.value.sentence
    assert paper.book == before
    assert len(paper.log) == length


def admin(party: str) -> Person:
    return Person(party, Role.ADMIN)


def eur(major: int | str) -> Money:
    return Money.read(money(major))


def jpy(major: int | str) -> Money:
    return Money.read(money(major, "JPY"))


def funded(**amounts: int | str) -> Door:
    """A fund into whose budget window each named party has paid this much EUR."""
    paper = Door()
    paper.open()
    for party, amount in amounts.items():
        paper.paid(paper.agreed(party, money(amount)), money(amount))
    return paper


def cancelled(
    paper: Paper, disbursement: Disbursement, who: Person = REQUESTER, reason: str = "Not needed"
) -> Event:
    command = CancelDisbursement(disbursement_id=disbursement.disbursement_id, reason=reason)
    return paper.do(who, command)


def returned(
    paper: Paper, disbursement: Disbursement, reference: str = "BACK-1", day: str = VALUE_DATE
) -> Event:
    body = {
        "disbursement_id": disbursement.disbursement_id,
        "bank_reference": reference,
        "value_date": day,
        "reason": "Account closed",
    }
    return paper.do(TRUSTEE, ReturnDisbursement.model_validate(body))


def entry(paper: Paper, event_type: str) -> Recorded:
    """The last entry of this type."""
    return next(line for line in reversed(paper.log) if line.event.type == event_type)


def said(paper: Paper, event_type: str) -> str:
    """The sentence of the last entry of this type."""
    line = entry(paper, event_type)
    return line.event.sentence(line.act)


def lines(paper: Paper, event_type: str) -> dict[str, int]:
    """Minor units by account that the last entry of this type posted."""
    return {line.account: line.minor for line in entry(paper, event_type).postings}


def balance(paper: Paper, account: str, currency: str = "EUR") -> Money:
    return account_of(paper.book, account, currency).balance


def position(paper: Paper, party: str, window: str = "budget", currency: str = "EUR") -> Position:
    return paper.book.get(Position, party, window, currency)


def pool(
    paper: Paper, window: str = "budget", currency: str = "EUR", restriction: str = FREE
) -> Pool:
    return pool_of(paper.book, window, restriction, currency)


class Auditor:
    """Executes a log again, entry by entry, every consequence where the rules put it."""

    def __init__(self) -> None:
        self.book = Book(complete=True)
        self.owed = deque[Event]()
        self.seen = 0

    def step(self, line: Recorded) -> None:
        event = event_of(line.event.type, line.event.data(), line.event.derived())
        assert event == line.event
        by_ledger = line.act.party == LEDGER_PARTY
        assert bool(self.owed) == (by_ledger and not isinstance(event, TimedEvent))
        if self.owed:
            assert event.is_what_follows(self.owed.popleft())
        self.book = admit(self.book, event, line.act)
        assert self.book.postings == line.postings
        self.owed.extend(event.consequences(self.book, line.act))
        self.seen += 1


def replayed(paper: Paper) -> Book:
    """The book that the log alone gives."""
    auditor = Auditor()
    for line in paper.log:
        auditor.step(line)
    assert not auditor.owed
    return auditor.book


def _answer(paper: Paper, who: Person, command: Command, kid: str, nonce: str) -> Event | str:
    """What was recorded, or why not."""
    try:
        return paper.do(who, command, kid=kid, nonce=nonce)
    except Refusal as refusal:
        return f"{refusal.code}: {refusal.sentence}"


def _require_same(one: object, other: object) -> None:
    assert one == other, "the named rows and the whole book disagree"


def _ids_from(number: int) -> Generator[str, None, None]:
    return (f"01947b6e-3c00-7000-8000-{n:012x}" for n in count(number))
