"""Proposals: opened, changed, taken back, by whom; and what a change does to the vote."""

import json
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from app.chain.canonical import digest_of
from app.domain.charter.decision_rules import Choice, DecisionClass
from app.domain.governance.polls import Poll, PollState
from app.domain.proposals.proposals import (
    CharterChange,
    OpenProposal,
    ProposalState,
)
from app.domain.proposals.votes import CastBallot
from app.domain.values import Role
from tests.support.builders import (
    AUDITOR,
    REQUESTER,
    SUPERVISOR,
    TRUSTEE,
    Person,
    a_ballot,
    a_charter_change,
    a_motion,
    treasury,
)
from tests.support.domain import (
    DIGEST,
    UNKNOWN_ID,
    Door,
    Known,
    admin,
    entry,
    funded,
    lines,
    refused,
    replayed,
    said,
)
from tests.support.proposals import (
    ISSUER,
    TWO_WEEKS,
    approver,
    issuers,
    now_of,
    proposed,
    revised,
    voted,
    withdrawn,
)


@pytest.mark.parametrize("who", [TRUSTEE, treasury("DE"), approver("FR")])
def test_the_trustee_and_the_governments_propose(who: Person) -> None:
    paper = funded()

    proposal = proposed(paper, who=who)

    assert proposal.party == who.party
    assert proposal.decision is DecisionClass.MOTION
    assert proposal.state is ProposalState.OPEN
    assert (proposal.opened_seq, proposal.decided_seq) == (1, None)
    assert proposal.digest == entry(paper, "proposal.opened").act.digest
    assert proposal.charter_digest is None
    assert lines(paper, "proposal.opened") == {}
    assert replayed(paper) == paper.book


def test_proposing_says_who_asks_for_what() -> None:
    paper = funded()
    proposed(paper)

    assert said(paper, "proposal.opened") == "TRUSTEE proposed (motion): A motion"


@pytest.mark.parametrize("who", [REQUESTER, SUPERVISOR, AUDITOR, admin("DE")])
def test_nobody_else_proposes(who: Person) -> None:
    paper = funded()

    with refused(paper, "role_not_permitted"):
        proposed(paper, who=who)


def test_a_new_charter_is_known_by_the_digest_of_what_was_stated() -> None:
    paper = funded()
    body = a_charter_change(title="Another title")

    proposal = proposed(paper, body)

    assert isinstance(proposal.subject, CharterChange)
    assert proposal.decision is DecisionClass.CHARTER
    assert proposal.charter_digest == digest_of(json.loads(json.dumps(body["subject"]["charter"])))


def test_the_charter_in_force_is_not_proposed_again() -> None:
    paper = Door().open()
    body = a_charter_change(title="Another title")
    proposal = proposed(paper, body)
    voted(paper, proposal.proposal_id, "DE", "FR")

    with refused(paper, "already_exists", "in force"):
        proposed(paper, body)


def test_a_new_party_brings_people_who_are_new() -> None:
    paper = funded()
    body = a_charter_change(governments=("DE", "FR", "IT"))
    members = [{"subject": "de-treasury", "party": "IT", "roles": ["admin"]}]
    body["subject"]["charter"]["members"] = members

    with refused(paper, "already_exists", "known in this fund"):
        proposed(paper, body)


def test_issuers_are_proposed_for_a_party_of_the_charter() -> None:
    paper = funded()

    with refused(paper, "wrong_party", "no such party"):
        proposed(paper, issuers("XX"))


@pytest.mark.parametrize(
    "subject",
    [
        {"kind": "party", "text": "What?"},
        {"kind": "motion"},
        {"kind": "motion", "text": "Yes", "party": "DE"},
        {"kind": "issuers", "party": "DE", "issuers": []},
        {"kind": "issuers", "party": "DE", "issuers": [ISSUER, ISSUER]},
        {"kind": "issuers", "party": "DE", "issuers": ["https://example.org"]},
        {"kind": "charter", "charter": {"fund": "test-fund"}},
    ],
)
def test_a_proposal_is_of_one_kind_and_complete(subject: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        OpenProposal.model_validate({"title": "A proposal", "subject": subject})


def test_new_content_is_a_new_vote() -> None:
    paper = Door().open(decision_rules=TWO_WEEKS)
    before = proposed(paper)
    voted(paper, before.proposal_id, "DE")
    first_close = paper.book.get(Poll, before.proposal_id).closes_at
    paper.now += timedelta(days=3)

    revised(paper, before, a_motion("Something else."))

    after, poll = now_of(paper, before), paper.book.get(Poll, before.proposal_id)
    assert after.digest == poll.digest == entry(paper, "proposal.revised").act.digest
    assert after.digest != before.digest
    assert after.opened_seq == before.opened_seq
    assert first_close is not None
    assert poll.closes_at == first_close + timedelta(days=3)
    assert poll.ballots == ()
    assert replayed(paper) == paper.book


def test_whoever_voted_on_the_old_content_votes_on_the_new() -> None:
    paper = funded()
    proposal = proposed(paper)
    voted(paper, proposal.proposal_id, "DE")
    revised(paper, proposal, a_motion("Something else."))

    voted(paper, proposal.proposal_id, "DE", "FR")

    assert now_of(paper, proposal).state is ProposalState.ACCEPTED


def test_a_ballot_for_the_old_content_is_not_counted_for_the_new() -> None:
    paper = funded()
    proposal = proposed(paper)
    ballot = CastBallot.model_validate(a_ballot(proposal.proposal_id, proposal.digest))
    revised(paper, proposal, a_motion("Something else."))

    with refused(paper, "stale_proposal", now_of(paper, proposal).digest):
        paper.do(approver("DE"), ballot)


def test_changing_says_that_the_vote_begins_anew() -> None:
    paper = funded()
    proposal = proposed(paper)
    revised(paper, proposal, a_motion("Something else."))

    assert said(paper, "proposal.revised") == (
        f"TRUSTEE changed its proposal {proposal.proposal_id}; the vote begins anew."
    )


def test_a_change_names_what_it_replaces() -> None:
    paper = funded()
    proposal = proposed(paper)
    revised(paper, proposal, a_motion("Something else."))

    with refused(paper, "stale_proposal", now_of(paper, proposal).digest):
        revised(paper, proposal, a_motion("A third thing."))


def test_a_proposal_stays_of_its_kind() -> None:
    paper = funded()
    proposal = proposed(paper)

    with refused(paper, "stale_proposal", "kind"):
        revised(paper, proposal, issuers("DE"))


def test_new_content_is_checked_like_the_old() -> None:
    paper = funded()
    proposal = proposed(paper, a_charter_change(title="Another title"))

    with refused(paper, "charter_incompatible"):
        revised(paper, proposal, a_charter_change(fund="other-fund"))


def test_a_new_charter_that_was_changed_is_the_one_that_comes_into_force() -> None:
    paper = funded()
    proposal = proposed(paper, a_charter_change(title="A second title"))
    body = a_charter_change(title="A third title")

    revised(paper, proposal, body)

    assert now_of(paper, proposal).charter_digest == digest_of(
        json.loads(json.dumps(body["subject"]["charter"]))
    )
    assert now_of(paper, proposal).title == body["title"]


def test_whoever_proposed_takes_it_back() -> None:
    paper = funded()
    proposal = proposed(paper, who=treasury("DE"))
    voted(paper, proposal.proposal_id, "FR")

    withdrawn(paper, proposal, treasury("DE"))

    after = now_of(paper, proposal)
    assert after.state is ProposalState.WITHDRAWN
    assert after.decided_seq == entry(paper, "proposal.withdrawn").act.seq
    assert paper.book.get(Poll, proposal.proposal_id).state is PollState.ENDED
    assert said(paper, "proposal.withdrawn") == (
        f"DE withdrew proposal {proposal.proposal_id}: Not needed"
    )
    assert replayed(paper) == paper.book


def test_another_person_of_the_party_changes_it_and_takes_it_back() -> None:
    paper = funded()
    proposal = proposed(paper, who=treasury("DE"))

    revised(paper, proposal, a_motion("Something else."), approver("DE"))
    withdrawn(paper, now_of(paper, proposal), approver("DE"))

    assert now_of(paper, proposal).state is ProposalState.WITHDRAWN


def test_nobody_changes_or_takes_back_what_another_party_proposed() -> None:
    paper = funded()
    proposal = proposed(paper, who=treasury("DE"))

    with refused(paper, "wrong_party", "DE"):
        revised(paper, proposal, a_motion("Something else."), treasury("FR"))
    with refused(paper, "wrong_party", "DE"):
        withdrawn(paper, proposal, TRUSTEE)


def test_what_has_ended_is_neither_changed_nor_taken_back_nor_voted_on() -> None:
    paper = funded()
    proposal = proposed(paper)
    withdrawn(paper, proposal)

    with refused(paper, "proposal_closed", "withdrawn"):
        revised(paper, proposal, a_motion("Something else."))
    with refused(paper, "proposal_closed", "withdrawn"):
        withdrawn(paper, proposal)
    with refused(paper, "proposal_closed", "ended"):
        voted(paper, proposal.proposal_id, "DE")


def test_a_proposal_that_is_not_there_is_not_found() -> None:
    paper = funded()
    ghost = proposed(funded()).but(proposal_id=UNKNOWN_ID)

    with refused(paper, "not_found", "proposals"):
        revised(paper, ghost, a_motion("Something else."))
    with refused(paper, "not_found", "proposals"):
        withdrawn(paper, ghost)
    with refused(paper, "not_found", "polls"):
        paper.do(
            approver("DE"),
            CastBallot(matter_id=UNKNOWN_ID, choice=Choice.IN_FAVOUR, digest=DIGEST),
        )


def test_somebody_who_is_no_member_proposes_nothing() -> None:
    paper = funded()

    with refused(paper, "not_a_member", "DE"):
        proposed(paper, who=Known("DE", Role.TREASURY, "de-stranger"))
