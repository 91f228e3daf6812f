"""Effects: what an accepted proposal changes, and what it leaves alone."""

import json
from typing import Any

import pytest

from app.chain.canonical import digest_of
from app.domain.charter.decision_rules import DecisionClass, RuleKind
from app.domain.event import Act
from app.domain.governance.funds import Fund, charter_of
from app.domain.governance.members import Member
from app.domain.governance.membership import AddMember, DenyMember
from app.domain.governance.polls import Poll, PollState
from app.domain.outflow.approvals import RevokeApproval
from app.domain.outflow.disbursements import Disbursement, DisbursementState
from app.domain.outflow.steps import Approval
from app.domain.proposals.effects import (
    CharterAmended,
    IssuersRegistered,
    MatterDropped,
)
from app.domain.proposals.proposals import IssuerChange, Proposal, ProposalState
from app.domain.refusals.decisions import ProposalClosed
from app.domain.values import Role
from tests.support.builders import Person, a_charter, a_charter_change, money, people, treasury
from tests.support.domain import Door, admin, entry, funded, lines, refused, replayed, said
from tests.support.proposals import issuers, now_of, proposed, voted

BY_MAJORITY = {"motion": {"rule": "majority", "tie": "accepted"}}
FASTER = [step for step in a_charter()["approval_steps"] if step["id"] == "legal_review"]


def amended(paper: Door, **changes: Any) -> Proposal:
    """Both governments want the charter so."""
    proposal = proposed(paper, a_charter_change(**changes))
    voted(paper, proposal.proposal_id, "DE", "FR")
    return now_of(paper, proposal)


def joined(paper: Door, *newcomers: str) -> None:
    """Italy joins, with these of its people."""
    body = a_charter_change(governments=("DE", "FR", "IT"))
    body["subject"]["charter"]["members"] = [
        {"subject": person.subject, "party": "IT", "roles": [person.role]}
        for person in people(("IT",))
        if person.party == "IT" and person.role in newcomers
    ]
    voted(paper, proposed(paper, body).proposal_id, "DE", "FR")


def state_of(paper: Door, request: Disbursement) -> DisbursementState:
    return paper.book.get(Disbursement, request.disbursement_id).state


def test_the_charter_that_was_accepted_is_in_force() -> None:
    paper = funded()
    body = a_charter_change(title="Another title")
    proposal = proposed(paper, body)

    voted(paper, proposal.proposal_id, "DE", "FR")

    fund, amendment = paper.book.get(Fund), entry(paper, "charter.amended")
    assert fund.charter.title == "Another title"
    assert fund.charter_seq == amendment.act.seq
    assert fund.charter_digest == digest_of(json.loads(json.dumps(body["subject"]["charter"])))
    assert amendment.event == CharterAmended(
        proposal_id=proposal.proposal_id,
        cause=entry(paper, "decision.made").act.seq,
        charter_digest=fund.charter_digest,
        rereads=(DecisionClass.CHARTER,),
    )
    assert now_of(paper, proposal).state is ProposalState.ACCEPTED
    assert lines(paper, "charter.amended") == {}
    assert replayed(paper) == paper.book


def test_a_charter_that_was_refused_changes_nothing() -> None:
    paper = funded()
    before = paper.book.get(Fund)
    proposal = proposed(paper, a_charter_change(title="Another title"))

    voted(paper, proposal.proposal_id, "DE", choice="against")

    assert now_of(paper, proposal).state is ProposalState.REFUSED
    assert paper.book.get(Fund) == before


def test_amending_says_what_is_dropped() -> None:
    paper = funded()
    first = amended(paper, title="Another title")
    assert said(paper, "charter.amended") == (
        f"The charter of proposal {first.proposal_id} is in force; "
        "what is open of charter is dropped."
    )
    proposed(paper)

    second = amended(paper, title="Another title", decision_rules=BY_MAJORITY)

    assert said(paper, "charter.amended") == (
        f"The charter of proposal {second.proposal_id} is in force; "
        "what is open of charter, motion is dropped."
    )


def test_the_members_stay_when_the_charter_changes() -> None:
    paper = funded()
    before = paper.rows(Member)

    amended(paper, title="Another title")

    assert paper.rows(Member) == before


def test_a_request_whose_steps_change_is_dropped() -> None:
    paper = funded(DE=100)
    request = paper.requested(money(50))
    paper.answer(paper.waiting(request)[0])

    proposal = amended(paper, approval_steps=FASTER)

    # From that entry on it cannot be answered, whether or not its end is recorded yet.
    with refused(paper, "proposal_closed", "decides this otherwise"):
        paper.answer(paper.waiting(request)[0])
    paper.dropped(request.disbursement_id)
    assert state_of(paper, request) is DisbursementState.DROPPED
    assert {row.answer for row in paper.rows(Approval)} == {"approved", "closed"}
    assert "release" in entry(paper, "charter.amended").event.derived()["rereads"]
    assert proposal.state is ProposalState.ACCEPTED
    assert said(paper, "matter.dropped") == (
        f"{request.disbursement_id} was dropped: the charter changed."
    )
    assert replayed(paper) == paper.book


def test_a_matter_is_dropped_once_and_only_where_the_charter_decides_it_otherwise() -> None:
    paper = funded(DE=100)
    request, motion = paper.requested(money(50)), proposed(paper)
    with refused(paper, "clock_runs", "as before"):
        paper.dropped(motion.proposal_id)

    amended(paper, approval_steps=FASTER)

    paper.dropped(request.disbursement_id)
    with refused(paper, "proposal_closed", "dropped"):
        paper.dropped(request.disbursement_id)
    with refused(paper, "clock_runs", "as before"):
        paper.dropped(motion.proposal_id)


def test_a_charter_that_was_overtaken_does_not_take_out_what_came_in_between() -> None:
    paper = Door().open()
    overtaken = proposed(paper, a_charter_change(title="Another title"))
    energy = {"id": "energy", "name": "Energy", "purposes": ["grids"]}
    amended(paper, windows=[*a_charter()["windows"], energy])

    with refused(paper, "proposal_closed", "decides this otherwise"):
        voted(paper, overtaken.proposal_id, "DE")

    paper.dropped(overtaken.proposal_id)
    assert charter_of(paper.book).window("energy") is not None


@pytest.mark.parametrize("denied", [False, True])
def test_a_new_party_brings_nobody_who_came_or_was_denied_meanwhile(denied: bool) -> None:
    paper = Door().open()
    body = a_charter_change(governments=("DE", "FR", "IT"))
    body["subject"]["charter"]["members"] = [
        {"subject": "x", "party": "IT", "roles": ["admin", "treasury_approver"]}
    ]
    proposal = proposed(paper, body)
    paper.do(admin("DE"), AddMember(subject="x", roles=(Role.TREASURY_APPROVER,)))
    if denied:
        paper.do(admin("DE"), DenyMember(subject="x", reason="A lost card"))
    voted(paper, proposal.proposal_id, "DE")
    voted(paper, proposal.proposal_id, "FR")

    assert charter_of(paper.book).party("IT") is not None
    member = paper.book.get(Member, "x")
    assert (member.party, member.denied) == ("DE", denied)


def test_what_was_reserved_under_another_charter_can_still_be_taken_back() -> None:
    paper = funded(DE=100)
    request = paper.approved(paper.requested(money(50)))
    only_legal = [step for step in a_charter()["approval_steps"] if step["id"] == "legal_review"]
    amended(paper, approval_steps=only_legal)

    body = {"disbursement_id": request.disbursement_id, "step": "risk_assessment", "reason": "x"}
    paper.do(Person("DE", Role.RISK_OFFICER), RevokeApproval.model_validate(body))

    # It waits again under rules that are not in force any more: so it ends.
    assert state_of(paper, request) is DisbursementState.REQUESTED
    paper.dropped(request.disbursement_id)
    assert state_of(paper, request) is DisbursementState.DROPPED
    assert replayed(paper) == paper.book


def test_what_is_asked_after_the_change_takes_the_new_steps() -> None:
    paper = funded(DE=100)
    amended(paper, approval_steps=FASTER)

    request = paper.requested(money(50))

    assert request.asked == ("legal_review/DE", "legal_review/FR")
    assert paper.approved(request).state is DisbursementState.RESERVED


def test_a_proposal_whose_rule_changes_is_dropped() -> None:
    paper = funded()
    motion, other = proposed(paper), proposed(paper, issuers("DE"))
    voted(paper, motion.proposal_id, "DE")

    amended(paper, decision_rules=BY_MAJORITY)
    with refused(paper, "proposal_closed", "decides this otherwise"):
        voted(paper, motion.proposal_id, "FR")
    paper.dropped(motion.proposal_id)

    dropped = now_of(paper, motion)
    assert dropped.state is ProposalState.DROPPED
    assert dropped.decided_seq == entry(paper, "matter.dropped").act.seq
    assert paper.book.get(Poll, motion.proposal_id).state is PollState.ENDED
    assert now_of(paper, other).state is ProposalState.OPEN
    assert replayed(paper) == paper.book
    with refused(paper, "proposal_closed", "ended"):
        voted(paper, motion.proposal_id, "FR")


def test_what_is_proposed_after_the_change_follows_the_new_rule() -> None:
    paper = funded()
    amended(paper, decision_rules=BY_MAJORITY)
    motion = proposed(paper)

    voted(paper, motion.proposal_id, "FR")

    assert now_of(paper, motion).state is ProposalState.ACCEPTED
    assert paper.book.get(Poll, motion.proposal_id).vote.rule is RuleKind.MAJORITY
    assert paper.book.get(Poll, motion.proposal_id).charter_seq == paper.book.get(Fund).charter_seq


def test_what_would_be_decided_alike_waits_on() -> None:
    paper = funded(DE=100)
    request, motion = paper.requested(money(50)), proposed(paper)
    voted(paper, motion.proposal_id, "DE")

    amended(paper, title="Another title")

    voted(paper, motion.proposal_id, "FR")
    assert now_of(paper, motion).state is ProposalState.ACCEPTED
    assert paper.approved(request).state is DisbursementState.RESERVED
    assert replayed(paper) == paper.book


def test_what_is_reserved_is_not_dropped() -> None:
    paper = funded(DE=100)
    reserved = paper.approved(paper.requested(money(50)))
    waiting = paper.requested(money(20))

    amended(paper, approval_steps=FASTER)

    paper.dropped(waiting.disbursement_id)
    with refused(paper, "proposal_closed"):
        paper.dropped(reserved.disbursement_id)
    assert state_of(paper, waiting) is DisbursementState.DROPPED
    assert state_of(paper, reserved) is DisbursementState.RESERVED
    assert paper.settled(paper.instructed(reserved)).state is DisbursementState.SETTLED
    assert replayed(paper) == paper.book


def test_a_new_government_votes_on_what_is_proposed_next() -> None:
    paper = funded()
    joined(paper, Role.ADMIN, Role.TREASURY_APPROVER)
    motion = proposed(paper)
    voted(paper, motion.proposal_id, "DE", "FR")
    assert now_of(paper, motion).state is ProposalState.OPEN

    voted(paper, motion.proposal_id, "IT")

    assert now_of(paper, motion).state is ProposalState.ACCEPTED
    assert list(paper.book.get(Poll, motion.proposal_id).electorate) == ["DE", "FR", "IT"]
    assert replayed(paper) == paper.book


def test_a_new_government_brings_its_people_and_adds_others() -> None:
    paper = funded()
    joined(paper, Role.ADMIN)

    member = paper.book.get(Member, "it-admin")
    assert (member.party, member.roles) == ("IT", (Role.ADMIN,))
    assert member.since_seq == entry(paper, "charter.amended").act.seq
    paper.do(admin("IT"), AddMember(subject="it-treasury", roles=(Role.TREASURY,)))
    paper.paid(paper.agreed("IT", money(10)), money(10))
    assert replayed(paper) == paper.book


def test_a_new_government_is_nobody_before_it_has_joined() -> None:
    paper = funded()
    body = a_charter_change(governments=("DE", "FR", "IT"))
    proposal = proposed(paper, body)

    with refused(paper, "not_a_member", "IT"):
        voted(paper, proposal.proposal_id, "IT")


def test_issuers_that_were_accepted_are_the_partys_from_then_on() -> None:
    paper = funded()
    proposal = proposed(paper, issuers("DE", "a" * 64, "b" * 64), treasury("DE"))

    voted(paper, proposal.proposal_id, "DE", "FR")

    assert paper.book.get(Fund).issuers == {"DE": ("a" * 64, "b" * 64)}
    assert isinstance(proposal.subject, IssuerChange)
    assert entry(paper, "issuers.registered").event == IssuersRegistered.of(
        proposal.subject, proposal.proposal_id, entry(paper, "decision.made").act.seq
    )
    assert said(paper, "issuers.registered") == "DE signs in through 2 registered issuer(s)."
    assert lines(paper, "issuers.registered") == {}
    assert replayed(paper) == paper.book


def test_later_issuers_replace_a_partys_and_leave_the_others() -> None:
    paper = funded()
    for party, digest in (("DE", "a" * 64), ("FR", "b" * 64), ("DE", "c" * 64)):
        proposal = proposed(paper, issuers(party, digest))
        voted(paper, proposal.proposal_id, "DE", "FR")

    assert paper.book.get(Fund).issuers == {"DE": ("c" * 64,), "FR": ("b" * 64,)}


def test_issuers_stay_when_the_charter_changes() -> None:
    paper = funded()
    voted(paper, proposed(paper, issuers("DE", "a" * 64)).proposal_id, "DE", "FR")

    amended(paper, title="Another title")

    assert paper.book.get(Fund).issuers == {"DE": ("a" * 64,)}


def test_a_motion_changes_nothing_but_itself() -> None:
    paper = funded()
    before = paper.book.get(Fund)
    motion = proposed(paper)

    voted(paper, motion.proposal_id, "DE", "FR")

    assert [line.event.type for line in paper.log[1:]] == [
        "proposal.opened",
        "ballot.cast",
        "ballot.cast",
        "decision.made",
    ]
    assert paper.book.get(Fund) == before


@pytest.mark.parametrize("state", [state for state in ProposalState if state != "accepted"])
def test_only_what_was_accepted_takes_effect(state: ProposalState) -> None:
    paper = funded()
    proposal = proposed(paper, issuers("DE"))
    book, act = paper.book.put(proposal.but(state=state)), an_act(paper)
    named = {"proposal_id": proposal.proposal_id, "cause": act.seq}

    with pytest.raises(ProposalClosed, match=state):
        IssuersRegistered(**named, party="DE", issuers=("a" * 64,)).permit(book, act)
    with pytest.raises(ProposalClosed, match=state):
        CharterAmended(**named, charter_digest="0" * 64, rereads=()).permit(book, act)


@pytest.mark.parametrize("state", [state for state in ProposalState if state != "open"])
def test_only_what_is_open_is_dropped(state: ProposalState) -> None:
    paper = funded()
    proposal = proposed(paper)
    book, act = paper.book.put(proposal.but(state=state)), an_act(paper)

    with pytest.raises(ProposalClosed, match=state):
        MatterDropped(matter_id=proposal.proposal_id).permit(book, act)


def an_act(paper: Door) -> Act:
    """The circumstances of what comes next."""
    return paper.log[-1].act.by_ledger(len(paper.log), "")
