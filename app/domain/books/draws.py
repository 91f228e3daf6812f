"""Draws: which pools a release takes its money from, and what it took.

A release for a purpose may draw on every kind of money that the purpose is compatible with, in
the order that the charter declares; the caller lists those kinds. Each draw is split over its own
pool's contributors, and goes back to exactly them when the money comes back.
"""

from collections.abc import Iterable, Mapping

from pydantic import BaseModel, ConfigDict

from app.domain.book import Book
from app.domain.books.pools import Carry, Shares, Split, pool_of, split, taken
from app.domain.refusals.money import InsufficientFunds
from app.domain.values import Money, WindowId, total

Kind = tuple[str, str]
"""Window and restriction: what makes money of one kind."""


class Draw(BaseModel):
    """What a release takes from one pool, and from whom."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    window: WindowId
    restriction: str
    amount: Money
    shares: Shares
    weights: Shares
    carry: Carry | None = None
    released_before: Money

    @property
    def split(self) -> Split:
        """How the amount falls on the contributors of the pool."""
        return Split(self.shares, self.weights, self.carry, self.released_before)


def drawn(book: Book, kinds: Iterable[Kind], amount: Money, asked_of: str) -> tuple[Draw, ...]:
    """Take `amount` from the pools of these kinds, each as far as it goes, in their order.

    `asked_of` is the window that the request names. Raises InsufficientFunds when all of them
    together hold less.
    """
    draws: list[Draw] = []
    left = amount
    for window, restriction in kinds:
        pool = pool_of(book, window, restriction, amount.currency)
        part = min(left, pool.available)
        if part.minor > 0:
            parts = split(pool, part)
            draws.append(
                Draw(
                    window=window,
                    restriction=restriction,
                    amount=part,
                    shares=parts.shares,
                    weights=parts.weights,
                    carry=parts.carry,
                    released_before=parts.released_before,
                )
            )
            left -= part
    if left:
        raise InsufficientFunds(
            f"{amount} is asked for, but window {asked_of} "
            f"has {amount - left} available for this purpose."
        )
    return tuple(draws)


def reserved_from(book: Book, draws: Iterable[Draw]) -> Book:
    """The book after the pools gave what was drawn."""
    for draw in draws:
        pool = pool_of(book, draw.window, draw.restriction, draw.amount.currency)
        book = book.put(taken(pool, draw.amount, draw.split))
    return book


def shares_of(draws: Iterable[Draw]) -> Shares:
    """What each contributor gives over all draws, by party code."""
    by_party: dict[str, list[Money]] = {}
    for draw in draws:
        for party, share in draw.shares.items():
            by_party.setdefault(party, []).append(share)
    summed: Mapping[str, Money] = {
        party: total(parts, parts[0].currency) for party, parts in by_party.items()
    }
    return dict(sorted(summed.items()))
