"""Conversions: a rate that can be checked, and whose money it was decides whose it is."""

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from app.domain.admission import admit
from app.domain.books.valuation import Holding
from app.domain.inflow.receipts import BankLine, Direction
from app.domain.refusals.people import WrongParty
from app.domain.trustee.conversions import BookConversion, Conversion, ConversionBooked
from app.domain.values import MAX_MINOR, Money
from tests.support.builders import (
    EVIDENCE,
    REQUESTER,
    Person,
    a_conversion,
    money,
    treasury,
    valued,
)
from tests.support.domain import (
    Door,
    balance,
    entry,
    eur,
    funded,
    jpy,
    lines,
    pool,
    position,
    refused,
    replayed,
    said,
)

EUR_100, USD_108 = money(100), money("108.25", "USD")
RATE = "1.0825"


def usd(major: int | str) -> Money:
    return Money.read(money(major, "USD"))


def a_fund(window: str = "budget", restriction: str | None = None, **amounts: Any) -> Door:
    """A valued fund into which each named party has paid this much EUR, or 60 and 40."""
    paper = Door().open(**valued())
    paper.published()
    for party, amount in (amounts or {"DE": 60, "FR": 40}).items():
        agreement = paper.agreed(party, money(amount), window, restriction=restriction)
        paper.paid(agreement, money(amount))
    return paper


def event_of(paper: Door) -> ConversionBooked:
    event = entry(paper, "conversion.booked").event
    assert isinstance(event, ConversionBooked)
    return event


def test_a_conversion_moves_cash_and_each_contributors_part_of_it() -> None:
    paper = a_fund()
    paper.converted(EUR_100, USD_108, RATE)

    posted = [(p.account, p.currency, p.minor) for p in entry(paper, "conversion.booked").postings]
    assert posted == [
        ("contributor/DE/budget", "EUR", 60_00),
        ("contributor/FR/budget", "EUR", 40_00),
        ("cash/BANK-EUR", "EUR", -100_00),
        ("cash/BANK-USD", "USD", 108_25),
        ("contributor/DE/budget", "USD", -64_95),
        ("contributor/FR/budget", "USD", -43_30),
        ("fx/USD", "EUR", 100_00),
        ("translation/USD", "EUR", -100_00),
    ]
    assert pool(paper).available == eur(0)
    assert pool(paper, currency="USD").balances == {"DE": usd("64.95"), "FR": usd("43.30")}
    assert position(paper, "DE").converted == -eur(60)
    assert position(paper, "DE", currency="USD").converted == usd("64.95")
    assert position(paper, "DE").received == eur(60)
    assert replayed(paper) == paper.book


def test_a_conversion_is_kept_with_its_two_bank_lines() -> None:
    paper = a_fund()
    paper.converted(EUR_100, USD_108, RATE)

    kept = paper.newest(Conversion)
    assert (kept.exchange.sold, kept.exchange.bought) == (eur(100), usd("108.25"))
    assert (kept.rate, kept.rate_source) == (RATE, "Confirmation of the bank")
    assert (kept.window, kept.restriction, kept.evidence) == ("budget", "", EVIDENCE)
    out = paper.book.get(BankLine, "BANK-EUR", "FX-OUT")
    into = paper.book.get(BankLine, "BANK-USD", "FX-IN")
    assert (out.direction, out.amount) == (Direction.OUT, eur(100))
    assert (into.direction, into.amount) == (Direction.IN, usd("108.25"))
    assert out.booked_seq == into.booked_seq == kept.booked_seq == len(paper.log) - 1
    assert out.value_date == into.value_date == date(2026, 1, 15)


def test_a_conversion_says_both_amounts_the_rate_and_where_it_is_from() -> None:
    paper = a_fund()
    paper.converted(EUR_100, USD_108, RATE)

    assert said(paper, "conversion.booked") == (
        "TRUSTEE changed 100.00 EUR of window budget into 108.25 USD at 1.0825 "
        "(Confirmation of the bank, value 2026-01-15)."
    )


def test_shares_bought_follow_the_shares_sold_and_sum_exactly() -> None:
    paper = Door().open(**valued(("AA", "BB", "CC")))
    paper.published()
    for party in ("AA", "BB", "CC"):
        paper.paid(paper.agreed(party, money("33.34")), money("33.34"))
    paper.converted(EUR_100, money(16_445, "JPY"), "164.45")

    event = event_of(paper)
    assert event.shares_sold == {"AA": eur("33.34"), "BB": eur("33.33"), "CC": eur("33.33")}
    assert event.shares_bought == {"AA": jpy(5483), "BB": jpy(5481), "CC": jpy(5481)}
    assert sum(share.minor for share in event.shares_bought.values()) == 16_445


def test_who_gave_a_rounding_back_gets_nothing_of_what_was_bought() -> None:
    paper = Door().open(**valued(("AA", "BB", "CC")))
    paper.published()
    for party, amount in (("AA", "0.06"), ("BB", "0.06"), ("CC", "0.02")):
        paper.paid(paper.agreed(party, money(amount)), money(amount))
    paper.approved(paper.requested(money("0.10")))
    paper.converted(money("0.01"), money(2, "JPY"), "164.45")

    event = event_of(paper)
    assert {party: share.minor for party, share in event.shares_sold.items()} == {
        "AA": 1,
        "BB": 1,
        "CC": -1,
    }
    assert event.shares_bought == {"AA": jpy(1), "BB": jpy(1)}
    assert replayed(paper) == paper.book


def test_money_sold_leaves_at_average_cost_and_the_rest_is_realised() -> None:
    paper = a_fund()
    paper.converted(EUR_100, USD_108, RATE)
    paper.converted(
        money("54.13", "USD"), money("49.50"), "0.914466", out_reference="B1", in_reference="B2"
    )

    # 54.13 USD had cost 50.00 EUR and brought 49.50.
    posted = lines(paper, "conversion.booked")
    assert (posted["fx/USD"], posted["translation/USD"]) == (-50_00, 49_50)
    assert posted["realised/USD"] == 50
    holding = paper.book.get(Holding, "USD")
    assert (holding.held, holding.cost_minor) == (usd("54.12"), 50_00)
    assert (holding.realised_minor, holding.unrealised_minor) == (-50, 0)


def test_money_bought_costs_what_was_paid_for_it() -> None:
    paper = a_fund()
    paper.converted(EUR_100, money("107.50", "USD"), "1.075")

    holding = paper.book.get(Holding, "USD")
    assert (holding.held, holding.cost_minor, holding.realised_minor) == (usd("107.50"), 100_00, 0)


def test_between_two_foreign_currencies_both_are_valued_at_the_published_rate() -> None:
    paper = a_fund()
    paper.converted(EUR_100, USD_108, RATE)
    paper.converted(
        USD_108, money("83.36", "GBP"), "0.77005", out_reference="B1", in_reference="B2"
    )

    dollars, pounds = paper.book.get(Holding, "USD"), paper.book.get(Holding, "GBP")
    assert (dollars.held, dollars.cost_minor, dollars.realised_minor) == (usd(0), 0, 0)
    assert (pounds.held.minor, pounds.cost_minor) == (83_36, 100_00)
    assert pool(paper, currency="GBP").available.minor == 83_36
    assert replayed(paper) == paper.book


def test_money_that_is_tied_stays_tied() -> None:
    paper = a_fund("defence", "defence-only")
    changes = {"window": "defence", "restriction": "defence-only"}
    paper.converted(EUR_100, USD_108, RATE, **changes)

    assert pool(paper, "defence", "USD", "defence-only").available == usd("108.25")
    assert pool(paper, "defence", "USD").available == usd(0)
    assert paper.newest(Conversion).restriction == "defence-only"


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"window": "energy"}, "unknown_window", ()),
        ({"restriction": "nothing"}, "unknown_restriction", ()),
        ({"restriction": "defence-only"}, "restriction_not_usable", ("budget", "defence-only")),
        ({"from_account": "ELSEWHERE"}, "unknown_bank_account", ()),
        ({"to_account": "ELSEWHERE"}, "unknown_bank_account", ()),
        ({"from_account": "BANK-USD"}, "currency_mismatch", ("USD", "EUR")),
        ({"to_account": "BANK-JPY"}, "currency_mismatch", ("JPY", "USD")),
        (
            {"bought": EUR_100, "to_account": "BANK-EUR", "rate": "1"},
            "currency_mismatch",
            ("Both", "EUR"),
        ),
        ({"out_reference": "IN-1"}, "bank_reference_used", ("Entry",)),
        ({"value_date": "2026-02-03"}, "date_out_of_range", ("2026-02-03", "2026-02-01")),
        ({"effective_date": "2026-01-14"}, "date_out_of_range", ("2026-01-14", "2026-01-15")),
        ({"value_date": "2026-01-21"}, "rate_missing", ("2026-01-21", "5 days")),
        ({"effective_date": "2026-01-21"}, "rate_missing", ("2026-01-21", "5 days")),
        ({"value_date": "2026-01-14"}, "rate_missing", ("2026-01-14",)),
        ({"rate": "1.0827"}, "rate_out_of_range", ("108.27 USD", "108.25 USD")),
        ({"rate": "10.825"}, "rate_out_of_range", ("1,082.50 USD", "108.25 USD")),
        ({"bought": money("10.83", "USD")}, "rate_out_of_range", ("10.83 USD",)),
    ],
)
def test_a_conversion_that_cannot_be_checked_is_refused(
    changes: dict[str, Any], code: str, words: tuple[str, ...]
) -> None:
    paper = Door().open(**valued())
    paper.published()
    paper.paid(paper.agreed("DE", EUR_100), EUR_100, "IN-1")

    with refused(paper, code, *words):
        paper.converted(EUR_100, **{"bought": USD_108, "rate": RATE, **changes})


@pytest.mark.parametrize(
    ("bought", "rate", "allowed"),
    [
        ("109.33", "1.0933", True),
        ("109.34", "1.0934", False),
        ("107.17", "1.0717", True),
        ("107.16", "1.0716", False),
    ],
)
def test_a_bank_may_be_as_far_from_the_published_rate_as_the_charter_allows(
    bought: str, rate: str, allowed: bool
) -> None:
    paper = a_fund()

    if allowed:
        paper.converted(EUR_100, money(bought, "USD"), rate)
    else:
        with refused(paper, "rate_out_of_range", "108.25 USD", bought):
            paper.converted(EUR_100, money(bought, "USD"), rate)


@pytest.mark.parametrize(
    ("bought", "allowed"), [("108.24", True), ("108.26", True), ("108.23", False)]
)
def test_a_rate_gives_the_amounts_to_one_minor_unit(bought: str, allowed: bool) -> None:
    paper = a_fund()

    if allowed:
        paper.converted(EUR_100, money(bought, "USD"), RATE)
    else:
        with refused(paper, "rate_out_of_range", RATE, bought):
            paper.converted(EUR_100, money(bought, "USD"), RATE)


def test_a_fund_without_published_rates_converts_nothing() -> None:
    paper = funded(DE=100)

    with refused(paper, "no_exchange_rates"):
        paper.converted(EUR_100, money(16_445, "JPY"), "164.45")


def test_no_bank_line_is_booked_twice() -> None:
    paper = a_fund()
    paper.converted(money(10), money("10.83", "USD"), RATE)
    seq = paper.newest(Conversion).booked_seq

    for reference in ({"out_reference": "X"}, {"in_reference": "X"}):
        with refused(paper, "bank_reference_used", f"Entry {seq}"):
            paper.converted(money(10), money("10.83", "USD"), RATE, **reference)


def test_no_more_is_sold_than_the_bank_account_or_the_window_holds() -> None:
    paper = a_fund()
    paper.unplaced(money(50))

    with refused(paper, "insufficient_funds", "150.01 EUR", "BANK-EUR", "150.00 EUR"):
        paper.converted(money("150.01"), money("162.39", "USD"), RATE)
    with refused(paper, "insufficient_funds", "100.01 EUR", "budget", "100.00 EUR"):
        paper.converted(money("100.01"), money("108.26", "USD"), RATE)


def test_reserved_money_and_money_of_another_kind_is_not_sold() -> None:
    paper = a_fund()
    paper.paid(paper.agreed("DE", money(10), restriction="not-defence"), money(10))
    paper.approved(paper.requested(money(70)))

    with refused(paper, "insufficient_funds", "40.01 EUR", "40.00 EUR"):
        paper.converted(money("40.01"), money("43.31", "USD"), RATE)


@pytest.mark.parametrize("who", [REQUESTER, treasury("DE")])
def test_only_the_trustee_converts(who: Person) -> None:
    paper = a_fund()
    body = a_conversion(EUR_100, USD_108, RATE)

    with refused(paper, "role_not_permitted", "trustee"):
        paper.do(who, BookConversion.model_validate(body))


def test_a_conversion_into_more_than_there_can_be_is_refused_and_does_not_overflow() -> None:
    paper = Door().open(**valued())
    paper.published()
    most = Money(MAX_MINOR, "EUR").wire()
    paper.paid(paper.agreed("DE", most), most)

    with refused(paper, "amount_out_of_range", str(MAX_MINOR)):
        paper.converted(most, Money(MAX_MINOR, "USD").wire(), RATE)
    with refused(paper, "amount_out_of_range"):
        paper.converted(most, Money(1, "USD").wire(), "999999999.999999999")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"rate": "0"}, "invalid_rate"),
        ({"rate": "-1.0825"}, "invalid_rate"),
        ({"rate": "1.0825000"}, "invalid_rate"),
        ({"sold": money("0.00")}, "amount_not_positive"),
        ({"bought": money("-108.25", "USD")}, "amount_not_positive"),
        ({"bought": {"amount": "80.00", "currency": "XDR"}}, "unknown_currency"),
        ({"bought": {"amount": "16445.00", "currency": "JPY"}}, "currency_precision"),
        ({"evidence": None}, "string_type"),
        ({"shares_sold": {}}, "extra_forbidden"),
    ],
)
def test_a_conversion_has_its_form(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(ValidationError) as caught:
        BookConversion.model_validate({**a_conversion(EUR_100, USD_108, RATE), **changes})

    assert caught.value.errors()[0]["type"] == code


@pytest.mark.parametrize(
    "forged",
    [
        {"shares_sold": {"DE": eur(40), "FR": eur(60)}},
        {"shares_bought": {"DE": usd("108.25")}},
        {"weights": {"DE": eur(1), "FR": eur(1)}},
        {"released_before": eur(1)},
    ],
)
def test_a_log_cannot_attribute_a_conversion_to_others(forged: dict[str, Any]) -> None:
    paper = a_fund()
    before = paper.book
    paper.converted(EUR_100, USD_108, RATE)
    line = entry(paper, "conversion.booked")

    with pytest.raises(WrongParty, match="other shares"):
        admit(before, line.event.model_copy(update=forged), line.act)
    assert admit(before, line.event, line.act).postings == line.postings


def test_what_was_converted_pays_in_its_new_currency() -> None:
    paper = a_fund()
    paper.converted(EUR_100, USD_108, RATE)

    paid = paper.settled(paper.instructed(paper.approved(paper.requested(USD_108))))

    assert paid.shares == {"DE": usd("64.95"), "FR": usd("43.30")}
    assert balance(paper, "cash/BANK-USD", "USD") == usd(0)


def test_a_converted_part_counts_for_the_day_that_the_trustee_says() -> None:
    paper = a_fund()
    paper.published("2026-01-20", USD="1.09")

    paper.converted(EUR_100, USD_108, RATE, effective_date="2026-01-20")

    posted = {line.effective for line in entry(paper, "conversion.booked").postings}
    assert posted == {date(2026, 1, 20)}
