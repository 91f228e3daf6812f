"""Attribution: whose money an outflow was, to the minor unit.

Pooled money is commingled; parliaments ask all the same. Every outflow is split over the
contributors by their weights with the method of largest remainders (Hamilton), ties by party
code. Rounding is made good by splitting the *running total* and subtracting what was split
before, so that nobody drifts from the exact share by more than one minor unit, however many
releases there are. Shares always sum to the total. Weights hold for an epoch: as long as nothing
flows in or back. Products exceed 64 bits, so everything is Python's whole numbers.
"""

from collections.abc import Mapping
from typing import Final

RULE: Final = "cumulative-largest-remainder/1"
"""Stored with every attribution, so that a later rule never re-reads an earlier entry."""


def largest_remainder(total: int, weights: Mapping[str, int]) -> dict[str, int]:
    """Split `total` minor units by `weights` (party code to a number >= 0, not all zero).

    Each party gets the whole part of its quota; what is left over goes, one unit each, to the
    largest fractions, ties to the party code that sorts first. Shares sum to `total` (>= 0).
    """
    whole = sum(weights.values())
    quotas = {party: divmod(total * weight, whole) for party, weight in weights.items()}
    left = total - sum(quota for quota, _ in quotas.values())
    by_remainder = sorted(weights, key=lambda party: (-quotas[party][1], party))
    lucky = set(by_remainder[:left])
    return {party: quotas[party][0] + (party in lucky) for party in sorted(weights)}


def cumulative_shares(
    amount: int, weights: Mapping[str, int], released_before: int
) -> dict[str, int]:
    """Shares of the next `amount` when `released_before` was split by the same weights already.

    A share can be minus one unit where the running total moves a rounding to another party.
    """
    before = largest_remainder(released_before, weights)
    after = largest_remainder(released_before + amount, weights)
    return {party: after[party] - before[party] for party in after}
