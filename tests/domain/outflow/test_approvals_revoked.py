"""Revocations: a party takes its approval back; what that undoes, and until when."""

import pytest

from app.domain.governance.membership import AddMember
from app.domain.outflow.disbursements import DisbursementState
from app.domain.outflow.steps import Answer
from app.domain.values import Role
from tests.support.builders import SUPERVISOR, TRUSTEE, Person, money
from tests.support.domain import Known, admin, balance, eur, lines, pool, position, refused, said
from tests.support.outflow import (
    LAWYER,
    answer_of,
    answers,
    blocked,
    later,
    now,
    reasons,
    stepped,
    takes_back,
)


def test_an_approval_that_is_taken_back_waits_again() -> None:
    paper = stepped()
    request = paper.requested(money(50))
    answers(paper, LAWYER, request)

    takes_back(paper, LAWYER, request)

    approval, after = answer_of(paper, request), now(paper, request)
    assert approval.answer is Answer.REVOKED
    assert approval.waits
    assert (after.state, after.outstanding, after.ballots) == (DisbursementState.REQUESTED, 9, ())
    assert lines(paper, "approval.revoked") == {}


def test_taking_back_says_what_and_why() -> None:
    paper = stepped()
    request = paper.requested(money(50))
    answers(paper, LAWYER, request)

    takes_back(paper, LAWYER, request)

    assert said(paper, "approval.revoked") == (
        f"DE took its approval of step legal_review of disbursement {request.disbursement_id} "
        f"back: News"
    )


def test_steps_that_come_after_wait_for_what_was_taken_back() -> None:
    paper = stepped()
    request = paper.requested(money(50))
    paper.approved(request, but=3)
    takes_back(paper, LAWYER, request)

    with refused(paper, "step_not_open", "no_objection", "legal_review", "DE"):
        answers(paper, SUPERVISOR, request, "no_objection")


def test_a_colleague_in_the_same_role_takes_an_approval_back() -> None:
    paper = stepped()
    paper.do(admin("DE"), AddMember(subject="de-lawyer-2", roles=(Role.LEGAL_REVIEWER,)))
    request = paper.requested(money(50))
    answers(paper, LAWYER, request)

    takes_back(paper, Known("DE", Role.LEGAL_REVIEWER, "de-lawyer-2"), request)

    assert answer_of(paper, request).answer is Answer.REVOKED


def test_reserved_money_is_free_again_as_before() -> None:
    paper = stepped()
    before = pool(paper).available, pool(paper).balances, position(paper, "DE")
    request = paper.approved(paper.requested(money(50)))

    takes_back(paper, LAWYER, request)

    after = now(paper, request)
    assert (pool(paper).available, pool(paper).balances, position(paper, "DE")) == before
    assert (after.state, after.outstanding) == (DisbursementState.REQUESTED, 1)
    assert (after.draws, after.shares, after.mandates) == ((), {}, ())
    assert balance(paper, f"reserved/{request.disbursement_id}") == eur(0)
    assert [line.event.type for line in paper.log[-2:]] == [
        "approval.revoked",
        "disbursement.unreserved",
    ]


def test_what_was_reserved_is_posted_back_and_said() -> None:
    paper = stepped()
    request = paper.approved(paper.requested(money(50)))
    reserving = lines(paper, "disbursement.reserved")

    takes_back(paper, LAWYER, request)

    unreserving = lines(paper, "disbursement.unreserved")
    assert unreserving == {account: -minor for account, minor in reserving.items()}
    assert said(paper, "disbursement.unreserved") == (
        f"What was reserved for disbursement {request.disbursement_id} is free again."
    )


def test_money_is_not_paid_after_an_approval_was_taken_back() -> None:
    paper = stepped()
    request = paper.approved(paper.requested(money(50)))
    takes_back(paper, LAWYER, request)

    with refused(paper, "proposal_closed", "requested", "reserved"):
        paper.instructed(request)


def test_approving_again_reserves_again() -> None:
    paper = stepped()
    request = paper.approved(paper.requested(money(50)))
    takes_back(paper, LAWYER, request)

    answers(paper, LAWYER, request)

    after = now(paper, request)
    assert after.state is DisbursementState.RESERVED
    assert after.shares == {"DE": eur(30), "FR": eur(20)}
    assert len(after.ballots) == 9
    assert paper.settled(paper.instructed(after)).state is DisbursementState.SETTLED


def test_approving_again_is_refused_when_the_money_went_elsewhere_meanwhile() -> None:
    paper = stepped()
    request = paper.approved(paper.requested(money(50)))
    takes_back(paper, LAWYER, request)
    paper.approved(paper.requested(money(80)))

    with refused(paper, "insufficient_funds", "50.00 EUR", "20.00 EUR"):
        answers(paper, LAWYER, request)


def test_who_took_an_approval_back_can_refuse() -> None:
    paper = stepped()
    request = paper.approved(paper.requested(money(50)))
    takes_back(paper, LAWYER, request)

    answers(paper, LAWYER, request, decision="refuse", reason="For good")

    assert now(paper, request).state is DisbursementState.REFUSED


def test_once_the_bank_was_told_taking_back_asks_for_a_recall() -> None:
    paper = stepped()
    request = paper.instructed(paper.approved(paper.requested(money(50))))

    takes_back(paper, LAWYER, request)

    assert paper.log[-1].event.type == "approval.revoked"
    assert now(paper, request).state is DisbursementState.INSTRUCTED
    (blocker,) = blocked(paper, request)
    assert (blocker.code, blocker.party, blocker.step) == ("recall_needed", "DE", "legal_review")
    assert blocker.role is Role.TRUSTEE
    assert blocker.sentence == ("DE took its approval back after the bank was told: recall it.")


def test_what_the_bank_pays_nevertheless_is_settled() -> None:
    paper = stepped()
    request = paper.instructed(paper.approved(paper.requested(money(50))))
    takes_back(paper, LAWYER, request)

    assert paper.settled(request).state is DisbursementState.SETTLED
    assert reasons(paper, request) == set()


def test_what_the_bank_was_told_is_not_approved_again_after_taking_back() -> None:
    paper = stepped()
    request = paper.instructed(paper.approved(paper.requested(money(50))))
    takes_back(paper, LAWYER, request)

    with refused(paper, "proposal_closed", "instructed"):
        answers(paper, LAWYER, request)


def test_what_is_settled_is_not_taken_back() -> None:
    paper = stepped()
    request = paper.settled(paper.instructed(paper.approved(paper.requested(money(50)))))

    with refused(paper, "proposal_closed", "settled"):
        takes_back(paper, LAWYER, request)


@pytest.mark.parametrize("role", [Role.RISK_OFFICER, Role.TREASURY, Role.ADMIN])
def test_an_approval_is_taken_back_in_the_role_of_its_step(role: Role) -> None:
    paper = stepped()
    request = paper.requested(money(50))
    answers(paper, LAWYER, request)

    with refused(paper, "step_not_open", "legal_reviewer", str(role)):
        takes_back(paper, Person("DE", role), request)


@pytest.mark.parametrize("who", [TRUSTEE, SUPERVISOR, Person("AUDIT", Role.AUDITOR)])
def test_an_approval_is_taken_back_by_a_party_that_was_asked(who: Person) -> None:
    paper = stepped()
    request = paper.requested(money(50))

    with refused(paper, "wrong_party", "legal_review", who.party):
        takes_back(paper, who, request)


def test_only_what_was_given_is_taken_back() -> None:
    paper = stepped()
    request = paper.requested(money(50))

    with refused(paper, "proposal_closed", "DE", "has not approved", "legal_review"):
        takes_back(paper, LAWYER, request)


def test_an_approval_is_taken_back_once() -> None:
    paper = stepped()
    request = paper.requested(money(50))
    answers(paper, LAWYER, request)
    takes_back(paper, LAWYER, request)

    with refused(paper, "proposal_closed", "has not approved"):
        takes_back(paper, LAWYER, request)


def test_a_step_that_does_not_exist_is_not_taken_back() -> None:
    paper = stepped()
    request = paper.requested(money(50))

    with refused(paper, "wrong_party"):
        takes_back(paper, LAWYER, request, "astrology")


def test_an_approval_that_was_taken_back_may_be_given_again_after_it_was_due() -> None:
    paper = stepped(legal_review={"within_days": 10})
    request = paper.approved(paper.requested(money(50)))
    later(paper, days=20)
    takes_back(paper, LAWYER, request)

    answers(paper, LAWYER, request)

    assert now(paper, request).state is DisbursementState.RESERVED


def test_an_approval_that_was_taken_back_and_given_again_holds_from_then_on() -> None:
    paper = stepped(legal_review={"valid_days": 30})
    request = paper.approved(paper.requested(money(50)))
    first = answer_of(paper, request).holds_until
    later(paper, days=20)
    takes_back(paper, LAWYER, request)
    assert answer_of(paper, request).holds_until is None

    answers(paper, LAWYER, request)

    second = answer_of(paper, request).holds_until
    assert first is not None
    assert second is not None
    assert (second - first).days == 20


def test_nobody_gets_at_a_second_step_by_taking_back_what_a_colleague_gave() -> None:
    paper = stepped()
    both = (Role.LEGAL_REVIEWER, Role.RISK_OFFICER)
    paper.do(admin("DE"), AddMember(subject="de-both", roles=both))
    request = paper.requested(money(50))
    answers(paper, Known("DE", Role.RISK_OFFICER, "de-both"), request, "risk_assessment")
    answers(paper, LAWYER, request)

    with refused(paper, "separation_of_duties", "risk_officer"):
        takes_back(paper, Known("DE", Role.LEGAL_REVIEWER, "de-both"), request)
