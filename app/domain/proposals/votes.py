"""Votes: ballots, the decisions that they lead to, and deadlines that pass.

A ballot names the digest of what it is about, so it counts for nothing else. As soon as nothing can
change the outcome, or when the clock has ended, the ledger records the decision with every ballot
that it counted, the rule and the numbers; a replay works them out again.
"""

from collections.abc import Iterator
from typing import Final

from app.domain.book import Book, Key
from app.domain.charter.decision_rules import (
    Choice,
    DecisionClass,
    RuleKind,
    Tally,
    Verdict,
    tally,
)
from app.domain.command import Actor, Command
from app.domain.event import Act, Event, LedgerEvent, Terms, TimedEvent
from app.domain.governance.charter_versions import require_current
from app.domain.governance.funds import Fund, charter_of, fund_key
from app.domain.governance.members import member_key
from app.domain.governance.polls import (
    Ballot,
    OpensVote,
    Poll,
    PollState,
    closing,
    reopened_poll,
    require_closing,
    vote_keys,
)
from app.domain.governance.seats import seats_key
from app.domain.outflow.approvals import ANY_ROLE
from app.domain.outflow.disbursements import Disbursement, DisbursementState, disbursement_key
from app.domain.outflow.outcomes import (
    DisbursementExpired,
    DisbursementRefused,
    approved_if_complete,
)
from app.domain.outflow.reservations import reservation_keys
from app.domain.outflow.steps import (
    Involvement,
    answer_keys,
    answers,
    involved,
    involvement_key,
)
from app.domain.proposals.effects import effects_of
from app.domain.proposals.proposals import (
    CharterChange,
    Proposal,
    ProposalState,
    closed_proposal,
    proposal_key,
)
from app.domain.refusals.decisions import (
    AlreadyDecided,
    ClockRuns,
    NotInElectorate,
    ProposalClosed,
    ReasonRequired,
    StaleProposal,
)
from app.domain.refusals.people import RoleNotPermitted, SeparationOfDuties
from app.domain.values import Digest, Identifier, Role, Seq, Text

_PROPOSAL_STATES: Final = {
    Verdict.ACCEPTED: ProposalState.ACCEPTED,
    Verdict.REFUSED: ProposalState.REFUSED,
    Verdict.NO_QUORUM: ProposalState.EXPIRED,
}


class MatterReference(Terms):
    """Names what is voted on: a disbursement or a proposal."""

    matter_id: Identifier


class BallotTerms(MatterReference):
    """A government's vote; `digest` names exactly what it is about."""

    choice: Choice
    digest: Digest
    reason: Text | None = None


class BallotCast(BallotTerms, Event, type="ballot.cast", roles=ANY_ROLE):
    """A government votes, once."""

    def permit(self, book: Book, act: Act) -> None:
        """Check that the party has a vote in this and has not cast it, that the vote is open, that
        the person votes in the right role and has not acted on the matter in another, and that the
        ballot names the present content. Raises NotFound, ProposalClosed, NotInElectorate,
        AlreadyDecided, RoleNotPermitted, SeparationOfDuties, StaleProposal, ReasonRequired.

        The last ballot decides, so it also raises what the decision's effects raise: CalendarEnds,
        InsufficientFunds, PeriodClosed, QuorumLost, DrawnPartyMissing, MandateRequired,
        ExceedsMandate, CharterIncompatible.
        """
        poll = book.get(Poll, self.matter_id)
        if act.party not in poll.electorate:
            raise NotInElectorate(f"{act.party} has no vote in this.")
        if act.party in poll.cast:
            raise AlreadyDecided(f"{act.party} has voted.")
        if poll.state is not PollState.OPEN:
            raise ProposalClosed(f"The vote is {poll.state}.")
        require_current(book, poll.decision, poll.charter_seq)
        if poll.is_over(act.at):
            raise ProposalClosed(f"The vote closed at {poll.closes_at}.")
        if act.role is not poll.vote.role:
            raise RoleNotPermitted(f"This vote is cast by the role {poll.vote.role}.")
        before = book.find(Involvement, self.matter_id, act.party, act.subject)
        if before is not None and before.capacity != _capacity(poll):
            raise SeparationOfDuties(
                f"This person has acted on it as {before.capacity}; another one must vote."
            )
        if self.digest != poll.digest:
            raise StaleProposal(f"What is voted on has digest {poll.digest}.")
        if self.choice is Choice.AGAINST and self.reason is None:
            raise ReasonRequired("Whoever votes against says why.")

    def fold(self, book: Book, act: Act) -> Book:
        poll = book.get(Poll, self.matter_id)
        ballot = Ballot(
            party=act.party,
            subject=act.subject,
            choice=self.choice,
            seq=act.seq,
            kid=act.kid or None,
        )
        book = involved(book, self.matter_id, act, _capacity(poll))
        return book.put(poll.but(ballots=(*poll.ballots, ballot)))

    def consequences(self, book: Book, act: Act) -> tuple[Event, ...]:
        poll = book.get(Poll, self.matter_id).trusted(book)
        if poll.objected:
            return (VoteCalled.of(poll, act),)
        verdict = poll.outcome(act.at)
        return () if verdict is None else (DecisionMade.of(poll, verdict, act.seq),)

    def sentence(self, act: Act) -> str:
        said = {
            Choice.IN_FAVOUR: "voted in favour",
            Choice.AGAINST: "voted against",
            Choice.ABSTAIN: "abstained",
            Choice.RECUSE: "stepped aside",
        }[self.choice]
        return f"{act.party} {said} on {self.matter_id}{f': {self.reason}' if self.reason else '.'}"


class CastBallot(BallotTerms, Command, event=BallotCast):
    """Vote for your government."""

    def reads(self, book: Book, actor: Actor) -> Iterator[Key]:
        yield involvement_key(self.matter_id, actor.party, actor.subject)
        yield from _matter_keys(book, self.matter_id)

    def in_role(self, book: Book, actor: Actor) -> Role:
        """The role that votes, if the actor has it; else any role that they have."""
        poll = book.find(Poll, self.matter_id)
        if poll is not None and poll.vote.role in actor.roles:
            return poll.vote.role
        return next(iter(sorted(actor.roles)), super().in_role(book, actor))

    def decide(self, book: Book, act: Act) -> Event:
        return BallotCast(**self.stated())


class VoteCalled(MatterReference, LedgerEvent, OpensVote, type="vote.called"):
    """An objection was made where the charter then has a vote: that vote is open, with its own
    clock.
    """

    rule: RuleKind
    role: Role

    @classmethod
    def of(cls, poll: Poll, act: Act) -> "VoteCalled":
        """The call as it follows from the vote that was objected to, without its deadline."""
        then = poll.after_objection or poll.vote
        return cls(matter_id=poll.matter_id, cause=act.seq, rule=then.rule, role=then.role)

    def worked_out(self, book: Book, act: Act) -> "VoteCalled":
        """The call with its deadline. Raises CalendarEnds."""
        then = book.get(Poll, self.matter_id).after_objection
        assert then is not None, "it was called for"  # noqa: S101
        return self.model_copy(update={"closes_at": closing(charter_of(book), then, act.at)})

    def is_what_follows(self, owed: Event) -> bool:
        """Whether it is the same call, whatever its deadline: `permit` checks that without time
        zones.
        """
        return isinstance(owed, VoteCalled) and self == owed.model_copy(
            update={"closes_at": self.closes_at}
        )

    def permit(self, book: Book, act: Act) -> None:
        """Check that an objection leads to another vote here, and that it closes when the charter
        says. Raises ProposalClosed, CalendarEnds, DeadlineImpossible.
        """
        poll = book.get(Poll, self.matter_id)
        if poll.state is not PollState.OPEN or poll.after_objection is None:
            raise ProposalClosed("No vote follows.")
        require_closing(charter_of(book), poll.after_objection, act.at, self.closes_at)

    def fold(self, book: Book, act: Act) -> Book:
        return book.put(reopened_poll(book.get(Poll, self.matter_id), self.closes_at))

    def sentence(self, act: Act) -> str:
        return f"An objection calls a vote on {self.matter_id}, by {self.rule} of the {self.role}s."


class DecisionMade(MatterReference, LedgerEvent, type="decision.made"):
    """The vote is over. Names the rule, the charter, each ballot that it counted, the numbers."""

    verdict: Verdict
    rule: RuleKind
    charter_seq: Seq
    ballots: tuple[Seq, ...]
    tally: Tally

    @classmethod
    def of(cls, poll: Poll, verdict: Verdict, cause: int) -> "DecisionMade":
        """The decision as it follows from the ballots."""
        return cls(
            matter_id=poll.matter_id,
            cause=cause,
            verdict=verdict,
            rule=poll.vote.rule,
            charter_seq=poll.charter_seq,
            ballots=tuple(ballot.seq for ballot in poll.ballots),
            tally=tally(poll.weights, poll.cast),
        )

    def permit(self, book: Book, act: Act) -> None:
        """Check that the vote is open and its trusted ballots come to this verdict. Raises
        ProposalClosed.
        """
        poll = book.get(Poll, self.matter_id).trusted(book)
        if poll.state is not PollState.OPEN or poll.outcome(act.at) is not self.verdict:
            raise ProposalClosed("The vote is not decided so.")

    def fold(self, book: Book, act: Act) -> Book:
        poll = book.get(Poll, self.matter_id).trusted(book)
        book = book.put(poll.but(state=PollState(self.verdict)))
        if book.find(Proposal, self.matter_id) is None:
            return book
        return closed_proposal(book, self.matter_id, _PROPOSAL_STATES[self.verdict], act)

    def consequences(self, book: Book, act: Act) -> tuple[Event, ...]:
        accepted = self.verdict is Verdict.ACCEPTED
        if book.find(Proposal, self.matter_id) is not None:
            return effects_of(book, self.matter_id, act.seq) if accepted else ()
        if accepted:
            return approved_if_complete(book, self.matter_id, act)
        return (DisbursementRefused(disbursement_id=self.matter_id, cause=act.seq),)

    def sentence(self, act: Act) -> str:
        count = self.tally
        return (
            f"{self.matter_id} is decided by {self.rule}: {self.verdict}, with {count.in_favour} "
            f"in favour, {count.against} against and {count.abstained} abstentions "
            f"of {count.members}."
        )


class ClockElapsed(MatterReference, TimedEvent, type="clock.elapsed"):
    """A deadline has passed: of a vote, or of an approval that nobody gave."""

    def permit(self, book: Book, act: Act) -> None:
        """Check that a deadline of this matter has passed: of its vote, or of an approval. Raises
        NotFound, ClockRuns, ProposalClosed, and what the decision's effects raise.
        """
        poll = book.find(Poll, self.matter_id)
        if poll is not None:
            require_current(book, poll.decision, poll.charter_seq)
        if poll is not None and poll.state is PollState.OPEN and poll.is_over(act.at):
            return
        if poll is not None and book.find(Disbursement, self.matter_id) is None:
            raise ClockRuns(f"The vote is {poll.state}, and closes at {poll.closes_at}.")
        disbursement = book.get(Disbursement, self.matter_id)
        disbursement.require(DisbursementState.REQUESTED)
        require_current(book, DecisionClass.RELEASE, disbursement.charter_seq)
        if not _is_overdue(book, disbursement, act):
            raise ClockRuns("Nothing is overdue.")

    def fold(self, book: Book, act: Act) -> Book:
        """The book unchanged: everything else follows as a consequence."""
        return book

    def consequences(self, book: Book, act: Act) -> tuple[Event, ...]:
        poll = book.find(Poll, self.matter_id)
        if poll is not None and poll.state is PollState.OPEN:
            poll = poll.trusted(book)
            verdict = poll.outcome(act.at)
            if verdict is not None:
                return (DecisionMade.of(poll, verdict, act.seq),)
        return (DisbursementExpired(disbursement_id=self.matter_id, cause=act.seq),)

    def sentence(self, act: Act) -> str:
        return f"The time for {self.matter_id} is over."


class ElapseClock(MatterReference, Command, event=ClockElapsed, internal=True):
    """Say that a deadline has passed. Only the ledger itself asks for this."""

    def reads(self, book: Book, actor: Actor) -> Iterator[Key]:
        yield from _matter_keys(book, self.matter_id)

    def decide(self, book: Book, act: Act) -> Event:
        return ClockElapsed(**self.stated())


def _capacity(poll: Poll) -> str:
    """The capacity in which a person votes. A person who voted before an objection may vote again
    after it in the same role only.
    """
    return f"voter ({poll.vote.role})"


def _is_overdue(book: Book, disbursement: Disbursement, act: Act) -> bool:
    rows = answers(book, disbursement.disbursement_id, disbursement.asked)
    return any(row.is_overdue(act.at) for row in rows)


def _matter_keys(book: Book, matter_id: str) -> Iterator[Key]:
    """The rows that a decision on this matter may read or change."""
    yield fund_key()
    yield seats_key()
    yield from vote_keys(book, matter_id)
    yield disbursement_key(matter_id)
    yield proposal_key(matter_id)
    fund, disbursement = book.peek(Fund), book.peek(Disbursement, matter_id)
    if disbursement is not None and fund is not None:
        yield from answer_keys(book, matter_id, disbursement.asked)
        if not disbursement.outstanding:
            yield from reservation_keys(book, fund.charter, disbursement)
    proposal = book.peek(Proposal, matter_id)
    if proposal is not None and isinstance(proposal.subject, CharterChange):
        yield from (member_key(m.subject) for m in proposal.subject.charter.members)
