"""Deadlines: what arrives in time, to the microsecond, and what the ledger records afterwards."""

from datetime import UTC, datetime, timedelta

import pytest

from app.domain.charter.decision_rules import RuleKind, Verdict
from app.domain.governance.polls import Poll, PollState
from app.domain.proposals.proposals import Proposal, ProposalState
from app.domain.proposals.votes import DecisionMade, ElapseClock, VoteCalled
from app.domain.refusals.decisions import ProposalClosed
from app.domain.values import LEDGER_PARTY
from tests.support.builders import TRUSTEE, a_motion
from tests.support.domain import UNKNOWN_ID, Door, entry, funded, lines, refused, replayed, said
from tests.support.proposals import TWO_WEEKS, now_of, proposed, revised, voted, withdrawn

CLOSES = datetime(2026, 2, 16, tzinfo=UTC)
"""Two weeks after the day on which the paper's clock stands."""
INSTANT = timedelta(microseconds=1)
SECOND = timedelta(seconds=1)


def by_silence() -> tuple[Door, Proposal]:
    """A motion that is accepted unless somebody objects within two weeks."""
    paper = Door().open(decision_rules=TWO_WEEKS)
    return paper, proposed(paper)


def test_a_vote_closes_at_the_midnight_after_its_last_day() -> None:
    paper, motion = by_silence()

    assert paper.book.get(Poll, motion.proposal_id).closes_at == CLOSES


def test_a_vote_without_a_clock_never_closes() -> None:
    paper = funded()
    motion = proposed(paper)
    paper.now += timedelta(days=3_650)

    with refused(paper, "clock_runs", "open", "None"):
        paper.elapsed(motion.proposal_id)

    voted(paper, motion.proposal_id, "DE", "FR")
    assert now_of(paper, motion).state is ProposalState.ACCEPTED


def test_silence_until_the_end_is_consent() -> None:
    paper, motion = by_silence()
    paper.now = CLOSES + INSTANT

    paper.elapsed(motion.proposal_id)

    decision = entry(paper, "decision.made")
    assert now_of(paper, motion).state is ProposalState.ACCEPTED
    assert paper.book.get(Poll, motion.proposal_id).state is PollState.ACCEPTED
    assert decision.event.derived()["verdict"] == Verdict.ACCEPTED
    assert decision.event.derived()["rule"] == RuleKind.SILENCE
    assert decision.event.derived()["ballots"] == []
    assert (decision.act.party, decision.act.at) == (LEDGER_PARTY, CLOSES + INSTANT)
    assert replayed(paper) == paper.book


def test_the_end_of_a_clock_is_said_and_moves_nothing() -> None:
    paper, motion = by_silence()
    paper.now = CLOSES + INSTANT

    paper.elapsed(motion.proposal_id)

    assert said(paper, "clock.elapsed") == f"The time for {motion.proposal_id} is over."
    assert lines(paper, "clock.elapsed") == {}


@pytest.mark.parametrize("before", [timedelta(0), INSTANT, SECOND])
def test_an_objection_at_the_very_end_or_before_it_stops(before: timedelta) -> None:
    paper, motion = by_silence()
    paper.now = CLOSES - before

    voted(paper, motion.proposal_id, "FR", choice="against")

    assert now_of(paper, motion).state is ProposalState.REFUSED
    assert replayed(paper) == paper.book


def test_a_ballot_an_instant_later_is_too_late_though_nobody_has_said_that_time_is_over() -> None:
    paper, motion = by_silence()
    paper.now = CLOSES + INSTANT

    with refused(paper, "proposal_closed", "2026-02-16 00:00:00+00:00"):
        voted(paper, motion.proposal_id, "FR", choice="against")

    assert paper.book.get(Poll, motion.proposal_id).state is PollState.OPEN
    paper.elapsed(motion.proposal_id)
    assert now_of(paper, motion).state is ProposalState.ACCEPTED


def test_a_vote_in_favour_at_the_very_end_counts() -> None:
    rule = {"rule": "unanimity", "clock": {"days": 14}}
    paper = Door().open(decision_rules={"motion": rule})
    motion = proposed(paper)
    voted(paper, motion.proposal_id, "DE")
    paper.now = CLOSES

    voted(paper, motion.proposal_id, "FR")

    assert now_of(paper, motion).state is ProposalState.ACCEPTED


@pytest.mark.parametrize("before", [timedelta(0), INSTANT, timedelta(days=14)])
def test_nobody_says_that_time_is_over_while_it_runs(before: timedelta) -> None:
    paper, motion = by_silence()
    paper.now = CLOSES - before

    with refused(paper, "clock_runs", "open", "2026-02-16"):
        paper.elapsed(motion.proposal_id)


def test_the_end_of_a_clock_is_recorded_once() -> None:
    paper, motion = by_silence()
    paper.now = CLOSES + INSTANT
    paper.elapsed(motion.proposal_id)

    with refused(paper, "clock_runs", "accepted"):
        paper.elapsed(motion.proposal_id)


def test_the_clock_of_what_was_decided_or_taken_back_ends_nothing() -> None:
    paper, motion = by_silence()
    voted(paper, motion.proposal_id, "DE", "FR")
    other = proposed(paper)
    withdrawn(paper, other)
    paper.now = CLOSES + INSTANT

    with refused(paper, "clock_runs", "accepted"):
        paper.elapsed(motion.proposal_id)
    with refused(paper, "clock_runs", "ended"):
        paper.elapsed(other.proposal_id)


def test_there_is_no_clock_on_what_does_not_exist() -> None:
    paper = funded()

    with refused(paper, "not_found"):
        paper.elapsed(UNKNOWN_ID)


def test_nobody_but_the_ledger_says_that_time_is_over() -> None:
    paper, motion = by_silence()
    paper.now = CLOSES + INSTANT

    with refused(paper, "role_not_permitted", "ledger"):
        paper.do(TRUSTEE, ElapseClock(matter_id=motion.proposal_id))


def test_a_change_of_content_gives_the_whole_time_again() -> None:
    paper, motion = by_silence()
    paper.now = CLOSES
    revised(paper, motion, a_motion("Something else."))
    paper.now = CLOSES + timedelta(days=14)

    with refused(paper, "clock_runs", "2026-03-03"):
        paper.elapsed(motion.proposal_id)

    paper.now = datetime(2026, 3, 3, tzinfo=UTC) + INSTANT
    paper.elapsed(motion.proposal_id)
    assert now_of(paper, motion).state is ProposalState.ACCEPTED


def test_a_vote_that_too_few_took_part_in_expires() -> None:
    rule = {"rule": "majority", "share_of": "votes_cast", "quorum": "1/1", "clock": {"days": 14}}
    paper = Door().open(decision_rules={"motion": rule})
    motion = proposed(paper)
    voted(paper, motion.proposal_id, "DE")
    paper.now = CLOSES + INSTANT

    paper.elapsed(motion.proposal_id)

    assert now_of(paper, motion).state is ProposalState.EXPIRED
    assert paper.book.get(Poll, motion.proposal_id).state is PollState.NO_QUORUM
    assert entry(paper, "decision.made").event.derived()["ballots"] == [2]
    assert replayed(paper) == paper.book


def test_a_vote_that_takes_more_than_came_is_refused_when_its_time_is_over() -> None:
    rule = {"rule": "unanimity", "clock": {"days": 14}}
    paper = Door().open(decision_rules={"motion": rule})
    motion = proposed(paper)
    voted(paper, motion.proposal_id, "DE")
    paper.now = CLOSES + INSTANT

    paper.elapsed(motion.proposal_id)

    assert now_of(paper, motion).state is ProposalState.REFUSED


def test_a_consensus_of_those_who_are_present_is_found_when_its_time_is_over() -> None:
    rule = {"rule": "consensus", "clock": {"days": 14}}
    paper = Door().open(decision_rules={"motion": rule})
    alone, ignored = proposed(paper), proposed(paper)
    voted(paper, alone.proposal_id, "DE")
    paper.now = CLOSES + INSTANT

    paper.elapsed(alone.proposal_id)
    paper.elapsed(ignored.proposal_id)

    assert now_of(paper, alone).state is ProposalState.ACCEPTED
    assert now_of(paper, ignored).state is ProposalState.EXPIRED
    assert replayed(paper) == paper.book


def test_the_vote_that_an_objection_called_has_a_clock_of_its_own() -> None:
    then = {"rule": "majority", "share_of": "votes_cast", "clock": {"days": 7}}
    rule = {"rule": "silence", "clock": {"days": 14}, "on_objection": "vote", "then": then}
    paper = Door().open(decision_rules={"motion": rule})
    motion = proposed(paper)
    paper.now = CLOSES
    voted(paper, motion.proposal_id, "DE", choice="against")
    voted(paper, motion.proposal_id, "FR")
    paper.now = CLOSES + timedelta(days=8)

    with refused(paper, "clock_runs", "2026-02-24"):
        paper.elapsed(motion.proposal_id)

    paper.now += INSTANT
    paper.elapsed(motion.proposal_id)
    assert now_of(paper, motion).state is ProposalState.ACCEPTED
    assert replayed(paper) == paper.book


def test_no_decision_is_recorded_but_the_one_that_the_ballots_make() -> None:
    paper, motion = by_silence()
    poll, act = paper.book.get(Poll, motion.proposal_id), paper.log[-1].act

    for verdict in Verdict:
        decision = DecisionMade.of(poll, verdict, act.seq)
        with pytest.raises(ProposalClosed):
            decision.permit(paper.book, act._replace(at=CLOSES))
        if verdict is not Verdict.ACCEPTED:
            with pytest.raises(ProposalClosed):
                decision.permit(paper.book, act._replace(at=CLOSES + INSTANT))


def test_no_vote_is_called_where_none_follows() -> None:
    paper, motion = by_silence()
    poll, act = paper.book.get(Poll, motion.proposal_id), paper.log[-1].act

    with pytest.raises(ProposalClosed):
        VoteCalled.of(poll, act).permit(paper.book, act)
