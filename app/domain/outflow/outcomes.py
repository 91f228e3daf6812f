"""Outcomes: what the answers and the vote on a request lead to, recorded by the ledger.

The request is approved, and then reserved in the same transaction; or refused; or expired.
"""

from app.domain.book import Book
from app.domain.charter.decision_rules import DecisionClass
from app.domain.event import Act, Event, LedgerEvent
from app.domain.governance.charter_versions import require_current
from app.domain.governance.funds import Fund
from app.domain.governance.polls import Poll, PollState, ended_poll
from app.domain.outflow.disbursements import (
    Disbursement,
    DisbursementReference,
    DisbursementState,
)
from app.domain.outflow.reservations import DisbursementReserved
from app.domain.outflow.steps import answers, closed
from app.domain.refusals.decisions import ApprovalExpired, ClockRuns, ConditionsOpen, ProposalClosed
from app.domain.values import PartyId, Seq

STEPS = "steps"


class DisbursementApproved(DisbursementReference, LedgerEvent, type="disbursement.approved"):
    """Every approval is given, and the vote, where there is one, was won.

    Names the ballots that it counted, the rule, and the charter that it followed.
    """

    rule: str
    charter_seq: Seq
    ballots: tuple[Seq, ...]
    votes: tuple[Seq, ...] = ()

    @classmethod
    def of(cls, book: Book, disbursement_id: str, cause: int) -> "DisbursementApproved":
        """The decision as it follows from the book."""
        poll = book.find(Poll, disbursement_id)
        return cls(
            disbursement_id=disbursement_id,
            cause=cause,
            rule=STEPS if poll is None else f"{STEPS}+{poll.vote.rule}",
            charter_seq=book.get(Fund).charter_seq,
            ballots=book.get(Disbursement, disbursement_id).ballots,
            votes=tuple(ballot.seq for ballot in poll.ballots) if poll is not None else (),
        )

    def permit(self, book: Book, act: Act) -> None:
        """Check that the request still waits under the charter in force, that no approval is
        missing or has expired, and that its vote, where it has one, was won. Raises ProposalClosed,
        ApprovalExpired.
        """
        disbursement = book.get(Disbursement, self.disbursement_id)
        disbursement.require(DisbursementState.REQUESTED)
        require_current(book, DecisionClass.RELEASE, disbursement.charter_seq)
        if disbursement.outstanding:
            raise ProposalClosed(f"{disbursement.outstanding} approvals are still missing.")
        require_unexpired(book, disbursement, act)
        poll = book.find(Poll, self.disbursement_id)
        if poll is not None and poll.state is not PollState.ACCEPTED:
            raise ProposalClosed(f"The vote is {poll.state}.")

    def fold(self, book: Book, act: Act) -> Book:
        disbursement = book.get(Disbursement, self.disbursement_id)
        return book.put(disbursement.but(state=DisbursementState.APPROVED))

    def consequences(self, book: Book, act: Act) -> tuple[Event, ...]:
        return (DisbursementReserved.of(book, self.disbursement_id, act),)

    def sentence(self, act: Act) -> str:
        voted = f" and {len(self.votes)} votes" if self.votes else ""
        return (
            f"Disbursement {self.disbursement_id} was approved by {self.rule}, "
            f"on {len(self.ballots)} approvals{voted}."
        )


class DisbursementRefused(DisbursementReference, LedgerEvent, type="disbursement.refused"):
    """A party refused its approval, or the vote was lost: that ends the request."""

    party: PartyId | None = None

    def permit(self, book: Book, act: Act) -> None:
        """Check that the request still waits for its answers. Raises ProposalClosed otherwise."""
        _require_waiting(book, self.disbursement_id)

    def fold(self, book: Book, act: Act) -> Book:
        return concluded(book, self.disbursement_id, DisbursementState.REFUSED)

    def sentence(self, act: Act) -> str:
        who = "the vote was lost" if self.party is None else f"{self.party} did not approve"
        return f"Disbursement {self.disbursement_id} is refused: {who}."


class DisbursementExpired(DisbursementReference, LedgerEvent, type="disbursement.expired"):
    """An answer did not come in time: that ends the request."""

    def permit(self, book: Book, act: Act) -> None:
        """Check that the request still waits (ProposalClosed) and that an answer is overdue
        (ClockRuns).
        """
        disbursement = _require_waiting(book, self.disbursement_id)
        rows = answers(book, self.disbursement_id, disbursement.asked)
        if not any(row.is_overdue(act.at) for row in rows):
            raise ClockRuns("Nothing is overdue.")

    def fold(self, book: Book, act: Act) -> Book:
        return concluded(book, self.disbursement_id, DisbursementState.EXPIRED)

    def sentence(self, act: Act) -> str:
        return f"Disbursement {self.disbursement_id} expired: an answer did not come in time."


def approved_if_complete(book: Book, disbursement_id: str, act: Act) -> tuple[Event, ...]:
    """The event of approval if nothing is missing any more; else nothing."""
    disbursement = book.get(Disbursement, disbursement_id)
    if disbursement.state is not DisbursementState.REQUESTED or disbursement.outstanding:
        return ()
    if disbursement.is_stale(book):
        return ()
    poll = book.find(Poll, disbursement_id)
    if poll is not None and poll.state is not PollState.ACCEPTED:
        return ()
    rows = answers(book, disbursement_id, disbursement.asked)
    if any(row.doubt(book, act.at) for row in rows) or vote_in_doubt(book, disbursement_id):
        return ()
    return (DisbursementApproved.of(book, disbursement_id, act.seq),)


def concluded(book: Book, disbursement_id: str, state: DisbursementState) -> Book:
    """The book in which the request has ended in `state`, and no answer is pending any more."""
    disbursement = book.get(Disbursement, disbursement_id)
    book = closed(book, disbursement_id, disbursement.asked)
    book = ended_poll(book, disbursement_id)
    return book.put(disbursement.but(state=state))


def require_unexpired(book: Book, disbursement: Disbursement, act: Act) -> None:
    """Check that every approval still counts. Raises ApprovalExpired."""
    for row in answers(book, disbursement.disbursement_id, disbursement.asked):
        doubt = row.doubt(book, act.at)
        if doubt is not None:
            raise ApprovalExpired(f"{doubt} It must be given again.")
    if vote_in_doubt(book, disbursement.disbursement_id):
        raise ApprovalExpired(
            "The vote counted a ballot of a key that was not trusted there any more: cancel the "
            "request and ask again."
        )


def vote_in_doubt(book: Book, matter_id: str) -> bool:
    """Whether the vote was won with ballots whose keys are not trusted any more."""
    poll = book.find(Poll, matter_id)
    if poll is None or poll.state is not PollState.ACCEPTED:
        return False
    return poll.trusted(book) != poll


def require_conditions_met(book: Book, disbursement: Disbursement) -> None:
    """Check that every condition of an approver is met. Raises ConditionsOpen."""
    for row in answers(book, disbursement.disbursement_id, disbursement.asked):
        if row.condition is not None:
            raise ConditionsOpen(row.condition)


def _require_waiting(book: Book, disbursement_id: str) -> Disbursement:
    disbursement = book.get(Disbursement, disbursement_id)
    disbursement.require(DisbursementState.REQUESTED)
    return disbursement
