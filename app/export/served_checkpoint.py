"""Which checkpoint a reader gets: the newest that the quorum has cosigned, or else the newest.

Witnesses cosign a little later than the log signs, and not every checkpoint. An auditor whose trust
file asks for a quorum needs one that has it; where there is none, the newest is given.
"""

from contextlib import suppress

from sqlalchemy import Connection

from app.chain.note import Note, NoteError, VerifierKey
from app.chain.policy import Policy
from app.store import checkpoints


def for_export(
    connection: Connection, fund: str, witnesses: Policy | None, key: VerifierKey | None = None
) -> bytes | None:
    """The newest checkpoint with the quorum, or else the newest; None where nothing is signed.

    With `key`, only one that this key has signed, if there is any.
    """
    keys = [key] if key is not None else []
    if witnesses is not None:
        for _, note in checkpoints.cosigned(connection, fund, 0, from_newest=True):
            if _has_quorum(note, witnesses) and (not keys or Note.parse(note).is_signed_by(keys)):
                return note
    if keys:
        for note in checkpoints.newest_first(connection, fund):
            if Note.parse(note).is_signed_by(keys):
                return note
    return checkpoints.newest_checkpoint(connection, fund)


def covering(connection: Connection, fund: str, seq: int, witnesses: Policy | None) -> bytes | None:
    """The first checkpoint that covers entry `seq` with the quorum, or else the first that does."""
    if witnesses is not None:
        for _, note in checkpoints.cosigned(connection, fund, seq, from_newest=False):
            if _has_quorum(note, witnesses):
                return note
    return checkpoints.checkpoint_covering(connection, fund, seq)


def _has_quorum(raw: bytes, witnesses: Policy) -> bool:
    """Whether the quorum has cosigned; a note with an invalid cosignature counts as not cosigned,
    and the verifier reports it.
    """
    with suppress(NoteError):
        return witnesses.cosigned(Note.parse(raw))
    return False
