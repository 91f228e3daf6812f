"""Commands: what somebody asks for. The body of a request is a command.

Fund, actor, time and new ids are not fields: they come from the path, the token and the clock,
through `Act`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar, Final

from pydantic import BaseModel, ConfigDict

from app.domain.book import Book, Key
from app.domain.event import Act, Event
from app.domain.values import Role


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks, as their token says: a person of one party, and the roles that it gives them.

    `day` is the day of the entry (UTC), for rows that are kept by day; `issuer` is the token's
    identity provider; `kid` and `nonce` are those of a valid signature of the party, empty without
    one.
    """

    party: str
    subject: str
    roles: frozenset[Role]
    issuer: str = ""
    day: date | None = None
    kid: str = ""
    nonce: str = ""


class Command(BaseModel):
    """A request to record an event."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    event: ClassVar[type[Event]]
    """The event that the command asks for; its type is the `op` of a party's signature."""

    def __init_subclass__(cls, **options: Any) -> None:
        """Register a command: `class AnnouncePledge(PledgeTerms, Command, event=PledgeAnnounced)`.

        An `internal` one cannot be asked for over HTTP.
        """
        super().__init_subclass__()
        if options:
            cls.event = options["event"]
            if not options.get("internal"):
                COMMANDS[cls.__name__] = cls

    def reads(self, book: Book, actor: Actor) -> Iterator[Key]:
        """Name the rows that deciding reads, as far as the rows already loaded tell.

        Called again until it names nothing new: the first round may name an agreement, the second
        the accounts that the agreement leads to.
        """
        raise NotImplementedError

    def in_role(self, book: Book, actor: Actor) -> Role:
        """The role in which the actor would do this; a role that they lack, if they have none that
        fits.

        For events that no person may record it is the ledger's role.
        """
        allowed = sorted(self.event.actor_roles) or [Role.LEDGER]
        return next((role for role in allowed if role in actor.roles), allowed[0])

    def decide(self, book: Book, act: Act) -> Event:
        """The event that would be recorded; its own `permit` then says whether it may be."""
        raise NotImplementedError

    def stated(self) -> dict[str, Any]:
        """The fields that were set, for building the event."""
        return {name: getattr(self, name) for name in self.model_fields_set}

    def about(self) -> dict[str, str]:
        """What is asked for, in short: the ids, key, person and step that are named, the answer
        that is given.
        """
        stated = self.stated().items()
        return {
            name: str(value)
            for name, value in stated
            # The subject of a proposal is no person but an object, of any size.
            if isinstance(value, str) and (name.endswith("_id") or name in _TELLING)
        }


_TELLING: Final = {"choice", "decision", "kid", "step", "subject"}

COMMANDS: Final[dict[str, type[Command]]] = {}
