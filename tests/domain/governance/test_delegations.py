"""Delegations: a member stands in for another, in one role, for some days."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from app.domain.governance.delegations import (
    MAX_DELEGATION_DAYS,
    EndDelegation,
    GrantDelegation,
)
from app.domain.governance.members import Delegation, Member
from app.domain.governance.membership import AddMember, RemoveMember
from app.domain.outflow.approvals import AnswerStep
from app.domain.outflow.disbursements import Disbursement
from app.domain.outflow.steps import Approval
from app.domain.values import Role
from tests.support.builders import GOVERNMENT_ROLES, Person, an_approval, money
from tests.support.domain import Door, Known, admin, funded, lines, refused, said

LAWYER = Person("DE", Role.LEGAL_REVIEWER)
ALTERNATE = Known("DE", Role.LEGAL_REVIEWER, "de-treasury")
"""The treasurer, in the lawyer's role."""
FIRST, LAST = date(2026, 2, 10), date(2026, 2, 20)


def a_grant(**changes: Any) -> GrantDelegation:
    body = {
        "subject": "de-treasury",
        "role": "legal_reviewer",
        "from_day": FIRST.isoformat(),
        "through": LAST.isoformat(),
        "principal": "de-legal-reviewer",
    }
    return GrantDelegation.model_validate({**body, **changes})


def lent(**changes: Any) -> Door:
    """A fund in which DE's treasurer stands in for its lawyer."""
    paper = funded(DE=60)
    paper.do(admin("DE"), a_grant(**changes))
    return paper


def reviews(paper: Door, who: Person, request: Disbursement, step: str = "legal_review") -> None:
    body = an_approval(request.disbursement_id, step, request.digest)
    paper.do(who, AnswerStep.model_validate(body))


def on(paper: Door, day: date) -> None:
    paper.now = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


def test_a_delegation_stands_with_the_member_who_stands_in() -> None:
    paper = lent()

    (delegation,) = paper.book.get(Member, "de-treasury").delegations
    assert delegation == Delegation(
        role=Role.LEGAL_REVIEWER,
        from_day=FIRST,
        through=LAST,
        principal="de-legal-reviewer",
        granted_seq=len(paper.log) - 1,
    )
    assert paper.book.get(Member, "de-legal-reviewer").delegations == ()
    assert lines(paper, "delegation.granted") == {}


def test_granting_says_who_stands_in_for_whom_and_how_long() -> None:
    assert said(lent(), "delegation.granted") == (
        "DE lets de-treasury act as legal_reviewer for de-legal-reviewer "
        "from 2026-02-10 through 2026-02-20."
    )
    assert said(lent(principal=None), "delegation.granted") == (
        "DE lets de-treasury act as legal_reviewer from 2026-02-10 through 2026-02-20."
    )


@pytest.mark.parametrize("day", [FIRST, FIRST + timedelta(days=5), LAST])
def test_an_alternate_acts_from_the_first_day_through_the_last(day: date) -> None:
    paper = lent()
    on(paper, day)
    request = paper.requested(money(50))

    reviews(paper, ALTERNATE, request)

    approval = paper.book.get(Approval, request.disbursement_id, "legal_review", "DE")
    assert approval.subject == "de-treasury"


@pytest.mark.parametrize("day", [FIRST - timedelta(days=1), LAST + timedelta(days=1)])
def test_an_alternate_does_not_act_the_day_before_or_after(day: date) -> None:
    paper = lent()
    on(paper, day)
    request = paper.requested(money(50))

    with refused(paper, "role_not_permitted"):
        reviews(paper, ALTERNATE, request)


def test_an_alternate_acts_in_the_role_that_was_lent_only() -> None:
    paper = lent()
    on(paper, FIRST)
    request = paper.requested(money(50))

    with refused(paper, "role_not_permitted"):
        reviews(paper, Known("DE", Role.RISK_OFFICER, "de-treasury"), request, "risk_assessment")


def test_an_alternate_keeps_their_own_role_and_the_principal_theirs() -> None:
    paper = lent()
    on(paper, FIRST)

    paper.pledged("DE", money(1))
    request = paper.requested(money(50))
    reviews(paper, LAWYER, request)

    assert paper.book.get(Approval, request.disbursement_id, "legal_review", "DE").subject == (
        LAWYER.subject
    )


def test_principal_and_alternate_count_as_two_persons() -> None:
    paper = lent(subject="de-risk-officer")
    on(paper, FIRST)
    one, two = paper.requested(money(10)), paper.requested(money(10))

    reviews(paper, Person("DE", Role.RISK_OFFICER), one, "risk_assessment")
    reviews(paper, LAWYER, one)
    reviews(paper, Known("DE", Role.LEGAL_REVIEWER, "de-risk-officer"), two)

    assert paper.book.get(Disbursement, one.disbursement_id).outstanding == 7
    assert paper.book.get(Disbursement, two.disbursement_id).outstanding == 8


def test_an_alternate_does_not_take_two_steps_of_one_request() -> None:
    paper = lent(subject="de-risk-officer")
    on(paper, FIRST)
    request = paper.requested(money(50))
    reviews(paper, Person("DE", Role.RISK_OFFICER), request, "risk_assessment")

    with refused(paper, "separation_of_duties", "risk_officer"):
        reviews(paper, Known("DE", Role.LEGAL_REVIEWER, "de-risk-officer"), request)


def test_a_delegation_that_was_ended_is_over_at_once() -> None:
    paper = lent()
    on(paper, FIRST)
    request = paper.requested(money(50))
    paper.do(admin("DE"), EndDelegation(subject="de-treasury", role=Role.LEGAL_REVIEWER))

    with refused(paper, "role_not_permitted"):
        reviews(paper, ALTERNATE, request)
    assert paper.book.get(Member, "de-treasury").delegations == ()
    assert lines(paper, "delegation.ended") == {}
    assert said(paper, "delegation.ended") == (
        "DE ended that de-treasury acts as legal_reviewer for others."
    )


def test_what_an_alternate_did_stays_when_the_delegation_ends() -> None:
    paper = lent()
    on(paper, FIRST)
    request = paper.requested(money(50))
    reviews(paper, ALTERNATE, request)
    paper.do(admin("DE"), EndDelegation(subject="de-treasury", role=Role.LEGAL_REVIEWER))

    assert paper.book.get(Disbursement, request.disbursement_id).outstanding == 8


def test_removing_a_member_ends_what_was_lent_to_them() -> None:
    paper = lent()
    on(paper, FIRST)
    request = paper.requested(money(50))
    paper.do(admin("DE"), RemoveMember(subject="de-treasury"))

    with refused(paper, "not_a_member", "DE"):
        reviews(paper, ALTERNATE, request)

    paper.do(admin("DE"), AddMember(subject="de-treasury", roles=(Role.TREASURY,)))
    with refused(paper, "role_not_permitted"):
        reviews(paper, ALTERNATE, request)


def test_another_partys_admin_neither_lends_nor_ends() -> None:
    paper = lent()

    with refused(paper, "wrong_party", "DE", "FR"):
        paper.do(admin("FR"), a_grant(role="risk_officer", principal=None))
    with refused(paper, "wrong_party", "DE", "FR"):
        paper.do(admin("FR"), EndDelegation(subject="de-treasury", role=Role.LEGAL_REVIEWER))


def test_nobody_lends_to_somebody_of_another_party() -> None:
    paper = funded()

    with refused(paper, "wrong_party", "FR", "DE"):
        paper.do(admin("DE"), a_grant(subject="fr-treasury"))
    with refused(paper, "wrong_party", "FR", "DE"):
        paper.do(admin("DE"), a_grant(principal="fr-legal-reviewer"))


def test_only_an_admin_lends_and_ends() -> None:
    paper = lent()

    with refused(paper, "role_not_permitted", "admin"):
        paper.do(LAWYER, a_grant(subject="de-risk-officer"))
    with refused(paper, "role_not_permitted", "admin"):
        paper.do(LAWYER, EndDelegation(subject="de-treasury", role=Role.LEGAL_REVIEWER))


@pytest.mark.parametrize("subject", ["stranger", "de-gone"])
def test_a_role_is_lent_to_an_active_member(subject: str) -> None:
    paper = funded()
    paper.do(admin("DE"), AddMember(subject="de-gone", roles=(Role.TREASURY,)))
    paper.do(admin("DE"), RemoveMember(subject="de-gone"))

    with refused(paper, "not_a_member"):
        paper.do(admin("DE"), a_grant(subject=subject))
    with refused(paper, "not_a_member"):
        paper.do(admin("DE"), a_grant(principal=subject))


@pytest.mark.parametrize("principal", ["de-risk-officer", "de-admin"])
def test_a_principal_holds_the_role_that_is_lent(principal: str) -> None:
    paper = funded()

    with refused(paper, "role_not_permitted", "principal"):
        paper.do(admin("DE"), a_grant(principal=principal))


def test_an_alternate_does_not_lend_on_what_was_lent() -> None:
    paper = lent()

    with refused(paper, "role_not_permitted", "principal"):
        paper.do(admin("DE"), a_grant(subject="de-risk-officer", principal="de-treasury"))


@pytest.mark.parametrize("role", [Role.ADMIN, Role.TRUSTEE, Role.REQUESTER, Role.LEDGER])
def test_no_admins_role_and_no_role_of_another_kind_of_party_is_lent(role: Role) -> None:
    paper = funded()

    with refused(paper, "role_not_permitted", "no such role to lend"):
        paper.do(admin("DE"), a_grant(role=role, principal=None))


def test_a_role_that_is_held_is_not_lent() -> None:
    paper = funded()

    with refused(paper, "already_exists", "holds the role already"):
        paper.do(admin("DE"), a_grant(role="treasury", principal=None))


def test_a_role_is_lent_again_only_after_it_was_ended_or_is_over() -> None:
    paper = lent()

    with refused(paper, "already_exists", "end that first"):
        paper.do(admin("DE"), a_grant(through="2026-03-20"))

    on(paper, LAST + timedelta(days=1))
    paper.do(admin("DE"), a_grant(through="2026-03-20"))
    (delegation,) = paper.book.get(Member, "de-treasury").delegations
    assert delegation.through == date(2026, 3, 20)


def test_a_delegation_lasts_a_day_or_a_year_and_a_day() -> None:
    last = FIRST + timedelta(days=MAX_DELEGATION_DAYS - 1)

    assert lent(through=FIRST.isoformat()).log[-1].event.type == "delegation.granted"
    assert lent(through=last.isoformat()).log[-1].event.type == "delegation.granted"


@pytest.mark.parametrize(
    "through", [FIRST - timedelta(days=1), FIRST + timedelta(days=MAX_DELEGATION_DAYS)]
)
def test_a_delegation_lasts_no_less_and_no_longer(through: date) -> None:
    paper = funded()

    with refused(paper, "date_out_of_range", "1 to 366 days"):
        paper.do(admin("DE"), a_grant(through=through.isoformat()))


def test_a_delegation_may_have_begun_but_is_not_over() -> None:
    paper = funded()
    on(paper, LAST)
    paper.do(admin("DE"), a_grant())
    assert paper.book.get(Member, "de-treasury").lent(Role.LEGAL_REVIEWER, LAST)

    late = funded()
    on(late, LAST + timedelta(days=1))
    with refused(late, "date_out_of_range", "not over yet"):
        late.do(admin("DE"), a_grant())


def test_one_member_stands_in_in_several_roles() -> None:
    paper = lent()
    paper.do(admin("DE"), a_grant(role="risk_officer", principal=None))
    paper.do(admin("DE"), EndDelegation(subject="de-treasury", role=Role.LEGAL_REVIEWER))

    member = paper.book.get(Member, "de-treasury")
    assert [delegation.role for delegation in member.delegations] == [Role.RISK_OFFICER]
    assert member.roles == (GOVERNMENT_ROLES[0],)


def test_what_does_not_exist_is_not_ended() -> None:
    paper = lent()

    with refused(paper, "not_found", "does not stand in"):
        paper.do(admin("DE"), EndDelegation(subject="de-treasury", role=Role.RISK_OFFICER))
    with refused(paper, "not_a_member"):
        paper.do(admin("DE"), EndDelegation(subject="stranger", role=Role.RISK_OFFICER))


@pytest.mark.parametrize(
    "changes",
    [
        {"from_day": "10.02.2026"},
        {"role": "king"},
        {"subject": "jane@example.org"},
        {"principal": ""},
        {"party": "FR"},
    ],
)
def test_a_delegation_has_its_form(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        a_grant(**changes)


def test_nobody_stands_in_for_somebody_who_is_gone() -> None:
    paper = lent()
    on(paper, FIRST)
    request = paper.requested(money(50))
    paper.do(admin("DE"), RemoveMember(subject="de-legal-reviewer"))

    with refused(paper, "role_not_permitted", "legal_reviewer"):
        reviews(paper, Known("DE", Role.LEGAL_REVIEWER, "de-treasury"), request)
