"""Attribution: whose money an outflow was, to the minor unit.

The contributors' money is pooled, and each parliament asks what became of its own. Every outflow is
split over the contributors by their weights with the method of largest remainders (Hamilton), ties
by party code. Rounding is made good by splitting the *running total* and subtracting what was split
before.

Weights hold for an epoch: as long as nothing flows in or back. How far rounding has put each
contributor ahead or behind when an epoch ends is carried into the next one, so that nobody drifts
from the exact share by more than one minor unit, however many releases and epochs there are. Shares
always sum to the total. Products exceed 64 bits, so everything is Python's whole numbers.
"""

from collections.abc import Mapping
from typing import Final

RULE: Final = "cumulative-largest-remainder/2"
"""Stored with every attribution, so that a later rule never re-reads an earlier entry."""
FINE: Final = 10**9
"""The carry between epochs is counted in billionths of a minor unit."""


def largest_remainder(
    total: int, weights: Mapping[str, int], *, first: bool = True
) -> dict[str, int]:
    """Split `total` minor units by `weights` (party code to a number >= 0, not all zero).

    Each party gets the whole part of its quota; what is left over goes, one unit each, to the
    largest fractions, ties to the party code that sorts first, or last unless `first`. Shares sum
    to `total` (>= 0).
    """
    whole = sum(weights.values())
    quotas = {party: divmod(total * weight, whole) for party, weight in weights.items()}
    left = total - sum(quota for quota, _ in quotas.values())
    in_order = sorted(weights, reverse=not first)
    by_remainder = sorted(in_order, key=lambda party: -quotas[party][1])
    lucky = set(by_remainder[:left])
    return {party: quotas[party][0] + (party in lucky) for party in sorted(weights)}


def cumulative_shares(
    amount: int, weights: Mapping[str, int], carry: Mapping[str, int], released_before: int
) -> dict[str, int]:
    """Shares of the next `amount` when `released_before` of the weights was split already.

    `weights` are what each has when the epoch begins; `carry` is how much that exceeds their exact
    claim, in parts of a minor unit (FINE). No more than the sum of the weights can be released. A
    share can be minus one unit where the running total moves a rounding to another party.
    """
    before = _left(released_before, weights, carry)
    after = _left(released_before + amount, weights, carry)
    return {party: before[party] - after[party] for party in after}


def exact_shares(
    amount: int, weights: Mapping[str, int], carry: Mapping[str, int], released_before: int
) -> dict[str, int]:
    """The same shares before they are made whole, in parts of a minor unit (FINE)."""
    left = sum(weights.values()) - released_before
    before, after = (
        _last_first(still * FINE, _exact(weights, carry)) for still in (left, left - amount)
    )
    return {party: before[party] - after[party] for party in after}


def carried(weights: Mapping[str, int], carry: Mapping[str, int], released: int) -> dict[str, int]:
    """The carry with which the next epoch begins, once `released` of these weights was split."""
    if not released:
        return dict(carry)
    left = sum(weights.values()) - released
    exact = _last_first(left * FINE, _exact(weights, carry))
    whole = _left(released, weights, carry)
    behind = {party: whole[party] * FINE - exact[party] for party in weights}
    return {party: more for party, more in behind.items() if more}


def _exact(weights: Mapping[str, int], carry: Mapping[str, int]) -> dict[str, int]:
    """Each party's exact claim, its weight less its carry, in parts of a minor unit (FINE)."""
    return {party: weight * FINE - carry.get(party, 0) for party, weight in weights.items()}


def _left(released: int, weights: Mapping[str, int], carry: Mapping[str, int]) -> dict[str, int]:
    """What is left of each weight once `released` minor units were split, in whole units."""
    if not released:
        return dict(weights)
    return _last_first(sum(weights.values()) - released, _exact(weights, carry))


def _last_first(total: int, weights: Mapping[str, int]) -> dict[str, int]:
    """`largest_remainder` with ties to the party code that sorts last.

    It splits what is kept, so that in a tie the code that sorts first gives the odd unit.
    """
    return largest_remainder(total, weights, first=False)
