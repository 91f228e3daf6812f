"""Quorum: events that record when too few governments can decide, and when enough can again."""

from app.domain.book import Book
from app.domain.charter.charter import Charter
from app.domain.event import Act, Event, LedgerEvent, Terms
from app.domain.governance.seats import Seats
from app.domain.refusals.decisions import ProposalClosed


class QuorumFound(Terms):
    """How many governments can decide, and how many the charter asks for."""

    able: int
    needed: int


class QuorumWentMissing(QuorumFound, LedgerEvent, type="quorum.lost"):
    """Too few governments have anybody who can decide: nothing is released until more have."""

    def permit(self, book: Book, act: Act) -> None:
        """Check that the loss of the quorum is not on record yet. Raises ProposalClosed."""
        if book.get(Seats).lost_seq is not None:
            raise ProposalClosed("The quorum was lost before.")

    def fold(self, book: Book, act: Act) -> Book:
        return book.put(book.get(Seats).but(lost_seq=act.seq))

    def sentence(self, act: Act) -> str:
        return (
            f"The quorum is lost: {self.able} governments can decide, {self.needed} must. "
            f"Releases are halted."
        )


class QuorumCameBack(QuorumFound, LedgerEvent, type="quorum.regained"):
    """Enough governments can decide again."""

    def permit(self, book: Book, act: Act) -> None:
        """Check that the quorum is on record as lost. Raises ProposalClosed otherwise."""
        if book.get(Seats).lost_seq is None:
            raise ProposalClosed("The quorum is there.")

    def fold(self, book: Book, act: Act) -> Book:
        return book.put(book.get(Seats).but(lost_seq=None))

    def sentence(self, act: Act) -> str:
        return f"The quorum is there again: {self.able} governments can decide."


def quorum_turned(book: Book, charter: Charter, act: Act) -> tuple[Event, ...]:
    """The event that is due when the quorum was lost or came back by a change of members or
    charter.
    """
    seats = book.get(Seats)
    missing, said = seats.able < charter.quorum, seats.lost_seq is not None
    if missing == said:
        return ()
    kind = QuorumWentMissing if missing else QuorumCameBack
    return (kind(able=seats.able, needed=charter.quorum, cause=act.seq),)
