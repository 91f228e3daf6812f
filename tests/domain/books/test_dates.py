"""Dates: the bank's, the day that the books count it for, and when both may be."""

from datetime import date

import pytest
from pydantic import ValidationError

from app.domain.books.dates import Dated, require_dates, require_past
from app.domain.event import Act
from app.domain.inflow.receipts import Receipt
from app.domain.refusals.money import DateOutOfRange
from app.domain.values import Role
from tests.support.builders import money
from tests.support.domain import DIGEST, UNKNOWN_ID, entry, funded, refused
from tests.support.paper import START

ACT = Act(0, START, "DE", "de-treasury", Role.TREASURY, DIGEST, lambda: UNKNOWN_ID)
TODAY = date(2026, 2, 1)


def dated(value: str, effective: str | None = None) -> Dated:
    return Dated.model_validate({"value_date": value, "effective_date": effective})


def test_a_movement_counts_for_its_value_date_where_nothing_else_is_said() -> None:
    assert dated("2026-01-15").effective == date(2026, 1, 15)
    assert dated("2026-01-15", "2026-02-01").effective == TODAY


@pytest.mark.parametrize("day", ["2000-01-01", "2026-01-31", "2026-02-01", "2026-02-02"])
def test_a_day_that_has_begun_somewhere_on_earth_is_past(day: str) -> None:
    require_past(date.fromisoformat(day), ACT)
    require_dates(dated(day), ACT)


@pytest.mark.parametrize("day", ["2026-02-03", "2027-02-01", "2199-12-31"])
def test_a_day_that_has_begun_nowhere_is_refused(day: str) -> None:
    for terms in (dated(day), dated("2026-01-15", day)):
        with pytest.raises(DateOutOfRange) as caught:
            require_dates(terms, ACT)

        assert day in caught.value.sentence
        assert "2026-02-01" in caught.value.sentence


def test_nothing_counts_before_the_bank_has_it() -> None:
    require_dates(dated("2026-01-15", "2026-01-15"), ACT)

    with pytest.raises(DateOutOfRange, match="2026-01-14 lies before the value date, 2026-01-15"):
        require_dates(dated("2026-01-15", "2026-01-14"), ACT)


@pytest.mark.parametrize("day", ["1999-12-31", "2200-01-01", "2026-02-30", "2026-1-15", 20260115])
def test_a_date_has_its_form(day: object) -> None:
    for body in ({"value_date": day}, {"value_date": "2026-01-15", "effective_date": day}):
        with pytest.raises(ValidationError):
            Dated.model_validate(body)


def test_a_receipt_is_posted_on_its_effective_date_and_keeps_the_banks() -> None:
    paper = funded()
    agreement = paper.agreed("DE", money(100))

    paper.paid(agreement, money(60), effective_date="2026-01-31")

    receipt = paper.newest(Receipt)
    assert receipt.value_date == date(2026, 1, 15)
    assert receipt.effective_date == date(2026, 1, 31)
    posted = {line.effective for line in entry(paper, "receipt.booked").postings}
    assert posted == {date(2026, 1, 31)}


def test_a_receipt_does_not_count_before_it_arrived() -> None:
    paper = funded()
    agreement = paper.agreed("DE", money(100))

    with refused(paper, "date_out_of_range", "2026-01-14", "2026-01-15"):
        paper.paid(agreement, money(60), effective_date="2026-01-14")
    with refused(paper, "date_out_of_range", "2026-02-03", "2026-02-01"):
        paper.paid(agreement, money(60), effective_date="2026-02-03")
