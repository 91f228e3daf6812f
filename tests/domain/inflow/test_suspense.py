"""Suspense: money that nobody can place is nobody's, until it is resolved or sent back."""

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from app.domain.books.valuation import Holding
from app.domain.event import Event
from app.domain.inflow.agreements import Agreement, DraftAgreement
from app.domain.inflow.receipts import BankLine, Direction, Receipt
from app.domain.inflow.suspense import (
    BookUnidentified,
    ResolveSuspense,
    ReturnSuspense,
    SuspenseItem,
    SuspenseState,
)
from app.domain.values import MAX_MINOR, Money, Role
from tests.support.builders import (
    REQUESTER,
    TRUSTEE,
    Person,
    an_agreement,
    an_unidentified,
    money,
    treasury,
    valued,
)
from tests.support.domain import (
    UNKNOWN_ID,
    Door,
    Known,
    balance,
    entry,
    eur,
    lines,
    pool,
    position,
    refused,
    replayed,
    said,
)

SECOND = Known("TRUSTEE", Role.TRUSTEE, "trustee-second")


def a_fund() -> Door:
    return Door().open(**valued())


def resolved(
    paper: Door, item: SuspenseItem, agreement: Agreement, who: Person = TRUSTEE, **changes: Any
) -> Event:
    body = {
        "suspense_id": item.suspense_id,
        "agreement_id": agreement.agreement_id,
        "effective_date": "2026-01-20",
        **changes,
    }
    return paper.do(who, ResolveSuspense.model_validate(body))


def sent_back(paper: Door, item: SuspenseItem, who: Person = SECOND, **changes: Any) -> Event:
    body = {
        "suspense_id": item.suspense_id,
        "bank_reference": "BACK-1",
        "value_date": "2026-01-20",
        "reason": "Not ours",
        **changes,
    }
    return paper.do(who, ReturnSuspense.model_validate(body))


def now(paper: Door, item: SuspenseItem) -> SuspenseItem:
    return paper.book.get(SuspenseItem, item.suspense_id)


def test_money_that_nobody_can_place_is_cash_and_nobodys() -> None:
    paper = a_fund()
    paper.unplaced(money(60))

    assert lines(paper, "receipt.unidentified") == {"cash/BANK-EUR": 60_00, "suspense": -60_00}
    assert pool(paper).available == eur(0)
    assert paper.rows(Receipt) == []


def test_an_unplaced_payment_is_kept_with_its_bank_line_and_who_booked_it() -> None:
    paper = a_fund()
    item = paper.unplaced(money(60), bank_reference="FT-1")

    assert (item.amount, item.state) == (eur(60), SuspenseState.UNIDENTIFIED)
    assert (item.booked_by, item.note) == (TRUSTEE.subject, "No name on it")
    assert item.value_date == item.effective_date == date(2026, 1, 15)
    line = paper.book.get(BankLine, "BANK-EUR", "FT-1")
    assert (line.direction, line.amount) == (Direction.IN, eur(60))
    assert item.booked_seq == line.booked_seq == len(paper.log) - 1


def test_an_unplaced_payment_says_what_is_known_of_it() -> None:
    paper = a_fund()
    paper.unplaced(money(60), bank_reference="FT-1")

    assert said(paper, "receipt.unidentified") == (
        "60.00 EUR arrived on BANK-EUR and nobody could place it "
        "(bank reference FT-1, value 2026-01-15): No name on it"
    )


def test_unplaced_money_pays_for_nothing() -> None:
    paper = a_fund()
    paper.unplaced(money(60))
    waiting = paper.approved(paper.requested(money("0.01")), but=1)

    with refused(paper, "insufficient_funds", "0.01 EUR", "0.00 EUR"):
        paper.approved(waiting)


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"bank_account": "ELSEWHERE"}, "unknown_bank_account", ()),
        ({"bank_account": "BANK-JPY"}, "currency_mismatch", ("JPY", "EUR")),
        ({"bank_reference": "FT-1"}, "bank_reference_used", ("Entry",)),
        ({"value_date": "2026-02-03"}, "date_out_of_range", ("2026-02-03", "2026-02-01")),
        ({"effective_date": "2026-01-14"}, "date_out_of_range", ("2026-01-14", "2026-01-15")),
        ({"value_date": "2025-12-31"}, "period_closed", ("2025-12-31",)),
        ({"amount": money(1, "USD"), "bank_account": "BANK-USD"}, "rate_missing", ("USD",)),
    ],
)
def test_an_unplaced_payment_that_the_bank_cannot_have_is_refused(
    changes: dict[str, Any], code: str, words: tuple[str, ...]
) -> None:
    paper = a_fund()
    paper.unplaced(money(60), bank_reference="FT-1")
    paper.closed("2025-12-31")

    with refused(paper, code, *words):
        paper.unplaced(**{"amount": money(60), **changes})


def test_a_payment_that_was_booked_as_unidentified_is_no_receipt_besides() -> None:
    paper = a_fund()
    item = paper.unplaced(money(60), bank_reference="FT-1")
    agreement = paper.agreed("DE", money(100))

    with refused(paper, "bank_reference_used", f"Entry {item.booked_seq}"):
        paper.paid(agreement, money(60), "FT-1")


@pytest.mark.parametrize("who", [REQUESTER, treasury("DE")])
def test_only_the_trustee_books_resolves_and_returns(who: Person) -> None:
    paper = a_fund()
    item, agreement = paper.unplaced(money(60)), paper.agreed("DE", money(100))

    with refused(paper, "role_not_permitted", "trustee"):
        paper.do(who, BookUnidentified.model_validate(an_unidentified(money(1), "FT-2")))
    with refused(paper, "role_not_permitted", "trustee"):
        resolved(paper, item, agreement, who)
    with refused(paper, "role_not_permitted", "trustee"):
        sent_back(paper, item, who)


def test_a_resolved_payment_is_a_receipt_from_here_on() -> None:
    paper = a_fund()
    item, agreement = paper.unplaced(money(60)), paper.agreed("DE", money(100))
    resolved(paper, item, agreement)

    assert lines(paper, "suspense.resolved") == {
        "suspense": 60_00,
        f"receivable/{agreement.agreement_id}": -60_00,
        "deferred/DE/budget": 60_00,
        "contributor/DE/budget": -60_00,
    }
    assert {p.effective for p in entry(paper, "suspense.resolved").postings} == {date(2026, 1, 20)}
    assert balance(paper, "suspense") == eur(0)
    assert pool(paper).balances == {"DE": eur(60)}
    assert position(paper, "DE").received == eur(60)
    assert (now(paper, item).state, now(paper, item).closed_seq) == (
        SuspenseState.RESOLVED,
        len(paper.log) - 1,
    )
    assert replayed(paper) == paper.book


def test_a_resolved_payment_is_kept_as_a_receipt_with_the_banks_own_date() -> None:
    paper = a_fund()
    item, agreement = paper.unplaced(money(60)), paper.agreed("DE", money(100))
    resolved(paper, item, agreement)

    receipt = paper.newest(Receipt)
    assert (receipt.party, receipt.window, receipt.amount) == ("DE", "budget", eur(60))
    assert receipt.bank_reference == item.bank_reference
    assert (receipt.value_date, receipt.effective_date) == (date(2026, 1, 15), date(2026, 1, 20))


def test_a_resolution_says_whose_money_it_is() -> None:
    paper = a_fund()
    item, agreement = paper.unplaced(money(60)), paper.agreed("DE", money(100))
    resolved(paper, item, agreement)

    assert said(paper, "suspense.resolved") == (
        f"The unidentified payment {item.suspense_id} is DE's for budget."
    )


def test_a_resolved_payment_is_tied_as_its_agreement_is() -> None:
    paper = a_fund()
    item = paper.unplaced(money(60))
    resolved(paper, item, paper.agreed("DE", money(60), restriction="not-defence"))

    assert pool(paper, restriction="not-defence").available == eur(60)
    assert pool(paper).available == eur(0)


def test_a_payment_is_resolved_onto_an_agreement_that_could_have_been_paid() -> None:
    paper = a_fund()
    item = paper.unplaced(money(60))
    paper.do(treasury("DE"), DraftAgreement.model_validate(an_agreement(money(100))))
    with refused(paper, "agreement_not_in_force", "draft"):
        resolved(paper, item, paper.newest(Agreement))

    small, yen = paper.agreed("DE", money("59.99")), paper.agreed("DE", money(60, "JPY"))
    with refused(paper, "exceeds_agreement", "60.00 EUR", "59.99 EUR"):
        resolved(paper, item, small)
    with refused(paper, "currency_mismatch", "EUR", "JPY"):
        resolved(paper, item, yen)
    with refused(paper, "not_found", "agreements"):
        resolved(paper, item, small, agreement_id=UNKNOWN_ID)


@pytest.mark.parametrize(
    ("day", "code", "word"),
    [
        ("2026-01-14", "date_out_of_range", "2026-01-15"),
        ("2026-02-03", "date_out_of_range", "2026-02-01"),
        ("2026-01-16", "period_closed", "2026-01-16"),
    ],
)
def test_a_resolution_counts_when_the_money_was_there_and_the_books_are_open(
    day: str, code: str, word: str
) -> None:
    paper = a_fund()
    item, agreement = paper.unplaced(money(60)), paper.agreed("DE", money(100))
    paper.closed("2026-01-16")

    with refused(paper, code, word):
        resolved(paper, item, agreement, effective_date=day)


def test_a_returned_payment_has_left_the_bank() -> None:
    paper = a_fund()
    item = paper.unplaced(money(60))
    sent_back(paper, item)

    assert lines(paper, "suspense.returned") == {"suspense": 60_00, "cash/BANK-EUR": -60_00}
    assert (now(paper, item).state, now(paper, item).closed_seq) == (
        SuspenseState.RETURNED,
        len(paper.log) - 1,
    )
    line = paper.book.get(BankLine, "BANK-EUR", "BACK-1")
    assert (line.direction, line.amount) == (Direction.OUT, eur(60))
    assert line.value_date == date(2026, 1, 20)
    assert replayed(paper) == paper.book


def test_a_return_says_why() -> None:
    paper = a_fund()
    item = paper.unplaced(money(60))
    sent_back(paper, item)

    assert said(paper, "suspense.returned") == (
        f"The unidentified payment {item.suspense_id} was sent back "
        "(bank reference BACK-1, value 2026-01-20): Not ours"
    )


def test_who_booked_a_payment_does_not_send_it_back() -> None:
    paper = a_fund()
    item = paper.unplaced(money(60))

    with refused(paper, "separation_of_duties", "another"):
        sent_back(paper, item, TRUSTEE)
    sent_back(paper, item, SECOND)


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"value_date": "2026-02-03"}, "date_out_of_range", ("2026-02-03", "2026-02-01")),
        ({"value_date": "2026-01-14"}, "date_out_of_range", ("2026-01-15",)),
        ({"effective_date": "2026-01-19"}, "date_out_of_range", ("2026-01-19", "2026-01-20")),
        ({"value_date": "2026-01-16"}, "period_closed", ("2026-01-16",)),
        ({"bank_reference": "FT-1"}, "bank_reference_used", ("Entry",)),
        ({"suspense_id": UNKNOWN_ID}, "not_found", ("suspense_items",)),
    ],
)
def test_a_return_that_the_bank_cannot_have_made_is_refused(
    changes: dict[str, Any], code: str, words: tuple[str, ...]
) -> None:
    paper = a_fund()
    item = paper.unplaced(money(60), bank_reference="FT-1")
    paper.closed("2026-01-16")

    with refused(paper, code, *words):
        sent_back(paper, item, **changes)


def test_by_neither_date_does_money_go_back_before_it_was_there() -> None:
    paper = a_fund()
    item = paper.unplaced(money(60), value_date="2026-01-15", effective_date="2026-01-18")

    for value, effective in (
        ("2026-01-14", "2026-01-18"),
        ("2026-01-15", "2026-01-17"),
        ("2026-01-14", "2026-01-14"),
    ):
        with refused(paper, "date_out_of_range", "2026-01-15", "2026-01-18"):
            sent_back(paper, item, value_date=value, effective_date=effective)
    sent_back(paper, item, value_date="2026-01-15", effective_date="2026-01-18")

    assert now(paper, item).state is SuspenseState.RETURNED
    assert replayed(paper) == paper.book


def test_no_bank_account_sends_back_what_it_does_not_hold() -> None:
    paper = Door().open(
        **valued(bank_accounts=[{"id": name, "currency": "EUR"} for name in ("BANK-EUR", "SECOND")])
    )
    item = paper.unplaced(money(60))
    agreement = paper.agreed("DE", money(60))
    paper.paid(agreement, money(60), bank_account="SECOND")
    paper.instructed(paper.approved(paper.requested(money(10))))

    with refused(paper, "insufficient_funds", "60.00 EUR", "BANK-EUR", "50.00 EUR"):
        sent_back(paper, item)


def test_what_was_resolved_or_returned_is_over() -> None:
    paper = a_fund()
    agreement = paper.agreed("DE", money(200))
    first, second = paper.unplaced(money(60)), paper.unplaced(money(60))
    resolved(paper, first, agreement)
    sent_back(paper, second)

    for item, state in ((first, "resolved"), (second, "returned")):
        with refused(paper, "suspense_closed", state, str(now(paper, item).closed_seq)):
            resolved(paper, item, agreement)
        with refused(paper, "suspense_closed", state):
            sent_back(paper, item, bank_reference="BACK-2")


def test_unplaced_money_in_a_foreign_currency_is_valued_and_its_return_realises() -> None:
    paper = a_fund()
    paper.published("2026-01-15", USD="1.0825")
    paper.published("2026-01-20", USD="1.25")
    item = paper.unplaced(money("108.25", "USD"))
    assert paper.book.get(Holding, "USD").cost_minor == 100_00

    sent_back(paper, item)

    holding = paper.book.get(Holding, "USD")
    assert (holding.held.minor, holding.cost_minor, holding.realised_minor) == (0, 0, -13_40)
    assert lines(paper, "suspense.returned")["realised/USD"] == 13_40


def test_a_return_waits_for_the_rate_of_its_day_and_a_resolution_does_not() -> None:
    paper = a_fund()
    paper.published("2026-01-15", USD="1.0825")
    item = paper.unplaced(money(60, "USD"))
    agreement = paper.agreed("DE", money(60, "USD"))

    with refused(paper, "rate_missing", "USD", "2026-01-21"):
        sent_back(paper, item, value_date="2026-01-21")
    resolved(paper, item, agreement, effective_date="2026-01-31")


def test_suspense_beyond_the_largest_amount_is_refused_and_does_not_overflow() -> None:
    paper = a_fund()
    paper.unplaced(Money(MAX_MINOR, "EUR").wire())

    with refused(paper, "amount_out_of_range", str(MAX_MINOR)):
        paper.unplaced(money("0.01"))


@pytest.mark.parametrize(
    "changes",
    [{"amount": money("0.00")}, {"note": ""}, {"note": "two\nlines"}, {"party": "DE"}],
)
def test_an_unplaced_payment_has_its_form(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        BookUnidentified.model_validate({**an_unidentified(money(1), "FT-1"), **changes})
