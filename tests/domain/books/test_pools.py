"""Pools: never more than is available, and whose it is."""

from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.book import Book
from app.domain.books.attribution import FINE
from app.domain.books.pools import FREE, Pool, Split, paid_back, paid_in, pool_of, split, taken
from app.domain.refusals.money import InsufficientFunds
from app.domain.values import Money
from tests.support.domain import eur

EMPTY = pool_of(Book(complete=True), "budget", FREE, "EUR")
NOTHING = eur(0)
ROUNDED = Fraction(100, FINE)
"""What a hundred epochs may round: each carries on a billionth of a minor unit at most."""


def a_pool(**cents: int) -> Pool:
    return paid_in(EMPTY, {party: Money(minor, "EUR") for party, minor in cents.items()})


def test_a_window_that_received_nothing_has_nothing() -> None:
    assert EMPTY.available == NOTHING
    assert EMPTY.balances == {}


def test_money_paid_in_is_available_and_known_by_contributor() -> None:
    pool = paid_in(a_pool(FR=40), {"DE": Money(60, "EUR"), "FR": Money(1, "EUR")})

    assert pool.available == eur("1.01")
    assert list(pool.balances.items()) == [("DE", eur("0.60")), ("FR", eur("0.41"))]


def test_a_release_falls_on_the_contributors_by_what_they_have() -> None:
    parts = split(a_pool(DE=60, FR=40), eur("0.50"))

    assert parts.shares == {"DE": eur("0.30"), "FR": eur("0.20")}
    assert parts.weights == {"DE": eur("0.60"), "FR": eur("0.40")}
    assert parts.released_before == NOTHING


def test_shares_of_nothing_are_left_out() -> None:
    parts = split(a_pool(DE=1000, FR=1), eur("0.01"))

    assert parts.shares == {"DE": eur("0.01")}


def test_more_than_is_available_is_refused_with_both_values() -> None:
    with pytest.raises(InsufficientFunds) as caught:
        split(a_pool(DE=60, FR=40), eur("1.01"))

    assert caught.value.code == "insufficient_funds"
    assert "1.01 EUR" in caught.value.sentence
    assert "1.00 EUR" in caught.value.sentence


def test_an_empty_window_releases_nothing() -> None:
    with pytest.raises(InsufficientFunds):
        split(EMPTY, eur("0.01"))


def test_the_weights_of_an_epoch_last_until_something_flows_in() -> None:
    pool = a_pool(DE=60, FR=40)
    pool = taken(pool, eur("0.11"), split(pool, eur("0.11")))
    assert pool.weights == {"DE": eur("0.60"), "FR": eur("0.40")}
    assert pool.released == eur("0.11")

    pool = paid_in(pool, {"FR": eur("1.00")})

    assert pool.weights == {}
    assert pool.released == NOTHING
    assert split(pool, eur("0.01")).weights == pool.balances


def test_a_contributor_with_nothing_left_has_no_weight_in_a_new_epoch() -> None:
    pool = a_pool(DE=60, FR=40)
    pool = taken(pool, eur(1), split(pool, eur(1)))
    assert pool.balances == {"DE": NOTHING, "FR": NOTHING}

    pool = paid_in(pool, {"FR": eur("0.10")})

    assert split(pool, eur("0.10")).shares == {"FR": eur("0.10")}


@given(
    st.dictionaries(st.sampled_from("ABCDE"), st.integers(1, 30), min_size=1),
    st.lists(st.integers(1, 20), max_size=20),
)
def test_nobody_gives_more_than_they_paid_in(cents: dict[str, int], releases: list[int]) -> None:
    pool = a_pool(**cents)

    for minor in releases:
        amount = Money(minor, "EUR")
        if amount > pool.available:
            continue
        before, parts = pool, split(pool, amount)
        pool = taken(pool, amount, parts)
        assert pool.available == before.available - amount
        assert all(NOTHING <= left <= Money(cents[p], "EUR") for p, left in pool.balances.items())


def test_a_window_is_emptied_to_the_last_unit() -> None:
    pool = a_pool(A=6, B=6, C=2)

    for minor in (10, 1, 3):
        pool = taken(pool, Money(minor, "EUR"), split(pool, Money(minor, "EUR")))

    assert pool.available == NOTHING
    assert set(pool.balances.values()) == {NOTHING}


def test_a_rounding_that_moves_is_a_share_of_minus_one_unit() -> None:
    """The largest remainder is not monotone in the total; the drift stays within one unit."""
    pool = a_pool(A=6, B=6, C=2)
    pool = taken(pool, eur("0.10"), split(pool, eur("0.10")))

    shares = split(pool, eur("0.01")).shares

    assert {party: share.minor for party, share in shares.items()} == {"A": 1, "B": 1, "C": -1}


def test_a_contributor_who_is_short_of_a_rounding_weighs_nothing() -> None:
    pool = paid_in(a_pool(A=5, B=5), {"C": Money(-1, "EUR")})

    parts = split(pool, Money(9, "EUR"))

    assert parts.weights.keys() == {"A", "B"}
    assert taken(pool, Money(9, "EUR"), parts).available == NOTHING


Step = tuple[str, str, int]
steps: st.SearchStrategy[list[Step]] = st.lists(
    st.tuples(
        st.sampled_from(["in", "out", "out and back"]), st.sampled_from("ABC"), st.integers(1, 40)
    ),
    min_size=1,
    max_size=80,
)


@given(st.dictionaries(st.sampled_from("ABC"), st.integers(1, 60), min_size=2), steps)
def test_nobody_drifts_whatever_flows_in_and_is_cancelled_between_releases(
    cents: dict[str, int], events: list[Step]
) -> None:
    """Beside the pool run the exact parts, in fractions that nobody rounds."""
    pool, exact = a_pool(**cents), {party: Fraction(minor) for party, minor in cents.items()}

    for kind, party, minor in events:
        if kind == "in":
            pool = paid_in(pool, {party: Money(minor, "EUR")})
            exact[party] = exact.get(party, Fraction(0)) + minor
        elif pool.available:
            amount = min(Money(minor, "EUR"), pool.available)
            parts = split(pool, amount)
            pool = taken(pool, amount, parts)
            assert sum(share.minor for share in parts.shares.values()) == amount.minor
            if kind == "out":
                kept = 1 - Fraction(amount.minor) / sum(exact.values())
                exact = {one: left * kept for one, left in exact.items()}
            else:
                pool = paid_back(pool, amount, parts)
        for one, left in pool.balances.items():
            assert abs(left.minor - exact[one]) <= 1 + ROUNDED


@given(
    st.dictionaries(st.sampled_from("ABC"), st.integers(1, 60), min_size=2),
    st.lists(st.tuples(st.booleans(), st.integers(0, 40)), max_size=80),
)
def test_whatever_comes_back_late_a_pool_keeps_its_sums_and_carries_less_than_a_unit(
    cents: dict[str, int], events: list[tuple[bool, int]]
) -> None:
    pool, drawn = a_pool(**cents), list[tuple[Money, Split]]()

    for goes_out, number in events:
        if goes_out and pool.available:
            amount = min(Money(number + 1, "EUR"), pool.available)
            drawn.append((amount, split(pool, amount)))
            pool = taken(pool, *drawn[-1])
        elif drawn:
            pool = paid_back(pool, *drawn.pop(number % len(drawn)))
        assert sum(left.minor for left in pool.balances.values()) == pool.available.minor
        assert all(0 < abs(more) < FINE for more in pool.carry.values())

    whole = sum(cents.values())
    assert pool.available.minor + sum(amount.minor for amount, _ in drawn) == whole


def test_what_is_cancelled_again_and_again_leaves_nobody_ahead() -> None:
    """Between two releases another one is reserved and cancelled; it always falls on the same."""
    pool, given_by = a_pool(DE=10_000, FR=5_000, GB=5_000), Counter[str]()

    for _ in range(400):
        parts = split(pool, Money(1, "EUR"))
        pool = taken(pool, Money(1, "EUR"), parts)
        given_by.update({party: share.minor for party, share in parts.shares.items()})
        other = split(pool, Money(1, "EUR"))
        pool = paid_back(taken(pool, Money(1, "EUR"), other), Money(1, "EUR"), other)

    assert given_by == {"DE": 200, "FR": 100, "GB": 100}


def test_equal_contributors_give_the_same_though_one_pays_between_all_releases() -> None:
    """What used to happen: whoever sorts first gave every odd unit of every epoch."""
    pool, given_by = a_pool(A=10_000, B=10_000), Counter[str]()

    for turn in range(2_000):
        parts = split(pool, Money(1, "EUR"))
        pool = taken(pool, Money(1, "EUR"), parts)
        given_by.update({party: share.minor for party, share in parts.shares.items()})
        pool = paid_in(pool, {"AB"[turn % 2]: Money(1, "EUR")})

    assert abs(given_by["A"] - given_by["B"]) <= 1


def test_who_was_spent_when_others_paid_keeps_what_was_carried_for_them() -> None:
    pool = a_pool(A=1, B=1)
    pool = taken(pool, Money(1, "EUR"), split(pool, Money(1, "EUR")))
    pool = paid_in(pool, {"B": Money(10, "EUR")})

    assert pool.balances == {"A": NOTHING, "B": eur("0.11")}
    assert pool.carry == {"A": -FINE // 2, "B": FINE // 2}
    assert split(pool, Money(1, "EUR")).shares == {"B": eur("0.01")}
