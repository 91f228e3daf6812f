"""Draws: from which pools a release is taken, in order, and whose it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.book import Book
from app.domain.books.draws import Draw, drawn, reserved_from, shares_of
from app.domain.books.pools import FREE, paid_in, pool_of
from app.domain.refusals.money import InsufficientFunds
from app.domain.values import Money
from tests.support.domain import eur, jpy

KINDS = [("budget", "tied"), ("budget", FREE), ("general", FREE)]


def a_book(*pools: dict[str, int]) -> Book:
    """A book whose pools of `KINDS` hold this much of each party, in minor units."""
    book = Book(complete=True)
    for (window, restriction), cents in zip(KINDS, pools, strict=False):
        pool = pool_of(book, window, restriction, "EUR")
        amounts = {party: Money(minor, "EUR") for party, minor in cents.items()}
        book = book.put(paid_in(pool, amounts))
    return book


def parts(draws: tuple[Draw, ...]) -> list[tuple[str, str, int]]:
    return [(draw.window, draw.restriction, draw.amount.minor) for draw in draws]


def available(book: Book) -> list[int]:
    return [pool_of(book, *kind, "EUR").available.minor for kind in KINDS]


def test_the_first_kind_gives_all_that_it_can_before_the_next_gives_anything() -> None:
    book = a_book({"DE": 10}, {"FR": 20}, {"IT": 30})

    for asked, expected in (
        (10, [("budget", "tied", 10)]),
        (11, [("budget", "tied", 10), ("budget", "", 1)]),
        (60, [("budget", "tied", 10), ("budget", "", 20), ("general", "", 30)]),
    ):
        assert parts(drawn(book, KINDS, Money(asked, "EUR"), "budget")) == expected


def test_the_order_is_the_callers() -> None:
    book = a_book({"DE": 10}, {"FR": 20}, {"IT": 30})

    draws = drawn(book, reversed(KINDS), Money(35, "EUR"), "budget")

    assert parts(draws) == [("general", "", 30), ("budget", "", 5)]


def test_an_empty_pool_is_passed_over() -> None:
    book = a_book({}, {"FR": 20})

    assert parts(drawn(book, KINDS, Money(5, "EUR"), "budget")) == [("budget", "", 5)]


def test_a_kind_that_is_not_listed_gives_nothing() -> None:
    book = a_book({"DE": 10}, {"FR": 20}, {"IT": 30})

    with pytest.raises(InsufficientFunds) as caught:
        drawn(book, [("budget", FREE)], Money(21, "EUR"), "budget")

    assert all(word in caught.value.sentence for word in ("0.21 EUR", "0.20 EUR", "budget"))


def test_more_than_all_kinds_hold_together_is_refused_with_both_values() -> None:
    book = a_book({"DE": 10}, {"FR": 20}, {"IT": 30})

    with pytest.raises(InsufficientFunds) as caught:
        drawn(book, KINDS, Money(61, "EUR"), "budget")

    assert all(word in caught.value.sentence for word in ("0.61 EUR", "0.60 EUR", "budget"))


def test_another_currency_does_not_pay() -> None:
    with pytest.raises(InsufficientFunds, match="0 JPY"):
        drawn(a_book({"DE": 10}), KINDS, jpy(1), "budget")


def test_no_kinds_pay_nothing() -> None:
    with pytest.raises(InsufficientFunds):
        drawn(a_book({"DE": 10}), [], eur("0.01"), "budget")


def test_each_draw_is_split_over_its_own_pools_contributors() -> None:
    book = a_book({"DE": 6, "FR": 4}, {"FR": 20})

    first, second = drawn(book, KINDS, Money(12, "EUR"), "budget")

    assert first.shares == {"DE": eur("0.06"), "FR": eur("0.04")}
    assert first.weights == first.shares
    assert second.shares == {"FR": eur("0.02")}
    assert (second.weights, second.released_before) == ({"FR": eur("0.20")}, eur(0))


def test_what_was_drawn_is_available_no_more() -> None:
    book = a_book({"DE": 10}, {"FR": 20}, {"IT": 30})

    after = reserved_from(book, drawn(book, KINDS, Money(35, "EUR"), "budget"))

    assert available(after) == [0, 0, 25]
    assert available(book) == [10, 20, 30]


def test_shares_are_summed_over_all_draws_by_party() -> None:
    book = a_book({"DE": 6, "FR": 4}, {"FR": 20}, {"AT": 1})

    shares = shares_of(drawn(book, KINDS, Money(31, "EUR"), "budget"))

    assert list(shares.items()) == [
        ("AT", eur("0.01")),
        ("DE", eur("0.06")),
        ("FR", eur("0.24")),
    ]
    assert shares_of([]) == {}


cents = st.dictionaries(st.sampled_from("ABCD"), st.integers(1, 30))


@given(st.tuples(cents, cents, cents), st.lists(st.integers(1, 40), max_size=12))
def test_no_pool_and_nobody_in_it_gives_more_than_there_is(
    pools: tuple[dict[str, int], ...], releases: list[int]
) -> None:
    book = a_book(*pools)
    given_by = dict.fromkeys("ABCD", 0)

    for minor in releases:
        before = sum(available(book))
        if minor > before:
            continue
        draws = drawn(book, KINDS, Money(minor, "EUR"), "budget")
        book = reserved_from(book, draws)
        assert sum(available(book)) == before - minor
        assert min(available(book)) >= 0
        for party, share in shares_of(draws).items():
            given_by[party] += share.minor
    for party, total in given_by.items():
        assert 0 <= total <= sum(pool.get(party, 0) for pool in pools)
