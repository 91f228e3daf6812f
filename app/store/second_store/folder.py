"""A second store for processes on one host: a folder with one file for each log.

A file is replaced as a whole: written beside it, forced to disk, renamed. Turns are taken with
`flock`, which holds on one host and not across a network.
"""

import fcntl
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.runtime.files import replace_file
from app.store.second_store.protocol import IDENTITY, file_name, fund_of


class FolderSlot:
    """One log's file, for the holder of its lock."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> bytes | None:
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            return None

    def replace(self, note: bytes) -> None:
        replace_file(self._path, note)

    def remove(self) -> None:
        self._path.unlink(missing_ok=True)


class FolderStore:
    """The folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def identity(self) -> str:
        path = self._folder / IDENTITY
        with self._turn(IDENTITY):
            if not path.exists():
                replace_file(path, secrets.token_hex(16).encode())
            return path.read_text()

    def funds(self) -> list[str]:
        return sorted(fund_of(path.name) for path in self._folder.glob("*.checkpoint"))

    @contextmanager
    def locked(self, fund: str) -> Iterator[FolderSlot]:
        with self._turn(fund.replace("/", ".")):
            yield FolderSlot(self._folder / file_name(fund))

    def close(self) -> None:
        """Nothing is held open."""

    @contextmanager
    def _turn(self, name: str) -> Iterator[None]:
        with (self._folder / f"{name}.lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
