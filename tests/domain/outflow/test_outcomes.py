"""Outcomes: what the answers on a request come to, said by the ledger and by nobody else."""

import pytest

from app.domain.admission import admit
from app.domain.event import LedgerEvent
from app.domain.outflow.disbursements import DisbursementState
from app.domain.outflow.outcomes import (
    DisbursementApproved,
    DisbursementExpired,
    DisbursementRefused,
    approved_if_complete,
    concluded,
    require_conditions_met,
    require_unexpired,
)
from app.domain.outflow.steps import Answer, Approval
from app.domain.refusals.base import Refusal
from app.domain.refusals.decisions import ApprovalExpired, ClockRuns, ConditionsOpen, ProposalClosed
from app.domain.refusals.people import RoleNotPermitted
from tests.support.builders import money
from tests.support.domain import entry, eur, lines, pool, refused, replayed, said
from tests.support.outflow import (
    LAWYER,
    RELEASER,
    answer_of,
    answers,
    later,
    now,
    stepped,
    takes_back,
)

ENDINGS = [DisbursementRefused, DisbursementExpired]


def test_the_decision_names_what_it_counted_and_the_charter_it_followed() -> None:
    paper = stepped()
    request = paper.approved(paper.requested(money(50)))

    event = entry(paper, "disbursement.approved").event
    assert isinstance(event, DisbursementApproved)
    assert (event.rule, event.charter_seq, event.votes) == ("steps", 0, ())
    assert event.ballots == request.ballots
    assert len(event.ballots) == 9
    assert said(paper, "disbursement.approved") == (
        f"Disbursement {request.disbursement_id} was approved by steps, on 9 approvals."
    )


def test_a_second_decision_counts_the_approvals_that_stand_then() -> None:
    paper = stepped()
    request = paper.approved(paper.requested(money(50)))
    first = entry(paper, "disbursement.approved").event
    takes_back(paper, LAWYER, request)

    answers(paper, LAWYER, request)

    second = entry(paper, "disbursement.approved").event
    assert isinstance(first, DisbursementApproved)
    assert isinstance(second, DisbursementApproved)
    assert len(set(second.ballots) - set(first.ballots)) == 1
    assert len(second.ballots) == 9


def test_a_request_is_not_approved_while_answers_are_missing() -> None:
    paper = stepped()
    request = paper.approved(paper.requested(money(50)), but=2)
    act = paper.log[-1].act
    event = DisbursementApproved.of(paper.book, request.disbursement_id, act.seq)

    assert approved_if_complete(paper.book, request.disbursement_id, act) == ()
    with pytest.raises(ProposalClosed, match="2 approvals are still missing"):
        event.permit(paper.book, act)


def test_a_request_is_approved_once() -> None:
    paper = stepped()
    request = paper.approved(paper.requested(money(50)))
    line = entry(paper, "disbursement.approved")

    assert approved_if_complete(paper.book, request.disbursement_id, line.act) == ()
    with pytest.raises(ProposalClosed, match="reserved"):
        line.event.permit(paper.book, line.act)


def test_a_request_is_not_approved_on_approvals_that_hold_no_longer() -> None:
    paper = stepped(legal_review={"valid_days": 30})
    request = paper.requested(money(50))
    answers(paper, LAWYER, request)
    later(paper, days=31)
    paper.approved(request)
    act = paper.log[-1].act
    event = DisbursementApproved.of(paper.book, request.disbursement_id, act.seq)

    assert approved_if_complete(paper.book, request.disbursement_id, act) == ()
    with pytest.raises(ApprovalExpired, match="legal_review held until"):
        event.permit(paper.book, act)


def test_a_refusal_ends_the_request_and_asks_nobody_any_more() -> None:
    paper = stepped()
    request = paper.requested(money(50))
    paper.approved(request, but=2)

    answers(paper, RELEASER, request, "treasury_release", decision="refuse", reason="No")

    after = now(paper, request)
    assert after.state is DisbursementState.REFUSED
    assert not any(row.answer is Answer.PENDING for row in paper.rows(Approval))
    assert answer_of(paper, request).answer is Answer.APPROVED
    assert said(paper, "disbursement.refused") == (
        f"Disbursement {request.disbursement_id} is refused: DE did not approve."
    )
    assert lines(paper, "disbursement.refused") == {}
    assert pool(paper).available == eur(100)


def test_a_vote_that_was_lost_is_said_to_be_the_reason() -> None:
    paper = stepped()
    request = paper.requested(money(50))
    event = DisbursementRefused(disbursement_id=request.disbursement_id, cause=1)

    assert event.sentence(paper.log[-1].act) == (
        f"Disbursement {request.disbursement_id} is refused: the vote was lost."
    )


def test_an_expiry_says_that_an_answer_did_not_come() -> None:
    paper = stepped(legal_review={"within_days": 10})
    request = paper.requested(money(50))
    later(paper, days=11)

    paper.elapsed(request.disbursement_id)

    assert said(paper, "disbursement.expired") == (
        f"Disbursement {request.disbursement_id} expired: an answer did not come in time."
    )
    assert replayed(paper) == paper.book


def test_nothing_expires_before_something_is_overdue() -> None:
    paper = stepped(legal_review={"within_days": 10})
    request = paper.requested(money(50))
    event = DisbursementExpired(disbursement_id=request.disbursement_id, cause=1)

    with pytest.raises(ClockRuns, match="Nothing is overdue"):
        event.permit(paper.book, paper.log[-1].act)


@pytest.mark.parametrize("kind", ENDINGS)
def test_a_request_that_is_not_waiting_ends_in_no_such_way(kind: type[LedgerEvent]) -> None:
    paper = stepped()
    request = paper.approved(paper.requested(money(50)))
    event = kind.read({"disbursement_id": request.disbursement_id}, {"cause": 1})

    with pytest.raises(ProposalClosed, match="reserved; this takes requested"):
        event.permit(paper.book, paper.log[-1].act)


@pytest.mark.parametrize("kind", [DisbursementApproved, *ENDINGS])
def test_outcomes_are_recorded_by_the_ledger_alone(kind: type[LedgerEvent]) -> None:
    paper = stepped()
    request = paper.requested(money(50))
    derived: dict[str, object] = {"cause": 1}
    if kind is DisbursementApproved:
        derived |= {"rule": "steps", "charter_seq": 0, "ballots": []}
    event = kind.read({"disbursement_id": request.disbursement_id}, derived)

    with pytest.raises(RoleNotPermitted, match="Only the ledger itself"):
        admit(paper.book, event, paper.log[-1].act)


def test_what_has_ended_keeps_the_answers_that_were_given() -> None:
    paper = stepped(legal_review={"abstention_passes": True})
    request = paper.requested(money(50))
    answers(paper, LAWYER, request, decision="abstain")

    after = concluded(paper.book, request.disbursement_id, DisbursementState.CANCELLED)

    rows = [after.get(Approval, *row.identity) for row in paper.rows(Approval)]
    kept = [row.answer for row in rows if row.answer is not Answer.CLOSED]
    assert kept == [Answer.ABSTAINED]


def test_what_is_asked_before_paying_is_what_the_payment_asks() -> None:
    paper = stepped(legal_review={"valid_days": 30})
    request = paper.requested(money(50))
    answers(paper, LAWYER, request, conditions=["If"])
    request = paper.approved(request)
    act = paper.log[-1].act

    require_unexpired(paper.book, request, act)
    with pytest.raises(ConditionsOpen) as open_conditions:
        require_conditions_met(paper.book, request)
    said_here: Refusal = open_conditions.value
    with refused(paper, said_here.code, said_here.sentence):
        paper.instructed(request)
