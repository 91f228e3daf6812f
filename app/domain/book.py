"""The book: every row that the rules may look at, as one immutable value.

A book is a persistent map, so a command that is refused half way leaves the earlier book as it was.
On the server a book holds only the rows that were asked for (`complete=False`), and reading a row
that nobody named raises NotNamed, because "not loaded" must never pass for "does not exist". A
replay's book holds every row.
"""

from collections.abc import Callable, Iterable
from datetime import date
from operator import attrgetter
from typing import Any, ClassVar, Final, NamedTuple, Protocol, Self, TypeVar, cast

from immutables import Map
from pydantic import BaseModel, ConfigDict

from app.domain.refusals.base import NotFound


def _reader_of(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    """A function that reads these attributes of an object as a tuple; made once for each kind of
    state.
    """
    if not names:
        return lambda _: ()
    read = attrgetter(*names)
    return read if len(names) > 1 else lambda state: (read(state),)


class State(BaseModel):
    """One row of a read table: a frozen value, identified within its fund by `key`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    table: ClassVar[str]
    key: ClassVar[tuple[str, ...]]
    listed_by: ClassVar[str | None]
    """The position by which lists of it are paged, where there are lists."""

    checks: ClassVar[dict[str, str]]
    """Conditions that the rules keep and the table enforces again: SQL by the check's name."""
    indexes: ClassVar[tuple[tuple[str, ...], ...]]
    """Columns by which its table is searched besides its key, one tuple for each index."""
    is_matter: ClassVar[bool]
    """Whether it is voted on. A vote is found by its matter's id, so no two matters share one."""

    def __init_subclass__(cls, **options: Any) -> None:
        """Register a kind of state: `class Pledge(State, table="pledges", key=("pledge_id",))`."""
        super().__init_subclass__()
        if options:
            cls.table, cls.key = options["table"], options["key"]
            cls.listed_by = options.get("listed_by")
            cls.checks, cls.indexes = options.get("checks", {}), options.get("indexes", ())
            cls.is_matter = options.get("is_matter", False)
            cls._identify = staticmethod(_reader_of(cls.key))
            STATES[cls.table] = cls

    _identify: ClassVar[Callable[[Any], tuple[Any, ...]]]

    @property
    def identity(self) -> "Identity":
        return type(self)._identify(self)

    def but(self, **changes: Any) -> Self:
        """This state with some fields changed.

        The result is not validated again, because this runs several times for each entry; types and
        the tests' invariants check the callers.
        """
        return self.model_copy(update=changes)


STATES: Final[dict[str, type[State]]] = {}
"""Every kind of state by table name; the store makes a table for each."""

Identity = tuple[str | date, ...]
"""The values of a row's key columns, which identify it among its kind within the fund."""
Key = tuple[type[State], Identity]
S = TypeVar("S", bound=State)


def key(kind: type[State], *identity: str | date) -> Key:
    """The key of one row."""
    return kind, identity


class RowSource(Protocol):
    """Rows of a complete book that are not in memory but, in a replay, in a temporary file."""

    def find(self, kind: type[State], identity: Identity) -> State | None:
        """The row, or None when there is none."""


class NotNamed(AssertionError):
    """A rule read a row that its command did not name: a fault of the command's `reads`, or a sign
    that another round of reading is needed.
    """


class Posting(NamedTuple):
    """One line of the journal: `minor` units, debit positive, credit negative.

    `effective` is the day that it counts for, which may lie before the day of its entry.
    `version` counts the account's postings from 1; `debits` and `credits` are its totals after.
    """

    account: str
    currency: str
    effective: date
    minor: int
    version: int
    debits: int
    credits: int


class Book(NamedTuple):
    """Rows by key (None: known not to exist), and what has changed since the book was opened."""

    rows: "Map[Key, Any]" = Map()
    changed: "Map[Key, State]" = Map()
    postings: tuple[Posting, ...] = ()
    complete: bool = False
    shelf: "RowSource | None" = None
    """Where a complete book finds the rows that are not among `rows`."""

    def get(self, kind: type[S], *identity: str | date) -> S:
        """The row. Raises NotFound when there is none."""
        state = self.find(kind, *identity)
        if state is None:
            raise NotFound(f"This fund has no such row in {kind.table}.")
        return state

    def find(self, kind: type[S], *identity: str | date) -> S | None:
        """The row, or None when there is none."""
        try:
            state: S | None = self.rows[kind, identity]
        except KeyError:
            if self.complete:
                return cast("S | None", self.shelf.find(kind, identity) if self.shelf else None)
            raise NotNamed(f"{kind.table} {identity} was read but not named") from None
        return state

    def peek(self, kind: type[S], *identity: str | date) -> S | None:
        """The row if it is loaded: for naming what else must be read. Rules use `find` or `get`."""
        state: S | None = self.rows.get((kind, identity))
        return state

    def knows(self, wanted: Key) -> bool:
        """Whether the row is loaded, or known not to exist."""
        return self.complete or wanted in self.rows

    def put(self, state: State) -> "Book":
        """The book with this row; an earlier row with its key is replaced."""
        rows, changed = self._with(state)
        return Book(rows, changed, self.postings, self.complete, self.shelf)

    def posted(self, posting: Posting, account: State) -> "Book":
        """The book with this line added to the journal of the present entry, and its account's
        row as it is after it.
        """
        rows, changed = self._with(account)
        return Book(rows, changed, (*self.postings, posting), self.complete, self.shelf)

    def loaded(self, rows: Iterable[tuple[Key, State | None]]) -> "Book":
        """The book with rows from the store, which are not changes."""
        known = self.rows.update(rows)
        return Book(known, self.changed, self.postings, self.complete, self.shelf)

    def next_entry(self) -> "Book":
        """The same book with an empty journal, for the entry that follows."""
        return Book(self.rows, self.changed, (), self.complete, self.shelf)

    def saved(self) -> "Book":
        """The same book with nothing left to save."""
        return Book(self.rows, Map(), (), self.complete, self.shelf)

    def _with(self, state: State) -> "tuple[Map[Key, Any], Map[Key, State]]":
        """Its rows and its changes with this row under its key."""
        kind = type(state)
        where = (kind, kind._identify(state))
        return self.rows.set(where, state), self.changed.set(where, state)
