"""Attribution: exact, to the minor unit, over any number of releases."""

import json
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.books.attribution import FINE, carried, cumulative_shares, largest_remainder

GOLDEN = Path(__file__).resolve().parents[4] / "shared/data/era_facts/golden_attribution.json"
ERA = {"CA": 361_098, "EU": 1_960_949, "JP": 310_630, "UK": 293_227, "US": 2_000_000}

parties = st.sampled_from(["CA", "DE", "EU", "FR", "JP", "UK", "US"])
weights = st.dictionaries(parties, st.integers(0, 10**18 - 1), min_size=1).filter(
    lambda found: any(found.values())
)
small_weights = st.dictionaries(parties, st.integers(0, 9), min_size=1).filter(
    lambda found: any(found.values())
)
amounts = st.integers(0, 10**18 - 1)


def golden() -> Any:
    """The published vectors; they lie beside the repository, never in it."""
    if not GOLDEN.exists():
        pytest.skip(f"no golden attribution at {GOLDEN}")
    return json.loads(GOLDEN.read_text())


def test_the_golden_vectors_come_out() -> None:
    vectors = golden()
    era = vectors["weights_usd_cents"]
    assert sum(era.values()) == vectors["weights_total"]

    for case in vectors["cases"]:
        shares = largest_remainder(case["total_minor"], era)
        assert shares == case["shares_minor"], case["name"]
        assert cumulative_shares(case["total_minor"], era, {}, 0) == shares


@given(amounts, weights | small_weights)
def test_shares_sum_to_the_total(amount: int, by: dict[str, int]) -> None:
    assert sum(largest_remainder(amount, by).values()) == amount


@given(amounts, weights | small_weights)
def test_each_share_is_its_exact_quota_rounded_up_or_down(amount: int, by: dict[str, int]) -> None:
    for party, share in largest_remainder(amount, by).items():
        exact = Fraction(amount * by[party], sum(by.values()))
        assert exact - 1 < share < exact + 1


@given(weights | small_weights, st.lists(st.integers(0, 10**16), max_size=60))
def test_nobody_drifts_by_more_than_a_minor_unit_over_many_releases(
    by: dict[str, int], releases: list[int]
) -> None:
    given_to, released = dict.fromkeys(by, 0), 0

    for wanted in releases:
        amount = wanted % (sum(by.values()) - released + 1)
        shares = cumulative_shares(amount, by, {}, released)
        released += amount
        assert sum(shares.values()) == amount
        for party, share in shares.items():
            given_to[party] += share
            exact = Fraction(released * by[party], sum(by.values()))
            assert abs(given_to[party] - exact) < 1


@given(weights | small_weights, st.data())
def test_where_nothing_is_carried_the_running_total_is_split(
    by: dict[str, int], data: st.DataObject
) -> None:
    before = data.draw(st.integers(0, sum(by.values())))
    amount = data.draw(st.integers(0, sum(by.values()) - before))

    shares = cumulative_shares(amount, by, {}, before)

    first, then = largest_remainder(before, by), largest_remainder(before + amount, by)
    assert shares == {party: then[party] - first[party] for party in by}


def test_what_rounding_gave_one_is_made_good_in_the_next_epoch() -> None:
    by = {"DE": 1_000, "FR": 1_000}
    first = cumulative_shares(1, by, {}, 0)
    carry = carried(by, {}, 1)

    then = cumulative_shares(1, {"DE": 999, "FR": 1_000}, carry, 0)

    assert first == {"DE": 1, "FR": 0}
    assert carry == {"DE": -FINE // 2, "FR": FINE // 2}
    assert then == {"DE": 0, "FR": 1}


def test_where_nothing_was_released_what_is_carried_stays() -> None:
    assert carried({"DE": 3, "FR": 4}, {"DE": 5, "FR": -5}, 0) == {"DE": 5, "FR": -5}


@given(small_weights)
def test_a_release_of_everything_in_single_units_gives_everybody_their_weight(
    by: dict[str, int],
) -> None:
    whole = sum(by.values())

    shares = [cumulative_shares(1, by, {}, released) for released in range(whole)]

    assert {party: sum(share[party] for share in shares) for party in by} == by


@given(weights, st.data())
def test_nobody_is_attributed_more_than_their_weight_while_the_weights_last(
    by: dict[str, int], data: st.DataObject
) -> None:
    amount = data.draw(st.integers(0, sum(by.values())))

    shares = largest_remainder(amount, by)

    assert all(0 <= shares[party] <= by[party] for party in by)


def test_ties_go_to_the_party_code_that_sorts_first() -> None:
    assert largest_remainder(1, {"US": 1, "EU": 1, "CA": 1}) == {"CA": 1, "EU": 0, "US": 0}
    assert largest_remainder(2, {"US": 1, "EU": 1, "CA": 1}) == {"CA": 1, "EU": 1, "US": 0}


def test_the_order_in_which_weights_are_written_changes_nothing() -> None:
    backwards = dict(reversed(ERA.items()))

    assert list(largest_remainder(7, backwards).items()) == list(largest_remainder(7, ERA).items())


def test_nothing_is_split_into_nothing() -> None:
    assert largest_remainder(0, ERA) == dict.fromkeys(ERA, 0)


def test_one_contributor_gets_everything_and_one_without_weight_nothing() -> None:
    assert largest_remainder(12345, {"EU": 3}) == {"EU": 12345}
    assert largest_remainder(12345, {"EU": 3, "AA": 0}) == {"AA": 0, "EU": 12345}


def test_products_beyond_64_bits_are_exact() -> None:
    total, half = 150_000_000_000, 2_462_952_364_053
    by = {"A": half, "B": half, "C": 1}
    assert total * sum(by.values()) > 2**64

    shares = largest_remainder(total, by)

    assert shares == {"A": 75_000_000_000, "B": 75_000_000_000, "C": 0}


def test_the_largest_amounts_are_split_exactly() -> None:
    most = 10**18 - 1

    assert largest_remainder(most, {"A": most, "B": most, "C": most}) == {
        "A": most // 3,
        "B": most // 3,
        "C": most // 3,
    }


def test_a_later_release_makes_good_what_an_earlier_one_rounded() -> None:
    by = {"DE": 1, "FR": 1}

    shares = [cumulative_shares(1, by, {}, released) for released in range(4)]

    assert [share["DE"] for share in shares] == [1, 0, 1, 0]
    assert [share["FR"] for share in shares] == [0, 1, 0, 1]


@given(st.integers(1, 50), st.integers(1, 50))
def test_between_two_contributors_no_release_takes_anything_back(left: int, right: int) -> None:
    by = {"DE": left, "FR": right}
    totals = [largest_remainder(total, by) for total in range(left + right + 1)]

    assert all(
        later[party] >= earlier[party] for earlier, later in pairwise(totals) for party in by
    )
