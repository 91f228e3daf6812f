"""Membership: each party's admins add and remove their own people, and nobody else's."""

from typing import Any

import pytest
from pydantic import ValidationError

from app.domain.governance.members import Member
from app.domain.governance.membership import AddMember, RemoveMember
from app.domain.values import Role
from tests.support.builders import TRUSTEE, treasury
from tests.support.domain import Known, admin, funded, lines, refused, said

NEW = AddMember(subject="de-new", roles=(Role.LEGAL_REVIEWER, Role.OBSERVER))


def test_a_member_who_is_added_holds_the_roles_from_then_on() -> None:
    paper = funded()
    paper.do(admin("DE"), NEW)

    member = paper.book.get(Member, "de-new")
    assert member.party == "DE"
    assert member.roles == (Role.LEGAL_REVIEWER, Role.OBSERVER)
    assert (member.since_seq, member.until_seq) == (1, None)
    assert member.active
    assert lines(paper, "member.added") == {}


def test_adding_says_who_was_made_what() -> None:
    paper = funded()
    paper.do(admin("DE"), NEW)

    assert said(paper, "member.added") == (
        "DE made de-new a member with roles legal_reviewer, observer."
    )


def test_a_member_who_is_removed_was_one_until_then() -> None:
    paper = funded()
    paper.do(admin("DE"), NEW)
    paper.do(admin("DE"), RemoveMember(subject="de-new"))

    member = paper.book.get(Member, "de-new")
    assert (member.since_seq, member.until_seq) == (1, 2)
    assert not member.active
    assert lines(paper, "member.removed") == {}


def test_removing_says_who_was_removed() -> None:
    paper = funded()
    paper.do(admin("DE"), NEW)
    paper.do(admin("DE"), RemoveMember(subject="de-new"))

    assert said(paper, "member.removed") == "DE removed its member de-new."


def test_a_member_who_was_removed_can_be_given_other_roles() -> None:
    paper = funded()
    paper.do(admin("DE"), RemoveMember(subject="de-risk-officer"))

    paper.do(admin("DE"), AddMember(subject="de-risk-officer", roles=(Role.TREASURY,)))

    member = paper.book.get(Member, "de-risk-officer")
    assert member.roles == (Role.TREASURY,)
    assert (member.since_seq, member.until_seq) == (2, None)


def test_a_member_is_removed_before_getting_other_roles() -> None:
    paper = funded()

    with refused(paper, "already_exists", "remove them before"):
        paper.do(admin("DE"), AddMember(subject="de-treasury", roles=(Role.ADMIN,)))


def test_nobody_is_a_member_of_two_parties() -> None:
    paper = funded()

    with refused(paper, "wrong_party", "two parties"):
        paper.do(admin("FR"), AddMember(subject="de-treasury", roles=(Role.TREASURY,)))


def test_nobody_becomes_a_member_of_another_party_after_leaving_the_first() -> None:
    paper = funded()
    paper.do(admin("DE"), RemoveMember(subject="de-treasury"))

    with refused(paper, "wrong_party", "two parties"):
        paper.do(admin("FR"), AddMember(subject="de-treasury", roles=(Role.TREASURY,)))


@pytest.mark.parametrize("role", [Role.TRUSTEE, Role.SUPERVISOR, Role.REQUESTER, Role.LEDGER])
def test_a_role_that_the_kind_of_party_does_not_have_is_not_given(role: Role) -> None:
    paper = funded()

    with refused(paper, "role_not_permitted", "party of this kind"):
        paper.do(admin("DE"), AddMember(subject="de-new", roles=(Role.TREASURY, role)))


def test_only_an_admin_adds_and_removes() -> None:
    paper = funded()

    with refused(paper, "role_not_permitted", "admin"):
        paper.do(treasury("DE"), NEW)
    with refused(paper, "role_not_permitted", "admin"):
        paper.do(TRUSTEE, RemoveMember(subject="trustee-admin"))


def test_an_admin_removes_their_own_people_only() -> None:
    paper = funded()

    with refused(paper, "wrong_party", "DE", "FR"):
        paper.do(admin("FR"), RemoveMember(subject="de-treasury"))


def test_somebody_who_was_never_a_member_is_not_removed() -> None:
    paper = funded()

    with refused(paper, "not_found", "members"):
        paper.do(admin("DE"), RemoveMember(subject="stranger"))


def test_the_last_admin_cannot_be_removed() -> None:
    paper = funded()

    with refused(paper, "last_admin", "another admin"):
        paper.do(admin("DE"), RemoveMember(subject="de-admin"))


def test_an_admin_is_removed_by_another_admin_who_then_is_the_last() -> None:
    paper = funded()
    paper.do(admin("DE"), AddMember(subject="de-admin-2", roles=(Role.ADMIN,)))
    second = Known("DE", Role.ADMIN, "de-admin-2")

    paper.do(second, RemoveMember(subject="de-admin"))

    with refused(paper, "last_admin"):
        paper.do(second, RemoveMember(subject="de-admin-2"))
    with refused(paper, "not_a_member", "DE"):
        paper.do(admin("DE"), RemoveMember(subject="de-admin-2"))


def test_somebody_who_has_left_is_not_removed_again() -> None:
    paper = funded()
    paper.do(admin("DE"), RemoveMember(subject="de-treasury"))
    left = paper.book.get(Member, "de-treasury").until_seq
    paper.pledged("FR", {"amount": "1.00", "currency": "EUR"})

    with refused(paper, "not_found", "removed by entry"):
        paper.do(admin("DE"), RemoveMember(subject="de-treasury"))

    assert paper.book.get(Member, "de-treasury").until_seq == left


@pytest.mark.parametrize(
    "body",
    [
        {"subject": "jane@example.org", "roles": ["admin"]},
        {"subject": "x", "roles": []},
        {"subject": "x", "roles": ["king"]},
        {"subject": "x", "roles": ["admin"], "party": "FR"},
        {"subject": "x"},
    ],
)
def test_a_member_is_a_pseudonym_with_roles(body: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AddMember.model_validate(body)
