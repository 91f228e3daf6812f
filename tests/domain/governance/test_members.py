"""Members: who may act, and in which role."""

import pytest

from app.domain.governance.members import Member
from app.domain.governance.membership import AddMember, RemoveMember
from app.domain.inflow.pledges import AnnouncePledge
from app.domain.values import Role
from tests.support.builders import TRUSTEE, Person, a_pledge, money, treasury
from tests.support.domain import Known, admin, funded, refused

PLEDGE = AnnouncePledge.model_validate(a_pledge(money(5)))


@pytest.mark.parametrize(
    "who",
    [
        Known("DE", Role.TREASURY, "stranger"),
        Known("FR", Role.TREASURY, "de-treasury"),
        Known("XX", Role.TREASURY, "de-treasury"),
    ],
)
def test_only_a_member_of_the_party_acts_for_it(who: Person) -> None:
    paper = funded()

    with refused(paper, "not_a_member", f"not a member of {who.party}"):
        paper.do(who, PLEDGE)


@pytest.mark.parametrize("who", [admin("DE"), Person("DE", Role.LEGAL_REVIEWER), TRUSTEE])
def test_a_member_acts_in_a_role_that_the_act_takes(who: Person) -> None:
    paper = funded()

    with refused(paper, "role_not_permitted", "treasury"):
        paper.do(who, PLEDGE)


def test_a_role_in_the_token_that_the_fund_does_not_know_of_is_no_role() -> None:
    paper = funded()

    with refused(paper, "role_not_permitted", "treasury", "held in this fund"):
        paper.do(Known("DE", Role.TREASURY, "de-admin"), PLEDGE)


def test_a_removed_member_does_not_act_any_more() -> None:
    paper = funded()
    paper.do(admin("DE"), RemoveMember(subject="de-treasury"))

    with refused(paper, "not_a_member", "DE"):
        paper.do(treasury("DE"), PLEDGE)


def test_a_member_who_was_added_again_acts_again() -> None:
    paper = funded()
    paper.do(admin("DE"), RemoveMember(subject="de-treasury"))
    paper.do(admin("DE"), AddMember(subject="de-treasury", roles=(Role.TREASURY,)))

    paper.do(treasury("DE"), PLEDGE)

    assert paper.book.get(Member, "de-treasury").active
