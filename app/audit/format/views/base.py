"""The input and the base class of views."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from app.chain.entry import Entry
from app.chain.jws import protected_header
from app.domain.book import Posting, State
from app.domain.books.dates import Dated
from app.domain.event import Act, Event
from app.domain.values import Money

S = TypeVar("S", bound=State)
Cell = str | int | Money
Row = Sequence[Cell]
Totals = Mapping[tuple[str, str], tuple[int, int, int]]
"""By account and currency: debits and credits in minor units, and the last entry that moved it."""


@dataclass(frozen=True, slots=True)
class JournaledEntry:
    """An entry, its event, and the journal lines that it caused."""

    entry: Entry
    event: Event
    act: Act
    postings: tuple[Posting, ...]
    find: Callable[[type[State], str], State | None]
    """Finds a row of the fund by its id. Views may use only fields of it that never change."""

    @property
    def start(self) -> tuple[int, str, str]:
        """The first cells of most rows: position, time, type."""
        return self.entry.seq, self.entry.at, self.entry.type

    @property
    def who(self) -> tuple[str, str, str]:
        """Who acted: party, subject, role."""
        by = self.entry.by
        return by["party"], by["subject"], by["role"]

    @property
    def key_id(self) -> str:
        """The key of the signature that the entry carries; empty where there is none."""
        return "" if self.entry.jws is None else str(protected_header(self.entry.jws)["kid"])

    @property
    def sentence(self) -> str:
        """What happened, in words."""
        return self.event.sentence(self.act)

    @property
    def dates(self) -> tuple[str, str]:
        """The bank's date and the day that the books count it for; empty where there are none."""
        event: object = self.event
        if isinstance(event, Dated):
            return event.value_date.isoformat(), event.effective.isoformat()
        return "", ""

    def stated(self, name: str) -> str:
        """A member of the event as text; empty where the event has none of this name."""
        return str(getattr(self.event, name, None) or "")

    def row(self, kind: type[S], identifier: str) -> S | None:
        """A row of the fund by its id."""
        found = self.find(kind, identifier)
        return found if isinstance(found, kind) else None


WHO = ("party", "subject", "role")
LIFE = ("seq", "at", "event")


def _nothing(_: JournaledEntry) -> Iterator[Row]:
    return iter(())


def _no_end(_: Totals) -> Iterator[Row]:
    return iter(())


@dataclass(frozen=True, slots=True)
class CsvView:
    """A table: the rows of each entry, and those that are written after the last entry.

    It belongs to every format from `since` on. A released view is never edited: in a later format
    another view replaces it.
    """

    path: str
    header: tuple[str, ...]
    rows: Callable[[JournaledEntry], Iterator[Row]] = _nothing
    last_rows: Callable[[Totals], Iterator[Row]] = _no_end
    since: int = field(default=2, kw_only=True)
    until: int | None = field(default=None, kw_only=True)
    """The first format that does not have it any more; None while the newest has it."""
