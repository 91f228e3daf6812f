"""Polls: a vote under way, on a request or on a proposal.

Who may vote, with which weight and by which rule, is frozen when it opens.
`charter/decision_rules.py` counts the ballots; `proposals/votes.py` records what follows.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict

from app.domain.book import Book, Key, State, key
from app.domain.charter.calendars import (
    Calendar,
    Clock,
    deadline,
    is_zone,
    require_possible,
    require_room,
)
from app.domain.charter.charter import Charter
from app.domain.charter.decision_rules import (
    NO_OBJECTION,
    Choice,
    DecisionClass,
    Rule,
    Verdict,
    Vote,
    settled,
    verdict,
)
from app.domain.event import Act, Event
from app.domain.governance.funds import Fund, charter_of
from app.domain.governance.party_keys import is_trusted, party_key
from app.domain.refusals.decisions import CalendarEnds, DeadlineImpossible
from app.domain.values import Digest, Identifier, KeyId, PartyId, Seq, Subject, UtcTime, Weight

FAR_OFF: Final = timedelta(hours=3)
"""More than governments' changes of time zones move the end of a day."""


class DeadlineFarOff(ValueError):
    """A deadline that no change of time zones explains: forged, or the tables here are wrong."""


class PollState(StrEnum):
    """open -> accepted | refused | no_quorum; ended when its matter ended without a verdict."""

    OPEN = "open"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    NO_QUORUM = "no_quorum"
    ENDED = "ended"


class Ballot(BaseModel):
    """A party's vote, the person who cast it and the entry."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    party: PartyId
    subject: Subject
    choice: Choice
    seq: Seq
    kid: KeyId | None = None
    """The key that signed it, where it was signed."""


class Poll(
    State,
    table="polls",
    key=("matter_id",),
    listed_by="opened_seq",
    indexes=(("fund", "state"), ("state", "closes_at")),
    is_matter=True,
):
    """One vote. `vote` is the rule in force; `after_objection` the one that an objection may lead
    to.
    """

    matter_id: Identifier
    decision: DecisionClass
    digest: Digest
    charter_seq: Seq
    vote: Vote
    after_objection: Vote | None
    electorate: dict[PartyId, Weight]
    ballots: tuple[Ballot, ...]
    opened_seq: Seq
    opened_at: datetime
    closes_at: datetime | None
    state: PollState

    @property
    def cast(self) -> dict[str, Choice]:
        """What each party voted."""
        return {ballot.party: ballot.choice for ballot in self.ballots}

    @property
    def weights(self) -> dict[str, int]:
        """The electorate with its weights as numbers."""
        return {party: int(weight) for party, weight in self.electorate.items()}

    def is_over(self, at: datetime) -> bool:
        """Whether its deadline has passed; at the deadline itself it has not."""
        return self.closes_at is not None and at > self.closes_at

    def trusted(self, book: Book) -> "Poll":
        """The vote without the ballots whose keys are not trusted any more."""
        kept = tuple(one for one in self.ballots if is_trusted(book, one.kid, one.seq))
        return self if len(kept) == len(self.ballots) else self.but(ballots=kept)

    @property
    def objected(self) -> bool:
        """Whether somebody objected where an objection leads to another vote."""
        against = Choice.AGAINST in self.cast.values()
        return self.after_objection is not None and self.vote.rule in NO_OBJECTION and against

    def outcome(self, at: datetime) -> Verdict | None:
        """The verdict; None while it is open."""
        if self.is_over(at):
            return verdict(self.vote, self.weights, self.cast)
        return settled(self.vote, self.weights, self.cast)


class OpensVote(Event):
    """An event with which a vote begins; it records when that vote closes."""

    closes_at: UtcTime | None = None


def require_closing(
    charter: Charter, rule: Rule | Vote, since: datetime, closes_at: datetime | None
) -> None:
    """Check the time at which an entry says that a vote beginning at `since` closes; a vote that an
    objection may lead to must fit into the calendar too. Raises DeadlineImpossible, CalendarEnds.
    """
    if (closes_at is None) != (rule.clock is None):
        raise DeadlineImpossible("A vote closes at a time if its rule has a clock, and only then.")
    if rule.clock is not None and closes_at is not None:
        calendar = charter.calendar(rule.clock.calendar)
        require_possible(rule.clock, calendar, since, closes_at)
    then = rule.then if isinstance(rule, Rule) else None
    if then is not None and then.clock is not None:
        require_room(then.clock, charter.calendar(then.clock.calendar), closes_at or since)


def opened_poll(
    book: Book,
    decision: DecisionClass,
    event: OpensVote,
    matter_id: str,
    weights: Mapping[str, int],
    act: Act,
) -> Book:
    """The book in which a vote on this matter is open, for these governments."""
    fund = book.get(Fund)
    rule = fund.charter.rule(decision)
    return book.put(
        Poll(
            matter_id=matter_id,
            decision=decision,
            digest=act.digest,
            charter_seq=fund.charter_seq,
            vote=_without_then(rule),
            after_objection=rule.then,
            electorate={party: str(weight) for party, weight in sorted(weights.items())},
            ballots=(),
            opened_seq=act.seq,
            opened_at=act.at,
            closes_at=event.closes_at,
            state=PollState.OPEN,
        )
    )


def reopened_poll(poll: Poll, closes_at: datetime | None) -> Poll:
    """The vote that an objection led to: the same electorate, no ballots, a new clock."""
    vote = poll.after_objection or poll.vote
    return poll.but(vote=vote, after_objection=None, ballots=(), closes_at=closes_at)


def closing(charter: Charter, vote: Vote, since: datetime) -> datetime | None:
    """When a vote that begins at `since` closes, by the time zones that are installed here; None
    where it has no clock. Raises CalendarEnds.
    """
    if vote.clock is None:
        return None
    return deadline(vote.clock, charter.calendar(vote.clock.calendar), since)


def deadline_remark(book: Book, event: Event, act: Act) -> str:
    """A remark where the time zones installed here give another deadline than the log has.

    The log's deadline holds: it was worked out with the time zones of its day. Empty where both
    agree, and where the event opens no vote. Raises DeadlineFarOff.
    """
    if not isinstance(event, OpensVote) or event.closes_at is None:
        return ""
    poll = next((row for row in book.changed.values() if isinstance(row, Poll)), None)
    if poll is None or poll.vote.clock is None:
        return ""
    calendar = charter_of(book).calendar(poll.vote.clock.calendar)
    if calendar is None:
        return ""
    return _difference(event.closes_at, poll.vote.clock, calendar, act.at)


def _difference(stated: datetime, clock: Clock, calendar: Calendar, since: datetime) -> str:
    """How the stated deadline differs from the one that is worked out here. Raises
    DeadlineFarOff.
    """
    if not is_zone(calendar.time_zone):
        return f"the time zone {calendar.time_zone} is not known here"
    try:
        here = deadline(clock, calendar, since)
    except CalendarEnds:
        return f"by the time zones installed here calendar {calendar.id} ends before the vote"
    if here == stated:
        return ""
    both = f"the vote closes at {stated.isoformat()}; by the time zones installed here it would at "
    if abs(here - stated) > FAR_OFF:
        raise DeadlineFarOff(f"{both}{here.isoformat()}, and no change of time zones explains that")
    return both + here.isoformat()


def ended_poll(book: Book, matter_id: str) -> Book:
    """The book in which a vote on this matter, if there is one, is over without a verdict."""
    poll = book.find(Poll, matter_id)
    if poll is None or poll.state is not PollState.OPEN:
        return book
    return book.put(poll.but(state=PollState.ENDED))


def poll_key(matter_id: str) -> Key:
    """The key of a vote's row."""
    return key(Poll, matter_id)


def vote_keys(book: Book, matter_id: str) -> Iterator[Key]:
    """The keys of a vote's row and of the keys that its ballots were signed with."""
    yield poll_key(matter_id)
    poll = book.peek(Poll, matter_id)
    for ballot in poll.ballots if poll is not None else ():
        if ballot.kid is not None:
            yield party_key(ballot.kid)


def _without_then(rule: Rule) -> Vote:
    """The rule's first vote, without what an objection leads to."""
    fields = {
        name: getattr(rule, name) for name in rule.model_fields_set & Vote.model_fields.keys()
    }
    return Vote(**fields)
