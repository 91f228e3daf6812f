"""A random life of a fund: its charter, its beginning, and the steps tried in it.

The steps are in `inflow`, `outflow` and `trustee`: each draws its command from the present book,
most of the time one that is permitted, now and then one that is not.
"""

from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from random import Random
from typing import Any, Final, TypeVar

from app.domain.book import State
from app.domain.books.closing import closed_through
from app.domain.charter.charter import Charter
from app.domain.command import Command
from app.domain.governance.funds import OpenFund, charter_of
from app.domain.inflow.receipts import BankLine
from app.domain.refusals.base import Refusal
from app.domain.values import Money, Role
from tests.support.builders import TRUSTEE, Person, a_charter, valued
from tests.support.domain import Auditor, Door, Known
from tests.support.history import History
from tests.support.laws import all_laws
from tests.support.paper import Paper

S = TypeVar("S", bound=State)

GOVERNMENTS: Final = ("DE", "FR", "IT")
CURRENCIES: Final = ("EUR", "USD", "JPY")
SECOND: Final = Known("TRUSTEE", Role.TRUSTEE, "trustee-second")
STEPS: Final[list[dict[str, Any]]] = [
    {"id": "legal_review", "name": "L", "role": "legal_reviewer", "who": "each_government"},
    {"id": "no_objection", "name": "N", "role": "supervisor", "who": "supervisor"},
    {
        "id": "treasury_release",
        "name": "T",
        "role": "treasury_approver",
        "who": "each_government",
        "after": ["legal_review", "no_objection"],
    },
]
KINDS: Final = (
    ("budget", None),
    ("budget", "not-defence"),
    ("defence", None),
    ("defence", "defence-only"),
    ("general", None),
    ("general", "not-defence"),
    ("general", "defence-only"),
)
"""Window and restriction of all money that there can be in this fund."""
DRAW_ORDER: Final = ("tied", "window", "unrestricted")


def a_life_charter(random: Random) -> dict[str, Any]:
    """Three governments, three currencies, three windows, rates on the base EUR.

    The holding currency and the order in which kinds of money are drawn are chance.
    """
    return a_charter(
        **valued(
            GOVERNMENTS,
            approval_steps=STEPS,
            currencies=list(CURRENCIES),
            holding_currency=random.choice(("EUR", "EUR", "USD")),
            bank_accounts=[{"id": f"BANK-{code}", "currency": code} for code in CURRENCIES],
            draw_order=random.sample(DRAW_ORDER, 3),
        )
    )


class Life:
    """One fund on paper, and what was tried in it: recorded events, refusals by code."""

    def __init__(self, random: Random, paper: Paper | None = None) -> None:
        self.random, self.paper, self.auditor, self.count = random, paper or Door(), Auditor(), 0
        self.history = History()
        self.recorded, self.refusals = Counter[str](), Counter[str]()
        self.scale = random.choice((1, 1, 100, 10**6, 10**12))
        # Few kinds in a life, so that several contributors meet in one pool.
        self.kinds = random.sample(KINDS, random.randint(2, 4))
        self.currencies = random.choices(CURRENCIES, k=3)
        charter = OpenFund.model_validate(a_life_charter(random))
        self.step(lambda life: life.attempt(TRUSTEE, charter))

    @property
    def charter(self) -> Charter:
        return charter_of(self.paper.book)

    @property
    def today(self) -> date:
        return self.paper.now.date()

    def step(self, deed: Callable[["Life"], None]) -> None:
        """Take one step; then check every law on the book, and that a replay gives the same."""
        self.paper.book = self.paper.book.saved()
        self.auditor.book = self.auditor.book.saved()
        deed(self)
        all_laws(self.paper, self.history)
        for line in self.paper.log[self.auditor.seen :]:
            self.auditor.step(line)
        assert not self.auditor.owed
        assert self.auditor.book.changed == self.paper.book.changed

    def attempt(self, who: Person, command: Command) -> None:
        """Record the command, or check that its refusal changed nothing."""
        before, length = self.paper.book, len(self.paper.log)
        try:
            self.paper.do(who, command)
        except Refusal as refusal:
            self.refusals[refusal.code] += 1
            assert self.paper.book is before, "a refused command changed the book"
            assert len(self.paper.log) == length, "a refused command was recorded"
        else:
            self.recorded.update(line.event.type for line in self.paper.log[length:])

    def wait(self, *days: int) -> None:
        """Move the clock on by one of these numbers of days."""
        self.paper.now += timedelta(days=self.random.choice(days))

    def rows(self, kind: type[S]) -> list[S]:
        """Every row of a kind, in an order that depends on the log only."""
        found: list[S] = self.paper.rows(kind)
        return sorted(found, key=lambda row: tuple(str(part) for part in row.identity))

    def pick(self, kind: type[S], fits: Callable[[S], bool]) -> S | None:
        """A row that fits where there is one; now and then any other. None where none is."""
        every = self.rows(kind)
        fitting = [row for row in every if fits(row)]
        stray = not fitting or self.rarely()
        return self.random.choice(every if stray else fitting) if every else None

    def rarely(self) -> bool:
        return self.random.random() < 0.1

    def around(self, minor: int) -> int:
        """An amount near a limit, a part of it, or a small one."""
        near = (1, minor // 3, minor // 2, minor - 1, minor, minor + 1, self.random.randint(1, 99))
        return max(1, self.random.choice(near))

    def some(self, most: int) -> int:
        """An amount at this life's scale."""
        return self.random.randint(1, most * self.scale)

    def money(self, minor: int, currency: str) -> dict[str, str]:
        return Money(minor, currency).wire()

    def trustee(self) -> Person:
        """One of the two people at the trustee's."""
        return self.random.choice((TRUSTEE, SECOND))

    def reference(self) -> str:
        """A new bank reference; now and then one that was used, or was used wrongly."""
        if self.rarely():
            return f"R{self.random.randint(1, max(self.count, 1))}"
        freed = [line for line in self.rows(BankLine) if line.corrected_seq is not None]
        if freed and self.random.random() < 0.3:
            return self.random.choice(freed).bank_reference
        self.count += 1
        return f"R{self.count}"

    def dates(self) -> dict[str, str]:
        """A value date, and where that is closed or chance wants it another effective date."""
        value = self.today - timedelta(days=self.random.choice((0, 0, 0, 1, 2, 6, 25)))
        if self.rarely():
            value = self.today + timedelta(days=self.random.choice((1, 2)))
        stated = {"value_date": value.isoformat()}
        closed = closed_through(self.paper.book)
        if closed is not None and value <= closed and self.random.random() < 0.8:
            stated["effective_date"] = (closed + timedelta(days=1)).isoformat()
        elif self.rarely():
            distance = timedelta(days=self.random.choice((-1, 0, 1, 2)))
            stated["effective_date"] = (value + distance).isoformat()
        return stated

    def day(self, since: date | None = None) -> str:
        """A day to post on: open, and not before `since`; now and then a day too early."""
        closed = closed_through(self.paper.book)
        limits = [since, closed and closed + timedelta(days=1)]
        first = max((limit for limit in limits if limit), default=self.today - timedelta(days=40))
        if self.rarely():
            return (first - timedelta(days=self.random.choice((1, 1, 401)))).isoformat()
        between = self.random.randint(0, max((self.today - first).days, 0))
        days = (self.today, self.today, first, first + timedelta(days=between))
        return self.random.choice(days).isoformat()
