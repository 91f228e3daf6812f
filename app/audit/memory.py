"""The auditor's memory: the newest checkpoint of each log that was verified on this machine."""

import hashlib
import os
from pathlib import Path

from app.audit.format.archive import CannotTell
from app.chain.checkpoint import Checkpoint, open_checkpoint
from app.chain.note import NoteError
from app.chain.policy import Policy


class Memory:
    """A folder with one checkpoint for each log. Only those signed by the trust file's keys are
    read.
    """

    def __init__(self, folder: Path, policy: Policy) -> None:
        self._folder = folder
        self._policy = policy

    def recall(self, origin: str) -> tuple[Checkpoint, ...]:
        """The checkpoint verified last time; none at the first. Raises CannotTell."""
        path = self._path(origin)
        keys = self._policy.keys_of(origin)
        if not keys or not path.exists():
            return ()
        try:
            return (open_checkpoint(path.read_bytes(), *keys),)
        except NoteError as error:
            raise CannotTell(f"the remembered checkpoint {path}: {error}") from None

    def keep(self, note: bytes) -> None:
        """Remember a checkpoint that has just been verified."""
        origin = note.split(b"\n", 1)[0].decode()
        self._folder.mkdir(parents=True, exist_ok=True)
        aside = self._path(origin).with_suffix(f".{os.getpid()}")
        aside.write_bytes(note)
        aside.replace(self._path(origin))

    def _path(self, origin: str) -> Path:
        return self._folder / f"{hashlib.sha256(origin.encode()).hexdigest()}.checkpoint"
