"""Exchange rates: as published, never too old, never absurd, rounded once."""

import json
from datetime import UTC, date, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.domain.book import Book
from app.domain.books.rates import (
    PublishRates,
    RateDay,
    cross_rate,
    exchanged,
    rate_on,
    source_of,
)
from app.domain.governance.funds import charter_of
from app.domain.refusals.money import AmountOutOfRange, NoExchangeRates, RateMissing
from app.domain.values import MAX_MINOR, Money
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
from tests.support.domain import Door, eur, funded, jpy, lines, refused, replayed, said

GOLDEN = Path(__file__).resolve().parents[4] / "shared/data/era_facts/golden_attribution.json"
ERA = {
    "CA": Money(5_000_000_000_00, "CAD"),
    "EU": Money(18_115_000_000_00, "EUR"),
    "JP": Money(471_900_000_000, "JPY"),
    "UK": Money(2_258_000_000_00, "GBP"),
    "US": Money(20_000_000_000_00, "USD"),
}
DAY = date(2026, 1, 15)


def a_fund() -> Door:
    return Door().open(**valued())


def code_of(changes: dict[str, Any]) -> str:
    body = {"day": "2026-01-15", "rates": RATES, "evidence": EVIDENCE, **changes}
    with pytest.raises(ValidationError) as caught:
        PublishRates.model_validate(body)
    return str(caught.value.errors()[0]["type"])


def test_rates_are_kept_by_their_day_as_they_were_written() -> None:
    paper = a_fund()
    paper.published()

    published = paper.book.get(RateDay, DAY)
    assert published.rates == RATES
    assert (published.evidence, published.published_seq) == (EVIDENCE, len(paper.log) - 1)
    assert lines(paper, "rates.published") == {}
    assert replayed(paper) == paper.book


def test_rates_are_said_with_their_day() -> None:
    paper = a_fund()
    paper.published(USD="1.0825", JPY="164.45")

    assert said(paper, "rates.published") == (
        "TRUSTEE entered the exchange rates published for 2026-01-15: JPY 164.45, USD 1.0825."
    )


@pytest.mark.parametrize("rate", ["0", "-1.0825", "1.08250", "1e3", "NaN", "Infinity", "", 1.0825])
def test_a_rate_is_a_plain_number_above_zero(rate: object) -> None:
    assert code_of({"rates": {"USD": rate}}) == "invalid_rate"


def test_rates_name_currencies_with_a_minor_unit_only() -> None:
    assert code_of({"rates": {"XDR": "0.8"}}) == "unknown_currency"
    assert code_of({"rates": {"usd": "1.0825"}}) == "string_pattern_mismatch"


def test_rates_come_with_evidence_and_are_not_none() -> None:
    assert code_of({"rates": {}}) == "too_short"
    assert code_of({"evidence": "none"}) == "string_pattern_mismatch"
    assert code_of({"day": "2026-02-30"}) == "invalid_date"


@pytest.mark.parametrize("who", [REQUESTER, treasury("DE")])
def test_only_the_trustee_enters_rates(who: Person) -> None:
    paper = a_fund()
    body = {"day": DAY, "rates": RATES, "evidence": EVIDENCE}

    with refused(paper, "role_not_permitted", "trustee"):
        paper.do(who, PublishRates.model_validate(body))


def test_a_fund_whose_charter_names_no_source_takes_no_rates() -> None:
    paper = funded()

    with refused(paper, "no_exchange_rates"):
        paper.published()


def test_tomorrows_rates_are_not_out_yet() -> None:
    paper = a_fund()

    with refused(paper, "date_out_of_range", "2026-02-02", "2026-02-01"):
        paper.published("2026-02-02")
    paper.published("2026-02-01")


def test_the_rates_of_a_day_stand_even_where_they_named_another_currency() -> None:
    paper = a_fund()
    paper.published(USD="1.0825")

    for rates in ({"USD": "1.0825"}, {"JPY": "164.45"}):
        with refused(paper, "already_exists", "2026-01-15"):
            paper.published(**rates)


def test_a_rate_is_of_a_currency_that_the_fund_takes_and_not_of_the_base() -> None:
    paper = a_fund()

    with refused(paper, "currency_not_in_charter"):
        paper.published(CHF="0.94")
    with refused(paper, "rate_out_of_range", "EUR"):
        paper.published(EUR="1")


@pytest.mark.parametrize(
    "slip", ["10.825", "0.10825", "2.165000001", "0.541249999", "999999999", "0.000000001"]
)
def test_a_rate_twice_off_the_one_before_is_absurd(slip: str) -> None:
    paper = a_fund()
    paper.published("2026-01-14")

    with refused(paper, "rate_out_of_range", slip, "USD"):
        paper.published(JPY="164.45", USD=slip)


@pytest.mark.parametrize("rate", ["2.165", "0.54125", "1.0825"])
def test_a_rate_of_up_to_twice_the_one_before_is_believed(rate: str) -> None:
    paper = a_fund()
    paper.published("2026-01-14")

    paper.published(USD=rate)

    assert paper.book.get(RateDay, DAY).rates["USD"] == rate


def test_the_rate_before_is_looked_for_over_a_month() -> None:
    paper = a_fund()
    paper.published("2025-12-15")

    with refused(paper, "rate_out_of_range"):
        paper.published("2026-01-15", USD="10.825")
    paper.published("2026-01-16", USD="10.825")


@pytest.mark.parametrize(
    ("day", "rate"),
    [("2026-01-15", "1.0825"), ("2026-01-16", "1.09"), ("2026-01-21", "1.09")],
)
def test_a_day_takes_the_last_rate_on_or_before_it(day: str, rate: str) -> None:
    paper = a_fund()
    paper.published("2026-01-15", USD="1.0825")
    paper.published("2026-01-16", USD="1.09")
    paper.published("2026-01-22", USD="1.1")

    found = rate_on(paper.book, charter_of(paper.book), "USD", date.fromisoformat(day))

    assert found == Fraction(rate)


def test_a_day_that_lists_other_currencies_only_is_passed_over() -> None:
    paper = a_fund()
    paper.published("2026-01-15", USD="1.0825")
    paper.published("2026-01-16", JPY="164.45")

    assert rate_on(paper.book, charter_of(paper.book), "USD", date(2026, 1, 16)) == Fraction(
        "1.0825"
    )


@pytest.mark.parametrize("day", ["2026-01-14", "2026-01-21", "2027-01-15"])
def test_no_rate_is_taken_from_later_or_from_too_long_ago(day: str) -> None:
    paper = a_fund()
    paper.published("2026-01-15")

    with pytest.raises(RateMissing) as caught:
        rate_on(paper.book, charter_of(paper.book), "USD", date.fromisoformat(day))

    assert all(word in caught.value.sentence for word in ("ECB", "USD", day, "5 days"))


def test_the_base_is_one_on_every_day() -> None:
    paper = a_fund()

    assert rate_on(paper.book, charter_of(paper.book), "EUR", DAY) == 1


def test_without_a_source_there_is_no_rate() -> None:
    charter = charter_of(funded().book)

    with pytest.raises(NoExchangeRates):
        source_of(charter)
    with pytest.raises(NoExchangeRates):
        rate_on(Book(complete=True), charter, "USD", DAY)


def test_a_cross_rate_is_exact() -> None:
    paper = a_fund()
    paper.published()

    rate = cross_rate(paper.book, charter_of(paper.book), "USD", "GBP", DAY)

    assert rate == Fraction(83_358, 108_250)


@pytest.mark.parametrize(
    ("amount", "rate", "target", "result"),
    [
        (eur(100), "164.45", "JPY", jpy(16_445)),
        (jpy(16_445), "1/164.45", "EUR", eur(100)),
        (eur(100), "0.332", "KWD", Money(33_200, "KWD")),
        (Money(33_200, "KWD"), "1/0.332", "EUR", eur(100)),
        (jpy(1), "1/164.45", "EUR", eur("0.01")),
        (jpy(1), "1/300", "EUR", eur(0)),
        (eur("0.01"), "0.5", "USD", Money(0, "USD")),
        (eur("0.03"), "0.5", "USD", Money(2, "USD")),
        (eur("0.05"), "0.5", "USD", Money(2, "USD")),
        (-eur("0.03"), "0.5", "USD", Money(-2, "USD")),
    ],
)
def test_an_exchange_is_rounded_once_half_to_even_to_the_targets_digits(
    amount: Money, rate: str, target: str, result: Money
) -> None:
    over, _, under = rate.partition("/")

    assert exchanged(amount, Fraction(over) / Fraction(under or 1), target) == result


@given(
    st.integers(-MAX_MINOR, MAX_MINOR), st.sampled_from(sorted(RATES)), st.fractions(min_value=0)
)
def test_an_exchange_is_right_to_half_a_unit_or_refused(
    minor: int, target: str, rate: Fraction
) -> None:
    digits = {"JPY": 0, "KWD": 3}.get(target, 2) - 2
    exact = minor * rate * Fraction(10) ** digits

    try:
        result = exchanged(Money(minor, "EUR"), rate, target)
    except AmountOutOfRange:
        assert abs(exact) > MAX_MINOR
    else:
        assert abs(result.minor - exact) <= Fraction(1, 2)


@pytest.mark.parametrize("rate", ["1.0825", "164.45", "999999999.999999999"])
def test_the_largest_amount_at_a_high_rate_is_refused_and_does_not_overflow(rate: str) -> None:
    with pytest.raises(AmountOutOfRange):
        exchanged(Money(MAX_MINOR, "EUR"), Fraction(rate), "USD")


def test_the_published_facts_come_out_to_the_cent() -> None:
    if not GOLDEN.exists():
        pytest.skip(f"no golden attribution at {GOLDEN}")
    facts = json.loads(GOLDEN.read_text())
    paper = Door().open(**valued(currencies=["EUR", "CAD", *RATES]))
    paper.now = datetime(2026, 1, 15, tzinfo=UTC)
    paper.published(**{code: rate for code, rate in facts["fx_per_eur"].items() if code != "EUR"})

    charter = charter_of(paper.book)
    weights = {
        party: exchanged(
            given_, cross_rate(paper.book, charter, given_.currency, "USD", DAY), "USD"
        ).minor
        for party, given_ in ERA.items()
    }

    assert weights == facts["weights_usd_cents"]


def test_a_receipt_waits_for_its_rate() -> None:
    paper = a_fund()
    agreement = paper.agreed("DE", money(100, "USD"))
    paper.published("2026-01-09")

    with refused(paper, "rate_missing", "USD", "2026-01-15", "5 days"):
        paper.paid(agreement, money(100, "USD"))

    paper.published("2026-01-10")
    paper.paid(agreement, money(100, "USD"))


def test_rates_are_entered_on_behalf_of_nobody_else() -> None:
    paper = a_fund()
    stranger = Person("DE", TRUSTEE.role)

    with refused(paper, "not_a_member", "DE"):
        paper.do(
            stranger,
            PublishRates.model_validate({"day": DAY, "rates": RATES, "evidence": EVIDENCE}),
        )
