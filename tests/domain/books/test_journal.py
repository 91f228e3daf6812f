"""The journal: balanced by construction, totals that only grow."""

import pytest

from app.domain.book import Book, Posting
from app.domain.books import journal
from app.domain.books.journal import Leg, account_of, credit, debit, post
from app.domain.refusals import AmountOutOfRange
from app.domain.values import MAX_MINOR, Money
from tests.domain import eur, jpy

BOOK = Book(complete=True)


def test_an_account_where_nothing_was_posted_is_empty() -> None:
    account = account_of(BOOK, "cash/B", "EUR")

    assert account.balance == eur(0)
    assert account.version == 0


def test_a_movement_debits_and_credits() -> None:
    book = post(BOOK, debit("cash/B", eur(5)), credit("contributor/DE/w", eur(5)))

    assert account_of(book, "cash/B", "EUR").balance == eur(5)
    assert account_of(book, "contributor/DE/w", "EUR").balance == -eur(5)
    assert book.postings == (
        Posting("cash/B", "EUR", 500, 1, 500, 0),
        Posting("contributor/DE/w", "EUR", -500, 1, 0, 500),
    )


def test_an_account_keeps_both_totals_and_counts_its_postings() -> None:
    book = post(BOOK, debit("a", eur(5)), credit("b", eur(5)))
    book = post(book, debit("b", eur(3)), credit("a", eur(3)))

    account = account_of(book, "a", "EUR")
    assert (account.debits, account.credits, account.version) == (eur(5), eur(3), 2)
    assert account.balance == eur(2)
    assert book.postings[-1] == Posting("a", "EUR", -300, 2, 500, 300)


def test_one_movement_may_touch_an_account_twice() -> None:
    book = post(BOOK, debit("a", eur(1)), debit("a", eur(2)), credit("b", eur(3)))

    account = account_of(book, "a", "EUR")
    assert (account.debits, account.version) == (eur(3), 2)


def test_a_currency_has_its_own_accounts() -> None:
    book = post(
        BOOK,
        debit("a", eur(1)),
        credit("b", eur(1)),
        debit("a", jpy(7)),
        credit("b", jpy(7)),
    )

    assert account_of(book, "a", "EUR").balance == eur(1)
    assert account_of(book, "a", "JPY").balance == jpy(7)


def test_a_negative_leg_stands_on_the_other_side() -> None:
    book = post(BOOK, debit("a", -eur(1)), debit("b", eur(1)))

    assert account_of(book, "a", "EUR").credits == eur(1)
    assert account_of(book, "a", "EUR").debits == eur(0)


def test_legs_of_nothing_are_left_out() -> None:
    book = post(BOOK, debit("a", eur(0)), credit("b", eur(0)))

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
        post(BOOK, *legs)


def test_no_total_passes_the_largest_amount() -> None:
    most = Money(MAX_MINOR, "EUR")
    book = post(BOOK, debit("a", most), credit("b", most))

    with pytest.raises(AmountOutOfRange):
        post(book, debit("a", eur("0.01")), credit("c", eur("0.01")))


def test_paths_say_whose_and_what_for() -> None:
    assert journal.cash("B") == "cash/B"
    assert journal.transit("B") == "transit/B"
    assert journal.receivable("1") == "receivable/1"
    assert journal.deferred("DE", "w") == "deferred/DE/w"
    assert journal.contributor("DE", "w") == "contributor/DE/w"
    assert journal.reserved("1") == "reserved/1"
    assert journal.applied("DE", "w") == "applied/DE/w"
    assert journal.granted("UA", "w") == "granted/UA/w"
