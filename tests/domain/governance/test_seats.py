"""Seats: how many people can decide for each government, after everybody who came and left."""

import pytest

from app.domain.governance.membership import AddMember, DenyMember, RemoveMember
from app.domain.governance.seats import DECIDER, Seats, require_quorum, seated, seats_key
from app.domain.refusals.decisions import QuorumLost
from app.domain.values import Role
from tests.support.builders import a_charter, a_charter_change
from tests.support.domain import Door, admin, funded, replayed
from tests.support.proposals import approver, proposed, voted


def seats(paper: Door) -> Seats:
    return paper.book.get(Seats)


def come(paper: Door, party: str, subject: str, *roles: Role) -> None:
    paper.do(admin(party), AddMember(subject=subject, roles=roles or (DECIDER,)))


def left(paper: Door, party: str, subject: str) -> None:
    paper.do(admin(party), RemoveMember(subject=subject))


def test_a_fund_begins_with_the_seats_of_its_charter() -> None:
    paper = funded()

    assert seats(paper) == Seats(deciders={"DE": 1, "FR": 1}, lost_seq=None)
    assert seats(paper).able == 2
    assert seats_key() == (Seats, ())


def test_a_government_without_anybody_has_a_seat_that_is_empty() -> None:
    members = [one for one in a_charter()["members"] if one["subject"] != approver("FR").subject]

    paper = Door().open(members=members)

    assert seats(paper).deciders == {"DE": 1, "FR": 0}
    assert seats(paper).able == 1


def test_everybody_who_can_decide_is_counted_until_they_leave() -> None:
    paper = funded()
    come(paper, "DE", "de-second")
    come(paper, "DE", "de-third", Role.OBSERVER, DECIDER)
    assert seats(paper).deciders == {"DE": 3, "FR": 1}

    left(paper, "DE", "de-second")
    paper.do(admin("DE"), DenyMember(subject="de-third", reason="A lost card"))
    left(paper, "FR", approver("FR").subject)

    assert seats(paper).deciders == {"DE": 1, "FR": 0}
    assert seats(paper).able == 1
    assert replayed(paper) == paper.book


def test_whoever_cannot_decide_is_not_counted() -> None:
    paper = funded()
    before = seats(paper)

    come(paper, "DE", "de-second", Role.TREASURY, Role.ADMIN)
    left(paper, "DE", "de-second")
    left(paper, "DE", "de-treasury")

    assert seats(paper) == before


def test_only_governments_have_seats() -> None:
    paper = funded()
    before = seats(paper)

    come(paper, "TRUSTEE", "trustee-second", Role.TRUSTEE)
    come(paper, "UA", "ua-second", Role.REQUESTER)

    assert seats(paper) == before
    assert seated(paper.book, "TRUSTEE", (DECIDER,), 1) is paper.book


def test_whoever_was_denied_after_leaving_is_taken_off_once() -> None:
    paper = funded()
    left(paper, "DE", approver("DE").subject)

    paper.do(admin("DE"), DenyMember(subject=approver("DE").subject, reason="A lost card"))

    assert seats(paper).deciders == {"DE": 0, "FR": 1}


def test_whoever_left_and_is_denied_then_had_no_seat_any_more() -> None:
    paper = funded()
    come(paper, "DE", "de-second", DECIDER)
    left(paper, "DE", "de-second")

    paper.do(admin("DE"), DenyMember(subject="de-second", reason="A lost card"))

    assert seats(paper).deciders == {"DE": 1, "FR": 1}


def test_whoever_changes_roles_is_counted_by_the_new_ones() -> None:
    paper = funded()
    left(paper, "DE", "de-treasury")
    come(paper, "DE", "de-treasury", Role.TREASURY, DECIDER)

    assert seats(paper).deciders == {"DE": 2, "FR": 1}


@pytest.mark.parametrize("roles", [["admin"], ["admin", "treasury_approver"]])
def test_a_new_government_takes_its_seat(roles: list[str]) -> None:
    paper = funded()
    come(paper, "DE", "de-second")
    body = a_charter_change(governments=("DE", "FR", "IT"))
    body["subject"]["charter"]["members"] = [{"subject": "it-one", "party": "IT", "roles": roles}]

    voted(paper, proposed(paper, body).proposal_id, "DE", "FR")

    assert seats(paper).deciders == {"DE": 2, "FR": 1, "IT": len(roles) - 1}
    assert replayed(paper) == paper.book


def test_releases_are_halted_from_the_entry_that_says_so() -> None:
    book = funded().book
    require_quorum(book)

    halted = book.put(book.get(Seats).but(lost_seq=7))

    with pytest.raises(QuorumLost, match=r"2 governments .* entry 7"):
        require_quorum(halted)
