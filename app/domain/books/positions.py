"""Positions: what each contributor has pledged, agreed, received, reserved and disbursed.

They are separate quantities, and none is derived from another. Reserved and disbursed are a
contributor's attributed shares; converted is what exchanges into this currency have brought, less
what was exchanged away.
"""

from collections.abc import Mapping

from app.domain.book import Book, Key, State, key
from app.domain.values import Currency, Money, PartyId, WindowId


class Position(
    State,
    table="positions",
    key=("party", "window", "currency"),
    checks={"sums": "received_minor <= agreed_minor AND received_minor >= 0"},
):
    """Where one contributor stands in one window and currency."""

    party: PartyId
    window: WindowId
    currency: Currency
    pledged: Money
    agreed: Money
    received: Money
    converted: Money
    reserved: Money
    disbursed: Money


def position_key(party: str, window: str, currency: str) -> Key:
    """The key of a position's row."""
    return key(Position, party, window, currency)


def moved(book: Book, window: str, shares: Mapping[str, Money], *changes: str) -> Book:
    """The book with each party's share added to the quantities named in `changes`.

    A name with a leading minus subtracts: `moved(book, w, shares, "-reserved", "disbursed")`.
    """
    for party, amount in shares.items():
        position = _position_of(book, party, window, amount.currency)
        for change in changes:
            name = change.lstrip("-")
            delta = -amount if change.startswith("-") else amount
            position = position.but(**{name: getattr(position, name) + delta})
        book = book.put(position)
    return book


def _position_of(book: Book, party: str, window: str, currency: str) -> Position:
    zero = Money.zero(currency)
    return book.find(Position, party, window, currency) or Position(
        party=party,
        window=window,
        currency=currency,
        pledged=zero,
        agreed=zero,
        received=zero,
        converted=zero,
        reserved=zero,
        disbursed=zero,
    )
