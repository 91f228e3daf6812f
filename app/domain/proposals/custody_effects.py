"""Effects of accepted proposals on the log's keys and its end, recorded by the ledger."""

from app.domain.book import Book
from app.domain.charter.attested import LogSize, VerifierKey
from app.domain.event import Act, LedgerEvent
from app.domain.governance.log_keys import ExportKey, Log, LogKey
from app.domain.proposals.custody import (
    CustodyChange,
    ExportKeyChange,
    LogClosing,
    LogKeyChange,
    require_new_export_key,
    require_new_log_key,
)
from app.domain.proposals.proposals import require_accepted
from app.domain.values import FundSlug, Identifier, KeyId


class CustodyEffect(LedgerEvent):
    """The common fields of these effects."""

    proposal_id: Identifier


class LogKeyChanged(CustodyEffect, type="log_key.changed"):
    """Checkpoints that cover this entry are signed by another key."""

    vkey: VerifierKey
    introduced: bool
    trusted_through: LogSize | None = None

    def permit(self, book: Book, act: Act) -> None:
        """Check that the proposal was accepted and the key never signed the log before. Raises
        ProposalClosed, AlreadyExists.
        """
        require_accepted(book, self.proposal_id)
        require_new_log_key(book, self.vkey)

    def fold(self, book: Book, act: Act) -> Book:
        log_state = book.get(Log)
        last = log_state.keys[-1].model_copy(update={"trusted_through": self.trusted_through})
        new = LogKey(
            vkey=self.vkey, since_seq=act.seq, introduced=self.introduced, trusted_through=None
        )
        return book.put(log_state.but(keys=(*log_state.keys[:-1], last, new)))

    def sentence(self, act: Act) -> str:
        if self.introduced:
            return f"From here on {self.vkey} signs the log, introduced by the key before it."
        return (
            f"From here on {self.vkey} signs the log; the key before it is compromised and "
            f"trusted through {self.trusted_through} entries."
        )


class ExportKeyChanged(CustodyEffect, type="export_key.changed"):
    """Exports that cover this entry are signed by another key."""

    kid: KeyId

    def permit(self, book: Book, act: Act) -> None:
        """Check that the proposal was accepted and the key never signed exports before. Raises
        ProposalClosed, AlreadyExists.
        """
        require_accepted(book, self.proposal_id)
        require_new_export_key(book, self.kid)

    def fold(self, book: Book, act: Act) -> Book:
        log_state = book.get(Log)
        new = ExportKey(kid=self.kid, since_seq=act.seq)
        return book.put(log_state.but(export_keys=(*log_state.export_keys, new)))

    def sentence(self, act: Act) -> str:
        return f"From here on exports are signed by {self.kid}."


class LogClosed(CustodyEffect, type="log.closed"):
    """The log has ended: its next checkpoint is the final one."""

    successor: FundSlug | None = None

    def permit(self, book: Book, act: Act) -> None:
        """Check that the proposal was accepted and the log is open. Raises ProposalClosed,
        LogIsClosed.
        """
        require_accepted(book, self.proposal_id)
        book.get(Log).require_open()

    def fold(self, book: Book, act: Act) -> Book:
        return book.put(book.get(Log).but(closed_seq=act.seq))

    def sentence(self, act: Act) -> str:
        follows = f"; {self.successor} continues it" if self.successor is not None else ""
        return f"This log has ended{follows}."


def custody_effect(subject: CustodyChange, proposal_id: str, cause: int) -> LedgerEvent:
    """The event that follows when the proposal is accepted."""
    match subject:
        case LogKeyChange():
            return LogKeyChanged(
                proposal_id=proposal_id,
                cause=cause,
                vkey=subject.vkey,
                introduced=subject.introduction is not None,
                trusted_through=subject.trusted_through,
            )
        case ExportKeyChange():
            return ExportKeyChanged(proposal_id=proposal_id, cause=cause, kid=subject.kid)
        case LogClosing():
            return LogClosed(proposal_id=proposal_id, cause=cause, successor=subject.successor)
