"""Pledges: what a government intends to contribute. A pledge never counts as resources."""

from collections.abc import Iterator
from enum import StrEnum

from app.domain.book import Book, Key, State, key
from app.domain.books.positions import moved, position_key
from app.domain.command import Actor, Command
from app.domain.event import Act, Event, Terms
from app.domain.governance.funds import (
    charter_of,
    fund_key,
    require_currency,
    require_kind,
    require_window,
)
from app.domain.refusals.money import ExceedsPledge
from app.domain.values import (
    Amount,
    Identifier,
    Money,
    PartyId,
    PartyKind,
    Role,
    Seq,
    Text,
    WindowId,
)


class PledgeState(StrEnum):
    """announced -> converted. Agreements that enter into force convert it, in parts."""

    ANNOUNCED = "announced"
    CONVERTED = "converted"


class Pledge(
    State,
    table="pledges",
    key=("pledge_id",),
    listed_by="announced_seq",
    checks={"converted": "converted_minor BETWEEN 0 AND amount_minor"},
):
    """An intent to contribute, and how much of it has become agreements in force."""

    pledge_id: Identifier
    party: PartyId
    window: WindowId
    amount: Money
    converted: Money
    state: PledgeState
    announced_seq: Seq

    def require_room_for(self, amount: Money) -> None:
        """Check that at least `amount` of the pledge has not become an agreement yet. Raises
        ExceedsPledge, CurrencyMismatch.
        """
        left = self.amount - self.converted
        if amount > left:
            raise ExceedsPledge(f"{amount} would be agreed, but {left} of the pledge is left.")

    def with_converted(self, amount: Money) -> "Pledge":
        """The pledge after `amount` of it became an agreement in force."""
        converted = self.converted + amount
        whole = converted == self.amount
        state = PledgeState.CONVERTED if whole else PledgeState.ANNOUNCED
        return self.but(converted=converted, state=state)


class PledgeTerms(Terms):
    """The amount that is intended, and the window that it is for."""

    window: WindowId
    amount: Amount
    note: Text | None = None


class PledgeAnnounced(
    PledgeTerms, Event, type="pledge.announced", roles=(Role.TREASURY,), creates=Pledge
):
    """A government has said what it intends to contribute."""

    pledge_id: Identifier

    def permit(self, book: Book, act: Act) -> None:
        """Check that a government announces it, for a window and in a currency of the charter.
        Raises WrongParty, UnknownWindow, CurrencyNotInCharter.
        """
        charter = charter_of(book)
        require_kind(charter, act.party, PartyKind.GOVERNMENT)
        require_window(charter, self.window)
        require_currency(charter, self.amount)

    def fold(self, book: Book, act: Act) -> Book:
        pledge = Pledge(
            pledge_id=self.pledge_id,
            party=act.party,
            window=self.window,
            amount=self.amount,
            converted=Money.zero(self.amount.currency),
            state=PledgeState.ANNOUNCED,
            announced_seq=act.seq,
        )
        return moved(book.put(pledge), self.window, {act.party: self.amount}, "pledged")

    def sentence(self, act: Act) -> str:
        return f"{act.party} pledged {self.amount} to window {self.window}."


class AnnouncePledge(PledgeTerms, Command, event=PledgeAnnounced):
    """Announce what your government intends to contribute."""

    def reads(self, book: Book, actor: Actor) -> Iterator[Key]:
        yield fund_key()
        yield position_key(actor.party, self.window, self.amount.currency)

    def decide(self, book: Book, act: Act) -> Event:
        return PledgeAnnounced(**self.stated(), pledge_id=act.new_id())


def pledge_key(pledge_id: str) -> Key:
    """The key of a pledge's row."""
    return key(Pledge, pledge_id)
