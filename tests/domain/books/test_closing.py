"""Closing: a day that is closed takes no posting, whatever brings it."""

from datetime import date, timedelta

import pytest

from app.domain.book import Book
from app.domain.books.closing import Closing, closed_through, closing_key, require_open
from app.domain.books.journal import credit, debit, post
from app.domain.refusals.money import PeriodClosed
from tests.support.domain import eur

OPEN = Book(complete=True)
THROUGH = date(2026, 1, 31)
CLOSED = OPEN.put(Closing(through=THROUGH, decided_seq=5))
ONE_DAY = timedelta(days=1)


def test_every_day_is_open_until_one_is_closed() -> None:
    assert closed_through(OPEN) is None

    for day in (date.min, THROUGH, date.max):
        require_open(OPEN, day)


@pytest.mark.parametrize("day", [THROUGH, THROUGH - ONE_DAY, date(2000, 1, 1)])
def test_the_last_closed_day_and_all_before_it_are_closed(day: date) -> None:
    with pytest.raises(PeriodClosed) as caught:
        require_open(CLOSED, day)

    assert str(day) in caught.value.sentence
    assert str(THROUGH) in caught.value.sentence


def test_the_day_after_is_open() -> None:
    assert closed_through(CLOSED) == THROUGH

    require_open(CLOSED, THROUGH + ONE_DAY)


def test_nothing_is_posted_on_a_closed_day_not_even_nothing() -> None:
    for amount in (eur(1), eur(0)):
        with pytest.raises(PeriodClosed):
            post(CLOSED, THROUGH, debit("a", amount), credit("b", amount))

    assert post(CLOSED, THROUGH + ONE_DAY, debit("a", eur(1)), credit("b", eur(1))).postings


def test_a_fund_has_one_closing() -> None:
    later = CLOSED.put(Closing(through=THROUGH + ONE_DAY, decided_seq=6))

    assert closed_through(later) == THROUGH + ONE_DAY
    assert closing_key() == (Closing, ())


def test_a_book_that_was_not_asked_for_the_closing_does_not_call_it_open() -> None:
    with pytest.raises(AssertionError, match="was read but not named"):
        require_open(Book(), THROUGH)
