"""Renewals: answers that come too late, approvals that hold no longer and are given again."""

import pytest

from app.domain.governance.membership import AddMember
from app.domain.governance.party_keys import RegisterKey, RevokeKey
from app.domain.outflow.disbursements import Disbursement, DisbursementState
from app.domain.outflow.steps import Answer
from app.domain.values import Role
from tests.support.builders import Person, a_key_registration, money
from tests.support.domain import Door, Known, admin, eur, pool, refused
from tests.support.outflow import LAWYER, answer_of, answers, later, now, stepped
from tests.support.paper import digest_of

KID = "K" * 43


def hurried() -> Door:
    """Every government's legal review is due within ten days."""
    return stepped(legal_review={"within_days": 10})


def fleeting() -> Door:
    """A legal review holds for thirty days."""
    return stepped(legal_review={"valid_days": 30})


def signing() -> Door:
    """DE has a key."""
    paper = stepped()
    body = a_key_registration(digest_of(paper.log[0].event))
    paper.do(admin("DE"), RegisterKey.model_validate(body), kid=KID)
    return paper


def distrusted(paper: Door, through: int) -> None:
    paper.do(admin("DE"), RevokeKey(kid=KID, trusted_through=through, reason="Stolen"))


def test_a_step_is_due_so_many_days_of_24_hours_after_the_request() -> None:
    paper = hurried()
    asked_at = paper.now
    request = paper.requested(money(50))

    due_at = answer_of(paper, request).due_at
    assert due_at is not None
    assert (due_at - asked_at).total_seconds() == 10 * 24 * 3600
    assert answer_of(paper, request, "risk_assessment").due_at is None


def test_an_answer_is_in_time_until_the_very_moment() -> None:
    paper = hurried()
    request = paper.requested(money(50))
    paper.now = answer_of(paper, request).due_at or paper.now

    answers(paper, LAWYER, request)

    assert answer_of(paper, request).answer is Answer.APPROVED


@pytest.mark.parametrize("decision", ["approve", "refuse", "abstain"])
def test_an_answer_after_it_was_due_is_refused(decision: str) -> None:
    paper = hurried()
    request = paper.requested(money(50))
    due_at = answer_of(paper, request).due_at
    later(paper, days=10)

    with refused(paper, "proposal_closed", "legal_review", f"was due by {due_at}"):
        answers(paper, LAWYER, request, decision=decision, reason="Late")


def test_other_steps_can_still_be_taken_when_one_is_overdue() -> None:
    paper = hurried()
    request = paper.requested(money(50))
    later(paper, days=11)

    answers(paper, Person("DE", Role.RISK_OFFICER), request, "risk_assessment")

    assert now(paper, request).outstanding == 8


def test_a_request_that_was_not_answered_in_time_expires_when_the_ledger_says_so() -> None:
    paper = hurried()
    request = paper.requested(money(50))
    answers(paper, LAWYER, request)
    later(paper, days=11)

    paper.elapsed(request.disbursement_id)

    assert [line.event.type for line in paper.log[-2:]] == ["clock.elapsed", "disbursement.expired"]
    assert now(paper, request).state is DisbursementState.EXPIRED
    assert answer_of(paper, request).answer is Answer.APPROVED
    assert answer_of(paper, request, party="FR").answer is Answer.CLOSED
    with refused(paper, "proposal_closed", "expired"):
        answers(paper, Person("FR", Role.LEGAL_REVIEWER), request)


def test_a_request_does_not_expire_before_its_time() -> None:
    paper = hurried()
    request = paper.requested(money(50))
    paper.now = answer_of(paper, request).due_at or paper.now

    with refused(paper, "clock_runs"):
        paper.elapsed(request.disbursement_id)


def test_a_request_whose_hurried_steps_were_all_answered_never_expires() -> None:
    paper = hurried()
    request = paper.requested(money(50))
    for party in ("DE", "FR"):
        answers(paper, Person(party, Role.LEGAL_REVIEWER), request)
    later(paper, days=300)

    with refused(paper, "clock_runs"):
        paper.elapsed(request.disbursement_id)


def test_a_request_expires_once() -> None:
    paper = hurried()
    request = paper.requested(money(50))
    later(paper, days=11)
    paper.elapsed(request.disbursement_id)

    with refused(paper, "proposal_closed", "expired"):
        paper.elapsed(request.disbursement_id)


def test_an_approval_holds_for_the_days_that_its_step_says() -> None:
    paper = fleeting()
    request = paper.requested(money(50))
    given_at = paper.now
    answers(paper, LAWYER, request)

    holds_until = answer_of(paper, request).holds_until
    assert holds_until is not None
    assert (holds_until - given_at).days == 30


def test_an_approval_that_holds_is_not_given_twice() -> None:
    paper = fleeting()
    request = paper.requested(money(50))
    answers(paper, LAWYER, request)
    paper.now = answer_of(paper, request).holds_until or paper.now

    with refused(paper, "already_decided", "approved"):
        answers(paper, LAWYER, request)


def test_a_request_is_not_decided_while_an_approval_has_expired() -> None:
    paper = fleeting()
    request = paper.requested(money(50))
    answers(paper, LAWYER, request)
    later(paper, days=31)

    request = paper.approved(request)

    assert (request.state, request.outstanding) == (DisbursementState.REQUESTED, 0)
    assert pool(paper).available == eur(100)


def test_who_gives_the_expired_approval_again_decides_the_request() -> None:
    paper = fleeting()
    request = paper.requested(money(50))
    answers(paper, LAWYER, request)
    before = answer_of(paper, request).answered_seq
    later(paper, days=31)
    paper.approved(request)

    answers(paper, LAWYER, request)

    after = now(paper, request)
    assert after.state is DisbursementState.RESERVED
    assert answer_of(paper, request).answered_seq in after.ballots
    assert before not in after.ballots
    assert len(after.ballots) == 9


def test_money_is_not_paid_on_an_expired_approval() -> None:
    paper = fleeting()
    request = paper.approved(paper.requested(money(50)))
    later(paper, days=31)

    with refused(paper, "approval_expired", "DE's approval", "legal_review", "given again"):
        paper.instructed(request)


def test_an_approval_pays_until_the_very_moment_that_it_holds() -> None:
    paper = fleeting()
    request = paper.approved(paper.requested(money(50)))
    paper.now = answer_of(paper, request).holds_until or paper.now

    assert paper.instructed(request).state is DisbursementState.INSTRUCTED


def test_money_is_paid_once_the_same_people_have_approved_again() -> None:
    paper = fleeting()
    request = paper.approved(paper.requested(money(50)))
    later(paper, days=31)
    reserved = pool(paper)

    for party in ("DE", "FR"):
        answers(paper, Person(party, Role.LEGAL_REVIEWER), request)

    assert now(paper, request).state is DisbursementState.RESERVED
    assert pool(paper) == reserved
    assert paper.instructed(request).state is DisbursementState.INSTRUCTED


def test_another_person_of_the_party_may_approve_again() -> None:
    paper = fleeting()
    paper.do(admin("DE"), AddMember(subject="de-lawyer-2", roles=(Role.LEGAL_REVIEWER,)))
    request = paper.approved(paper.requested(money(50)))
    later(paper, days=31)

    answers(paper, Known("DE", Role.LEGAL_REVIEWER, "de-lawyer-2"), request)

    assert answer_of(paper, request).subject == "de-lawyer-2"


def test_who_has_taken_another_step_does_not_approve_again() -> None:
    paper = fleeting()
    roles = (Role.LEGAL_REVIEWER, Role.RISK_OFFICER)
    paper.do(admin("DE"), AddMember(subject="de-both", roles=roles))
    request = paper.requested(money(50))
    answers(paper, Known("DE", Role.RISK_OFFICER, "de-both"), request, "risk_assessment")
    answers(paper, LAWYER, request)
    later(paper, days=31)

    with refused(paper, "separation_of_duties", "risk_officer"):
        answers(paper, Known("DE", Role.LEGAL_REVIEWER, "de-both"), request)


@pytest.mark.parametrize("decision", ["refuse", "abstain"])
def test_an_expired_approval_of_reserved_money_is_renewed_or_taken_back(decision: str) -> None:
    paper = fleeting()
    request = paper.approved(paper.requested(money(50)))
    later(paper, days=31)

    with refused(paper, "proposal_closed", "reserved", "requested"):
        answers(paper, LAWYER, request, decision=decision, reason="No")


def test_what_the_bank_was_told_is_not_approved_again() -> None:
    paper = fleeting()
    request = paper.instructed(paper.approved(paper.requested(money(50))))
    later(paper, days=31)

    with refused(paper, "proposal_closed", "instructed"):
        answers(paper, LAWYER, request)


def test_an_approval_by_a_key_that_is_not_trusted_there_does_not_decide() -> None:
    paper = signing()
    request = paper.requested(money(50))
    answers(paper, LAWYER, request, kid=KID)
    distrusted(paper, request.requested_seq)

    paper.approved(request)

    assert now(paper, request).state is DisbursementState.REQUESTED
    answers(paper, LAWYER, request)
    assert now(paper, request).state is DisbursementState.RESERVED


def test_money_is_not_paid_on_an_approval_by_a_key_that_is_not_trusted_there() -> None:
    paper = signing()
    request = paper.requested(money(50))
    answers(paper, LAWYER, request, kid=KID)
    request = paper.approved(request)
    distrusted(paper, request.requested_seq)

    words = ("DE's approval", "legal_review", "a key that was not trusted there")
    with refused(paper, "approval_expired", *words):
        paper.instructed(request)


def test_a_key_that_is_trusted_up_to_an_approval_takes_nothing_from_it() -> None:
    paper = signing()
    request = paper.requested(money(50))
    answers(paper, LAWYER, request, kid=KID)
    seq = len(paper.log) - 1
    request = paper.approved(request)
    distrusted(paper, seq)

    assert answer_of(paper, request).kid == KID
    assert paper.instructed(request).state is DisbursementState.INSTRUCTED


def test_an_abstention_that_does_not_pass_does_not_stop_the_clock() -> None:
    paper = stepped(legal_review={"within_days": 10})
    request = paper.requested(money(50))
    answers(paper, LAWYER, request, decision="abstain")
    later(paper, days=11)

    with refused(paper, "proposal_closed", "due by"):
        answers(paper, LAWYER, request)
    paper.elapsed(request.disbursement_id)

    state = paper.book.get(Disbursement, request.disbursement_id).state
    assert state is DisbursementState.EXPIRED
