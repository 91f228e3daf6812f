"""Revaluations: unrealised results stand alone, and each takes the one before back."""

from datetime import date
from typing import Any

import pytest

from app.domain.admission import admit
from app.domain.books.valuation import Holding
from app.domain.governance.funds import charter_of
from app.domain.refusals.money import NothingToValue
from app.domain.trustee.revaluations import FundRevalued, RevalueFund, gains
from app.domain.values import MAX_MINOR, Money
from tests.support.builders import RATES, REQUESTER, Person, money, treasury, valued
from tests.support.domain import Door, balance, entry, eur, funded, lines, refused, replayed, said

CHEAP = {**RATES, "USD": "1.25"}
DEAR = {**RATES, "USD": "0.866"}


def a_fund() -> Door:
    """108.25 USD at a cost of 100.00 EUR; worth 86.60 on the 20th and 125.00 on the 25th."""
    paper = Door().open(**valued())
    paper.published("2026-01-15")
    paper.published("2026-01-20", **CHEAP)
    paper.published("2026-01-25", **DEAR)
    received(paper, money("108.25", "USD"))
    return paper


def received(paper: Door, amount: dict[str, str], day: str = "2026-01-15") -> None:
    paper.paid(paper.agreed("DE", amount), amount, value_date=day)


def holding(paper: Door, currency: str = "USD") -> Holding:
    return paper.book.get(Holding, currency)


def posted(paper: Door) -> list[tuple[str, int]]:
    return [(line.account, line.minor) for line in entry(paper, "fund.revalued").postings]


def test_a_loss_on_what_is_held_is_unrealised() -> None:
    paper = a_fund()
    event = paper.revalued("2026-01-20")

    assert isinstance(event, FundRevalued)
    assert event.unrealised == {"USD": -eur("13.40")}
    assert event.reverses is None
    assert posted(paper) == [("fx/USD", -13_40), ("unrealised/USD", 13_40)]
    assert {p.effective for p in entry(paper, "fund.revalued").postings} == {date(2026, 1, 20)}
    assert (holding(paper).unrealised_minor, holding(paper).realised_minor) == (-13_40, 0)
    assert holding(paper).revalued_seq == len(paper.log) - 1
    assert holding(paper).revalued_day == date(2026, 1, 20)
    assert balance(paper, "fx/USD") == eur("86.60")
    assert replayed(paper) == paper.book


def test_a_revaluation_says_what_it_found() -> None:
    paper = a_fund()
    paper.revalued("2026-01-20")

    assert said(paper, "fund.revalued") == (
        "TRUSTEE valued the currencies held as of 2026-01-20: unrealised USD -13.40 EUR."
    )


def test_a_revaluation_first_takes_back_the_one_before() -> None:
    paper = a_fund()
    paper.revalued("2026-01-20")
    first = len(paper.log) - 1
    event = paper.revalued("2026-01-25")

    assert isinstance(event, FundRevalued)
    assert event.reverses == first
    assert posted(paper) == [
        ("fx/USD", 13_40),
        ("unrealised/USD", -13_40),
        ("fx/USD", 25_00),
        ("unrealised/USD", -25_00),
    ]
    assert balance(paper, "unrealised/USD") == -eur(25)
    assert balance(paper, "fx/USD") == eur(125)
    assert holding(paper).cost_minor == 100_00
    assert replayed(paper) == paper.book


def test_a_day_may_be_valued_again_and_nothing_is_counted_twice() -> None:
    paper = a_fund()
    for _ in range(3):
        paper.revalued("2026-01-20")

    assert balance(paper, "unrealised/USD") == eur("13.40")
    assert holding(paper).unrealised_minor == -13_40


def test_what_is_realised_stands_apart_from_what_is_not() -> None:
    paper = a_fund()
    received(paper, money("108.25", "USD"))
    paper.revalued("2026-01-20")
    request = paper.instructed(paper.approved(paper.requested(money("108.25", "USD"))))
    paper.settled(request, day="2026-01-20")

    assert balance(paper, "realised/USD") == eur("13.40")
    assert balance(paper, "unrealised/USD") == eur("26.80")

    paper.revalued("2026-01-20")
    assert balance(paper, "realised/USD") == eur("13.40")
    assert balance(paper, "unrealised/USD") == eur("13.40")
    assert (holding(paper).realised_minor, holding(paper).unrealised_minor) == (-13_40, -13_40)


def test_when_all_of_it_has_left_a_revaluation_only_takes_back() -> None:
    paper = a_fund()
    paper.revalued("2026-01-20")
    request = paper.instructed(paper.approved(paper.requested(money("108.25", "USD"))))
    paper.settled(request, day="2026-01-20")
    event = paper.revalued("2026-01-25")

    assert isinstance(event, FundRevalued)
    assert event.unrealised == {"USD": eur(0)}
    assert posted(paper) == [("fx/USD", 13_40), ("unrealised/USD", -13_40)]
    assert balance(paper, "fx/USD") == balance(paper, "unrealised/USD") == eur(0)
    with refused(paper, "nothing_to_value"):
        paper.revalued("2026-01-25")


def test_every_currency_held_is_valued_each_for_itself() -> None:
    paper = a_fund()
    received(paper, money(16_445, "JPY"))
    received(paper, money("33.200", "KWD"))
    received(paper, money(7))
    event = paper.revalued("2026-01-20")

    assert isinstance(event, FundRevalued)
    assert event.unrealised == {"USD": -eur("13.40"), "JPY": eur(0), "KWD": eur(0)}
    assert holding(paper, "JPY").revalued_seq == len(paper.log) - 1


def test_a_currency_that_came_later_is_valued_beside_the_others() -> None:
    paper = a_fund()
    paper.revalued("2026-01-20")
    seq = len(paper.log) - 1
    received(paper, money(16_445, "JPY"))
    event = paper.revalued("2026-01-20")

    assert isinstance(event, FundRevalued)
    assert event.reverses == seq
    assert event.unrealised == {"USD": -eur("13.40"), "JPY": eur(0)}


def test_money_in_suspense_is_held_and_valued_too() -> None:
    paper = Door().open(**valued())
    paper.published("2026-01-15")
    paper.published("2026-01-20", **CHEAP)
    paper.unplaced(money("108.25", "USD"))

    paper.revalued("2026-01-20")

    assert holding(paper).unrealised_minor == -13_40


def test_a_fund_without_a_source_of_rates_is_not_valued() -> None:
    paper = funded(DE=60)

    with refused(paper, "no_exchange_rates"):
        paper.revalued("2026-01-20")


def test_a_fund_in_its_holding_currency_has_nothing_to_value() -> None:
    paper = Door().open(**valued())
    paper.published()
    received(paper, money(100))

    with refused(paper, "nothing_to_value"):
        paper.revalued("2026-01-15")


def test_a_day_without_a_rate_that_is_young_enough_is_not_valued() -> None:
    paper = a_fund()
    paper.revalued("2026-01-30")

    with refused(paper, "rate_missing", "USD", "2026-01-31", "5 days"):
        paper.revalued("2026-01-31")


def test_a_revaluation_is_neither_of_the_future_nor_before_the_last_one() -> None:
    paper = a_fund()
    paper.published("2026-02-01")
    paper.revalued("2026-01-25")

    with refused(paper, "date_out_of_range", "2026-02-02", "2026-02-01"):
        paper.revalued("2026-02-02")
    with refused(paper, "date_out_of_range", "2026-01-25", "2026-01-24"):
        paper.revalued("2026-01-24")


@pytest.mark.parametrize("day", ["2026-01-14", "2026-03-01"])
def test_a_day_that_is_out_of_range_is_called_so_even_where_it_has_no_rate(day: str) -> None:
    paper = a_fund()

    with refused(paper, "date_out_of_range", day):
        paper.revalued(day)


def test_what_is_held_is_not_valued_as_of_a_day_before_it_last_moved() -> None:
    paper = a_fund()
    received(paper, money("108.25", "USD"), day="2026-01-25")

    with refused(paper, "date_out_of_range", "2026-01-24", "2026-01-25"):
        paper.revalued("2026-01-24")
    paper.revalued("2026-01-25")
    assert replayed(paper) == paper.book


def test_money_that_left_is_a_movement_too() -> None:
    paper = a_fund()
    request = paper.instructed(paper.approved(paper.requested(money("8.25", "USD"))))
    paper.settled(request, day="2026-01-25")

    with refused(paper, "date_out_of_range", "2026-01-24", "2026-01-25"):
        paper.revalued("2026-01-24")


def test_every_currency_must_have_moved_before_the_day_and_not_the_first_only() -> None:
    paper = a_fund()
    received(paper, money(16_445, "JPY"), day="2026-01-24")

    with refused(paper, "date_out_of_range", "2026-01-20", "2026-01-24"):
        paper.revalued("2026-01-20")


def test_money_that_came_in_for_a_day_before_the_last_valuation_may_still_be_valued() -> None:
    paper = a_fund()
    paper.revalued("2026-01-25")
    received(paper, money("108.25", "USD"), day="2026-01-15")

    event = paper.revalued("2026-01-25")

    assert isinstance(event, FundRevalued)
    assert event.unrealised == {"USD": eur(50)}


def test_money_in_the_holding_currency_moves_no_day() -> None:
    paper = a_fund()
    received(paper, money(7), day="2026-01-25")

    paper.revalued("2026-01-20")


def test_a_currency_that_is_gone_holds_no_day_up() -> None:
    paper = a_fund()
    request = paper.instructed(paper.approved(paper.requested(money("108.25", "USD"))))
    paper.settled(request, day="2026-01-25")
    received(paper, money(16_445, "JPY"), day="2026-01-15")

    paper.revalued("2026-01-20")

    assert holding(paper, "JPY").revalued_day == date(2026, 1, 20)


def test_a_closed_period_is_not_valued_any_more() -> None:
    paper = a_fund()
    paper.closed("2026-01-20")

    with refused(paper, "period_closed", "2026-01-20"):
        paper.revalued("2026-01-20")
    paper.revalued("2026-01-21")


@pytest.mark.parametrize("who", [REQUESTER, treasury("DE")])
def test_only_the_trustee_values_the_fund(who: Person) -> None:
    paper = a_fund()

    with refused(paper, "role_not_permitted", "trustee"):
        paper.do(who, RevalueFund(day=date(2026, 1, 20)))


@pytest.mark.parametrize(
    "forged", [{"unrealised": {"USD": eur(1000)}}, {"unrealised": {}}, {"reverses": 0}]
)
def test_a_log_cannot_invent_gains_or_what_they_reverse(forged: dict[str, Any]) -> None:
    paper = a_fund()
    before = paper.book
    paper.revalued("2026-01-20")
    line = entry(paper, "fund.revalued")

    with pytest.raises(NothingToValue, match="other"):
        admit(before, line.event.model_copy(update=forged), line.act)
    assert admit(before, line.event, line.act).postings == line.postings


def test_a_holding_whose_value_no_book_could_hold_is_refused_and_does_not_overflow() -> None:
    paper = Door().open(**valued())
    paper.published("2026-01-15", USD="1.0825")
    paper.published("2026-01-20", USD="0.9")
    received(paper, Money(MAX_MINOR, "USD").wire())

    with refused(paper, "amount_out_of_range", str(MAX_MINOR)):
        paper.revalued("2026-01-20")


def test_gains_are_what_each_holding_would_bring_beyond_its_cost() -> None:
    paper = a_fund()

    assert gains(paper.book, charter_of(paper.book), date(2026, 1, 25)) == {"USD": eur(25)}
    assert gains(paper.book, charter_of(paper.book), date(2026, 1, 15)) == {"USD": eur(0)}
    assert lines(paper, "receipt.booked")["fx/USD"] == 100_00
