"""Corrected rates: another person puts right what was entered wrongly; what was valued stays."""

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from app.domain.admission import admit
from app.domain.books.rates import CorrectRates, RateDay, RatesCorrected, rate_on
from app.domain.event import Event
from app.domain.governance.funds import charter_of
from app.domain.refusals.base import NotFound
from app.domain.values import Role
from tests.support.builders import (
    EVIDENCE,
    RATES,
    REQUESTER,
    TRUSTEE,
    Person,
    money,
    treasury,
    valued,
)
from tests.support.domain import Door, Known, entry, funded, lines, refused, replayed, said

DAY = date(2026, 1, 15)
SECOND = Known("TRUSTEE", Role.TRUSTEE, "trustee-second")
OTHER_EVIDENCE = "1" * 64


def a_fund() -> Door:
    """1.0285 USD were entered for the 15th; 1.0825 were published."""
    paper = Door().open(**valued())
    paper.published(**{**RATES, "USD": "1.0285"})
    return paper


def a_correction(**changes: Any) -> CorrectRates:
    body = {
        "day": "2026-01-15",
        "rates": RATES,
        "evidence": OTHER_EVIDENCE,
        "reason": "Two digits had changed places",
        **changes,
    }
    return CorrectRates.model_validate(body)


def corrected(paper: Door, who: Person = SECOND, **changes: Any) -> Event:
    return paper.do(who, a_correction(**changes))


def test_corrected_rates_take_the_place_of_those_entered_first() -> None:
    paper = a_fund()
    first = len(paper.log) - 1
    event = corrected(paper)

    assert isinstance(event, RatesCorrected)
    assert event.corrects == first
    assert paper.book.get(RateDay, DAY) == RateDay(
        day=DAY,
        rates=RATES,
        evidence=OTHER_EVIDENCE,
        entered_by="trustee-second",
        published_seq=first,
        corrected_seq=first + 1,
    )
    assert rate_on(paper.book, charter_of(paper.book), "USD", DAY) * 10_000 == 10_825
    assert lines(paper, "rates.corrected") == {}
    assert replayed(paper) == paper.book


def test_a_correction_says_what_it_puts_right_and_why() -> None:
    paper = a_fund()
    corrected(paper, rates={"USD": "1.0825", "JPY": "164.45"})

    assert said(paper, "rates.corrected") == (
        f"TRUSTEE corrected the exchange rates of 2026-01-15 in entry {len(paper.log) - 2} "
        "to JPY 164.45, USD 1.0825: Two digits had changed places"
    )


def test_rates_of_a_day_that_has_none_are_not_corrected() -> None:
    paper = a_fund()

    with refused(paper, "not_found", "rate_days"):
        corrected(paper, day="2026-01-16")


def test_who_entered_rates_does_not_correct_them() -> None:
    paper = a_fund()

    with refused(paper, "separation_of_duties", "another"):
        corrected(paper, TRUSTEE)
    corrected(paper, SECOND)


def test_a_correction_may_be_corrected_by_another_person_again() -> None:
    paper = a_fund()
    corrected(paper, rates={"USD": "1.0852"})

    with refused(paper, "separation_of_duties", "another"):
        corrected(paper, SECOND)
    event = corrected(paper, TRUSTEE)

    assert isinstance(event, RatesCorrected)
    assert event.corrects == len(paper.log) - 2
    row = paper.book.get(RateDay, DAY)
    assert (row.entered_by, row.corrected_seq) == (TRUSTEE.subject, len(paper.log) - 1)
    assert replayed(paper) == paper.book


def test_a_corrected_rate_is_of_a_currency_that_the_fund_takes_and_not_of_the_base() -> None:
    paper = a_fund()

    with refused(paper, "currency_not_in_charter"):
        corrected(paper, rates={"CHF": "0.94"})
    with refused(paper, "rate_out_of_range", "EUR"):
        corrected(paper, rates={"EUR": "1"})


def test_a_fund_whose_charter_names_no_source_has_no_rates_to_correct() -> None:
    paper = a_fund()
    corrected(paper)
    line, without = entry(paper, "rates.corrected"), funded()

    with refused(without, "not_found", "rate_days"):
        without.do(TRUSTEE, a_correction())
    with refused(without, "no_exchange_rates"):
        admit(without.book, line.event, line.act._replace(subject=TRUSTEE.subject))


@pytest.mark.parametrize("who", [REQUESTER, treasury("DE")])
def test_only_the_trustee_corrects_rates(who: Person) -> None:
    paper = a_fund()

    with refused(paper, "role_not_permitted", "trustee"):
        corrected(paper, who)


def test_a_first_rate_that_was_absurd_can_be_put_right_and_the_next_day_goes_on() -> None:
    paper = Door().open(**valued())
    paper.published(USD="10825")
    with refused(paper, "rate_out_of_range", "1.0825", "USD"):
        paper.published("2026-01-16", USD="1.0825")

    corrected(paper, rates={"USD": "1.0825"})

    paper.published("2026-01-16", USD="1.0825")
    assert replayed(paper) == paper.book


def test_a_currency_that_a_correction_leaves_out_has_no_rate_that_day() -> None:
    paper = a_fund()
    corrected(paper, rates={"JPY": "164.45"})
    agreement = paper.agreed("DE", money(100, "USD"))

    with refused(paper, "rate_missing", "USD", "2026-01-15"):
        paper.paid(agreement, money(100, "USD"))


def test_what_was_valued_at_the_wrong_rate_stays_and_what_comes_later_is_valued_rightly() -> None:
    paper = a_fund()
    agreement = paper.agreed("DE", money("211.10", "USD"))
    paper.paid(agreement, money("102.85", "USD"))
    before = [line.postings for line in paper.log]

    corrected(paper)
    paper.paid(agreement, money("108.25", "USD"))

    assert [line.postings for line in paper.log[: len(before)]] == before
    assert lines(paper, "receipt.booked")["fx/USD"] == 100_00
    assert paper.book.get(RateDay, DAY).rates == RATES
    assert replayed(paper) == paper.book


def test_a_log_cannot_correct_another_entry_than_the_one_in_which_the_rates_stand() -> None:
    paper = a_fund()
    before = paper.book
    corrected(paper)
    line = entry(paper, "rates.corrected")

    for forged in (0, line.act.seq):
        with pytest.raises(NotFound, match=f"stand in entry {line.act.seq - 1}"):
            admit(before, line.event.model_copy(update={"corrects": forged}), line.act)
    assert admit(before, line.event, line.act) == paper.book


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"rates": {}}, "too_short"),
        ({"rates": {"USD": "1.08250"}}, "invalid_rate"),
        ({"evidence": "none"}, "string_pattern_mismatch"),
        ({"reason": ""}, "string_too_short"),
        ({"day": "2026-02-30"}, "invalid_date"),
        ({"corrects": 4}, "extra_forbidden"),
    ],
)
def test_a_correction_has_its_form(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(ValidationError) as caught:
        a_correction(**changes)

    assert caught.value.errors()[0]["type"] == code


def test_a_correction_says_why() -> None:
    body = {"day": DAY, "rates": RATES, "evidence": EVIDENCE}

    with pytest.raises(ValidationError, match="reason"):
        CorrectRates.model_validate(body)
