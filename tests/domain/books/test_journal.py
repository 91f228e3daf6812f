"""The journal: balanced by construction, totals that only grow."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.book import Book, Posting
from app.domain.books import journal
from app.domain.books.closing import closing_key
from app.domain.books.journal import (
    MAX_BACKDATING_DAYS,
    AccountDay,
    AccountMonth,
    Leg,
    account_of,
    credit,
    debit,
    month_of,
    months_between,
    post,
    posting_keys,
)
from app.domain.refusals.money import AmountOutOfRange, DateOutOfRange
from app.domain.values import MAX_MINOR, Money
from tests.support.domain import eur, jpy

BOOK = Book(complete=True)
DAY = date(2026, 1, 15)


def moved(*movements: tuple[date, int]) -> Book:
    """A book in which `a` was debited, or below zero credited, by these minor units on each day."""
    book = BOOK
    for day, minor in movements:
        amount = Money(minor, "EUR")
        book = post(book, day, debit("a", amount), credit("b", amount))
    return book


def at_close(book: Book, day: date) -> tuple[int, int]:
    """What `a` was debited and credited up to the close of a day, from its rows alone.

    The account, if its newest day has come; else the month before, and the days of this one.
    """
    account = account_of(book, "a", "EUR")
    if account.day <= day:
        return account.debits.minor, account.credits.minor
    months = [row for row in book.rows.values() if isinstance(row, AccountMonth)]
    closed = [row for row in months if row.account == "a" and row.month < month_of(day)]
    last = max(closed, key=lambda row: row.month, default=None)
    left, right = (last.debits.minor, last.credits.minor) if last else (0, 0)
    for n in range(day.day):
        turnover = book.find(AccountDay, "a", "EUR", month_of(day) + timedelta(days=n))
        if turnover is not None:
            left, right = left + turnover.debits.minor, right + turnover.credits.minor
    return left, right


def test_an_account_where_nothing_was_posted_is_empty() -> None:
    account = account_of(BOOK, "cash/B", "EUR")

    assert account.balance == eur(0)
    assert account.version == 0


def test_a_movement_debits_and_credits() -> None:
    book = post(BOOK, DAY, debit("cash/B", eur(5)), credit("contributor/DE/w", eur(5)))

    assert account_of(book, "cash/B", "EUR").balance == eur(5)
    assert account_of(book, "contributor/DE/w", "EUR").balance == -eur(5)
    assert book.postings == (
        Posting("cash/B", "EUR", DAY, 500, 1, 500, 0),
        Posting("contributor/DE/w", "EUR", DAY, -500, 1, 0, 500),
    )


def test_an_account_keeps_both_totals_and_counts_its_postings() -> None:
    book = post(BOOK, DAY, debit("a", eur(5)), credit("b", eur(5)))
    book = post(book, DAY, debit("b", eur(3)), credit("a", eur(3)))

    account = account_of(book, "a", "EUR")
    assert (account.debits, account.credits, account.version) == (eur(5), eur(3), 2)
    assert account.balance == eur(2)
    assert book.postings[-1] == Posting("a", "EUR", DAY, -300, 2, 500, 300)


def test_one_movement_may_touch_an_account_twice() -> None:
    book = post(BOOK, DAY, debit("a", eur(1)), debit("a", eur(2)), credit("b", eur(3)))

    account = account_of(book, "a", "EUR")
    assert (account.debits, account.version) == (eur(3), 2)


def test_a_currency_has_its_own_accounts() -> None:
    book = post(
        BOOK,
        DAY,
        debit("a", eur(1)),
        credit("b", eur(1)),
        debit("a", jpy(7)),
        credit("b", jpy(7)),
    )

    assert account_of(book, "a", "EUR").balance == eur(1)
    assert account_of(book, "a", "JPY").balance == jpy(7)


def test_a_negative_leg_stands_on_the_other_side() -> None:
    book = post(BOOK, DAY, debit("a", -eur(1)), debit("b", eur(1)))

    assert account_of(book, "a", "EUR").credits == eur(1)
    assert account_of(book, "a", "EUR").debits == eur(0)


def test_legs_of_nothing_are_left_out() -> None:
    book = post(BOOK, DAY, debit("a", eur(0)), credit("b", eur(0)))

    assert book == BOOK


@pytest.mark.parametrize(
    "legs",
    [
        [debit("a", eur(1))],
        [debit("a", eur(1)), credit("b", eur(2))],
        [debit("a", eur(1)), credit("b", Money(100, "USD"))],
    ],
)
def test_a_movement_that_does_not_balance_is_our_own_mistake(legs: list[Leg]) -> None:
    with pytest.raises(AssertionError, match="does not balance"):
        post(BOOK, DAY, *legs)


def test_no_total_passes_the_largest_amount() -> None:
    most = Money(MAX_MINOR, "EUR")
    book = post(BOOK, DAY, debit("a", most), credit("b", most))

    with pytest.raises(AmountOutOfRange):
        post(book, DAY, debit("a", eur("0.01")), credit("c", eur("0.01")))


def test_an_account_knows_the_turnover_of_its_newest_day_and_month() -> None:
    book = moved((date(2026, 1, 31), 100), (date(2026, 2, 1), 5), (date(2026, 2, 3), 7))
    book = post(book, date(2026, 2, 3), debit("b", eur("0.02")), credit("a", eur("0.02")))

    account = account_of(book, "a", "EUR")
    assert (account.day, account.debits.minor, account.credits.minor) == (date(2026, 2, 3), 112, 2)
    assert (account.day_debits.minor, account.day_credits.minor) == (7, 2)
    assert (account.month_debits.minor, account.month_credits.minor) == (12, 2)


def test_a_day_that_is_over_is_kept_with_its_turnover_and_a_month_with_its_close() -> None:
    book = moved((date(2026, 1, 30), 100), (date(2026, 1, 31), -30), (date(2026, 3, 1), 5))

    last = book.get(AccountDay, "a", "EUR", date(2026, 1, 31))
    assert (last.debits.minor, last.credits.minor) == (0, 30)
    january = book.get(AccountMonth, "a", "EUR", date(2026, 1, 1))
    assert (january.debits.minor, january.credits.minor) == (100, 30)
    assert (january.month_debits.minor, january.month_credits.minor) == (100, 30)
    assert book.find(AccountMonth, "a", "EUR", date(2026, 2, 1)) is None
    assert book.find(AccountDay, "a", "EUR", date(2026, 3, 1)) is None


def test_a_posting_into_the_past_moves_every_later_close() -> None:
    newest = (date(2025, 11, 5), 1), (date(2026, 1, 10), 10), (date(2026, 3, 1), 100)
    book = moved(*newest, (date(2025, 12, 24), 1000))

    closes = {
        day: at_close(book, date.fromisoformat(day))[0]
        for day in ("2025-11-05", "2025-12-23", "2025-12-24", "2026-01-09", "2026-01-31")
    }
    assert closes == {
        "2025-11-05": 1,
        "2025-12-23": 1,
        "2025-12-24": 1001,
        "2026-01-09": 1001,
        "2026-01-31": 1011,
    }
    account = account_of(book, "a", "EUR")
    assert (account.day, account.debits.minor, account.version) == (date(2026, 3, 1), 1111, 4)
    assert (account.day_debits.minor, account.month_debits.minor) == (100, 100)


def test_a_posting_into_the_past_of_this_month_belongs_to_its_turnover() -> None:
    book = moved((date(2026, 1, 20), 10), (date(2026, 1, 5), 1))

    account = account_of(book, "a", "EUR")
    assert (account.day_debits.minor, account.month_debits.minor) == (10, 11)
    assert at_close(book, date(2026, 1, 4)) == (0, 0)
    assert at_close(book, date(2026, 1, 19)) == (1, 0)


def test_a_posting_carries_its_day_and_the_totals_as_of_its_entry() -> None:
    book = moved((date(2026, 1, 20), 10), (date(2026, 1, 5), 1))

    assert book.postings[2] == Posting("a", "EUR", date(2026, 1, 5), 1, 2, 11, 0)


def test_a_posting_reaches_back_ten_years_and_no_further() -> None:
    first = DAY - timedelta(days=MAX_BACKDATING_DAYS)
    book = moved((DAY, 10), (first, 1))
    assert MAX_BACKDATING_DAYS == 3_660
    assert at_close(book, first) == (1, 0)

    with pytest.raises(DateOutOfRange) as caught:
        post(
            book,
            first - timedelta(days=1),
            debit("c", eur(1)),
            credit("a", eur(1)),
        )

    assert all(word in caught.value.sentence for word in ("a has", "2026-01-15", "3660"))


def test_a_new_account_takes_any_day() -> None:
    for day in (date(2000, 1, 1), date(2199, 12, 31)):
        assert account_of(moved((day, 1)), "a", "EUR").day == day


@given(
    st.lists(
        st.tuples(st.integers(0, MAX_BACKDATING_DAYS), st.integers(-9, 9)), min_size=1, max_size=25
    ),
    st.integers(-3, MAX_BACKDATING_DAYS + 3),
)
def test_the_rows_give_every_days_close_whatever_was_posted_in_which_order(
    movements: list[tuple[int, int]], days: int
) -> None:
    start = date(2024, 12, 15)
    dated = [(start + timedelta(days=n), minor) for n, minor in movements]
    day = start + timedelta(days=days)

    book = moved(*dated)

    until = [minor for posted, minor in dated if posted <= day]
    left, right = sum(max(n, 0) for n in until), sum(max(-n, 0) for n in until)
    assert at_close(book, day) == (left, right)


@given(
    st.lists(st.integers(0, MAX_BACKDATING_DAYS), min_size=1, max_size=8),
    st.integers(-40, MAX_BACKDATING_DAYS + 40),
)
def test_the_keys_that_are_named_are_enough_for_any_day(days: list[int], at: int) -> None:
    start = date(2024, 12, 15)
    whole, day = moved(*((start + timedelta(days=n), 1) for n in days)), start + timedelta(days=at)
    named = Book().loaded([(closing_key(), None)])
    for account in ("a", "b"):
        for _ in range(3):
            keys = list(posting_keys(named, account, "EUR", day))
            named = named.loaded((row, whole.peek(row[0], *row[1])) for row in keys)

    legs = debit("a", eur(1)), credit("b", eur(1))
    try:
        expected = post(whole.saved(), day, *legs)
    except DateOutOfRange:
        with pytest.raises(DateOutOfRange):
            post(named, day, *legs)
    else:
        found = post(named, day, *legs)
        assert (found.changed, found.postings) == (expected.changed, expected.postings)


def test_months_are_named_by_their_first_day_and_counted_over_the_year() -> None:
    assert month_of(date(2024, 2, 29)) == date(2024, 2, 1)
    assert list(months_between(date(2025, 11, 30), date(2026, 2, 1))) == [
        date(2025, 11, 1),
        date(2025, 12, 1),
        date(2026, 1, 1),
    ]
    assert list(months_between(date(2026, 1, 1), date(2026, 1, 31))) == []


def test_paths_say_whose_and_what_for() -> None:
    assert journal.cash("B") == "cash/B"
    assert journal.transit("B") == "transit/B"
    assert journal.receivable("1") == "receivable/1"
    assert journal.deferred("DE", "w") == "deferred/DE/w"
    assert journal.contributor("DE", "w") == "contributor/DE/w"
    assert journal.reserved("1") == "reserved/1"
    assert journal.applied("DE", "w") == "applied/DE/w"
    assert journal.granted("UA", "w") == "granted/UA/w"
    assert journal.own("charges") == "own/charges"
    assert journal.SUSPENSE == "suspense"
