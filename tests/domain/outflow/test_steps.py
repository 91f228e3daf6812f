"""Steps: their order, and nobody twice in one request."""

from typing import Any

import pytest

from app.domain.governance.membership import AddMember, RemoveMember
from app.domain.outflow.approvals import AnswerStep
from app.domain.outflow.disbursements import Disbursement
from app.domain.outflow.steps import Answer, Approval
from app.domain.values import Role
from tests.support.builders import (
    KINDS,
    OWN_STEPS,
    SUPERVISOR,
    Person,
    a_charter,
    an_approval,
    money,
)
from tests.support.domain import Door, Known, admin, funded, refused

BOTH = Known("DE", Role.LEGAL_REVIEWER, "de-both")
BOTH_LATER = Known("DE", Role.RISK_OFFICER, "de-both")
RELEASER = Person("DE", Role.TREASURY_APPROVER)


def answers(paper: Door, who: Person, request: Disbursement, step: str) -> None:
    body = an_approval(request.disbursement_id, step, request.digest)
    paper.do(who, AnswerStep.model_validate(body))


def answered_by(paper: Door, request: Disbursement, *parties: str, steps: int = 4) -> None:
    """The first steps of these parties."""
    for approval in paper.waiting(request):
        if approval.party in parties and approval.step in list(OWN_STEPS)[:steps]:
            paper.answer(approval)


def test_each_answer_waits_from_the_request_on() -> None:
    paper = funded()
    before = paper.now
    request = paper.requested(money(50))

    waiting = paper.waiting(request)

    assert [(row.step, row.party) for row in waiting if row.party != "FR"] == [
        ("legal_review", "DE"),
        ("legislature_consent", "DE"),
        ("risk_assessment", "DE"),
        ("no_objection", "IFI"),
        ("treasury_release", "DE"),
    ]
    assert {row.waiting_since for row in waiting} == {before}
    assert all(row.answer is Answer.PENDING and row.subject is None for row in waiting)
    assert all(row.answered_seq is None for row in waiting)


def test_nobody_takes_two_steps_of_one_request() -> None:
    paper = funded()
    paper.do(
        admin("DE"), AddMember(subject="de-both", roles=(Role.LEGAL_REVIEWER, Role.RISK_OFFICER))
    )
    request = paper.requested(money(50))
    answers(paper, BOTH, request, "legal_review")

    with refused(paper, "separation_of_duties", "legal_reviewer"):
        answers(paper, BOTH_LATER, request, "risk_assessment")


def test_nobody_takes_two_steps_of_one_request_by_changing_roles_in_between() -> None:
    paper = funded()
    paper.do(admin("DE"), AddMember(subject="de-both", roles=(Role.LEGAL_REVIEWER,)))
    request = paper.requested(money(50))
    answers(paper, BOTH, request, "legal_review")
    paper.do(admin("DE"), RemoveMember(subject="de-both"))
    paper.do(admin("DE"), AddMember(subject="de-both", roles=(Role.RISK_OFFICER,)))

    with refused(paper, "separation_of_duties", "legal_reviewer"):
        answers(paper, BOTH_LATER, request, "risk_assessment")


def test_one_person_may_take_steps_of_two_requests() -> None:
    paper = funded()
    paper.do(
        admin("DE"), AddMember(subject="de-both", roles=(Role.LEGAL_REVIEWER, Role.RISK_OFFICER))
    )
    first, second = paper.requested(money(50)), paper.requested(money(50))

    answers(paper, BOTH, first, "legal_review")
    answers(paper, BOTH_LATER, second, "risk_assessment")

    assert paper.book.get(Disbursement, second.disbursement_id).outstanding == 8


def test_the_supervisor_waits_for_every_government() -> None:
    paper = funded()
    request = paper.requested(money(50))
    answered_by(paper, request, "DE", steps=3)

    with refused(paper, "step_not_open", "no_objection", "legal_review", "FR"):
        answers(paper, SUPERVISOR, request, "no_objection")

    answered_by(paper, request, "FR", steps=3)
    answers(paper, SUPERVISOR, request, "no_objection")
    assert paper.book.get(Disbursement, request.disbursement_id).outstanding == 2


def test_the_release_waits_for_the_supervisor() -> None:
    paper = funded()
    request = paper.requested(money(50))
    answered_by(paper, request, "DE", "FR", steps=3)

    with refused(paper, "step_not_open", "treasury_release", "no_objection", "IFI"):
        answers(paper, RELEASER, request, "treasury_release")


@pytest.mark.parametrize("count", [0, 1, 2])
def test_the_release_waits_for_its_own_governments_earlier_steps(count: int) -> None:
    paper = funded()
    request = paper.requested(money(50))
    answered_by(paper, request, "DE", steps=count)

    with refused(paper, "step_not_open", "treasury_release", list(OWN_STEPS)[count], "DE"):
        answers(paper, RELEASER, request, "treasury_release")


def without_supervisor() -> dict[str, Any]:
    """Two steps, each government's own, the second after the first."""
    first, second = list(OWN_STEPS)[:2]
    each = {"who": "each_government", "name": "S"}
    return {
        "approval_steps": [
            {"id": first, "role": OWN_STEPS[first], **each},
            {"id": second, "role": OWN_STEPS[second], "after": [first], **each},
        ]
    }


def test_a_government_waits_for_its_own_earlier_steps_only() -> None:
    paper = Door()
    paper.open(**without_supervisor())
    request = paper.requested(money(50))

    answers(paper, Person("DE", Role.LEGAL_REVIEWER), request, "legal_review")
    answers(paper, Person("DE", Role.LEGISLATURE_CLERK), request, "legislature_consent")

    with refused(paper, "step_not_open", "legislature_consent", "legal_review", "FR"):
        answers(paper, Person("FR", Role.LEGISLATURE_CLERK), request, "legislature_consent")


def test_every_supervisor_is_asked() -> None:
    charter = a_charter()
    paper = Door()
    paper.open(
        parties=[*charter["parties"], {"id": "WB", "name": "WB", "kind": KINDS["IFI"]}],
        members=[
            *charter["members"],
            {"subject": "wb-supervisor", "party": "WB", "roles": ["supervisor"]},
        ],
    )
    request = paper.requested(money(50))
    answered_by(paper, request, "DE", "FR", steps=3)
    answers(paper, SUPERVISOR, request, "no_objection")

    with refused(paper, "step_not_open", "treasury_release", "no_objection", "WB"):
        answers(paper, RELEASER, request, "treasury_release")

    answers(paper, Person("WB", Role.SUPERVISOR), request, "no_objection")
    answers(paper, RELEASER, request, "treasury_release")
    assert paper.book.get(Approval, request.disbursement_id, "no_objection", "WB").subject
