"""What a fund's log says of itself: the keys that speak for it, what was attested, its end.

Entry 0 names the first keys. A later one is named by an entry, which the old key and the parties
have brought about together; so which key had to sign a checkpoint follows from its size alone.
"""

from app.domain.book import Book, Key, State, key
from app.domain.charter.attested import AttestedCheckpoint, VerifierKey
from app.domain.event import Terms
from app.domain.refusals.record import LogIsClosed
from app.domain.values import KeyId, Seq


class LogKey(Terms):
    """A key that signs checkpoints of more than `since_seq` entries.

    `introduced` says that the key before it vouches for it; what a key signed for more than
    `trusted_through` entries is not trusted.
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
    """What the log says of itself. One row; the keys oldest first, each valid until the next."""

    keys: tuple[LogKey, ...]
    export_keys: tuple[ExportKey, ...]
    witnessed: AttestedCheckpoint | None
    """The newest checkpoint that the charter's quorum of witnesses is on record for."""
    stamped: AttestedCheckpoint | None
    """The newest checkpoint that a time authority is on record for."""
    closed_seq: Seq | None

    @property
    def vkey(self) -> str:
        """The key that signs now."""
        return self.keys[-1].vkey

    @property
    def export_kid(self) -> str:
        """The key that signs exports now."""
        return self.export_keys[-1].kid

    def export_kid_at(self, size: int) -> str:
        """The key that signs exports of so many entries."""
        return next(key.kid for key in reversed(self.export_keys) if key.since_seq < size)

    def key_at(self, size: int) -> str:
        """The key that signs the log of so many entries."""
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
    """What a log says of itself whose first entry names these keys."""
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
    """A key's name. It holds no `+`; what follows the second one may."""
    return vkey.split("+", 2)[0]


def public_part(vkey: str) -> str:
    """Type and key, in base64: what is the same under every name."""
    return vkey.split("+", 2)[2]
