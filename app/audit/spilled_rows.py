"""A replay's rows in a temporary file, so that memory does not grow with the log.

A replay must be able to read any row again, however old: a bank line of years ago must not be
booked a second time. Rows that are not in memory are in the file, as JSON, in the order in which
they were put there; an index over short digests of their keys has the position of the newest one
for each.
"""

import sqlite3
import tempfile
from collections.abc import Iterable
from hashlib import blake2b
from os import urandom
from pathlib import Path
from typing import Self

from app.domain.book import Identity, Key, State

_SEPARATOR = "\x1f"
"""Separates the values of an identity: control characters are refused in all of them."""
_CACHE_KIB = 32_768
_RECENT = 10_000
"""How many rows that were read lately, or not found, are kept: some are read for every entry, such
as the charter and the last closing.
"""
_TABLES = (
    "CREATE TABLE rows (place INTEGER PRIMARY KEY, row TEXT)",
    "CREATE TABLE names (digest INTEGER PRIMARY KEY, place INTEGER)",
)


class SpilledRows:
    """Rows by key. A context manager: the file ends with its block."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="fundledger-")
        path = Path(self._folder.name) / "shelf"
        self._file = sqlite3.connect(path, isolation_level=None)
        # The file is never read again after a crash, so it is not forced to disk.
        self._file.execute("PRAGMA journal_mode=OFF")
        self._file.execute("PRAGMA synchronous=OFF")
        self._file.execute(f"PRAGMA cache_size=-{_CACHE_KIB}")
        for statement in _TABLES:
            self._file.execute(statement)
        self._places = 0
        # A random key, so that whoever makes a bundle cannot find two identities with one digest.
        self._secret = urandom(16)
        self._recent: dict[Key, State | None] = {}

    def put(self, rows: Iterable[tuple[Key, State | None]]) -> None:
        """Keep rows; those with the same key are replaced."""
        kept = [(where, state) for where, state in rows if state is not None]
        first, self._places = self._places, self._places + len(kept)
        self._recent.clear()
        self._file.execute("BEGIN")
        self._file.executemany(
            "INSERT INTO rows VALUES (?, ?)",
            (
                (place, state.model_dump_json(exclude_computed_fields=True))
                for place, (_, state) in enumerate(kept, first)
            ),
        )
        self._file.executemany(
            "INSERT OR REPLACE INTO names VALUES (?, ?)",
            sorted((self._digest(*where), place) for place, (where, _) in enumerate(kept, first)),
        )
        self._file.execute("COMMIT")

    def find(self, kind: type[State], identity: Identity) -> State | None:
        """The row; None when it was never put here."""
        if not self._places:
            return None
        if (kind, identity) in self._recent:
            return self._recent[kind, identity]
        query = "SELECT row FROM names JOIN rows USING (place) WHERE digest = ?"
        found = self._file.execute(query, (self._digest(kind, identity),)).fetchone()
        state = None if found is None else kind.model_validate_json(found[0])
        if len(self._recent) >= _RECENT:
            self._recent.clear()
        self._recent[kind, identity] = state
        return state

    def close(self) -> None:
        """Delete the file and the index."""
        self._file.close()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _digest(self, kind: type[State], identity: Identity) -> int:
        """A digest of 63 bits of the row's key, for the index."""
        name = _SEPARATOR.join((kind.table, *map(str, identity))).encode()
        digest = blake2b(name, digest_size=8, key=self._secret).digest()
        return int.from_bytes(digest, "big") >> 1
