"""Custody: what may be proposed about the keys of the log and about its end.

A new log key is introduced by the one before it, and by the parties who accept the proposal. A key
that is compromised cannot introduce another: then the parties' decision alone supports the new one,
and auditors get the new key from the parties.
"""

from typing import Final, Literal, Self

from pydantic import model_validator

from app.domain.book import Book
from app.domain.charter.attested import Base64, LogSize, VerifierKey
from app.domain.event import Terms
from app.domain.governance.log_keys import Log, name_of, public_part
from app.domain.refusals.base import AlreadyExists
from app.domain.refusals.decisions import StaleProposal
from app.domain.value_faults import ValueFault
from app.domain.values import FundSlug, KeyId, Text

LOG_KEY_CHANGE: Final = ValueFault(
    "log_key_change",
    "a new log key that is neither introduced by the old one nor replaces a compromised "
    "one, or both",
    "give `introduction` or `trusted_through`",
)


class LogKeyChange(Terms):
    """Another key signs the log's checkpoints.

    `possession` is the new key's own signature (base64) over the lines `fund-ledger/log-key`, the
    origin, and `vkey`; it shows that somebody has the key, without which the log could not go on.
    `introduction` is the old key's signature over the same lines. A compromised key cannot
    introduce another: then `trusted_through` says up to which size its checkpoints count.
    """

    kind: Literal["log_key"]
    vkey: VerifierKey
    possession: Base64
    introduction: Base64 | None = None
    trusted_through: LogSize | None = None

    @model_validator(mode="after")
    def _says_why(self) -> Self:
        if (self.introduction is None) == (self.trusted_through is None):
            raise LOG_KEY_CHANGE("Either the old key introduces the new one, or it is compromised.")
        return self


class ExportKeyChange(Terms):
    """Another key signs exports: its RFC 7638 thumbprint."""

    kind: Literal["export_key"]
    kid: KeyId


class LogClosing(Terms):
    """The log ends, with a final checkpoint; `successor` is the fund that continues it."""

    kind: Literal["closing"]
    reason: Text
    successor: FundSlug | None = None


CustodyChange = LogKeyChange | ExportKeyChange | LogClosing


def require_custody(book: Book, subject: CustodyChange, fund: str, seq: int) -> None:
    """Check a change of the log's keys, or its end. Raises AlreadyExists, StaleProposal."""
    log_state = book.get(Log)
    match subject:
        case LogKeyChange():
            require_new_log_key(book, subject.vkey)
            if name_of(subject.vkey) != log_state.origin:
                raise StaleProposal(f"A key of this log is named {log_state.origin}.")
            if (subject.trusted_through or 0) > seq:
                raise StaleProposal(f"The log has {seq} entries.")
        case ExportKeyChange():
            require_new_export_key(book, subject.kid)
        case LogClosing() if subject.successor == fund:
            raise AlreadyExists("A log cannot be its own successor.")


def require_new_log_key(book: Book, vkey: str) -> None:
    """Check that this key, under any name, was never a key of the log. Raises AlreadyExists."""
    if any(public_part(known.vkey) == public_part(vkey) for known in book.get(Log).keys):
        raise AlreadyExists("This key has signed the log before; a key is never used again.")


def require_new_export_key(book: Book, kid: str) -> None:
    """Check that this key was never one for exports. Raises AlreadyExists."""
    if any(known.kid == kid for known in book.get(Log).export_keys):
        raise AlreadyExists("This key has signed exports before; a key is never used again.")
