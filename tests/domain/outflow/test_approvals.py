"""Approvals: who may answer, when, once, and about exactly which request."""

import pytest
from pydantic import ValidationError

from app.domain.outflow.approvals import AnswerStep, ApprovalGiven, ApprovalRefused
from app.domain.outflow.disbursements import Disbursement, DisbursementState
from app.domain.outflow.steps import Answer, Approval, Involvement
from app.domain.values import Role
from tests.support.builders import (
    REQUESTER,
    SUPERVISOR,
    TRUSTEE,
    Person,
    a_charter,
    an_agreement,
    an_approval,
    money,
)
from tests.support.domain import (
    DIGEST,
    UNKNOWN_ID,
    Door,
    cancelled,
    entry,
    eur,
    funded,
    lines,
    pool,
    refused,
    said,
)

LAWYER = Person("DE", Role.LEGAL_REVIEWER)
DOCUMENT = {"sha256": "0" * 64, "citation": "Bundestag 20/1234"}


def answers(paper: Door, who: Person, request: Disbursement, step: str, **changes: object) -> None:
    body = {**an_approval(request.disbursement_id, step, request.digest), **changes}
    paper.do(who, AnswerStep.model_validate(body))


def given(paper: Door, request: Disbursement, step: str, party: str) -> Approval:
    return paper.book.get(Approval, request.disbursement_id, step, party)


def test_an_approval_is_kept_with_who_gave_it() -> None:
    paper = funded(DE=60)
    request = paper.requested(money(50))
    answers(paper, LAWYER, request, "legal_review")

    approval = given(paper, request, "legal_review", "DE")
    assert (approval.answer, approval.subject) == (Answer.APPROVED, "de-legal-reviewer")
    assert approval.answered_seq == len(paper.log) - 1
    after = paper.book.get(Disbursement, request.disbursement_id)
    assert (after.outstanding, after.ballots) == (8, (approval.answered_seq,))
    assert after.state is DisbursementState.REQUESTED
    involvement = (request.disbursement_id, "DE", "de-legal-reviewer")
    assert paper.book.get(Involvement, *involvement).capacity == "legal_reviewer"
    assert lines(paper, "approval.given") == {}


def test_an_approval_says_who_approved_what() -> None:
    paper = funded(DE=60)
    request = paper.requested(money(50))
    answers(paper, LAWYER, request, "legal_review")

    assert said(paper, "approval.given") == (
        f"DE approved step legal_review of disbursement {request.disbursement_id}."
    )


def test_a_refusal_is_kept_with_who_gave_it_and_counts_as_no_approval() -> None:
    paper = funded(DE=60)
    request = paper.requested(money(50))
    answers(paper, LAWYER, request, "legal_review", decision="refuse", reason="No mandate")

    approval = given(paper, request, "legal_review", "DE")
    assert (approval.answer, approval.subject) == (Answer.REFUSED, "de-legal-reviewer")
    assert approval.answered_seq == len(paper.log) - 2
    after = paper.book.get(Disbursement, request.disbursement_id)
    assert (after.outstanding, after.ballots) == (9, ())
    assert lines(paper, "approval.refused") == {}


def test_a_refusal_says_why() -> None:
    paper = funded(DE=60)
    request = paper.requested(money(50))
    answers(paper, LAWYER, request, "legal_review", decision="refuse", reason="No mandate")

    assert said(paper, "approval.refused") == (
        f"DE refused step legal_review of disbursement {request.disbursement_id}: No mandate"
    )


def test_governments_answer_their_own_first_steps_in_any_order() -> None:
    paper = funded(DE=60)
    request = paper.requested(money(50))

    for approval in reversed(paper.waiting(request)[:6]):
        paper.answer(approval)

    assert paper.book.get(Disbursement, request.disbursement_id).outstanding == 3


def test_a_requester_cannot_approve_their_own_request() -> None:
    paper = funded(DE=60)
    request = paper.requested(money(50))

    for step in ("legal_review", "no_objection"):
        with refused(paper, "separation_of_duties", "requester"):
            answers(paper, REQUESTER, request, step)


@pytest.mark.parametrize("who", [TRUSTEE, Person("AUDIT", Role.AUDITOR), SUPERVISOR])
def test_a_step_is_answered_by_a_party_that_it_asks(who: Person) -> None:
    paper = funded(DE=60)
    request = paper.requested(money(50))

    with refused(paper, "wrong_party", "legal_review", who.party):
        answers(paper, who, request, "legal_review")


@pytest.mark.parametrize("role", [Role.TREASURY, Role.RISK_OFFICER, Role.ADMIN])
def test_a_step_is_answered_in_its_role(role: Role) -> None:
    paper = funded(DE=60)
    request = paper.requested(money(50))

    with refused(paper, "step_not_open", "legal_reviewer", str(role)):
        answers(paper, Person("DE", role), request, "legal_review")


def test_a_step_that_the_charter_does_not_name_is_unknown() -> None:
    paper = funded(DE=60)
    request = paper.requested(money(50))

    with refused(paper, "unknown_step"):
        answers(paper, LAWYER, request, "astrology")


def test_a_request_that_does_not_exist_is_not_answered() -> None:
    paper = funded(DE=60)

    with refused(paper, "not_found", "disbursements"):
        body = an_approval(UNKNOWN_ID, "legal_review", DIGEST)
        paper.do(LAWYER, AnswerStep.model_validate(body))


def test_something_else_than_a_request_is_not_answered() -> None:
    paper = funded()
    agreement = paper.agreed("DE", an_agreement(money(5))["amount"])

    with refused(paper, "not_found", "disbursements"):
        body = an_approval(agreement.agreement_id, "legal_review", DIGEST)
        paper.do(LAWYER, AnswerStep.model_validate(body))


def test_a_party_answers_a_step_once() -> None:
    paper = funded(DE=60)
    request = paper.requested(money(50))
    answers(paper, LAWYER, request, "legal_review")

    with refused(paper, "already_decided", "DE", "approved", "legal_review"):
        answers(paper, LAWYER, request, "legal_review")
    with refused(paper, "already_decided"):
        answers(paper, LAWYER, request, "legal_review", decision="refuse", reason="Changed mind")


def test_who_has_refused_cannot_approve_any_more() -> None:
    paper = funded(DE=60)
    request = paper.requested(money(50))
    answers(paper, LAWYER, request, "legal_review", decision="refuse", reason="No mandate")

    with refused(paper, "already_decided", "DE", "refused"):
        answers(paper, LAWYER, request, "legal_review")


def test_a_refused_request_takes_no_more_answers() -> None:
    paper = funded(DE=60)
    request = paper.requested(money(50))
    answers(paper, LAWYER, request, "legal_review", decision="refuse", reason="No mandate")

    with refused(paper, "proposal_closed", "refused", "requested"):
        answers(paper, Person("FR", Role.LEGAL_REVIEWER), request, "legal_review")


def test_a_cancelled_request_takes_no_more_answers() -> None:
    paper = funded(DE=60)
    request = paper.requested(money(50))
    cancelled(paper, request)

    with refused(paper, "proposal_closed", "cancelled", "requested"):
        answers(paper, LAWYER, request, "legal_review")


def test_a_decided_request_takes_no_more_answers() -> None:
    paper = funded(DE=60)
    request = paper.approved(paper.requested(money(50)))

    for _ in range(3):
        with refused(paper, "already_decided", "DE"):
            answers(paper, LAWYER, request, "legal_review")
        with refused(paper, "proposal_closed", str(request.state)):
            answers(paper, TRUSTEE, request, "legal_review")
        if request.state is DisbursementState.RESERVED:
            request = paper.instructed(request)
        elif request.state is DisbursementState.INSTRUCTED:
            request = paper.settled(request)

    assert request.state is DisbursementState.SETTLED


def test_an_approval_names_the_request_that_was_read() -> None:
    paper = funded(DE=60)
    request = paper.requested(money(50))
    other = paper.requested(money(20))

    for digest in (DIGEST, other.digest):
        with refused(paper, "stale_proposal", request.digest):
            answers(paper, LAWYER, request, "legal_review", digest=digest)


def test_who_refuses_says_why() -> None:
    paper = funded(DE=60)
    request = paper.requested(money(50))

    with refused(paper, "reason_required"):
        answers(paper, LAWYER, request, "legal_review", decision="refuse")


def test_a_step_that_takes_evidence_is_not_approved_without_a_document() -> None:
    steps = a_charter()["approval_steps"]
    paper = Door()
    paper.open(approval_steps=[{**steps[0], "evidence": True}, *steps[1:]])
    request = paper.requested(money(50))

    with refused(paper, "evidence_required", "legal_review"):
        answers(paper, LAWYER, request, "legal_review")

    answers(paper, LAWYER, request, "legal_review", documents=[DOCUMENT])
    assert given(paper, request, "legal_review", "DE").answer is Answer.APPROVED
    assert entry(paper, "approval.given").event.data()["documents"] == [DOCUMENT]


def test_a_step_that_takes_evidence_is_refused_without_a_document() -> None:
    steps = a_charter()["approval_steps"]
    paper = Door()
    paper.open(approval_steps=[{**steps[0], "evidence": True}, *steps[1:]])
    request = paper.requested(money(50))

    answers(paper, LAWYER, request, "legal_review", decision="refuse", reason="No document")

    assert given(paper, request, "legal_review", "DE").answer is Answer.REFUSED


def test_the_last_approval_is_refused_while_the_money_is_not_there() -> None:
    paper = funded(DE=60)
    request = paper.approved(paper.requested(money(100)), but=1)
    (last,) = paper.waiting(request)

    with refused(paper, "insufficient_funds", "100.00 EUR", "60.00 EUR"):
        paper.answer(last)

    paper.paid(paper.agreed("FR", money(40)), money(40))
    paper.answer(last)
    after = paper.book.get(Disbursement, request.disbursement_id)
    assert after.state is DisbursementState.RESERVED
    assert after.shares == {"DE": eur(60), "FR": eur(40)}
    assert pool(paper).available == eur(0)


def test_a_request_from_a_window_that_received_nothing_is_not_decided() -> None:
    paper = funded()
    request = paper.approved(paper.requested(money(100)), but=1)

    with refused(paper, "insufficient_funds", "100.00 EUR", "0.00 EUR"):
        paper.approved(request)


def test_a_request_that_cannot_be_paid_can_still_be_refused() -> None:
    paper = funded(DE=60)
    request = paper.approved(paper.requested(money(100)), but=1)
    (last,) = paper.waiting(request)

    paper.answer(last, decision="refuse", reason="No money")

    after = paper.book.get(Disbursement, request.disbursement_id)
    assert after.state is DisbursementState.REFUSED


def test_of_two_last_approvals_over_one_balance_one_is_refused() -> None:
    paper = funded(DE=60)
    requests = [paper.approved(paper.requested(money(40)), but=1) for _ in range(2)]
    paper.approved(requests[0])

    with refused(paper, "insufficient_funds", "40.00 EUR", "20.00 EUR"):
        paper.approved(requests[1])


def test_a_member_without_any_role_that_the_step_takes_acts_in_one_they_hold() -> None:
    paper = funded(DE=60)
    request = paper.requested(money(50))

    with refused(paper, "not_a_member", "DE"):
        answers(paper, Person("DE", Role.OBSERVER), request, "legal_review")


def test_a_log_turns_no_answer_into_the_other() -> None:
    data = {"disbursement_id": UNKNOWN_ID, "step": "legal_review", "digest": DIGEST, "reason": "R"}

    with pytest.raises(ValidationError, match="states refuse"):
        ApprovalGiven.read({**data, "decision": "refuse"}, {})
    with pytest.raises(ValidationError, match="states approve"):
        ApprovalRefused.read({**data, "decision": "approve"}, {})
