"""Mandates: what a government's legislature has allowed, and how much of it is used.

A mandate has a cap in one currency. What is agreed under it and what is released under it are two
sums, and neither ever exceeds the cap. A party that the charter calls `mandated` agrees and
releases nothing without a mandate.
"""

from collections.abc import Iterable, Iterator
from datetime import date
from enum import StrEnum
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, computed_field

from app.domain.book import Book, Key, State, key
from app.domain.charter.charter import Charter
from app.domain.command import Actor, Command
from app.domain.event import Act, Event, Terms
from app.domain.governance.funds import charter_of, fund_key, require_currency, require_kind
from app.domain.refusals.base import AlreadyExists
from app.domain.refusals.decisions import ProposalClosed, TooManyOpen
from app.domain.refusals.money import (
    DateOutOfRange,
    ExceedsMandate,
    MandateRequired,
    PurposeNotAllowed,
)
from app.domain.refusals.people import WrongParty
from app.domain.values import (
    Amount,
    Day,
    Digest,
    Distinct,
    Identifier,
    Money,
    PartyId,
    PartyKind,
    Purpose,
    Role,
    Seq,
    Text,
)

MAX_MANDATES: Final = 100
"""Upper limit of one party's mandates, withdrawn ones included: a release reads all of them."""


class MandateState(StrEnum):
    """in_force -> withdrawn. What was agreed under it stays; nothing more is released under it."""

    IN_FORCE = "in_force"
    WITHDRAWN = "withdrawn"


class MandateTerms(Terms):
    """The act of a legislature or government: its document, cap, purposes and days.

    `document` is the SHA-256 of the text.
    """

    citation: Text
    document: Digest
    cap: Amount
    purposes: Annotated[tuple[Purpose, ...], Field(min_length=1, max_length=50), Distinct]
    valid_from: Day
    valid_through: Day


class Mandate(
    State,
    table="mandates",
    key=("mandate_id",),
    listed_by="registered_seq",
    checks={
        "agreed": "agreed_minor BETWEEN 0 AND cap_minor",
        "released": "released_minor BETWEEN 0 AND cap_minor",
    },
):
    """A mandate, how much of it is agreed, and how much is released."""

    mandate_id: Identifier
    party: PartyId
    citation: str
    document: Digest
    cap: Money
    agreed: Money
    released: Money
    purposes: tuple[Purpose, ...]
    valid_from: date
    valid_through: date
    state: MandateState
    registered_seq: Seq

    @computed_field  # type: ignore[prop-decorator]
    @property
    def headroom(self) -> Money:
        """What may still be released under it."""
        return self.cap - self.released

    def is_valid(self, day: date) -> bool:
        """Whether this day is one on which the mandate can be used."""
        in_time = self.valid_from <= day <= self.valid_through
        return in_time and self.state is MandateState.IN_FORCE

    def require_valid(self, day: date) -> None:
        """Check that the mandate was not withdrawn and is valid on this day. Raises
        MandateRequired.
        """
        if self.state is not MandateState.IN_FORCE:
            raise MandateRequired(f"Mandate {self.mandate_id} was withdrawn.")
        if not self.is_valid(day):
            raise MandateRequired(
                f"Mandate {self.mandate_id} is valid from {self.valid_from} through "
                f"{self.valid_through}, not on {day}."
            )


class Mandates(State, table="mandates_of", key=("party",)):
    """All mandates of a party, withdrawn ones too, in the order of registration."""

    party: PartyId
    mandate_ids: tuple[Identifier, ...]


class Use(BaseModel):
    """How much of a release goes under which mandate."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mandate_id: Identifier
    amount: Money


class MandateRegistered(
    MandateTerms, Event, type="mandate.registered", roles=(Role.LEGISLATURE_CLERK,), creates=Mandate
):
    """A legislature has allowed its government to pay, up to a cap."""

    mandate_id: Identifier

    def permit(self, book: Book, act: Act) -> None:
        """Check that a government registers a document for the first time, in a currency and for
        purposes of the charter, valid for days that are not over, as one of at most MAX_MANDATES.
        Raises WrongParty, CurrencyNotInCharter, PurposeNotAllowed, DateOutOfRange, AlreadyExists,
        TooManyOpen.
        """
        charter = charter_of(book)
        require_kind(charter, act.party, PartyKind.GOVERNMENT)
        require_currency(charter, self.cap)
        known = {purpose for window in charter.windows for purpose in window.purposes}
        if not set(self.purposes) <= known:
            raise PurposeNotAllowed("A mandate names purposes of the fund's windows.")
        if self.valid_through < max(self.valid_from, act.day):
            raise DateOutOfRange("A mandate is valid from a day to a later one, and not over yet.")
        mine = _of_party(book, act.party)
        if any(mandate.document == self.document for mandate in mine):
            # A withdrawn one counts too: registered again, its cap could be used twice.
            raise AlreadyExists("This document was registered as a mandate before.")
        if len(mine) >= MAX_MANDATES:
            raise TooManyOpen(f"A party registers at most {MAX_MANDATES} mandates.")

    def fold(self, book: Book, act: Act) -> Book:
        zero = Money.zero(self.cap.currency)
        mandate = Mandate(
            mandate_id=self.mandate_id,
            party=act.party,
            citation=self.citation,
            document=self.document,
            cap=self.cap,
            agreed=zero,
            released=zero,
            purposes=self.purposes,
            valid_from=self.valid_from,
            valid_through=self.valid_through,
            state=MandateState.IN_FORCE,
            registered_seq=act.seq,
        )
        known = book.find(Mandates, act.party)
        ids = known.mandate_ids if known is not None else ()
        return book.put(mandate).put(Mandates(party=act.party, mandate_ids=(*ids, self.mandate_id)))

    def sentence(self, act: Act) -> str:
        return (
            f"{act.party} registered a mandate of up to {self.cap}, valid from "
            f"{self.valid_from} through {self.valid_through}: {self.citation}"
        )


class RegisterMandate(MandateTerms, Command, event=MandateRegistered):
    """Register an act of your legislature that allows your government to pay."""

    def reads(self, book: Book, actor: Actor) -> Iterator[Key]:
        yield fund_key()
        yield from mandate_keys(book, [actor.party])

    def decide(self, book: Book, act: Act) -> Event:
        return MandateRegistered(**self.stated(), mandate_id=act.new_id())


class WithdrawalTerms(Terms):
    """Names the mandate, and says why it is withdrawn."""

    mandate_id: Identifier
    reason: Text


class MandateWithdrawn(
    WithdrawalTerms, Event, type="mandate.withdrawn", roles=(Role.LEGISLATURE_CLERK,)
):
    """From here on nothing is agreed or released under the mandate."""

    def permit(self, book: Book, act: Act) -> None:
        """Check that the mandate is the actor's party's and in force. Raises NotFound, WrongParty,
        ProposalClosed.
        """
        mandate = book.get(Mandate, self.mandate_id)
        if mandate.party != act.party:
            raise WrongParty(f"This mandate is {mandate.party}'s.")
        if mandate.state is not MandateState.IN_FORCE:
            raise ProposalClosed("The mandate was withdrawn before.")

    def fold(self, book: Book, act: Act) -> Book:
        mandate = book.get(Mandate, self.mandate_id)
        return book.put(mandate.but(state=MandateState.WITHDRAWN))

    def sentence(self, act: Act) -> str:
        return f"{act.party} withdrew mandate {self.mandate_id}: {self.reason}"


class WithdrawMandate(WithdrawalTerms, Command, event=MandateWithdrawn):
    """Withdraw a mandate of your government: nothing more is agreed or released under it."""

    def reads(self, book: Book, actor: Actor) -> Iterator[Key]:
        yield mandate_key(self.mandate_id)

    def decide(self, book: Book, act: Act) -> Event:
        return MandateWithdrawn(**self.stated())


def mandate_key(mandate_id: str) -> Key:
    """The key of a mandate's row."""
    return key(Mandate, mandate_id)


def mandate_keys(book: Book, parties: Iterable[str]) -> Iterator[Key]:
    """The rows of all mandates of these parties."""
    for party in parties:
        yield key(Mandates, party)
        index = book.peek(Mandates, party)
        yield from (mandate_key(name) for name in (index.mandate_ids if index else ()))


def require_covered(mandate: Mandate, party: str, amount: Money, act: Act) -> None:
    """Check that an agreement on `amount` may stand under this mandate.

    Raises WrongParty, MandateRequired, CurrencyMismatch, ExceedsMandate.
    """
    if mandate.party != party:
        raise WrongParty(f"This mandate is {mandate.party}'s.")
    mandate.require_valid(act.day)
    if mandate.agreed + amount > mandate.cap:
        raise ExceedsMandate(
            f"{amount} would be agreed, but {mandate.cap - mandate.agreed} of the cap of "
            f"{mandate.cap} is left ({mandate.citation})."
        )


def authorised(
    book: Book, charter: Charter, shares: Iterable[tuple[str, Money]], purpose: str, day: date
) -> tuple[Use, ...]:
    """How a release is divided over mandates: for each mandated party, those that end first are
    used first. Raises MandateRequired, ExceedsMandate.
    """
    uses: list[Use] = []
    for party, share in shares:
        member = charter.party(party)
        if member is not None and member.mandated and share.minor > 0:
            uses += _uses(_of_party(book, party), party, share, purpose, day)
    return tuple(uses)


def released_under(book: Book, uses: Iterable[Use], *, back: bool = False) -> Book:
    """The book after a release under these mandates; `back` when it came back."""
    for use in uses:
        mandate = book.get(Mandate, use.mandate_id)
        change = -use.amount if back else use.amount
        book = book.put(mandate.but(released=mandate.released + change))
    return book


def _uses(
    mandates: list[Mandate], party: str, share: Money, purpose: str, day: date
) -> Iterator[Use]:
    fitting = [
        mandate
        for mandate in mandates
        if mandate.is_valid(day)
        and purpose in mandate.purposes
        and mandate.cap.currency == share.currency
    ]
    if not fitting:
        raise MandateRequired(
            f"{party} has no mandate in {share.currency} for {purpose} that is valid on {day}."
        )
    left = share
    for mandate in sorted(fitting, key=lambda one: (one.valid_through, one.mandate_id)):
        part = min(left, mandate.headroom)
        if part:
            yield Use(mandate_id=mandate.mandate_id, amount=part)
            left -= part
    if left:
        headroom = share - left
        raise ExceedsMandate(
            f"{share} of {party}'s money would be released for {purpose}, "
            f"but its legislature's mandates leave {headroom}."
        )


def _of_party(book: Book, party: str) -> list[Mandate]:
    index = book.find(Mandates, party)
    return [book.get(Mandate, name) for name in (index.mandate_ids if index else ())]
