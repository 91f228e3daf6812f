"""What a mirror keeps: every entry by its exact bytes, the newest checkpoint, and evidence.

Entries are lines of one file, which are on disk before the checkpoint that covers them. A ledger
that has lost entries can be restored from this folder (`fundledger recover`).
"""

import os
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path

from app.chain.checkpoint import Checkpoint
from app.chain.note import Note
from app.runtime.files import replace_file

ENTRIES, CHECKPOINT = "entries.jsonl", "checkpoint"
EVIDENCE, VIEWS = "evidence", "witnesses"


class Kept:
    """The mirror's folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def note(self) -> bytes | None:
        """The newest checkpoint; it covers the entries in the folder. None at the beginning."""
        path = self._folder / CHECKPOINT
        return path.read_bytes() if path.exists() else None

    def size(self) -> int:
        """How many entries the checkpoint covers."""
        note = self.note()
        return Checkpoint.parse(Note.parse(note).text).size if note is not None else 0

    def entries(self, size: int | None = None) -> Iterator[bytes]:
        """Every entry that the checkpoint covers, in order; or the first `size`, covered or not."""
        left = self.size() if size is None else size
        if not left:
            return
        with (self._folder / ENTRIES).open("rb") as file:
            for line in file:
                if not left:
                    return
                left -= 1
                yield line.removesuffix(b"\n")

    def add(self, lines: Iterable[bytes]) -> None:
        """Add entries after those that are covered; they count once a checkpoint covers them."""
        path = self._folder / ENTRIES
        with path.open("r+b" if path.exists() else "w+b") as file:
            # Entries after the last checkpoint are from a round that failed.
            for _ in range(self.size()):
                file.readline()
            file.truncate(file.tell())
            file.seek(0, os.SEEK_END)
            for line in lines:
                file.write(line + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def cover(self, note: bytes) -> None:
        """Store the checkpoint that covers the entries which were added."""
        replace_file(self._folder / CHECKPOINT, note)

    def view(self, witness: str) -> bytes | None:
        """The largest checkpoint that a witness was seen to have cosigned."""
        path = self._view_path(witness)
        return path.read_bytes() if path.exists() else None

    def keep_view(self, witness: str, note: bytes) -> None:
        """Store the largest checkpoint that a witness has cosigned."""
        path = self._view_path(witness)
        path.parent.mkdir(exist_ok=True)
        replace_file(path, note)

    def _view_path(self, witness: str) -> Path:
        return self._folder / VIEWS / f"{sha256(witness.encode()).hexdigest()[:16]}.checkpoint"

    def keep_evidence(self, name: str, *notes: bytes) -> Path:
        """Store signed checkpoints that contradict each other where nothing overwrites them."""
        folder = self._folder / EVIDENCE
        folder.mkdir(exist_ok=True)
        path = folder / f"{name}.txt"
        if not path.exists():
            replace_file(path, b"\n".join(notes))
        return path
