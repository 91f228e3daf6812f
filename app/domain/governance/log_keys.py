"""The log's keys: which key signs checkpoints and exports, what was attested, and the log's end.

Entry 0 names the first keys. Each later key is named by an entry that follows from a proposal, so
which key had to sign a checkpoint is known from the checkpoint's size alone.
"""

from app.domain.book import Book, Key, State, key
from app.domain.charter.attested import AttestedCheckpoint, VerifierKey
from app.domain.event import Terms
from app.domain.refusals.record import LogIsClosed
from app.domain.values import KeyId, Seq


class LogKey(Terms):
    """A key that signs checkpoints of more than `since_seq` entries.

    `introduced` tells whether the key before it has signed it; checkpoints of more than
    `trusted_through` entries that it signed are not trusted.
    """

    vkey: VerifierKey
    since_seq: Seq
    introduced: bool
    trusted_through: Seq | None


class ExportKey(Terms):
    """A key that signs exports of more than `since_seq` entries."""

    kid: KeyId
    since_seq: Seq


class Log(State, table="logs", key=()):
    """The log's keys, oldest first, each valid until the next, and what was attested. One row."""

    keys: tuple[LogKey, ...]
    export_keys: tuple[ExportKey, ...]
    witnessed: AttestedCheckpoint | None
    """The newest checkpoint that is on record as cosigned by the charter's quorum of witnesses."""
    stamped: AttestedCheckpoint | None
    """The newest checkpoint that is on record as stamped by a time authority."""
    closed_seq: Seq | None

    @property
    def vkey(self) -> str:
        """The key that signs checkpoints now."""
        return self.keys[-1].vkey

    @property
    def export_kid(self) -> str:
        """The key that signs exports now."""
        return self.export_keys[-1].kid

    def export_kid_at(self, size: int) -> str:
        """The key that signs an export of `size` entries."""
        return next(key.kid for key in reversed(self.export_keys) if key.since_seq < size)

    def key_at(self, size: int) -> str:
        """The key that signs the checkpoint of `size` entries."""
        return next(key.vkey for key in reversed(self.keys) if key.since_seq < size)

    @property
    def origin(self) -> str:
        """The name of the log, and of its keys."""
        return name_of(self.keys[0].vkey)

    def require_open(self) -> None:
        """Check that the log was not ended by decision. Raises LogIsClosed."""
        if self.closed_seq is not None:
            raise LogIsClosed(f"This log ended with entry {self.closed_seq}: see its successor.")


def first_log_state(log_vkey: str, export_kid: str, seq: int) -> Log:
    """The state of a log whose first entry names these keys."""
    first = LogKey(vkey=log_vkey, since_seq=seq, introduced=False, trusted_through=None)
    return Log(
        keys=(first,),
        export_keys=(ExportKey(kid=export_kid, since_seq=seq),),
        witnessed=None,
        stamped=None,
        closed_seq=None,
    )


def log_key() -> Key:
    """The key of the log's one row."""
    return key(Log)


def require_open_log(book: Book) -> None:
    """Check that the fund's log was not ended; a fund without a log passes. Raises LogIsClosed."""
    log_state = book.find(Log)
    if log_state is not None:
        log_state.require_open()


def name_of(vkey: str) -> str:
    """A key's name: what stands before the first `+`. Base64 after the second may hold more."""
    return vkey.split("+", 2)[0]


def public_part(vkey: str) -> str:
    """The key's type and public key, in base64, without its name: the same under every name."""
    return vkey.split("+", 2)[2]
