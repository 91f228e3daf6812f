"""The request to a witness (C2SP tlog-witness), and what it checks before it cosigns.

    old 20852014
    <base64 hash>                 the consistency proof, from `old` to the checkpoint; at most 63

    <the checkpoint, a signed note>

A witness keeps one checkpoint for each log, the largest that it cosigned, and cosigns only a
checkpoint that contains it. So whoever relies on a quorum of witnesses cannot be shown two
histories of one log.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from app.chain.checkpoint import Checkpoint, WrongEmptyRoot
from app.chain.note import COSIGNATURE, Note, NoteError, VerifiedSignature, VerifierKey
from app.chain.spelling import read_base64, read_decimal, write_base64
from app.chain.tree import HASH_BYTES, MAX_PROOF, ProofError, verify_consistency

MAX_QUESTION_BYTES: Final = 64_000
MAX_ANSWER_BYTES: Final = 20_000


class NotCosigned(Exception):
    """A witness does not cosign; the subclass says why."""


class Malformed(NotCosigned):
    """The request does not have the required form."""


class UnknownLog(NotCosigned):
    """The witness does not watch this log."""


class NotSigned(NotCosigned):
    """The checkpoint has no signature by a key that the witness trusts for the log."""


class Elsewhere(NotCosigned):
    """`old` is not the size that the witness cosigned last, which is `size`."""

    def __init__(self, size: int) -> None:
        super().__init__(f"the largest cosigned size is {size}")
        self.size = size


class Inconsistent(NotCosigned):
    """The checkpoint does not contain the one that was cosigned last."""


@dataclass(frozen=True, slots=True)
class Question:
    """`old` is the size that was cosigned last; `proof` leads from it to the note's checkpoint."""

    old: int
    proof: tuple[bytes, ...]
    note: bytes

    def to_bytes(self) -> bytes:
        """The body of `add-checkpoint`."""
        hashes = "".join(write_base64(value) + "\n" for value in self.proof)
        return f"old {self.old}\n{hashes}\n".encode() + self.note

    @classmethod
    def parse(cls, raw: bytes) -> "Question":
        """Read a body. Raises Malformed."""
        head, blank, note = raw.partition(b"\n\n")
        if len(raw) > MAX_QUESTION_BYTES or not blank or not head.startswith(b"old "):
            raise Malformed("not a question to a witness")
        try:
            first, *lines = head.decode("ascii").split("\n")
            old = read_decimal(first.removeprefix("old "))
            proof = tuple(map(read_base64, lines))
        except ValueError as error:
            raise Malformed(f"not a question to a witness: {error}") from None
        if len(proof) > MAX_PROOF or any(len(value) != HASH_BYTES for value in proof):
            raise Malformed(f"a proof has at most {MAX_PROOF} hashes of {HASH_BYTES} bytes")
        return cls(old, proof, note)


@dataclass(frozen=True, slots=True)
class CosignedHead:
    """What a witness cosigned last of a log; `size` is 0 when it has cosigned nothing."""

    size: int
    root: bytes


def opened(
    question: Question, keys_of: Callable[[str], Sequence[VerifierKey]]
) -> tuple[Note, Checkpoint]:
    """The checkpoint that is asked about, signed by its log. `keys_of` gives an origin's keys.

    Raises Malformed, UnknownLog, NotSigned, Inconsistent.
    """
    try:
        note = Note.parse(question.note)
        checkpoint = Checkpoint.parse(note.text)
    except WrongEmptyRoot as error:
        raise Inconsistent(str(error)) from None
    except NoteError as error:
        raise Malformed(str(error)) from None
    keys = keys_of(checkpoint.origin)
    if not keys:
        raise UnknownLog("this log is not watched here")
    try:
        note.verify(keys)
    except NoteError as error:
        raise NotSigned(str(error)) from None
    if question.old > checkpoint.size:
        raise Malformed("the old size is larger than the checkpoint's")
    return note, checkpoint


def require_growth(question: Question, checkpoint: Checkpoint, view: CosignedHead) -> None:
    """Check that the checkpoint contains what was cosigned last. Raises Elsewhere, Inconsistent."""
    if question.old != view.size:
        raise Elsewhere(view.size)
    if question.old == 0:
        if question.proof:
            raise Inconsistent("there is nothing to prove from an empty log")
        return
    try:
        verify_consistency(
            question.old, checkpoint.size, view.root, checkpoint.root, question.proof
        )
    except ProofError as error:
        raise Inconsistent(str(error)) from None


def cosignature_of(text: str, answer: bytes, witness: VerifierKey) -> tuple[VerifiedSignature, str]:
    """The witness's cosignature in its answer, and the signature line to keep.

    `text` is that of the checkpoint to be cosigned; lines of other keys are ignored. Raises
    NoteError.
    """
    if len(answer) > MAX_ANSWER_BYTES:
        raise NoteError("the answer is too long")
    note = Note.parse(text.encode() + b"\n" + answer)
    (verified,) = note.verify([witness])
    if witness.type != COSIGNATURE or note.text != text:
        raise NoteError("no cosignature of this checkpoint")
    label = (witness.name, witness.id)
    line = next(one.line() for one in note.signatures if (one.name, one.key_id) == label)
    return verified, line
