"""Periods: closing the books through a day, and opening them again with everybody's consent.

The trustee closes. To open a closed day again is a proposal that every government must approve, so
that what was reported does not change without their knowledge.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from enum import StrEnum
from typing import Self

from pydantic import model_validator

from app.domain.book import Book, Key, State, key
from app.domain.books.closing import Closing, closed_through, closing_key
from app.domain.command import Actor, Command
from app.domain.event import Act, Event, LedgerEvent, Terms
from app.domain.governance.funds import charter_of, fund_key, require_kind
from app.domain.refusals.decisions import (
    AlreadyDecided,
    ProposalClosed,
    ReasonRequired,
    StaleProposal,
)
from app.domain.refusals.money import DateOutOfRange, PeriodNotClosed
from app.domain.values import (
    Day,
    Decision,
    Digest,
    Identifier,
    PartyId,
    PartyKind,
    Role,
    Seq,
    Text,
    require_said,
)


class ReopeningState(StrEnum):
    """proposed -> reopened, once every government has approved | refused, once one has not."""

    PROPOSED = "proposed"
    REOPENED = "reopened"
    REFUSED = "refused"


class Reopening(State, table="reopenings", key=("reopening_id",), listed_by="proposed_seq"):
    """A proposal to open the books again from a day on, and who has yet to answer.

    `closed_through` is the last closed day when it was made, `closing_seq` the entry that closed
    the books through it. Books that were closed since then are not opened by it.
    """

    reopening_id: Identifier
    from_day: date
    closed_through: date
    closing_seq: Seq
    reason: str
    digest: Digest
    state: ReopeningState
    awaiting: tuple[PartyId, ...]
    ballots: tuple[Seq, ...]
    proposed_seq: Seq


class ClosingTerms(Terms):
    """The last day that is closed."""

    through: Day


class BooksClosed(ClosingTerms, Event, type="period.closed", roles=(Role.TRUSTEE,)):
    """The books are closed through a day: nothing is posted there any more."""

    def permit(self, book: Book, act: Act) -> None:
        """Check that the day is over (DateOutOfRange) and not closed yet (PeriodNotClosed)."""
        if self.through >= act.day:
            raise DateOutOfRange(f"{self.through} is not over; the entry is of {act.day}.")
        before = closed_through(book)
        if before is not None and self.through <= before:
            raise PeriodNotClosed(f"The books are closed through {before} already.")

    def fold(self, book: Book, act: Act) -> Book:
        return book.put(Closing(through=self.through, decided_seq=act.seq))

    def sentence(self, act: Act) -> str:
        return f"{act.party} closed the books through {self.through}."


class ClosePeriod(ClosingTerms, Command, event=BooksClosed):
    """Close the books through a day that is over."""

    def reads(self, book: Book, actor: Actor) -> Iterator[Key]:
        yield closing_key()

    def decide(self, book: Book, act: Act) -> Event:
        return BooksClosed(**self.stated())


class ReopeningTerms(Terms):
    """The first day that would be open again, and why."""

    from_day: Day
    reason: Text


class ReopeningProposed(
    ReopeningTerms,
    Event,
    type="period.reopening_proposed",
    roles=(Role.TRUSTEE,),
    creates=Reopening,
):
    """The trustee asks every government to open closed books again."""

    reopening_id: Identifier

    def permit(self, book: Book, act: Act) -> None:
        """Check that the day from which books shall be opened is closed. Raises PeriodNotClosed."""
        through = closed_through(book)
        if through is None or self.from_day > through:
            raise PeriodNotClosed(f"{self.from_day} is open.")

    def fold(self, book: Book, act: Act) -> Book:
        governments = charter_of(book).parties_of(PartyKind.GOVERNMENT)
        closing = book.get(Closing)
        return book.put(
            Reopening(
                reopening_id=self.reopening_id,
                from_day=self.from_day,
                closed_through=closing.through or self.from_day,
                closing_seq=closing.decided_seq,
                reason=self.reason,
                digest=act.digest,
                state=ReopeningState.PROPOSED,
                awaiting=tuple(party.id for party in governments),
                ballots=(),
                proposed_seq=act.seq,
            )
        )

    def sentence(self, act: Act) -> str:
        return f"{act.party} asks to open the books again from {self.from_day}: {self.reason}"


class ProposeReopening(ReopeningTerms, Command, event=ReopeningProposed):
    """Ask every government to open closed books again."""

    def reads(self, book: Book, actor: Actor) -> Iterator[Key]:
        yield fund_key()
        yield closing_key()

    def decide(self, book: Book, act: Act) -> Event:
        return ReopeningProposed(**self.stated(), reopening_id=act.new_id())


class ReopeningAnswer(Terms):
    """An answer; `digest` names exactly the proposal that it answers."""

    reopening_id: Identifier
    decision: Decision
    digest: Digest
    reason: Text | None = None


def _require_asked(terms: ReopeningAnswer, book: Book, act: Act) -> None:
    """Check that the actor's government is one whose answer is awaited, and that it answers the
    proposal as it stands and the books as they were closed then. Raises NotFound, WrongParty,
    ProposalClosed, AlreadyDecided, StaleProposal.
    """
    reopening = book.get(Reopening, terms.reopening_id)
    require_kind(charter_of(book), act.party, PartyKind.GOVERNMENT)
    if reopening.state is not ReopeningState.PROPOSED:
        raise ProposalClosed(f"The proposal is {reopening.state}.")
    if act.party not in reopening.awaiting:
        raise AlreadyDecided(f"{act.party} has answered this proposal.")
    if terms.digest != reopening.digest:
        raise StaleProposal(f"The proposal has digest {reopening.digest}.")
    closing = book.get(Closing)
    if terms.decision is Decision.APPROVE and closing.decided_seq != reopening.closing_seq:
        # The books were closed anew since, so it would open other days than the governments were
        # asked about.
        raise StaleProposal(
            f"The books were closed through {reopening.closed_through} when this was proposed; "
            f"since entry {closing.decided_seq} through {closing.through}: propose it again."
        )


class ReopeningApproved(
    ReopeningAnswer, Event, type="period.reopening_approved", roles=(Role.TREASURY_APPROVER,)
):
    """A government agrees to open the books again."""

    @model_validator(mode="after")
    def _is_a_yes(self) -> Self:
        """Check that an entry of this type states an approval. Raises ValueError."""
        require_said(self.decision, Decision.APPROVE)
        return self

    def permit(self, book: Book, act: Act) -> None:
        """Check that this government's approval is awaited, for the proposal as it stands. Raises
        NotFound, WrongParty, ProposalClosed, AlreadyDecided, StaleProposal.
        """
        _require_asked(self, book, act)

    def fold(self, book: Book, act: Act) -> Book:
        reopening = book.get(Reopening, self.reopening_id)
        return book.put(
            reopening.but(
                awaiting=tuple(party for party in reopening.awaiting if party != act.party),
                ballots=(*reopening.ballots, act.seq),
            )
        )

    def consequences(self, book: Book, act: Act) -> tuple[Event, ...]:
        reopening = book.get(Reopening, self.reopening_id)
        if reopening.awaiting:
            return ()
        return (
            PeriodReopened(
                reopening_id=self.reopening_id, cause=act.seq, ballots=reopening.ballots
            ),
        )

    def sentence(self, act: Act) -> str:
        return f"{act.party} agreed to open the books again (proposal {self.reopening_id})."


class ReopeningRefused(
    ReopeningAnswer, Event, type="period.reopening_refused", roles=(Role.TREASURY_APPROVER,)
):
    """A government does not agree; the books stay closed."""

    @model_validator(mode="after")
    def _is_a_no(self) -> Self:
        """Check that an entry of this type states a refusal. Raises ValueError."""
        require_said(self.decision, Decision.REFUSE)
        return self

    def permit(self, book: Book, act: Act) -> None:
        """Check that this government's answer is awaited, and that a refusal states a reason.
        Raises NotFound, WrongParty, ProposalClosed, AlreadyDecided, StaleProposal, ReasonRequired.
        """
        _require_asked(self, book, act)
        if self.reason is None:
            raise ReasonRequired("Whoever refuses says why.")

    def fold(self, book: Book, act: Act) -> Book:
        reopening = book.get(Reopening, self.reopening_id)
        return book.put(reopening.but(state=ReopeningState.REFUSED))

    def sentence(self, act: Act) -> str:
        return f"{act.party} did not agree to open the books again: {self.reason}"


class AnswerReopening(ReopeningAnswer, Command, event=ReopeningApproved):
    """Approve or refuse, for your government, that closed books are opened again."""

    def reads(self, book: Book, actor: Actor) -> Iterator[Key]:
        yield fund_key()
        yield closing_key()
        yield key(Reopening, self.reopening_id)

    def decide(self, book: Book, act: Act) -> Event:
        kind = ReopeningApproved if self.decision is Decision.APPROVE else ReopeningRefused
        return kind(**self.stated())


class ReopeningReference(Terms):
    """Names a proposal to open the books again."""

    reopening_id: Identifier


class PeriodReopened(ReopeningReference, LedgerEvent, type="period.reopened"):
    """Every government has agreed: the books are open again from the proposed day on."""

    ballots: tuple[Seq, ...]

    def permit(self, book: Book, act: Act) -> None:
        """Check that every government has approved the proposal. Raises ProposalClosed."""
        reopening = book.get(Reopening, self.reopening_id)
        if reopening.state is not ReopeningState.PROPOSED or reopening.awaiting:
            raise ProposalClosed("The proposal has not been approved by everybody.")

    def fold(self, book: Book, act: Act) -> Book:
        reopening = book.get(Reopening, self.reopening_id)
        through = reopening.from_day - timedelta(days=1)
        before = closed_through(book)
        if before is None or through < before:
            book = book.put(Closing(through=through, decided_seq=act.seq))
        return book.put(reopening.but(state=ReopeningState.REOPENED))

    def sentence(self, act: Act) -> str:
        return f"The books are open again, on {len(self.ballots)} approvals."
