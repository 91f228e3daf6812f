"""The second store: the newest checkpoint that was signed, kept outside the database.

An old backup of the database does not know that later checkpoints were signed; this store does. It
is changed under a lock and only if it holds what was read, so that several processes on one host
agree. A file is replaced as a whole: written beside it, forced to disk, renamed.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.chain.checkpoint import Checkpoint
from app.chain.note import Note


class Slot:
    """One fund's file in the store, for the holder of its lock."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> bytes | None:
        """The newest signed checkpoint; None before the first."""
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            return None

    def replace(self, note: bytes) -> None:
        """Store a newer checkpoint; it is on disk when this returns."""
        aside = self._path.with_suffix(".new")
        with aside.open("wb") as file:
            file.write(note)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(self._path)
        _sync_folder(self._path.parent)

    def remove(self) -> None:
        """Delete the fund's checkpoint; only for undoing a recovery that was not confirmed."""
        self._path.unlink(missing_ok=True)


class SecondStore:
    """A folder with one file for each fund."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def funds(self) -> list[str]:
        """Funds that a checkpoint was ever signed for."""
        return sorted(path.stem.replace(".", "/") for path in self._folder.glob("*.checkpoint"))

    def last_signed(self, fund: str) -> Checkpoint | None:
        """The checkpoint that was signed last, by whatever key; None where none is stored."""
        # Its signature is not verified: the database, which names the keys, may be the outdated
        # one.
        with self.locked(fund) as slot:
            note = slot.read()
        return Checkpoint.parse(Note.parse(note).text) if note is not None else None

    @contextmanager
    def locked(self, fund: str) -> Iterator[Slot]:
        """The fund's slot, for this thread of this process alone until the block ends."""
        # No fund's name has a dot; a fund's second log is named `<fund>/access`.
        path = self._folder / f"{fund.replace('/', '.')}.checkpoint"
        with path.with_suffix(".lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield Slot(path)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
