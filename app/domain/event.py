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
"""By this name, because in an event's class body `type` is the event's own."""


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
    """The key id of the ledger's export key; only opening a fund reads it."""
    kid: str = ""
    """The key id of the party's valid signature over what was stated; empty without one."""
    nonce: str = ""
    """The idempotency key of the request that was signed, so that the signature is used once."""
    digest_of: Callable[[Any], str] = _no_digest
    """SHA-256 (hex) of a value's canonical JSON, supplied from outside: the domain does not
    serialise.
    """

    @property
    def day(self) -> date:
        """The day of the entry, in UTC. A movement without a date of its own counts for it."""
        return self.at.date()

    def by_ledger(self, seq: int, digest: str) -> "Act":
        """The act in which the ledger records a consequence of this one, at the same time."""
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
    """The actor must hold one of these roles; more specific rules are in `permit`."""
    creates: ClassVar[StateKind | None]
    """The kind of state that it creates, under an id that no other row of the kind may have."""

    def __init_subclass__(cls, **options: Any) -> None:
        """Register an event: `class PledgeAnnounced(PledgeTerms, Event, type="pledge.announced",
        roles=(…,))`.
        """
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
        """The book after it happened. Never fails for an event that was permitted."""
        raise NotImplementedError

    def consequences(self, book: Book, act: Act) -> "tuple[Event, ...]":
        """What the ledger itself must record right after, given the book after `fold`.

        Deterministic: the auditor works out the same events and compares them with the log, so that
        a consequence can neither be invented nor left out.
        """
        return ()

    def worked_out(self, book: Book, act: Act) -> "Event":
        """The consequence with what only the ledger that records it works out, by the tables of its
        day; a replay takes that from the entry.
        """
        return self

    def is_what_follows(self, owed: "Event") -> bool:
        """Whether this entry is the consequence that was worked out to follow."""
        return self == owed

    def sentence(self, act: Act) -> str:
        """What happened, in one plain sentence."""
        raise NotImplementedError

    def data(self) -> dict[str, Any]:
        """The entry's `data`: exactly what was stated, defaults not filled in."""
        # Faster than model_dump, with the same result: this runs for every entry.
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
        """The event in an entry. Raises ValueError, also when a field is in the wrong one of the
        two parts.
        """
        stated = cls._stated()
        if not data.keys() <= stated or derived.keys() & stated:
            raise ValueError("stated and derived members are mixed up")
        return cls.model_validate({**data, **derived})

    @classmethod
    def _stated(cls) -> set[str]:
        """The names of the fields that come from a Terms class; worked out once for each class."""
        if "_stated_names" not in cls.__dict__:
            terms: list[Any] = [base for base in cls.__mro__ if Terms in base.__mro__]
            cls._stated_names = {
                name for base in terms if Event not in base.__mro__ for name in base.model_fields
            }
        return cls._stated_names

    _stated_names: ClassVar[set[str]]


class LedgerEvent(Event):
    """An event that only the ledger records, as a consequence of another entry."""

    cause: Seq


class TimedEvent(Event):
    """An event that only the ledger records, because time has passed: any process may, once."""


EVENTS: Final[dict[str, type[Event]]] = {}
"""Every event class by its permanent name: the catalogue that `openapi/events.json` publishes."""
