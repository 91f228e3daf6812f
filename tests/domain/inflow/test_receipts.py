"""Receipts: cash, from here on and only from here on."""

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from app.domain.inflow.agreements import Agreement, AgreementState, DraftAgreement
from app.domain.inflow.receipts import BankLine, BookReceipt, Direction, Receipt
from app.domain.values import MAX_MINOR, Money
from tests.support.builders import (
    REQUESTER,
    TRUSTEE,
    Person,
    a_charter,
    a_receipt,
    an_agreement,
    money,
    treasury,
)
from tests.support.domain import (
    UNKNOWN_ID,
    Door,
    balance,
    eur,
    funded,
    lines,
    pool,
    position,
    refused,
    returned,
    said,
)

ACCOUNTS = [*a_charter()["bank_accounts"], {"id": "SECOND", "currency": "EUR"}]


def booked(
    paper: Door,
    agreement: Agreement,
    amount: dict[str, str],
    who: Person | None = None,
    **changes: Any,
) -> None:
    body = {**a_receipt(agreement.agreement_id, amount, "FT-1"), **changes}
    paper.do(who or treasury(agreement.party), BookReceipt.model_validate(body))


def test_money_that_arrived_is_cash_and_available() -> None:
    paper = funded()
    agreement = paper.agreed("DE", money(100))
    booked(paper, agreement, money(60))

    assert lines(paper, "receipt.booked") == {
        "cash/BANK-EUR": 60_00,
        f"receivable/{agreement.agreement_id}": -60_00,
        "deferred/DE/budget": 60_00,
        "contributor/DE/budget": -60_00,
    }
    assert balance(paper, "cash/BANK-EUR") == eur(60)
    assert balance(paper, f"receivable/{agreement.agreement_id}") == eur(40)
    assert pool(paper).available == eur(60)
    assert pool(paper).balances == {"DE": eur(60)}
    assert position(paper, "DE").received == eur(60)
    assert position(paper, "DE").agreed == eur(100)


def test_a_receipt_is_kept_with_its_bank_line() -> None:
    paper = funded()
    agreement = paper.agreed("DE", money(100))
    booked(paper, agreement, money(60))

    receipt, line = paper.newest(Receipt), paper.book.get(BankLine, "BANK-EUR", "FT-1")
    assert (receipt.party, receipt.window, receipt.amount) == ("DE", "budget", eur(60))
    assert receipt.agreement_id == agreement.agreement_id
    assert receipt.value_date == line.value_date == date(2026, 1, 15)
    assert receipt.booked_seq == line.booked_seq == len(paper.log) - 1
    assert (line.direction, line.amount) == (Direction.IN, eur(60))


def test_a_receipt_says_who_paid_what_where_and_when() -> None:
    paper = funded()
    booked(paper, paper.agreed("DE", money(1000)), money(1000))

    assert said(paper, "receipt.booked") == (
        "DE paid 1,000.00 EUR into BANK-EUR for window budget "
        "(bank reference FT-1, value 2026-01-15)."
    )


def test_an_agreement_is_fulfilled_when_all_of_it_was_received() -> None:
    paper = funded()
    agreement = paper.agreed("DE", money(100))
    states = []
    for number, amount in enumerate((60, 40)):
        booked(paper, agreement, money(amount), bank_reference=f"FT-{number}")
        states.append(paper.book.get(Agreement, agreement.agreement_id).state)

    assert states == [AgreementState.IN_FORCE, AgreementState.FULFILLED]
    assert paper.book.get(Agreement, agreement.agreement_id).outstanding == eur(0)


def test_the_trustee_books_for_every_contributor() -> None:
    paper = funded()

    booked(paper, paper.agreed("DE", money(100)), money(100), TRUSTEE)

    assert paper.newest(Receipt).party == "DE"
    assert position(paper, "DE").received == eur(100)


def test_a_treasury_books_its_own_payments_only() -> None:
    paper = funded()
    agreement = paper.agreed("DE", money(100))

    with refused(paper, "wrong_party", "DE", "FR"):
        booked(paper, agreement, money(60), treasury("FR"))


def test_nobody_else_books_receipts() -> None:
    paper = funded()
    agreement = paper.agreed("DE", money(100))

    with refused(paper, "role_not_permitted", "treasury or trustee"):
        booked(paper, agreement, money(60), REQUESTER)


def test_a_draft_is_not_paid_on() -> None:
    paper = funded()
    body = an_agreement(money(100))
    paper.do(treasury("DE"), DraftAgreement.model_validate(body))

    with refused(paper, "agreement_not_in_force", "draft"):
        booked(paper, paper.newest(Agreement), money(60))


def test_no_more_is_received_than_was_agreed() -> None:
    paper = funded()
    agreement = paper.agreed("DE", money(100))
    booked(paper, agreement, money(60))

    with refused(paper, "exceeds_agreement", "40.01 EUR", "40.00 EUR"):
        booked(paper, agreement, money("40.01"), bank_reference="FT-2")


def test_nothing_more_is_received_on_a_fulfilled_agreement() -> None:
    paper = funded()
    agreement = paper.agreed("DE", money(100))
    booked(paper, agreement, money(100))

    with refused(paper, "exceeds_agreement", "0.01 EUR", "0.00 EUR"):
        booked(paper, agreement, money("0.01"), bank_reference="FT-2")


def test_a_receipt_is_in_its_agreements_currency() -> None:
    paper = funded()
    agreement = paper.agreed("DE", money(100))

    with refused(paper, "currency_mismatch", "EUR", "JPY"):
        booked(paper, agreement, money(60, "JPY"))


def test_a_receipt_is_in_its_bank_accounts_currency() -> None:
    paper = funded()
    agreement = paper.agreed("DE", money(100))

    with refused(paper, "currency_mismatch", "JPY", "EUR"):
        booked(paper, agreement, money(60), bank_account="BANK-JPY")


def test_a_bank_account_that_the_charter_does_not_name_is_unknown() -> None:
    paper = funded()
    agreement = paper.agreed("DE", money(100))

    with refused(paper, "unknown_bank_account"):
        booked(paper, agreement, money(60), bank_account="ELSEWHERE")


def test_an_agreement_that_does_not_exist_is_not_paid_on() -> None:
    paper = funded()
    body = a_receipt(UNKNOWN_ID, money(5), "FT-1")

    with refused(paper, "not_found", "agreements"):
        paper.do(treasury("DE"), BookReceipt.model_validate(body))


def test_a_bank_reference_is_booked_once() -> None:
    paper = funded()
    german, french = paper.agreed("DE", money(100)), paper.agreed("FR", money(100))
    booked(paper, german, money(60))
    seq = str(paper.newest(Receipt).booked_seq)

    for agreement in (german, french):
        with refused(paper, "bank_reference_used", f"Entry {seq}"):
            booked(paper, agreement, money(5))


def test_a_bank_reference_of_a_settlement_is_used() -> None:
    paper = funded(DE=100)
    paper.settled(paper.instructed(paper.approved(paper.requested(money(50)))), "FT-1")
    agreement = paper.agreed("FR", money(100))

    with refused(paper, "bank_reference_used"):
        booked(paper, agreement, money(5))


def test_a_bank_reference_of_a_return_is_used() -> None:
    paper = funded(DE=100)
    returned(paper, paper.instructed(paper.approved(paper.requested(money(50)))), "FT-1")
    agreement = paper.agreed("FR", money(100))

    with refused(paper, "bank_reference_used"):
        booked(paper, agreement, money(5))


def test_another_bank_account_has_references_of_its_own() -> None:
    paper = Door()
    paper.open(bank_accounts=ACCOUNTS)
    agreement = paper.agreed("DE", money(100))
    booked(paper, agreement, money(60))

    booked(paper, agreement, money(40), bank_account="SECOND")

    assert balance(paper, "cash/BANK-EUR") == eur(60)
    assert balance(paper, "cash/SECOND") == eur(40)
    assert pool(paper).available == eur(100)


@pytest.mark.parametrize("day", ["2026-02-01", "2026-02-02", "2025-01-01"])
def test_a_value_date_may_be_tomorrow_east_of_here(day: str) -> None:
    paper = funded()
    agreement = paper.agreed("DE", money(100))

    booked(paper, agreement, money(60), value_date=day)

    assert paper.newest(Receipt).value_date == date.fromisoformat(day)


def test_a_value_date_two_days_ahead_is_refused() -> None:
    paper = funded()
    agreement = paper.agreed("DE", money(100))

    with refused(paper, "date_out_of_range", "2026-02-03", "2026-02-01"):
        booked(paper, agreement, money(60), value_date="2026-02-03")


def test_receipts_beyond_the_largest_amount_are_refused_and_leave_nothing_behind() -> None:
    paper = funded()
    most = Money(MAX_MINOR, "EUR").wire()
    german, french = paper.agreed("DE", most), paper.agreed("FR", most)
    booked(paper, german, most)

    with refused(paper, "amount_out_of_range", str(MAX_MINOR)):
        booked(paper, french, money("0.01"), bank_reference="FT-2")


@pytest.mark.parametrize(
    "changes",
    [{"amount": money("-1.00")}, {"bank_reference": "a\u0301"}, {"value_date": None}, {"seq": 1}],
)
def test_a_receipt_has_its_form(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        BookReceipt.model_validate({**a_receipt(UNKNOWN_ID, money(5), "FT-1"), **changes})
