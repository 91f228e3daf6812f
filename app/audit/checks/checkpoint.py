"""The checkpoint of a bundle: what it states, and who has signed it.

Its content is read first, so that entries can be compared with it; who had to sign it is known only
when the entries have been executed, because they name the log's keys.
"""

from collections.abc import Sequence

from app.audit.format.archive import Archive, CannotTell
from app.audit.format.layout import CHECKPOINT, MAX_SMALL_FILE_BYTES
from app.audit.format.manifest import Manifest
from app.chain.checkpoint import Checkpoint, open_checkpoint
from app.chain.note import Note, NoteError, VerifiedSignature, VerifierKey
from app.chain.policy import Policy


class BadCheckpoint(ValueError):
    """The checkpoint does not have the required form, content or signatures; the message says
    which.
    """


def read_checkpoint(archive: Archive) -> tuple[bytes, Checkpoint]:
    """The note and its content, with signatures not checked. Raises BadCheckpoint."""
    try:
        raw = archive.small(CHECKPOINT, MAX_SMALL_FILE_BYTES)
        return raw, Checkpoint.parse(Note.parse(raw).text)
    except (NoteError, CannotTell) as error:
        raise BadCheckpoint(f"checkpoint: {error}") from None


def require_claimed(manifest: Manifest, checkpoint: Checkpoint) -> None:
    """Check that the manifest states the checkpoint's log, size and root. Raises BadCheckpoint."""
    if manifest.origin.rpartition("/")[2] != manifest.fund:
        raise BadCheckpoint("the manifest names a fund that is not the log's")
    claimed = (manifest.origin, manifest.end, manifest.tree_size, manifest.root)
    signed = (checkpoint.origin, checkpoint.size, checkpoint.size, checkpoint.root.hex())
    if claimed != signed:
        raise BadCheckpoint("the manifest and the checkpoint speak of different trees")


def signers_of(raw: bytes, logs: Sequence[VerifierKey], policy: Policy) -> list[VerifiedSignature]:
    """Who signed the checkpoint: one of `logs`, and at least the quorum of witnesses that the trust
    file demands. Raises BadCheckpoint.
    """
    try:
        open_checkpoint(raw, *logs)
        signers = Note.parse(raw).verify([*logs, *policy.witnesses.values()])
    except NoteError as error:
        raise BadCheckpoint(f"checkpoint: {error}") from None
    if not policy.satisfied_by(signed.key for signed in signers):
        raise BadCheckpoint(f"checkpoint: the quorum {policy.quorum} has not cosigned it")
    return signers
