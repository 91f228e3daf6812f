"""Polls: what is frozen when a vote opens, and how it ends."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.domain.charter.decision_rules import Choice, DecisionClass, RuleKind, Verdict, Vote
from app.domain.governance.funds import charter_of
from app.domain.governance.membership import AddMember
from app.domain.governance.polls import (
    Ballot,
    Poll,
    PollState,
    closing,
    ended_poll,
    poll_key,
    reopened_poll,
)
from app.domain.refusals.decisions import CalendarEnds
from app.domain.values import Role
from tests.support.builders import money
from tests.support.domain import Door, admin, funded, refused
from tests.support.proposals import issuers, proposed, voted

OPENED = datetime(2026, 2, 1, 9, 0, 1, tzinfo=UTC)
CLOSES = datetime(2026, 2, 16, tzinfo=UTC)
INSTANT = timedelta(microseconds=1)
SILENCE = {"rule": "silence", "clock": {"days": 14}}
OBJECTIONS = {**SILENCE, "on_objection": "vote", "then": {"rule": "majority"}}


def ruled(**rule: Any) -> Door:
    """A fund of two governments who decide so on motions."""
    return Door().open(decision_rules={"motion": rule})


def opened(paper: Door) -> Poll:
    """A vote on a motion, just opened."""
    motion = proposed(paper)
    return paper.book.get(Poll, motion.proposal_id)


def a_poll(**rule: Any) -> Poll:
    """The same, by this rule."""
    return opened(ruled(**rule))


def after(poll: Poll, **said: Choice) -> Poll:
    """The vote after these parties' ballots."""
    ballots = tuple(
        Ballot(party=party, subject=party.lower(), choice=choice, seq=number)
        for number, (party, choice) in enumerate(said.items(), start=10)
    )
    return poll.but(ballots=ballots)


def in_calendar(through: str) -> Door:
    """Motions wait for ten business days of a calendar that ends."""
    brussels = {"id": "brussels", "time_zone": "Europe/Brussels", "through": through}
    clock = {"days": 10, "counts": "business", "calendar": "brussels"}
    rule = {**OBJECTIONS, "clock": clock, "then": {"rule": "majority", "clock": clock}}
    return Door().open(decision_rules={"motion": rule}, calendars=[brussels])


def test_a_vote_freezes_rule_electorate_and_deadline_when_it_opens() -> None:
    paper = ruled(**SILENCE)
    motion = proposed(paper)

    poll = paper.book.get(Poll, motion.proposal_id)

    assert poll == Poll(
        matter_id=motion.proposal_id,
        decision=DecisionClass.MOTION,
        digest=motion.digest,
        charter_seq=0,
        vote=Vote.model_validate(SILENCE),
        after_objection=None,
        electorate={"DE": "1", "FR": "1"},
        ballots=(),
        opened_seq=1,
        opened_at=OPENED,
        closes_at=CLOSES,
        state=PollState.OPEN,
    )
    assert poll_key(motion.proposal_id) == (Poll, (motion.proposal_id,))


def test_the_electorate_is_the_governments_whoever_has_somebody_there() -> None:
    paper = funded()
    before = proposed(paper)

    paper.do(admin("FR"), AddMember(subject="fr-second", roles=(Role.TREASURY_APPROVER,)))

    assert paper.book.get(Poll, before.proposal_id).weights == {"DE": 1, "FR": 1}


def test_each_class_of_decisions_has_its_own_rule() -> None:
    paper = ruled(**SILENCE)
    proposal = proposed(paper, issuers("DE"))

    other = paper.book.get(Poll, proposal.proposal_id)

    assert other.decision is DecisionClass.ISSUERS
    assert other.vote.rule is RuleKind.UNANIMITY
    assert other.closes_at is None


def test_the_vote_after_an_objection_is_frozen_as_well() -> None:
    poll = a_poll(**OBJECTIONS)

    assert type(poll.vote) is Vote
    assert poll.after_objection == Vote(rule=RuleKind.MAJORITY)


def test_the_deadline_itself_is_in_time() -> None:
    poll = a_poll(**SILENCE)

    assert not poll.is_over(CLOSES)
    assert poll.is_over(CLOSES + INSTANT)


def test_a_vote_without_a_clock_is_never_over() -> None:
    assert not a_poll(rule="unanimity").is_over(datetime(2199, 1, 1, tzinfo=UTC))


def test_a_vote_is_decided_when_it_is_settled_or_over() -> None:
    poll = a_poll(**SILENCE)
    half = after(poll, DE=Choice.ABSTAIN)

    assert poll.outcome(CLOSES) is None
    assert half.outcome(CLOSES) is None
    assert half.outcome(CLOSES + INSTANT) is Verdict.ACCEPTED
    assert after(half, DE=Choice.ABSTAIN, FR=Choice.ABSTAIN).outcome(OPENED) is Verdict.ACCEPTED
    assert after(poll, FR=Choice.AGAINST).outcome(OPENED) is Verdict.REFUSED


def test_only_an_objection_that_something_follows_is_one() -> None:
    poll = a_poll(**OBJECTIONS)

    assert after(poll, DE=Choice.AGAINST).objected
    assert not after(poll, DE=Choice.ABSTAIN).objected
    assert not after(a_poll(**SILENCE), DE=Choice.AGAINST).objected
    assert not after(a_poll(rule="majority"), DE=Choice.AGAINST).objected


def test_a_vote_that_an_objection_called_begins_anew_among_the_same() -> None:
    paper = ruled(**{**OBJECTIONS, "then": {"rule": "majority", "clock": {"days": 7}}})
    poll = opened(paper)

    again = reopened_poll(after(poll, DE=Choice.AGAINST), CLOSES - timedelta(days=7))

    assert again == poll.but(
        vote=poll.after_objection, after_objection=None, closes_at=CLOSES - timedelta(days=7)
    )


def test_a_vote_that_an_objection_called_has_no_end_where_it_has_no_clock() -> None:
    paper = ruled(**OBJECTIONS)
    motion = proposed(paper)

    voted(paper, motion.proposal_id, "DE", choice="against")

    assert paper.book.get(Poll, motion.proposal_id).closes_at is None


def test_a_deadline_counts_the_days_of_the_charters_calendar() -> None:
    vote = opened(in_calendar("2026-12-31"))

    # From Sunday 1 February: ten days from Monday on, to the midnight of Brussels.
    assert vote.closes_at == datetime(2026, 2, 13, 23, 0, tzinfo=UTC)


def test_no_vote_opens_that_would_run_beyond_its_calendar() -> None:
    paper = in_calendar("2026-02-12")

    with refused(paper, "calendar_ends", "brussels", "2026-02-12"):
        proposed(paper)


def test_no_period_opens_whose_vote_after_an_objection_would_run_beyond_its_calendar() -> None:
    paper = in_calendar("2026-02-13")

    with refused(paper, "calendar_ends", "brussels", "2026-02-13"):
        proposed(paper)


def test_a_closing_beyond_the_calendar_is_refused_by_itself() -> None:
    charter = charter_of(in_calendar("2026-02-13").book)
    vote = charter.rule(DecisionClass.MOTION)

    assert closing(charter, vote, OPENED) == datetime(2026, 2, 13, 23, 0, tzinfo=UTC)
    with pytest.raises(CalendarEnds, match="2026-02-13"):
        closing(charter, vote, OPENED + timedelta(days=1))


def test_a_vote_ends_with_its_matter_and_no_verdict() -> None:
    paper = funded()
    motion = proposed(paper)

    book = ended_poll(paper.book, motion.proposal_id)

    assert book.get(Poll, motion.proposal_id).state is PollState.ENDED


def test_a_vote_that_was_decided_keeps_its_verdict() -> None:
    paper = funded()
    motion = proposed(paper)
    voted(paper, motion.proposal_id, "DE", "FR")

    assert ended_poll(paper.book, motion.proposal_id) is paper.book


def test_what_is_not_voted_on_ends_without_a_vote() -> None:
    paper = funded(DE=100)
    request = paper.requested(money(50))

    assert ended_poll(paper.book, request.disbursement_id) is paper.book
