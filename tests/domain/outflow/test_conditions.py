"""Conditions and abstentions: answers that are neither a plain yes nor a no."""

from typing import Any

import pytest
from pydantic import ValidationError

from app.domain.outflow.approvals import AnswerStep, ApprovalAbstained, ApprovalGiven
from app.domain.outflow.disbursements import Disbursement, DisbursementState
from app.domain.outflow.steps import Answer
from app.domain.values import Role
from tests.support.builders import SUPERVISOR, Person, an_approval, money
from tests.support.domain import DIGEST, UNKNOWN_ID, Door, eur, pool, refused, said
from tests.support.outflow import (
    LAWYER,
    answer_of,
    answers,
    later,
    meets,
    now,
    stepped,
    takes_back,
)

CONDITIONS = ["The audit is there", "No new sanctions"]


def conditional(paper: Door) -> Disbursement:
    """Reserved, on an approval of DE with conditions."""
    request = paper.requested(money(50))
    answers(paper, LAWYER, request, conditions=CONDITIONS)
    return paper.approved(request)


def abstained(paper: Door) -> Disbursement:
    """DE's lawyer has abstained; nobody else has answered."""
    request = paper.requested(money(50))
    answers(paper, LAWYER, request, decision="abstain")
    return now(paper, request)


def test_conditions_do_not_stand_in_the_way_of_the_decision() -> None:
    paper = stepped()
    request = conditional(paper)

    approval = answer_of(paper, request)
    assert request.state is DisbursementState.RESERVED
    assert approval.conditions == tuple(CONDITIONS)
    assert approval.condition is not None
    assert approval.conditions_met_seq is None


def test_an_approval_says_its_conditions() -> None:
    paper = stepped()
    request = paper.requested(money(50))
    answers(paper, LAWYER, request, conditions=CONDITIONS)

    assert said(paper, "approval.given") == (
        f"DE approved step legal_review of disbursement {request.disbursement_id}, if: "
        f"The audit is there; No new sanctions"
    )


def test_money_is_not_paid_while_conditions_are_open() -> None:
    paper = stepped()
    request = conditional(paper)

    with refused(paper, "conditions_open", "DE", "legal_review", *CONDITIONS):
        paper.instructed(request)


def test_money_is_paid_once_the_approver_says_that_the_conditions_are_met() -> None:
    paper = stepped()
    request = conditional(paper)

    meets(paper, LAWYER, request)

    approval = answer_of(paper, request)
    assert approval.conditions_met_seq == len(paper.log) - 1
    assert (approval.conditions, approval.condition is not None) == (tuple(CONDITIONS), False)
    assert said(paper, "approval.conditions_met") == (
        f"DE's conditions at step legal_review of disbursement {request.disbursement_id} are met."
    )
    assert paper.instructed(request).state is DisbursementState.INSTRUCTED


def test_conditions_may_be_met_before_the_request_is_decided() -> None:
    paper = stepped()
    request = paper.requested(money(50))
    answers(paper, LAWYER, request, conditions=CONDITIONS)

    meets(paper, LAWYER, request)

    assert paper.instructed(paper.approved(request)).state is DisbursementState.INSTRUCTED


def test_conditions_are_met_in_the_role_of_the_step() -> None:
    paper = stepped()
    request = conditional(paper)

    with refused(paper, "step_not_open", "legal_reviewer", "risk_officer"):
        meets(paper, Person("DE", Role.RISK_OFFICER), request)


def test_another_party_does_not_say_that_conditions_are_met() -> None:
    paper = stepped()
    request = conditional(paper)

    with refused(paper, "wrong_party", "legal_review", "IFI"):
        meets(paper, SUPERVISOR, request)
    with refused(paper, "proposal_closed", "No condition is open"):
        meets(paper, Person("FR", Role.LEGAL_REVIEWER), request)


def test_conditions_are_met_once() -> None:
    paper = stepped()
    request = conditional(paper)
    meets(paper, LAWYER, request)

    with refused(paper, "proposal_closed", "No condition is open"):
        meets(paper, LAWYER, request)


def test_conditions_of_an_approval_that_was_taken_back_are_gone() -> None:
    paper = stepped()
    request = conditional(paper)
    takes_back(paper, LAWYER, request)

    with refused(paper, "proposal_closed", "No condition is open"):
        meets(paper, LAWYER, request)
    answers(paper, LAWYER, request)
    assert paper.instructed(request).state is DisbursementState.INSTRUCTED


def test_an_approval_that_is_given_again_may_have_other_conditions() -> None:
    paper = stepped(legal_review={"valid_days": 30})
    request = paper.approved(paper.requested(money(50)))
    later(paper, days=31)
    for party in ("DE", "FR"):
        answers(paper, Person(party, Role.LEGAL_REVIEWER), request, conditions=["New"])

    with refused(paper, "conditions_open", "New"):
        paper.instructed(request)


@pytest.mark.parametrize("decision", ["refuse", "abstain"])
def test_conditions_belong_to_an_approval(decision: str) -> None:
    body = an_approval(UNKNOWN_ID, "legal_review", DIGEST, conditions=["If"], decision=decision)

    with pytest.raises(ValidationError, match="belong to an approval"):
        AnswerStep.model_validate(body)


@pytest.mark.parametrize("conditions", [["a"] * 11, [""], [" a"], "a", [1]])
def test_conditions_are_a_few_texts(conditions: Any) -> None:
    body = an_approval(UNKNOWN_ID, "legal_review", DIGEST, conditions=conditions)

    with pytest.raises(ValidationError):
        AnswerStep.model_validate(body)


def test_who_abstains_makes_the_request_wait() -> None:
    paper = stepped()
    request = abstained(paper)

    approval = answer_of(paper, request)
    assert (approval.answer, approval.passes, approval.waits) == (Answer.ABSTAINED, False, True)
    assert (request.outstanding, request.ballots) == (9, ())
    assert said(paper, "approval.abstained") == (
        f"DE abstained in step legal_review of {request.disbursement_id}."
    )


def test_steps_that_come_after_wait_for_who_abstained() -> None:
    paper = stepped()
    request = abstained(paper)
    paper.approved(request, but=3)

    with refused(paper, "step_not_open", "no_objection", "legal_review", "DE"):
        answers(paper, SUPERVISOR, request, "no_objection")


def test_who_abstained_may_still_approve() -> None:
    paper = stepped()
    request = abstained(paper)

    answers(paper, LAWYER, request)

    assert answer_of(paper, request).answer is Answer.APPROVED
    assert paper.approved(request).state is DisbursementState.RESERVED


def test_where_the_step_lets_an_abstention_pass_the_request_goes_on() -> None:
    paper = stepped(legal_review={"abstention_passes": True})
    request = abstained(paper)

    assert request.outstanding == 8
    after = paper.approved(request)
    assert after.state is DisbursementState.RESERVED
    assert len(after.ballots) == 8


def test_the_last_answer_may_be_an_abstention() -> None:
    paper = stepped(treasury_release={"abstention_passes": True})
    request = paper.approved(paper.requested(money(50)), but=1)
    (last,) = paper.waiting(request)

    paper.answer(last, decision="abstain")

    assert now(paper, request).state is DisbursementState.RESERVED


def test_the_last_answer_does_not_pass_by_abstaining_when_the_money_is_not_there() -> None:
    paper = stepped(treasury_release={"abstention_passes": True})
    request = paper.approved(paper.requested(money(150)), but=1)
    (last,) = paper.waiting(request)

    with refused(paper, "insufficient_funds", "150.00 EUR", "100.00 EUR"):
        paper.answer(last, decision="abstain")


def test_an_abstention_that_passed_can_be_taken_back() -> None:
    paper = stepped(legal_review={"abstention_passes": True})
    request = paper.approved(abstained(paper))

    takes_back(paper, LAWYER, request)

    assert now(paper, request).state is DisbursementState.REQUESTED
    assert (now(paper, request).outstanding, pool(paper).available) == (1, eur(100))


@pytest.mark.parametrize("decision", ["refuse", "abstain", "approve"])
def test_who_has_approved_answers_no_more(decision: str) -> None:
    paper = stepped()
    request = paper.requested(money(50))
    answers(paper, LAWYER, request)

    with refused(paper, "already_decided", "DE", "approved", "legal_review"):
        answers(paper, LAWYER, request, decision=decision, reason="Again")


def test_a_log_turns_no_abstention_into_an_approval() -> None:
    data = {"disbursement_id": UNKNOWN_ID, "step": "legal_review", "digest": DIGEST}

    with pytest.raises(ValidationError, match="states abstain"):
        ApprovalGiven.read({**data, "decision": "abstain"}, {})
    with pytest.raises(ValidationError, match="states approve"):
        ApprovalAbstained.read({**data, "decision": "approve"}, {})
