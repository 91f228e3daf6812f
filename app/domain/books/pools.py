"""Pools: unreserved money of one kind in one currency, by contributor.

Money is of one kind when it came into one window under one restriction ("" for none). The rule
"never more than is available" is decided here, and attribution takes its weights from here: what
each contributor still has in the pool when an epoch begins. A receipt or a return begins a new
epoch, and each contributor's rounding is carried into it. With such weights no release takes more
from a contributor than they have.

A release's share can be minus one minor unit, where the running total moves a rounding. When such a
release comes back, its contributor can be short of that unit: a contributor's balance may be below
zero by roundings, the pool's total never.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from app.domain.book import Book, Key, State, key
from app.domain.books.attribution import FINE, carried, cumulative_shares, exact_shares
from app.domain.refusals.money import InsufficientFunds
from app.domain.values import Currency, Money, PartyId, WindowId

Shares = dict[PartyId, Money]
"""Amounts by party code, all in one currency."""
Carry = dict[PartyId, int]
"""By party code: how much its balance exceeds its exact claim, in parts of a minor unit."""
FREE = ""
"""The restriction of money that is tied to nothing but its window."""


class Pool(
    State,
    table="pools",
    key=("window", "restriction", "currency"),
    checks={"available": "available_minor >= 0"},
):
    """Unreserved money of one window, one restriction and one currency.

    `weights` and `released` belong to the epoch; `weights` is empty until its first release.
    `carry` is each contributor's rounding at the start of the epoch; that of a contributor who is
    not in the epoch is kept for a later one.
    """

    window: WindowId
    restriction: str
    currency: Currency
    available: Money
    balances: Shares
    weights: Shares
    released: Money
    carry: Carry


@dataclass(frozen=True, slots=True)
class Split:
    """How an amount falls on the contributors, and what it was worked out from."""

    shares: Shares
    weights: Shares
    carry: Carry | None
    """None where nothing was carried into the epoch."""
    released_before: Money


def pool_key(window: str, restriction: str, currency: str) -> Key:
    """The key of a pool's row."""
    return key(Pool, window, restriction, currency)


def pool_of(book: Book, window: str, restriction: str, currency: str) -> Pool:
    """The pool; an empty one where nothing was received yet."""
    found = book.find(Pool, window, restriction, currency)
    if found is not None:
        return found
    zero = Money.zero(currency)
    return Pool(
        window=window,
        restriction=restriction,
        currency=currency,
        available=zero,
        balances={},
        weights={},
        released=zero,
        carry={},
    )


def paid_in(pool: Pool, amounts: Mapping[str, Money]) -> Pool:
    """The pool with money received."""
    return _begun_anew(pool, amounts, {})


def paid_back(pool: Pool, amount: Money, parts: Split) -> Pool:
    """The pool with a release given back at its original attribution.

    The exact shares come back with the rounded ones, so a release that is cancelled leaves nobody
    ahead or behind, except by at most one unit where other releases were made in between.
    """
    weights = {party: weight.minor for party, weight in parts.weights.items()}
    released = parts.released_before.minor
    exact = exact_shares(amount.minor, weights, parts.carry or {}, released)
    whole = {party: share.minor * FINE for party, share in parts.shares.items()}
    return _begun_anew(pool, parts.shares, {p: whole.get(p, 0) - part for p, part in exact.items()})


def _begun_anew(pool: Pool, amounts: Mapping[str, Money], more: Carry) -> Pool:
    """The pool with money that came in, at the start of an epoch.

    `more` is by how much the money exceeds the exact claim of each, in parts of a minor unit; the
    carry is kept below one whole unit.
    """
    weights = {party: weight.minor for party, weight in pool.weights.items()}
    new = carried(weights, {p: pool.carry.get(p, 0) for p in weights}, pool.released.minor)
    # Contributors who were not in the epoch keep their carry.
    carry = {party: more for party, more in pool.carry.items() if party not in weights} | new
    for party, part in more.items():
        carry[party] = max(1 - FINE, min(FINE - 1, carry.get(party, 0) + part))
    return _changed(pool, amounts).but(
        weights={},
        released=Money.zero(pool.currency),
        carry={party: part for party, part in sorted(carry.items()) if part},
    )


def require_held(pool: Pool, party: str, amount: Money) -> None:
    """Check that a contributor still has this much unreserved. Raises InsufficientFunds."""
    held = pool.balances.get(party, Money.zero(pool.currency))
    if amount > held or amount > pool.available:
        raise InsufficientFunds(
            f"{amount} would be taken back, but {party} has {held} left in window {pool.window}."
        )


def split(pool: Pool, amount: Money) -> Split:
    """How a release of `amount` falls on the contributors. Raises InsufficientFunds."""
    if amount > pool.available:
        raise InsufficientFunds(
            f"{amount} is asked for, but window {pool.window} has {pool.available} available."
        )
    weights = pool.weights or {
        party: balance
        for party, balance in pool.balances.items()
        if balance.minor * FINE > pool.carry.get(party, 0)
    }
    carry = {party: pool.carry[party] for party in weights if party in pool.carry}
    whole = {party: weight.minor for party, weight in weights.items()}
    shares = cumulative_shares(amount.minor, whole, carry, pool.released.minor)
    return Split(
        shares={party: Money(minor, amount.currency) for party, minor in shares.items() if minor},
        weights=weights,
        carry=carry or None,
        released_before=pool.released,
    )


def taken(pool: Pool, amount: Money, parts: Split) -> Pool:
    """The pool after the split amount was reserved."""
    less = {party: -share for party, share in parts.shares.items()}
    released = parts.released_before + amount
    return _changed(pool, less).but(weights=parts.weights, released=released)


def _changed(pool: Pool, amounts: Mapping[str, Money]) -> Pool:
    """The pool with each contributor's balance changed by an amount."""
    balances, available = dict(pool.balances), pool.available
    for party, amount in amounts.items():
        known = balances.get(party)
        balances[party] = amount if known is None else known + amount
        available += amount
    if len(balances) != len(pool.balances):
        balances = dict(sorted(balances.items()))
    return pool.but(balances=balances, available=available)
