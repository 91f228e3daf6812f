"""Pools: what a window still has in one currency, by contributor.

The rule "never more than is available" is decided here, and attribution draws its weights from
here: what each contributor still has in the pool when an epoch begins. A receipt or a return
begins a new epoch. With such weights no release takes more from a contributor than they have.

A release's share can be minus one minor unit, where the running total moves a rounding. When such
a release comes back, its contributor can be short of that unit: a balance may be below zero by
roundings, the pool's total never.
"""

from dataclasses import dataclass

from app.domain.book import Book, Key, State, key
from app.domain.books.attribution import cumulative_shares
from app.domain.refusals import InsufficientFunds
from app.domain.values import Currency, Money, PartyId, WindowId, total

Shares = dict[PartyId, Money]
"""Amounts by party code, all in one currency."""


class Pool(State, table="pools", key=("window", "currency")):
    """Unreserved money of one window in one currency.

    `weights` and `released` belong to the epoch; `weights` is empty until its first release.
    """

    window: WindowId
    currency: Currency
    available: Money
    balances: Shares
    weights: Shares
    released: Money


@dataclass(frozen=True, slots=True)
class Split:
    """How an amount falls on the contributors, and what it was worked out from."""

    shares: Shares
    weights: Shares
    released_before: Money


def pool_key(window: str, currency: str) -> Key:
    """The key of a pool's row."""
    return key(Pool, window, currency)


def pool_of(book: Book, window: str, currency: str) -> Pool:
    """The pool; an empty one where nothing was received yet."""
    zero = Money.zero(currency)
    found = book.find(Pool, window, currency)
    return found or Pool(
        window=window, currency=currency, available=zero, balances={}, weights={}, released=zero
    )


def paid_in(pool: Pool, amounts: Shares) -> Pool:
    """The pool with money received, or given back at its original attribution."""
    balances = dict(pool.balances)
    for party, amount in amounts.items():
        balances[party] = balances.get(party, Money.zero(pool.currency)) + amount
    return _with_balances(pool, balances).but(weights={}, released=Money.zero(pool.currency))


def split(pool: Pool, amount: Money) -> Split:
    """How a release of `amount` falls on the contributors. Raises InsufficientFunds."""
    if amount > pool.available:
        raise InsufficientFunds(
            f"{amount} is asked for, but window {pool.window} has {pool.available} available."
        )
    weights = pool.weights or {party: b for party, b in pool.balances.items() if b.minor > 0}
    shares = cumulative_shares(
        amount.minor, {party: w.minor for party, w in weights.items()}, pool.released.minor
    )
    return Split(
        shares={party: Money(minor, amount.currency) for party, minor in shares.items() if minor},
        weights=weights,
        released_before=pool.released,
    )


def taken(pool: Pool, amount: Money, parts: Split) -> Pool:
    """The pool after the split amount was reserved."""
    balances = dict(pool.balances)
    for party, share in parts.shares.items():
        balances[party] -= share
    released = parts.released_before + amount
    return _with_balances(pool, balances).but(weights=parts.weights, released=released)


def _with_balances(pool: Pool, balances: Shares) -> Pool:
    ordered = dict(sorted(balances.items()))
    return pool.but(balances=ordered, available=total(ordered.values(), pool.currency))
