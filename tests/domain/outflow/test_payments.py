"""Payments: the bank is told, the bank answers, or the request is taken back."""

from typing import Any

import pytest
from pydantic import ValidationError

from app.domain.inflow.receipts import BankLine, BookReceipt, Direction
from app.domain.outflow.disbursements import Disbursement, DisbursementState
from app.domain.outflow.payments import (
    InstructDisbursement,
    ReturnDisbursement,
    SettleDisbursement,
)
from app.domain.outflow.steps import Answer, Approval, Involvement
from app.domain.values import Role
from tests.support.builders import (
    REQUESTER,
    TRUSTEE,
    VALUE_DATE,
    a_charter,
    a_receipt,
    money,
    treasury,
)
from tests.support.domain import (
    UNKNOWN_ID,
    Door,
    Known,
    balance,
    cancelled,
    eur,
    funded,
    lines,
    pool,
    position,
    refused,
    returned,
    said,
)
from tests.support.paper import Paper

SPLIT = {"DE": eur(30), "FR": eur(20)}


def reserved(paper: Paper) -> Disbursement:
    return paper.approved(paper.requested(money(50)))


def told(paper: Paper, disbursement: Disbursement, account: str) -> None:
    command = InstructDisbursement(
        disbursement_id=disbursement.disbursement_id, bank_account=account
    )
    paper.do(TRUSTEE, command)


def settled_on(paper: Paper, disbursement: Disbursement, day: str, reference: str = "OUT") -> None:
    body = {
        "disbursement_id": disbursement.disbursement_id,
        "bank_reference": reference,
        "value_date": day,
    }
    paper.do(TRUSTEE, SettleDisbursement.model_validate(body))


def now(paper: Paper, disbursement: Disbursement) -> Disbursement:
    return paper.book.get(Disbursement, disbursement.disbursement_id)


def test_an_instruction_puts_the_cash_in_transit() -> None:
    paper = funded(DE=60, FR=40)
    told_of = paper.instructed(reserved(paper))

    assert told_of.state is DisbursementState.INSTRUCTED
    assert told_of.bank_account == "BANK-EUR"
    assert lines(paper, "disbursement.instructed") == {
        "transit/BANK-EUR": 50_00,
        "cash/BANK-EUR": -50_00,
    }
    assert position(paper, "DE").reserved == eur(30)
    involvement = (told_of.disbursement_id, "TRUSTEE", "trustee-trustee")
    assert paper.book.get(Involvement, *involvement).capacity == "releaser"


def test_an_instruction_says_what_the_bank_was_told() -> None:
    paper = funded(DE=60)
    request = paper.instructed(reserved(paper))

    assert said(paper, "disbursement.instructed") == (
        f"TRUSTEE instructed the bank to pay disbursement {request.disbursement_id} from BANK-EUR."
    )


def test_a_settlement_is_money_that_has_reached_the_recipient() -> None:
    paper = funded(DE=60, FR=40)
    paid = paper.settled(paper.instructed(reserved(paper)), "OUT")

    assert paid.state is DisbursementState.SETTLED
    assert (paid.bank_reference, paid.shares) == ("OUT", SPLIT)
    assert lines(paper, "disbursement.settled") == {
        "granted/UA/budget": 50_00,
        "transit/BANK-EUR": -50_00,
        f"reserved/{paid.disbursement_id}": 50_00,
        "applied/DE/budget": -30_00,
        "applied/FR/budget": -20_00,
    }
    assert (position(paper, "DE").reserved, position(paper, "DE").disbursed) == (eur(0), eur(30))
    assert position(paper, "FR").disbursed == eur(20)
    line = paper.book.get(BankLine, "BANK-EUR", "OUT")
    assert (line.direction, line.amount) == (Direction.OUT, eur(50))
    assert line.booked_seq == len(paper.log) - 1


def test_a_settlement_says_the_banks_reference_and_date() -> None:
    paper = funded(DE=60)
    paid = paper.settled(paper.instructed(reserved(paper)), "OUT")

    assert said(paper, "disbursement.settled") == (
        f"Disbursement {paid.disbursement_id} was settled (bank reference OUT, value 2026-01-15)."
    )


def test_a_rejected_instruction_gives_back_what_was_reserved() -> None:
    paper = funded(DE=60, FR=40)
    rejected = paper.instructed(reserved(paper))
    returned(paper, rejected)

    assert now(paper, rejected).state is DisbursementState.RETURNED
    assert lines(paper, "disbursement.returned") == {
        "cash/BANK-EUR": 50_00,
        "transit/BANK-EUR": -50_00,
        f"reserved/{rejected.disbursement_id}": 50_00,
        "contributor/DE/budget": -30_00,
        "contributor/FR/budget": -20_00,
    }
    assert pool(paper).balances == {"DE": eur(60), "FR": eur(40)}
    assert position(paper, "DE").reserved == position(paper, "DE").disbursed == eur(0)
    assert paper.book.get(BankLine, "BANK-EUR", "BACK-1").direction is Direction.IN


def test_money_that_came_back_returns_at_its_original_attribution() -> None:
    paper = funded(DE=60, FR=40)
    paid = paper.settled(paper.instructed(reserved(paper)))
    paper.paid(paper.agreed("FR", money(1000)), money(1000))
    returned(paper, paid)

    assert now(paper, paid).state is DisbursementState.RETURNED
    assert lines(paper, "disbursement.returned") == {
        "cash/BANK-EUR": 50_00,
        "granted/UA/budget": -50_00,
        "applied/DE/budget": 30_00,
        "applied/FR/budget": 20_00,
        "contributor/DE/budget": -30_00,
        "contributor/FR/budget": -20_00,
    }
    assert pool(paper).balances == {"DE": eur(60), "FR": eur(1040)}
    assert position(paper, "DE").disbursed == eur(0)


def test_money_does_not_come_back_before_it_left() -> None:
    paper = funded(DE=60, FR=40)
    paid = paper.settled(paper.instructed(reserved(paper)), day="2026-01-20")

    with refused(paper, "date_out_of_range", "2026-01-20", "2026-01-19"):
        returned(paper, paid, day="2026-01-19")

    returned(paper, paid, day="2026-01-20")
    assert now(paper, paid).state is DisbursementState.RETURNED


def test_a_return_says_why() -> None:
    paper = funded(DE=60)
    request = paper.instructed(reserved(paper))
    returned(paper, request)

    assert said(paper, "disbursement.returned") == (
        f"Disbursement {request.disbursement_id} came back from the bank "
        "(reference BACK-1): Account closed"
    )


def test_a_cancelled_request_closes_every_answer_that_waits() -> None:
    paper = funded(DE=60, FR=40)
    request = paper.approved(paper.requested(money(50)), but=4)
    cancelled(paper, request)

    assert now(paper, request).state is DisbursementState.CANCELLED
    answers = [row.answer for row in paper.rows(Approval)]
    assert (answers.count(Answer.APPROVED), answers.count(Answer.CLOSED)) == (5, 4)
    assert lines(paper, "disbursement.cancelled") == {}
    assert pool(paper).available == eur(100)


def test_a_cancelled_reservation_is_free_again() -> None:
    paper = funded(DE=60, FR=40)
    request = reserved(paper)
    cancelled(paper, request, TRUSTEE)

    assert now(paper, request).state is DisbursementState.CANCELLED
    assert lines(paper, "disbursement.cancelled") == {
        f"reserved/{request.disbursement_id}": 50_00,
        "contributor/DE/budget": -30_00,
        "contributor/FR/budget": -20_00,
    }
    assert pool(paper).balances == {"DE": eur(60), "FR": eur(40)}
    assert position(paper, "DE").reserved == eur(0)


def test_a_cancellation_says_who_and_why() -> None:
    paper = funded(DE=60)
    request = reserved(paper)
    cancelled(paper, request)

    assert said(paper, "disbursement.cancelled") == (
        f"UA cancelled disbursement {request.disbursement_id}: Not needed"
    )


def test_nothing_is_instructed_before_it_is_reserved() -> None:
    paper = funded(DE=60)
    request = paper.requested(money(50))

    with refused(paper, "proposal_closed", "requested", "reserved"):
        paper.instructed(request)


def test_nothing_is_instructed_settled_or_cancelled_twice() -> None:
    paper = funded(DE=100)
    request = paper.instructed(reserved(paper))
    with refused(paper, "proposal_closed", "instructed", "reserved"):
        paper.instructed(request)

    paper.settled(request)
    with refused(paper, "proposal_closed", "settled", "instructed"):
        paper.settled(request)

    other = reserved(paper)
    cancelled(paper, other)
    with refused(paper, "proposal_closed", "cancelled"):
        cancelled(paper, other)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_only_what_the_bank_was_told_comes_back(count: int) -> None:
    paper = funded(DE=60)
    request = paper.requested(money(50)) if count == 0 else reserved(paper)
    if count == 2:
        returned(paper, paper.instructed(request))

    with refused(paper, "proposal_closed", str(now(paper, request).state), "instructed or settled"):
        returned(paper, request, "BACK-2")


def test_a_request_is_not_cancelled_after_the_bank_was_told() -> None:
    paper = funded(DE=60)
    request = paper.instructed(reserved(paper))

    for who in (REQUESTER, TRUSTEE):
        with refused(paper, "proposal_closed", "instructed", "requested or reserved"):
            cancelled(paper, request, who)

    paper.settled(request)
    with refused(paper, "proposal_closed", "settled"):
        cancelled(paper, request)


def test_a_reservation_is_not_settled_before_it_was_instructed() -> None:
    paper = funded(DE=60)
    request = reserved(paper)

    with refused(paper, "proposal_closed", "reserved", "instructed"):
        paper.settled(request)


def test_another_recipient_does_not_cancel() -> None:
    charter = a_charter()
    paper = Door()
    paper.open(
        parties=[*charter["parties"], {"id": "MD", "name": "MD", "kind": "recipient"}],
        members=[*charter["members"], {"subject": "md", "party": "MD", "roles": ["requester"]}],
    )
    request = paper.requested(money(50))

    with refused(paper, "wrong_party", "UA"):
        cancelled(paper, request, Known("MD", Role.REQUESTER, "md"))


@pytest.mark.parametrize("who", [REQUESTER, treasury("DE")])
def test_only_the_trustee_tells_the_bank(who: Any) -> None:
    paper = funded(DE=60)
    request = reserved(paper)
    command = InstructDisbursement(disbursement_id=request.disbursement_id, bank_account="BANK-EUR")

    with refused(paper, "role_not_permitted", "trustee"):
        paper.do(who, command)


def test_a_bank_account_is_known_and_in_the_currency() -> None:
    paper = funded(DE=60)
    request = reserved(paper)

    with refused(paper, "unknown_bank_account"):
        told(paper, request, "ELSEWHERE")
    with refused(paper, "currency_mismatch", "JPY", "EUR"):
        told(paper, request, "BANK-JPY")


def test_a_bank_account_pays_what_it_holds_only() -> None:
    accounts = [*a_charter()["bank_accounts"], {"id": "SECOND", "currency": "EUR"}]
    paper = Door()
    paper.open(bank_accounts=accounts)
    paper.paid(paper.agreed("DE", money(30)), money(30))
    second = a_receipt(paper.agreed("FR", money(40)).agreement_id, money(40), "IN-2")
    paper.do(treasury("FR"), BookReceipt.model_validate({**second, "bank_account": "SECOND"}))
    request = reserved(paper)

    for account, held in (("BANK-EUR", "30.00 EUR"), ("SECOND", "40.00 EUR")):
        with refused(paper, "insufficient_funds", "50.00 EUR", held, account):
            told(paper, request, account)

    paper.paid(paper.agreed("DE", money(20)), money(20))
    told(paper, request, "BANK-EUR")
    assert balance(paper, "cash/BANK-EUR") == eur(0)


@pytest.mark.parametrize("reference", ["IN-1", "OUT-1", "BACK-1"])
def test_a_bank_reference_that_was_booked_settles_and_returns_nothing(reference: str) -> None:
    paper = funded()
    paper.paid(paper.agreed("DE", money(150)), money(150), "IN-1")
    returned(paper, paper.settled(paper.instructed(reserved(paper)), "OUT-1"), "BACK-1")
    request = paper.instructed(reserved(paper))
    seq = paper.book.get(BankLine, "BANK-EUR", reference).booked_seq

    with refused(paper, "bank_reference_used", f"Entry {seq}"):
        paper.settled(request, reference)
    with refused(paper, "bank_reference_used", f"Entry {seq}"):
        returned(paper, request, reference)


def test_the_bank_is_not_ahead_of_the_calendar() -> None:
    paper = funded(DE=60)
    request = paper.instructed(reserved(paper))

    with refused(paper, "date_out_of_range", "2026-02-03", "2026-02-01"):
        settled_on(paper, request, "2026-02-03")
    with refused(paper, "date_out_of_range", "2026-02-03", "2026-02-01"):
        returned(paper, request, day="2026-02-03")

    settled_on(paper, request, "2026-02-02")
    returned(paper, request, day="2026-02-02")
    assert now(paper, request).state is DisbursementState.RETURNED


def test_what_was_never_requested_is_not_paid() -> None:
    paper = funded(DE=60)
    body = {"disbursement_id": UNKNOWN_ID, "bank_reference": "X", "value_date": VALUE_DATE}

    with refused(paper, "not_found", "disbursements"):
        command = InstructDisbursement(disbursement_id=UNKNOWN_ID, bank_account="BANK-EUR")
        paper.do(TRUSTEE, command)
    with refused(paper, "not_found", "disbursements"):
        paper.do(TRUSTEE, SettleDisbursement.model_validate(body))
    with refused(paper, "not_found", "disbursements"):
        paper.do(TRUSTEE, ReturnDisbursement.model_validate({**body, "reason": "X"}))


def test_a_return_gives_its_reason() -> None:
    with pytest.raises(ValidationError):
        ReturnDisbursement.model_validate(
            {"disbursement_id": UNKNOWN_ID, "bank_reference": "X", "value_date": VALUE_DATE}
        )
