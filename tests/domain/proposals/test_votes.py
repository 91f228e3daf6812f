"""Votes: who votes, once; what one vote against leads to; what the decision names."""

import pytest

from app.domain.charter.decision_rules import Choice, RuleKind, Tally, Verdict
from app.domain.governance.membership import AddMember, RemoveMember
from app.domain.governance.party_keys import RevokeKey
from app.domain.governance.polls import PollState
from app.domain.proposals.proposals import ProposalState
from app.domain.proposals.votes import CastBallot, DecisionMade, VoteCalled
from app.domain.values import Role
from tests.support.builders import (
    AUDITOR,
    REQUESTER,
    SUPERVISOR,
    TRUSTEE,
    Person,
    a_ballot,
    treasury,
)
from tests.support.domain import (
    DIGEST,
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
from tests.support.governance import ONE, with_a_key
from tests.support.proposals import (
    SECOND,
    approver,
    by_silence,
    now_of,
    poll_of,
    proposed,
    voted,
    weighed,
    with_second,
)


def test_everybody_decides_where_the_charter_names_no_rule() -> None:
    paper = funded()
    motion = proposed(paper)
    voted(paper, motion.proposal_id, "DE")
    assert now_of(paper, motion).state is ProposalState.OPEN

    voted(paper, motion.proposal_id, "FR")

    assert now_of(paper, motion).state is ProposalState.ACCEPTED
    assert now_of(paper, motion).decided_seq == entry(paper, "decision.made").act.seq
    assert poll_of(paper, motion).state is PollState.ACCEPTED
    assert poll_of(paper, motion).vote.rule is RuleKind.UNANIMITY
    assert lines(paper, "ballot.cast") == lines(paper, "decision.made") == {}
    assert replayed(paper) == paper.book


@pytest.mark.parametrize("choice", ["against", "abstain"])
def test_one_that_is_not_in_favour_ends_what_takes_everybody(choice: str) -> None:
    paper = funded()
    motion = proposed(paper)

    voted(paper, motion.proposal_id, "DE", choice=choice)

    assert now_of(paper, motion).state is ProposalState.REFUSED
    assert replayed(paper) == paper.book


def test_a_decision_names_the_rule_every_ballot_and_every_number() -> None:
    paper = weighed(
        rule="double_majority", weights="charter", threshold="3/5", weight_threshold="3/5"
    )
    motion = proposed(paper)
    voted(paper, motion.proposal_id, "FR", choice="against")
    voted(paper, motion.proposal_id, "DE", "IT")

    decision = entry(paper, "decision.made")

    assert decision.event == DecisionMade(
        matter_id=motion.proposal_id,
        cause=4,
        verdict=Verdict.ACCEPTED,
        rule=RuleKind.DOUBLE_MAJORITY,
        charter_seq=0,
        ballots=(2, 3, 4),
        tally=Tally(
            members=3,
            in_favour=2,
            against=1,
            abstained=0,
            recused=0,
            weight="10000",
            weight_in_favour="7000",
            weight_against="3000",
        ),
    )
    assert said(paper, "decision.made") == (
        f"{motion.proposal_id} is decided by double_majority: accepted, with 2 in favour, "
        f"1 against and 0 abstentions of 3."
    )
    assert replayed(paper) == paper.book


def test_most_members_are_not_enough_where_most_weight_is_missing() -> None:
    paper = weighed(rule="double_majority", weights="charter")
    motion = proposed(paper)

    voted(paper, motion.proposal_id, "FR", "IT")

    assert now_of(paper, motion).state is ProposalState.OPEN
    voted(paper, motion.proposal_id, "DE", choice="against")
    assert now_of(paper, motion).state is ProposalState.REFUSED


def test_a_decision_is_made_as_soon_as_nothing_can_change_it() -> None:
    paper = weighed(rule="majority")
    motion = proposed(paper)

    voted(paper, motion.proposal_id, "IT", "FR")

    assert now_of(paper, motion).state is ProposalState.ACCEPTED
    with refused(paper, "proposal_closed", "accepted"):
        voted(paper, motion.proposal_id, "DE")


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ("in_favour", "FR voted in favour on {}."),
        ("against", "FR voted against on {}: Not like this"),
        ("abstain", "FR abstained on {}."),
        ("recuse", "FR stepped aside on {}."),
    ],
)
def test_a_ballot_says_what_was_voted(choice: str, words: str) -> None:
    paper = funded()
    motion = proposed(paper)

    voted(paper, motion.proposal_id, "FR", choice=choice)

    assert said(paper, "ballot.cast") == words.format(motion.proposal_id)


def test_whoever_steps_aside_is_not_waited_for() -> None:
    paper = funded()
    motion = proposed(paper)
    voted(paper, motion.proposal_id, "FR", choice="recuse")

    voted(paper, motion.proposal_id, "DE")

    assert now_of(paper, motion).state is ProposalState.ACCEPTED
    assert entry(paper, "decision.made").event.derived()["tally"] == {
        "members": 1,
        "in_favour": 1,
        "against": 0,
        "abstained": 0,
        "recused": 1,
        "weight": "1",
        "weight_in_favour": "1",
        "weight_against": "0",
    }


def test_nothing_is_decided_where_everybody_steps_aside() -> None:
    paper = funded()
    motion = proposed(paper)

    voted(paper, motion.proposal_id, "DE", "FR", choice="recuse")

    assert now_of(paper, motion).state is ProposalState.EXPIRED
    assert poll_of(paper, motion).state is PollState.NO_QUORUM
    assert replayed(paper) == paper.book


@pytest.mark.parametrize("who", [TRUSTEE, REQUESTER, SUPERVISOR, AUDITOR])
def test_only_governments_vote(who: Person) -> None:
    paper = funded()
    motion = proposed(paper, who=treasury("DE"))

    with refused(paper, "not_in_electorate", who.party):
        voted(paper, motion.proposal_id, who)


def test_another_role_of_the_government_does_not_vote() -> None:
    paper = funded()
    motion = proposed(paper)

    with refused(paper, "role_not_permitted", "treasury_approver"):
        voted(paper, motion.proposal_id, treasury("DE"))


def test_the_charter_says_which_role_votes() -> None:
    paper = Door().open(decision_rules={"motion": {"rule": "unanimity", "role": "treasury"}})
    motion = proposed(paper)

    voted(paper, motion.proposal_id, treasury("DE"), treasury("FR"))

    assert now_of(paper, motion).state is ProposalState.ACCEPTED


def test_whoever_proposed_does_not_vote_on_it_but_a_colleague_does() -> None:
    paper = funded()
    with_second(paper)
    motion = proposed(paper, who=approver("DE"))
    with refused(paper, "separation_of_duties", "proposer"):
        voted(paper, motion.proposal_id, "DE")

    voted(paper, motion.proposal_id, SECOND, "FR")

    assert now_of(paper, motion).state is ProposalState.ACCEPTED


def test_whoever_proposed_does_not_vote_after_changing_roles_either() -> None:
    paper = funded()
    motion = proposed(paper, who=treasury("DE"))
    paper.do(admin("DE"), RemoveMember(subject="de-treasury"))
    paper.do(admin("DE"), AddMember(subject="de-treasury", roles=(Role.TREASURY_APPROVER,)))

    with refused(paper, "separation_of_duties", "proposer"):
        voted(paper, motion.proposal_id, Known("DE", Role.TREASURY_APPROVER, "de-treasury"))


def test_a_government_votes_once_whoever_votes_for_it() -> None:
    paper = funded()
    with_second(paper)
    motion = proposed(paper)
    voted(paper, motion.proposal_id, "DE")

    with refused(paper, "already_decided", "DE"):
        voted(paper, motion.proposal_id, "DE", choice="against")
    with refused(paper, "already_decided", "DE"):
        voted(paper, motion.proposal_id, SECOND, choice="against")


def test_whoever_votes_against_says_why() -> None:
    paper = funded()
    motion = proposed(paper)
    ballot = CastBallot(matter_id=motion.proposal_id, choice=Choice.AGAINST, digest=motion.digest)

    with refused(paper, "reason_required", "why"):
        paper.do(approver("DE"), ballot)


def test_a_ballot_names_what_is_voted_on() -> None:
    paper = funded()
    motion = proposed(paper)
    ballot = CastBallot.model_validate(a_ballot(motion.proposal_id, DIGEST))

    with refused(paper, "stale_proposal", motion.digest):
        paper.do(approver("DE"), ballot)


def test_a_ballot_stands_when_whoever_cast_it_has_left() -> None:
    paper = funded()
    motion = proposed(paper)
    voted(paper, motion.proposal_id, "DE")
    before = poll_of(paper, motion)

    paper.do(admin("DE"), RemoveMember(subject=approver("DE").subject))

    assert poll_of(paper, motion) == before
    voted(paper, motion.proposal_id, "FR")
    assert now_of(paper, motion).state is ProposalState.ACCEPTED
    assert entry(paper, "decision.made").event.derived()["ballots"] == [2, 4]
    assert replayed(paper) == paper.book


def test_a_ballot_by_a_key_that_is_not_trusted_there_is_not_counted() -> None:
    paper = with_a_key()
    motion = proposed(paper)
    digest = poll_of(paper, motion).digest
    ballot = CastBallot.model_validate(a_ballot(motion.proposal_id, digest, "in_favour"))
    paper.do(approver("DE"), ballot, kid=ONE)
    through = len(paper.log) - 2
    paper.do(admin("DE"), RevokeKey(kid=ONE, trusted_through=through, reason="Stolen"))

    voted(paper, motion.proposal_id, "FR")

    assert now_of(paper, motion).state is ProposalState.OPEN
    assert poll_of(paper, motion).trusted(paper.book).ballots == poll_of(paper, motion).ballots[1:]
    assert replayed(paper) == paper.book


def test_a_government_that_nobody_can_vote_for_is_waited_for() -> None:
    paper = funded()
    motion = proposed(paper)
    paper.do(admin("DE"), RemoveMember(subject=approver("DE").subject))

    voted(paper, motion.proposal_id, "FR")

    assert now_of(paper, motion).state is ProposalState.OPEN
    assert list(poll_of(paper, motion).electorate) == ["DE", "FR"]
    with refused(paper, "not_a_member", "DE"):
        voted(paper, motion.proposal_id, "DE")
    with_second(paper)
    voted(paper, motion.proposal_id, SECOND)
    assert now_of(paper, motion).state is ProposalState.ACCEPTED


def test_an_objection_stops_where_nothing_follows_it() -> None:
    paper = weighed(rule="silence", clock={"days": 14})
    motion = proposed(paper)
    voted(paper, motion.proposal_id, "DE", "FR")

    voted(paper, motion.proposal_id, "IT", choice="against")

    assert now_of(paper, motion).state is ProposalState.REFUSED


def test_an_objection_calls_a_vote_where_the_charter_wants_one() -> None:
    rule = {"rule": "double_majority", "weights": "charter", "clock": {"days": 7}}
    paper = weighed(**by_silence("vote", **rule))
    motion = proposed(paper)
    voted(paper, motion.proposal_id, "FR")
    before = poll_of(paper, motion)

    voted(paper, motion.proposal_id, "IT", choice="against")

    after, called = poll_of(paper, motion), entry(paper, "vote.called")
    assert called.event == VoteCalled(
        matter_id=motion.proposal_id,
        cause=3,
        rule=RuleKind.DOUBLE_MAJORITY,
        role=Role.TREASURY_APPROVER,
        closes_at=after.closes_at,
    )
    assert after.state is PollState.OPEN
    assert (after.ballots, after.after_objection) == ((), None)
    assert after.electorate == before.electorate
    assert after.digest == before.digest
    assert before.closes_at is not None
    assert after.closes_at is not None
    assert (before.closes_at - after.closes_at).days == 7
    assert said(paper, "vote.called") == (
        f"An objection calls a vote on {motion.proposal_id}, by double_majority "
        f"of the treasury_approvers."
    )
    assert lines(paper, "vote.called") == {}


def test_everybody_votes_anew_in_the_vote_that_an_objection_called() -> None:
    paper = weighed(**by_silence("vote", rule="double_majority", weights="charter"))
    motion = proposed(paper)
    voted(paper, motion.proposal_id, "FR")
    voted(paper, motion.proposal_id, "IT", choice="against")

    voted(paper, motion.proposal_id, "IT", choice="against")
    voted(paper, motion.proposal_id, "FR", "DE")

    assert now_of(paper, motion).state is ProposalState.ACCEPTED
    assert entry(paper, "decision.made").event.derived()["ballots"] == [5, 6, 7]
    assert entry(paper, "decision.made").event.derived()["rule"] == "double_majority"
    assert replayed(paper) == paper.book


def test_a_vote_against_in_the_vote_that_was_called_calls_no_other() -> None:
    paper = weighed(**by_silence("vote", rule="majority"))
    motion = proposed(paper)
    voted(paper, motion.proposal_id, "IT", choice="against")

    voted(paper, motion.proposal_id, "DE", "FR", choice="against")

    assert now_of(paper, motion).state is ProposalState.REFUSED
    assert [line.event.type for line in paper.log].count("vote.called") == 1


def test_an_objection_goes_to_another_role_where_the_charter_wants_that() -> None:
    paper = weighed(**by_silence("escalate", rule="majority", role="treasury"))
    motion = proposed(paper)
    voted(paper, motion.proposal_id, "IT", choice="against")
    with refused(paper, "role_not_permitted", "treasury"):
        voted(paper, motion.proposal_id, "DE")

    voted(paper, motion.proposal_id, treasury("DE"), treasury("IT"))

    assert now_of(paper, motion).state is ProposalState.ACCEPTED
    assert poll_of(paper, motion).vote.role is Role.TREASURY
    assert replayed(paper) == paper.book
