"""Valuation: in at the rate of the day, out at average cost, the difference realised."""

from datetime import date
from fractions import Fraction

import pytest

from app.domain.book import Book
from app.domain.books.valuation import (
    Holding,
    average_cost,
    holding_of,
    is_valued,
    worth,
)
from app.domain.governance.funds import charter_of
from app.domain.outflow.disbursements import Disbursement
from app.domain.refusals.money import AmountOutOfRange, RateMissing
from app.domain.values import MAX_MINOR, Money
from tests.support.builders import money, valued
from tests.support.domain import (
    Door,
    balance,
    entry,
    eur,
    funded,
    jpy,
    lines,
    refused,
    replayed,
    returned,
)

DAY = date(2026, 1, 15)
FALLEN = {"USD": "1.25", "JPY": "200", "GBP": "0.8", "KWD": "0.332"}
"""Rates of another day: a dollar is worth less."""


def usd(major: int | str) -> Money:
    return Money.read(money(major, "USD"))


def a_fund() -> Door:
    """Rates of two days: a dollar is 0.92 EUR on 15 January and 0.80 EUR on the 20th."""
    paper = Door().open(**valued())
    paper.published("2026-01-15")
    paper.published("2026-01-20", **FALLEN)
    return paper


def holding(paper: Door, currency: str = "USD") -> Holding:
    return paper.book.get(Holding, currency)


def received(paper: Door, amount: dict[str, str], day: str = "2026-01-15") -> None:
    paper.paid(paper.agreed("DE", amount), amount, value_date=day)


def told(paper: Door, amount: dict[str, str]) -> Disbursement:
    return paper.instructed(paper.approved(paper.requested(amount)))


def test_foreign_money_comes_in_at_the_rate_of_its_day() -> None:
    paper = a_fund()
    received(paper, money("108.25", "USD"))

    assert lines(paper, "receipt.booked")["fx/USD"] == 100_00
    assert lines(paper, "receipt.booked")["translation/USD"] == -100_00
    assert (holding(paper).held, holding(paper).cost_minor) == (usd("108.25"), 100_00)
    assert balance(paper, "fx/USD") == eur(100)
    assert (holding(paper).realised_minor, holding(paper).unrealised_minor) == (0, 0)


def test_the_holding_currency_is_not_valued() -> None:
    paper = a_fund()
    received(paper, money(100))

    assert not is_valued(charter_of(paper.book), "EUR")
    assert paper.rows(Holding) == []
    assert not any(name.startswith("fx/") for name in lines(paper, "receipt.booked"))


def test_without_a_source_of_rates_nothing_is_valued() -> None:
    paper = funded()
    received(paper, money(16_445, "JPY"))

    assert not is_valued(charter_of(paper.book), "JPY")
    assert paper.rows(Holding) == []


def test_each_receipt_costs_what_its_own_day_says() -> None:
    paper = a_fund()
    received(paper, money("108.25", "USD"))
    received(paper, money(100, "USD"), "2026-01-20")

    assert (holding(paper).held, holding(paper).cost_minor) == (usd("208.25"), 180_00)


def test_what_counts_for_a_later_day_has_that_days_rate() -> None:
    paper = a_fund()
    amount = money(100, "USD")

    paper.paid(paper.agreed("DE", amount), amount, effective_date="2026-01-20")

    assert holding(paper).cost_minor == 80_00


def test_money_leaves_at_average_cost_and_the_rest_is_a_realised_loss() -> None:
    paper = a_fund()
    received(paper, money("108.25", "USD"))
    received(paper, money("108.25", "USD"))
    paper.settled(told(paper, money("108.25", "USD")), day="2026-01-20")

    # 108.25 USD that cost 100.00 EUR went for 86.60 EUR.
    settled = lines(paper, "disbursement.settled")
    assert settled["fx/USD"] == -100_00
    assert settled["translation/USD"] == 86_60
    assert settled["realised/USD"] == 13_40
    assert holding(paper).realised_minor == -13_40
    assert (holding(paper).held, holding(paper).cost_minor) == (usd("108.25"), 100_00)
    assert holding(paper).unrealised_minor == 0


def test_a_realised_gain_is_a_credit() -> None:
    paper = a_fund()
    received(paper, money(100, "USD"), "2026-01-20")
    paper.settled(told(paper, money(100, "USD")), day="2026-01-15")

    # 80.00 EUR of cost, 92.38 EUR of proceeds.
    assert lines(paper, "disbursement.settled")["realised/USD"] == -12_38
    assert holding(paper).realised_minor == 12_38
    assert balance(paper, "realised/USD") == -eur("12.38")


def test_when_all_of_a_currency_has_left_it_costs_nothing_any_more() -> None:
    paper = a_fund()
    for amount in ("0.07", "0.11", "33.33"):
        received(paper, money(amount, "USD"))
    for amount in ("0.05", "33.33", "0.13"):
        paper.settled(told(paper, money(amount, "USD")))

    assert (holding(paper).held, holding(paper).cost_minor) == (usd(0), 0)
    assert balance(paper, "fx/USD") == eur(0)


def test_yen_have_no_minor_unit_and_dinars_three_digits() -> None:
    paper = a_fund()
    received(paper, money(16_445, "JPY"))
    received(paper, money("33.200", "KWD"))

    assert (holding(paper, "JPY").held, holding(paper, "JPY").cost_minor) == (jpy(16_445), 100_00)
    assert holding(paper, "KWD").held == Money(33_200, "KWD")
    assert holding(paper, "KWD").cost_minor == 100_00


def test_an_instruction_moves_no_value_and_a_rejected_one_neither() -> None:
    paper = a_fund()
    received(paper, money(100, "USD"))
    before = holding(paper)

    rejected = told(paper, money(100, "USD"))
    assert holding(paper) == before
    returned(paper, rejected)

    assert holding(paper) == before


def test_what_came_back_after_it_was_paid_comes_in_at_the_rate_of_its_day() -> None:
    paper = a_fund()
    received(paper, money("108.25", "USD"))
    paid = paper.settled(told(paper, money("108.25", "USD")))
    returned(paper, paid, day="2026-01-20")

    assert (holding(paper).held, holding(paper).cost_minor) == (usd("108.25"), 86_60)
    assert holding(paper).realised_minor == 0
    assert replayed(paper) == paper.book


def test_a_payment_is_not_settled_or_returned_on_a_day_without_a_rate() -> None:
    paper = a_fund()
    received(paper, money(100, "USD"))
    request = told(paper, money(100, "USD"))

    with refused(paper, "rate_missing", "USD", "2026-01-26"):
        paper.settled(request, day="2026-01-26")
    paid = paper.settled(request, day="2026-01-25")
    with refused(paper, "rate_missing", "2026-01-26"):
        returned(paper, paid, day="2026-01-26")


def test_the_value_of_every_movement_balances_in_the_holding_currency() -> None:
    paper = a_fund()
    received(paper, money(100, "USD"))
    paper.settled(told(paper, money(40, "USD")), day="2026-01-20")

    for event_type in ("receipt.booked", "disbursement.settled"):
        postings = entry(paper, event_type).postings
        for currency in ("EUR", "USD"):
            assert sum(line.minor for line in postings if line.currency == currency) == 0


@pytest.mark.parametrize(
    ("held", "cost", "part", "share"),
    [(3, 100, 1, 33), (3, 100, 2, 67), (3, 100, 3, 100), (2, 1, 1, 0), (2, 3, 1, 2), (7, 0, 5, 0)],
)
def test_average_cost_is_a_share_of_the_whole_half_to_even(
    held: int, cost: int, part: int, share: int
) -> None:
    row = holding_of(Book(complete=True), "USD").but(held=Money(held, "USD"), cost_minor=cost)

    assert average_cost(row, charter_of(a_fund().book), Money(part, "USD")).minor == share


def test_the_largest_holding_has_an_exact_cost() -> None:
    most = Money(MAX_MINOR, "USD")
    row = holding_of(Book(complete=True), "USD").but(held=most, cost_minor=MAX_MINOR)
    part = Money(MAX_MINOR // 3, "USD")

    cost = average_cost(row, charter_of(a_fund().book), part)

    assert cost.minor == round(Fraction(MAX_MINOR * (MAX_MINOR // 3), MAX_MINOR))


def test_a_currency_that_never_came_in_is_held_at_nothing() -> None:
    empty = holding_of(Book(complete=True), "USD")

    assert (empty.held, empty.cost_minor, empty.revalued_seq) == (usd(0), 0, None)


def test_worth_is_the_amount_at_the_days_rate() -> None:
    paper = a_fund()
    charter = charter_of(paper.book)

    assert worth(paper.book, charter, usd("108.25"), DAY) == eur(100)
    assert worth(paper.book, charter, eur(7), date(2000, 1, 1)) == eur(7)
    with pytest.raises(RateMissing):
        worth(paper.book, charter, usd(1), date(2026, 1, 14))
    with pytest.raises(AmountOutOfRange):
        worth(paper.book, charter, Money(MAX_MINOR, "GBP"), DAY)


def test_an_amount_whose_value_no_book_could_hold_is_refused_and_does_not_overflow() -> None:
    paper = a_fund()
    most = Money(MAX_MINOR, "GBP").wire()
    agreement = paper.agreed("DE", most)

    with refused(paper, "amount_out_of_range", str(MAX_MINOR)):
        paper.paid(agreement, most)


def test_values_that_no_account_could_hold_together_are_refused() -> None:
    paper = a_fund()
    first, second = Money(8 * 10**17, "GBP").wire(), Money(10**17, "GBP").wire()
    received(paper, first)
    agreement = paper.agreed("FR", second)

    with refused(paper, "amount_out_of_range"):
        paper.paid(agreement, second)

    assert holding(paper, "GBP").cost_minor == round(8 * 10**17 / Fraction("0.83358"))
