"""The book: every row that the rules may look at, as one immutable value.

A book is a persistent map, so refusing is forgetting: a command that is refused half way leaves
the earlier book as it was. A book that holds only what was asked for (`complete=False`, on the
server) is strict: asking for a row that nobody named is our own mistake and says so, because
"not loaded" must never pass for "does not exist". Replays hold everything.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final, Self, TypeVar, cast

from pydantic import BaseModel, ConfigDict
from rpds import HashTrieMap

from app.domain.refusals import NotFound


class State(BaseModel):
    """One row of a read table: a frozen value, identified within its fund by `key`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    table: ClassVar[str]
    key: ClassVar[tuple[str, ...]]
    listed_by: ClassVar[str | None]
    """The position by which lists of it are paged, where there are lists."""

    def __init_subclass__(cls, **options: Any) -> None:
        """`class Pledge(State, table="pledges", key=("pledge_id",))`."""
        super().__init_subclass__()
        if options:
            cls.table, cls.key = options["table"], options["key"]
            cls.listed_by = options.get("listed_by")
            STATES[cls.table] = cls

    @property
    def identity(self) -> tuple[str, ...]:
        return tuple(getattr(self, name) for name in self.key)

    def but(self, **changes: Any) -> Self:
        """This state with some fields changed, validated again."""
        return type(self)(**{**dict(self), **changes})


STATES: Final[dict[str, type[State]]] = {}
"""Every kind of state by table name; the store makes a table for each."""

Key = tuple[type[State], tuple[str, ...]]
S = TypeVar("S", bound=State)


def key(kind: type[State], *identity: str) -> Key:
    """The key of one row."""
    return kind, identity


@dataclass(frozen=True, slots=True)
class Posting:
    """One line of the journal: `minor` units, debit positive, credit negative.

    `version` counts the account's postings from 1; `debits` and `credits` are its totals after.
    """

    account: str
    currency: str
    minor: int
    version: int
    debits: int
    credits: int


@dataclass(frozen=True, slots=True)
class Book:
    """Rows by key (None: known not to exist), and what has changed since the book was opened."""

    rows: "HashTrieMap[Key, State | None]" = HashTrieMap()  # noqa: RUF009  it is immutable
    changed: "HashTrieMap[Key, State]" = HashTrieMap()  # noqa: RUF009
    postings: tuple[Posting, ...] = ()
    complete: bool = False

    def get(self, kind: type[S], *identity: str) -> S:
        """The row. Raises NotFound when there is none."""
        state = self.find(kind, *identity)
        if state is None:
            raise NotFound(f"This fund has no such row in {kind.table}.")
        return state

    def find(self, kind: type[S], *identity: str) -> S | None:
        """The row, or None when there is none."""
        try:
            return cast("S | None", self.rows[kind, identity])
        except KeyError:
            if self.complete:
                return None
            raise AssertionError(f"{kind.table} {identity} was read but not named") from None

    def peek(self, kind: type[S], *identity: str) -> S | None:
        """The row if it is loaded: for naming what else must be read, never for a rule."""
        return cast("S | None", self.rows.get((kind, identity)))

    def knows(self, wanted: Key) -> bool:
        """Whether the row is loaded, or known not to exist."""
        return self.complete or wanted in self.rows

    def put(self, state: State) -> "Book":
        """The book with this row in place of what stood under its key."""
        where = (type(state), state.identity)
        return replace(
            self, rows=self.rows.insert(where, state), changed=self.changed.insert(where, state)
        )

    def posted(self, postings: Iterable[Posting]) -> "Book":
        """The book with these lines added to the journal of the present entry."""
        return replace(self, postings=(*self.postings, *postings))

    def loaded(self, rows: Iterable[tuple[Key, State | None]]) -> "Book":
        """The book with rows from the store, which are not changes."""
        known = self.rows
        for where, state in rows:
            known = known.insert(where, state)
        return replace(self, rows=known)

    def next_entry(self) -> "Book":
        """The same book with an empty journal, for the entry that follows."""
        return replace(self, postings=())

    def saved(self) -> "Book":
        """The same book with nothing left to save."""
        return replace(self, changed=HashTrieMap(), postings=())
