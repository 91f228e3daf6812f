"""Receipts (C2SP tlog-proof): one entry's place under one signed checkpoint, in a text file.

    c2sp.org/tlog-proof@v1
    index 7
    <base64 hash>                 the leaf's sibling first; as many lines as the path needs

    <the checkpoint, a signed note>

Whoever keeps a receipt and the entry's bytes can prove for ever that the log contained them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from app.chain.checkpoint import Checkpoint, open_checkpoint
from app.chain.note import VerifierKey
from app.chain.spelling import read_base64, read_decimal, write_base64
from app.chain.tree import (
    HASH_BYTES,
    MAX_PROOF,
    ProofError,
    Subtree,
    inclusion_path,
    join,
    leaf_hash,
    verify_inclusion,
)

HEADER: Final = "c2sp.org/tlog-proof@v1"
MAX_RECEIPT_BYTES: Final = 1_000_000


def path_from(known: Mapping[Subtree, bytes], index: int, size: int) -> tuple[bytes, ...]:
    """The inclusion path of an entry whose batch has just been appended, without reading the log.

    `known` holds the peaks from before the batch and every subtree that the batch completed.
    """
    return tuple(
        join([known[subtree] for subtree in part.subtrees()])
        for part in inclusion_path(index, size)
    )


@dataclass(frozen=True, slots=True)
class TlogProof:
    """Index, inclusion path and the checkpoint note that the path leads to; not yet checked."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: bytes

    def to_text(self) -> str:
        """The file's content."""
        hashes = "".join(write_base64(value) + "\n" for value in self.path)
        return f"{HEADER}\nindex {self.index}\n{hashes}\n{self.checkpoint.decode()}"

    @classmethod
    def parse(cls, text: str) -> "TlogProof":
        """Read a receipt; an `extra` line is allowed and never trusted. Raises ProofError."""
        try:
            raw = text.encode()
        except UnicodeEncodeError:
            raise ProofError("not a tlog-proof") from None
        head, blank, note = text.partition("\n\n")
        lines = head.split("\n")
        if not blank or len(raw) > MAX_RECEIPT_BYTES or lines[0] != HEADER:
            raise ProofError("not a tlog-proof")
        rest = lines[2:] if len(lines) > 1 and lines[1].startswith("extra ") else lines[1:]
        if not rest or not rest[0].startswith("index ") or len(rest) - 1 > MAX_PROOF:
            raise ProofError("malformed tlog-proof")
        try:
            index = read_decimal(rest[0].removeprefix("index "))
            path = tuple(map(read_base64, rest[1:]))
        except ValueError as error:
            raise ProofError(f"malformed tlog-proof: {error}") from None
        if any(len(value) != HASH_BYTES for value in path):
            raise ProofError(f"malformed tlog-proof: a hash has {HASH_BYTES} bytes")
        return cls(index, path, note.encode())

    def verify(self, entry: bytes, *logs: VerifierKey) -> Checkpoint:
        """Check that one of `logs` signed a tree with exactly these entry bytes at this index.

        Returns the checkpoint that it verified. Raises NoteError, ProofError.
        """
        checkpoint = open_checkpoint(self.checkpoint, *logs)
        leaf = leaf_hash(entry)
        verify_inclusion(self.index, checkpoint.size, leaf, self.path, checkpoint.root)
        return checkpoint
