"""The quorum: lost and regained as people leave and come, and what stands still meanwhile."""

from typing import Any

import pytest

from app.domain.event import Act
from app.domain.governance.membership import AddMember, DenyMember, RemoveMember
from app.domain.governance.quorum import QuorumCameBack, QuorumWentMissing
from app.domain.governance.seats import DECIDER, Seats
from app.domain.outflow.disbursements import DisbursementState
from app.domain.refusals.decisions import ProposalClosed
from app.domain.values import LEDGER_PARTY, Role
from tests.support.builders import Person, a_charter, a_charter_change, money
from tests.support.domain import Door, Known, admin, entry, lines, refused, replayed, said
from tests.support.proposals import approver, proposed, voted

TURNS = ("quorum.lost", "quorum.regained")


def a_fund(paid: int = 100, **changes: Any) -> Door:
    """Both governments must be able to decide; Germany has paid this much."""
    paper = Door().open(**{"quorum": 2, **changes})
    paper.paid(paper.agreed("DE", money(paid)), money(paid))
    return paper


def without(*people: Person) -> list[dict[str, Any]]:
    """The charter's members without these."""
    gone = {person.subject for person in people}
    return [member for member in a_charter()["members"] if member["subject"] not in gone]


def leaves(paper: Door, party: str) -> None:
    paper.do(admin(party), RemoveMember(subject=approver(party).subject))


def comes(paper: Door, party: str, subject: str) -> None:
    paper.do(admin(party), AddMember(subject=subject, roles=(DECIDER,)))


def turns(paper: Door) -> list[str]:
    """What was said of the quorum, in order."""
    return [line.event.type for line in paper.log if line.event.type in TURNS]


def test_the_quorum_is_lost_when_the_last_of_a_government_leaves() -> None:
    paper = a_fund()

    leaves(paper, "DE")

    removal, lost = paper.log[-2:]
    assert lost.event == QuorumWentMissing(able=1, needed=2, cause=removal.act.seq)
    assert (lost.act.party, lost.act.at) == (LEDGER_PARTY, removal.act.at)
    assert paper.book.get(Seats).lost_seq == lost.act.seq
    assert said(paper, "quorum.lost") == (
        "The quorum is lost: 1 governments can decide, 2 must. Releases are halted."
    )
    assert lines(paper, "quorum.lost") == {}
    assert replayed(paper) == paper.book


def test_the_quorum_is_lost_when_the_last_of_a_government_is_denied() -> None:
    paper = a_fund()

    paper.do(admin("DE"), DenyMember(subject=approver("DE").subject, reason="A lost card"))

    assert turns(paper) == ["quorum.lost"]
    assert replayed(paper) == paper.book


def test_the_quorum_is_there_again_when_somebody_comes() -> None:
    paper = a_fund()
    leaves(paper, "DE")

    comes(paper, "DE", "de-second")

    addition, back = paper.log[-2:]
    assert back.event == QuorumCameBack(able=2, needed=2, cause=addition.act.seq)
    assert paper.book.get(Seats).lost_seq is None
    assert said(paper, "quorum.regained") == (
        "The quorum is there again: 2 governments can decide."
    )
    assert lines(paper, "quorum.regained") == {}
    assert replayed(paper) == paper.book


def test_the_quorum_stands_while_anybody_of_the_government_is_there() -> None:
    paper = a_fund()
    comes(paper, "DE", "de-second")

    leaves(paper, "DE")

    assert turns(paper) == []


def test_the_quorum_is_lost_once_however_many_leave() -> None:
    paper = a_fund()

    leaves(paper, "DE")
    leaves(paper, "FR")
    assert turns(paper) == ["quorum.lost"]
    comes(paper, "FR", "fr-second")
    assert turns(paper) == ["quorum.lost"]
    comes(paper, "DE", "de-second")

    assert turns(paper) == ["quorum.lost", "quorum.regained"]
    assert replayed(paper) == paper.book


def test_a_quorum_can_be_lost_again() -> None:
    paper = a_fund()
    leaves(paper, "DE")
    comes(paper, "DE", "de-second")

    paper.do(admin("DE"), RemoveMember(subject="de-second"))

    assert turns(paper) == ["quorum.lost", "quorum.regained", "quorum.lost"]
    assert paper.book.get(Seats).lost_seq == entry(paper, "quorum.lost").act.seq


def test_one_government_is_enough_where_the_charter_asks_for_no_more() -> None:
    paper = Door().open()

    leaves(paper, "DE")

    assert turns(paper) == []
    leaves(paper, "FR")
    assert turns(paper) == ["quorum.lost"]


def test_people_in_other_roles_do_not_make_a_quorum() -> None:
    paper = a_fund()
    leaves(paper, "DE")

    paper.do(admin("DE"), AddMember(subject="de-second", roles=(Role.TREASURY, Role.ADMIN)))

    assert turns(paper) == ["quorum.lost"]


def test_a_fund_may_begin_without_its_quorum() -> None:
    paper = Door().open(quorum=2, members=without(approver("FR")))

    assert [line.event.type for line in paper.log] == ["fund.opened", "quorum.lost"]
    comes(paper, "FR", "fr-second")
    assert turns(paper) == ["quorum.lost", "quorum.regained"]
    assert replayed(paper) == paper.book


def test_the_last_approval_is_refused_without_a_quorum_and_given_with_one() -> None:
    paper = a_fund()
    request = paper.requested(money(50))
    paper.approved(request, but=1)
    leaves(paper, "DE")
    with refused(paper, "quorum_lost", "1 governments"):
        paper.approved(request)

    comes(paper, "DE", "de-second")

    assert paper.approved(request).state is DisbursementState.RESERVED
    assert replayed(paper) == paper.book


def test_the_bank_is_told_nothing_without_a_quorum() -> None:
    paper = a_fund()
    request = paper.approved(paper.requested(money(50)))
    leaves(paper, "FR")
    with refused(paper, "quorum_lost", "halted"):
        paper.instructed(request)

    comes(paper, "FR", "fr-second")

    assert paper.instructed(request).state is DisbursementState.INSTRUCTED
    assert replayed(paper) == paper.book


def test_what_the_bank_was_told_is_settled_without_a_quorum() -> None:
    paper = a_fund()
    request = paper.instructed(paper.approved(paper.requested(money(50))))

    leaves(paper, "FR")

    assert paper.settled(request).state is DisbursementState.SETTLED


def test_money_comes_in_and_is_asked_for_without_a_quorum() -> None:
    paper = a_fund()
    leaves(paper, "DE")

    paper.paid(paper.agreed("FR", money(10)), money(10))
    request = paper.requested(money(50))

    assert paper.approved(request, but=2).outstanding == 2
    assert replayed(paper) == paper.book


def test_a_vote_that_would_release_money_is_refused_without_a_quorum() -> None:
    rule = {"rule": "unanimity", "role": "treasury"}
    paper = a_fund(decision_rules={"release": rule})
    request = paper.requested(money(50))
    paper.approved(request)
    voted(paper, request.disbursement_id, Person("DE", Role.TREASURY))
    leaves(paper, "DE")

    with refused(paper, "quorum_lost"):
        voted(paper, request.disbursement_id, Person("FR", Role.TREASURY))


def test_a_motion_is_decided_without_a_quorum() -> None:
    paper = a_fund()
    motion = proposed(paper)
    voted(paper, motion.proposal_id, "DE")
    leaves(paper, "DE")

    voted(paper, motion.proposal_id, "FR")

    assert paper.log[-1].event.derived()["verdict"] == "accepted"


def test_a_new_charter_may_ask_for_more_than_there_are() -> None:
    paper = Door().open()
    comes(paper, "DE", "de-second")
    proposal = proposed(paper, a_charter_change(quorum=2))
    voted(paper, proposal.proposal_id, "FR")
    leaves(paper, "FR")
    assert turns(paper) == []

    voted(paper, proposal.proposal_id, Known("DE", DECIDER, "de-second"))

    assert turns(paper) == ["quorum.lost"]
    assert entry(paper, "quorum.lost").event == QuorumWentMissing(
        able=1, needed=2, cause=entry(paper, "charter.amended").act.seq
    )
    assert replayed(paper) == paper.book


def test_a_new_government_may_bring_the_quorum_back() -> None:
    paper = a_fund()
    body = a_charter_change(governments=("DE", "FR", "IT"), quorum=2)
    person = {"subject": "it-one", "party": "IT", "roles": ["treasury_approver"]}
    body["subject"]["charter"]["members"] = [person]
    proposal = proposed(paper, body)
    voted(paper, proposal.proposal_id, "DE")
    leaves(paper, "DE")

    voted(paper, proposal.proposal_id, "FR")

    assert turns(paper) == ["quorum.lost", "quorum.regained"]
    assert replayed(paper) == paper.book


def test_the_quorum_is_not_said_to_be_what_it_was_said_to_be() -> None:
    paper = a_fund()
    act: Act = paper.log[-1].act
    with pytest.raises(ProposalClosed):
        QuorumCameBack(able=2, needed=2, cause=0).permit(paper.book, act)

    leaves(paper, "DE")

    with pytest.raises(ProposalClosed):
        QuorumWentMissing(able=1, needed=2, cause=0).permit(paper.book, act)
