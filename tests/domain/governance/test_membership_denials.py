"""Denials: a person is shut out of the fund by their own party, at once and for good."""

from typing import Any

import pytest
from pydantic import ValidationError

from app.domain.governance.delegations import GrantDelegation
from app.domain.governance.members import Member
from app.domain.governance.membership import AddMember, DenyMember, RemoveMember
from app.domain.governance.seats import Seats
from app.domain.outflow.approvals import AnswerStep, RevokeApproval
from app.domain.outflow.disbursements import Disbursement, DisbursementState
from app.domain.outflow.steps import Answer, Approval
from app.domain.values import Role
from tests.support.builders import Person, a_charter, an_approval, money, treasury
from tests.support.domain import Door, Known, admin, funded, lines, refused, said

LAWYER = Person("DE", Role.LEGAL_REVIEWER)


def denial(subject: str = LAWYER.subject) -> DenyMember:
    return DenyMember(subject=subject, reason="Left with the seal")


def reviews(paper: Door, request: Disbursement) -> None:
    body = an_approval(request.disbursement_id, "legal_review", request.digest)
    paper.do(LAWYER, AnswerStep.model_validate(body))


def test_who_is_denied_is_a_member_no_more() -> None:
    paper = funded()
    paper.do(admin("DE"), denial())

    member = paper.book.get(Member, LAWYER.subject)
    assert (member.denied, member.active, member.until_seq) == (True, False, 1)
    assert member.roles == (Role.LEGAL_REVIEWER,)
    assert lines(paper, "member.denied") == {}
    assert said(paper, "member.denied") == (
        "DE denied de-legal-reviewer for good: Left with the seal"
    )


def test_who_is_denied_cannot_act_at_once() -> None:
    paper = funded(DE=60)
    request = paper.requested(money(50))
    paper.do(admin("DE"), denial())

    with refused(paper, "not_a_member", "DE"):
        reviews(paper, request)


def test_who_is_denied_cannot_be_added_again() -> None:
    paper = funded()
    paper.do(admin("DE"), denial())

    with refused(paper, "subject_denied", "entry 1", "for good"):
        paper.do(admin("DE"), AddMember(subject=LAWYER.subject, roles=(Role.OBSERVER,)))


def test_who_is_denied_cannot_be_removed_or_denied_again() -> None:
    paper = funded()
    paper.do(admin("DE"), denial())

    with refused(paper, "not_found", "removed by entry 1"):
        paper.do(admin("DE"), RemoveMember(subject=LAWYER.subject))
    with refused(paper, "subject_denied", "entry 1"):
        paper.do(admin("DE"), denial())


def test_somebody_unknown_is_not_denied() -> None:
    paper = funded()

    # Whoever could shut out strangers could shut out another party's next minister.
    with refused(paper, "not_found"):
        paper.do(admin("DE"), denial("stranger"))


def test_somebody_who_was_removed_is_denied_afterwards() -> None:
    paper = funded()
    paper.do(admin("DE"), RemoveMember(subject=LAWYER.subject))

    paper.do(admin("DE"), denial())

    assert paper.book.get(Member, LAWYER.subject).denied
    with refused(paper, "subject_denied"):
        paper.do(admin("DE"), AddMember(subject=LAWYER.subject, roles=(Role.TREASURY,)))


def test_approvals_that_they_gave_stay() -> None:
    paper = funded(DE=60)
    request = paper.requested(money(50))
    reviews(paper, request)
    paper.do(admin("DE"), denial())

    approval = paper.book.get(Approval, request.disbursement_id, "legal_review", "DE")
    assert (approval.answer, approval.subject) == (Answer.APPROVED, LAWYER.subject)
    assert paper.approved(request).state is DisbursementState.RESERVED


def test_a_successor_takes_back_what_they_gave() -> None:
    paper = funded(DE=60)
    request = paper.requested(money(50))
    reviews(paper, request)
    paper.do(admin("DE"), denial())
    paper.do(admin("DE"), AddMember(subject="de-lawyer-2", roles=(Role.LEGAL_REVIEWER,)))

    taking = RevokeApproval(
        disbursement_id=request.disbursement_id, step="legal_review", reason="Who signed this?"
    )
    paper.do(Known("DE", Role.LEGAL_REVIEWER, "de-lawyer-2"), taking)

    approval = paper.book.get(Approval, request.disbursement_id, "legal_review", "DE")
    assert approval.answer is Answer.REVOKED


def test_what_was_lent_to_them_ends() -> None:
    paper = funded()
    grant = {
        "subject": LAWYER.subject,
        "role": "risk_officer",
        "from_day": "2026-02-01",
        "through": "2026-12-31",
    }
    paper.do(admin("DE"), GrantDelegation.model_validate(grant))

    paper.do(admin("DE"), denial())

    assert paper.book.get(Member, LAWYER.subject).delegations == ()


def test_a_party_whose_last_decider_is_denied_counts_for_no_quorum() -> None:
    paper = Door().open(quorum=2)
    paper.do(admin("DE"), denial("de-treasury-approver"))

    assert paper.book.get(Seats).deciders == {"DE": 0, "FR": 1}
    assert paper.log[-1].event.type == "quorum.lost"


def test_denying_somebody_who_has_left_changes_no_quorum() -> None:
    paper = Door().open(quorum=1)
    paper.do(admin("DE"), RemoveMember(subject="de-treasury-approver"))
    before = paper.book.get(Seats)

    paper.do(admin("DE"), denial("de-treasury-approver"))

    assert paper.book.get(Seats) == before


def test_an_admin_denies_their_own_people_only() -> None:
    paper = funded()

    with refused(paper, "wrong_party"):
        paper.do(admin("FR"), denial())


def test_nobody_whom_one_party_denied_becomes_a_member_of_another() -> None:
    paper = funded()
    paper.do(admin("DE"), denial())

    with refused(paper, "wrong_party", "two parties"):
        paper.do(admin("FR"), AddMember(subject=LAWYER.subject, roles=(Role.TREASURY,)))


def test_an_admin_does_not_deny_themselves() -> None:
    paper = funded()

    with refused(paper, "last_admin", "another admin"):
        paper.do(admin("DE"), denial("de-admin"))


def test_an_admin_is_denied_by_another_admin() -> None:
    charter = a_charter()
    second = {"subject": "de-admin-2", "party": "DE", "roles": ["admin"]}
    paper = Door().open(members=[*charter["members"], second])

    paper.do(Known("DE", Role.ADMIN, "de-admin-2"), denial("de-admin"))

    with refused(paper, "not_a_member", "DE"):
        paper.do(admin("DE"), denial("de-admin-2"))


def test_only_an_admin_denies() -> None:
    paper = funded()

    with refused(paper, "role_not_permitted", "admin"):
        paper.do(treasury("DE"), denial())


@pytest.mark.parametrize(
    "body",
    [
        {"subject": "jane@example.org", "reason": "R"},
        {"subject": "x"},
        {"subject": "x", "reason": ""},
        {"subject": "x", "reason": "R", "party": "FR"},
    ],
)
def test_a_denial_names_a_pseudonym_and_a_reason(body: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        DenyMember.model_validate(body)
