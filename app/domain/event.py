"""Events: what was recorded, what it means, when it was allowed.

One event, one class: payload, permission, effect, consequences and a plain sentence stand
together. A released class is never edited; a change is a new class with a new name.
"""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any, ClassVar, Final, NamedTuple, Self

from pydantic import BaseModel, ConfigDict

from app.domain.book import Book, State
from app.domain.values import LEDGER_PARTY, LEDGER_SUBJECT, Role, Seq


def _no_digest(_: Any) -> str:
    raise AssertionError("the shell that made this act supplies no digests")


StateKind = type[State]


class Act(NamedTuple):
    """The circumstances of one entry: where, when and by whom. The shell supplies them.

    `digest` is SHA-256 (hex) over the canonical bytes of the entry's `data`.
    """

    seq: int
    at: datetime
    party: str
    subject: str
    role: Role
    digest: str
    new_id: Callable[[], str]
    log_vkey: str = ""
    export_kid: str = ""
    """The public keys that speak for the ledger; only opening a fund looks at them."""
    kid: str = ""
    """The key that signed what was stated, where somebody did and the signature holds."""
    nonce: str = ""
    """What that signature was made for once: the request's idempotency key."""
    digest_of: Callable[[Any], str] = _no_digest
    """SHA-256 (hex) of the canonical JSON of a value: the domain itself knows no bytes."""

    @property
    def day(self) -> date:
        """The day of the entry, in UTC: what a movement counts for that has no date of its own."""
        return self.at.date()

    def by_ledger(self, seq: int, digest: str) -> "Act":
        """The act of recording, at the same time, a consequence of this one."""
        return self._replace(
            seq=seq,
            digest=digest,
            party=LEDGER_PARTY,
            subject=LEDGER_SUBJECT,
            role=Role.LEDGER,
            kid="",
            nonce="",
        )


class Terms(BaseModel):
    """Fields that a command and its event share: what the actor states, the entry's `data`."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Event(BaseModel):
    """A recorded fact. Fields from `Terms` are its `data`; its own fields are its `derived`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: ClassVar[str]
    actor_roles: ClassVar[frozenset[Role]]
    """The roles one of which the actor must hold; more specific rules are in `permit`."""
    creates: ClassVar[StateKind | None]
    """What it brings into being, under an id of its own that nothing else may have had."""

    def __init_subclass__(cls, **options: Any) -> None:
        """`class PledgeAnnounced(PledgeTerms, Event, type="pledge.announced", roles=(…,))`."""
        super().__init_subclass__()
        if options:
            cls.type, cls.actor_roles = options["type"], frozenset(options.get("roles", ()))
            cls.creates = options.get("creates")
            if cls.type in EVENTS:
                raise TypeError(f"two classes for {cls.type}")
            EVENTS[cls.type] = cls

    def permit(self, book: Book, act: Act) -> None:
        """Raise a Refusal unless this may happen now."""
        raise NotImplementedError

    def fold(self, book: Book, act: Act) -> Book:
        """The book after it happened. Total over history: what was permitted can be folded."""
        raise NotImplementedError

    def consequences(self, book: Book, act: Act) -> "tuple[Event, ...]":
        """What the ledger itself must record right after, given the book after `fold`.

        Deterministic: the auditor works the same events out and compares them with the log, so
        that a consequence can neither be invented nor left out.
        """
        return ()

    def is_what_follows(self, owed: "Event") -> bool:
        """Whether this entry is the consequence that was worked out to follow."""
        return self == owed

    def sentence(self, act: Act) -> str:
        """What happened, in one plain sentence."""
        raise NotImplementedError

    def data(self) -> dict[str, Any]:
        """The entry's `data`: exactly what was stated, defaults not filled in."""
        # As model_dump does, less its dozen other options: this runs for every entry.
        members: dict[str, Any] = self.__pydantic_serializer__.to_python(
            self, mode="json", include=self._stated(), exclude_unset=True
        )
        return members

    def derived(self) -> dict[str, Any]:
        """The entry's `derived`: what the ledger worked out."""
        members: dict[str, Any] = self.__pydantic_serializer__.to_python(
            self, mode="json", exclude=self._stated(), exclude_none=True
        )
        return members

    @classmethod
    def read(cls, data: dict[str, Any], derived: dict[str, Any]) -> Self:
        """The event in an entry. Raises ValueError when a field stands in the wrong half."""
        stated = cls._stated()
        if not data.keys() <= stated or derived.keys() & stated:
            raise ValueError("stated and derived members are mixed up")
        return cls.model_validate({**data, **derived})

    @classmethod
    def _stated(cls) -> set[str]:
        """The fields that come from a Terms class; found once a class."""
        if "_stated_names" not in cls.__dict__:
            terms: list[Any] = [base for base in cls.__mro__ if Terms in base.__mro__]
            cls._stated_names = {
                name for base in terms if Event not in base.__mro__ for name in base.model_fields
            }
        return cls._stated_names

    _stated_names: ClassVar[set[str]]


class LedgerEvent(Event):
    """Something that only the ledger records, because another entry brought it about."""

    cause: Seq


class TimedEvent(Event):
    """Something that only the ledger records, because time has passed: any process may, once."""


EVENTS: Final[dict[str, type[Event]]] = {}
"""Every event class by its permanent name: the catalogue that `openapi/events.json` publishes."""
