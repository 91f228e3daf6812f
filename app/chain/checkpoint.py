"""Checkpoints (C2SP tlog-checkpoint): three lines that stand for a whole log.

fund.example/era                                the log's origin, also its key's name
42                                              entries
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=    the tree's root
"""

from dataclasses import dataclass

from app.chain.note import Note, NoteError, VerifierKey
from app.chain.spelling import read_base64, read_decimal, write_base64
from app.chain.tree import EMPTY_ROOT, HASH_BYTES


class WrongEmptyRoot(NoteError):
    """A checkpoint of an empty log whose root is not that of an empty tree."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The size and root of the log `origin`."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """The note text that is signed; it never has extension lines."""
        return f"{self.origin}\n{self.size}\n{write_base64(self.root)}\n"

    def note(self) -> Note:
        """The unsigned note."""
        return Note(self.text(), ())

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """Read a note's text. Raises NoteError."""
        lines = text.split("\n")
        if len(lines) != 4 or lines[3] or not lines[0]:
            raise NoteError("a checkpoint has three lines: origin, size, root")
        try:
            size, root = read_decimal(lines[1]), read_base64(lines[2])
        except ValueError as error:
            raise NoteError(f"malformed checkpoint: {error}") from None
        if len(root) != HASH_BYTES:
            raise NoteError(f"malformed checkpoint: a root has {HASH_BYTES} bytes")
        if size == 0 and root != EMPTY_ROOT:
            raise WrongEmptyRoot("malformed checkpoint: an empty log has the empty root")
        return cls(lines[0], size, root)


def open_checkpoint(raw: bytes, *logs: VerifierKey) -> Checkpoint:
    """The checkpoint in a note that one of `logs` has signed, for the origin in that key's name.

    There are several keys where one has replaced another. Raises NoteError.
    """
    note = Note.parse(raw)
    signed = note.verify(logs)
    checkpoint = Checkpoint.parse(note.text)
    if not any(one.key.name == checkpoint.origin for one in signed):
        name = signed[0].key.name
        raise NoteError(f"the checkpoint is of {checkpoint.origin!r}, the key of {name!r}")
    return checkpoint
