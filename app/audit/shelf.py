"""A shelf for a replay's rows: a temporary file, so that memory does not grow with the log.

A replay must be able to look at any row again, however old: a bank line of years ago must not be
booked a second time. Rows that are not at hand lie here, as JSON, by kind and key.
"""

import sqlite3
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from app.domain.book import Identity, Key, State

_SEPARATOR = "\x1f"
"""Stands in no identity: control characters are refused in all of them."""
_CACHE_KIB = 16_384


class Shelf:
    """Rows by key; ends with its block."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="fundledger-")
        path = Path(self._folder.name) / "shelf"
        self._rows = sqlite3.connect(path, isolation_level=None)
        # Scratch: it is never read again after a crash.
        self._rows.execute("PRAGMA journal_mode=OFF")
        self._rows.execute("PRAGMA synchronous=OFF")
        self._rows.execute(f"PRAGMA cache_size=-{_CACHE_KIB}")
        self._rows.execute("CREATE TABLE shelf (name TEXT PRIMARY KEY, row TEXT) WITHOUT ROWID")

    def put(self, rows: Iterable[tuple[Key, State | None]]) -> None:
        """Keep rows; those with the same key are replaced."""
        named = [
            (_name(*where), state.model_dump_json(exclude_computed_fields=True))
            for where, state in rows
            if state is not None
        ]
        self._rows.execute("BEGIN")
        self._rows.executemany("INSERT OR REPLACE INTO shelf VALUES (?, ?)", named)
        self._rows.execute("COMMIT")

    def find(self, kind: type[State], identity: Identity) -> State | None:
        """The row; None when it was never put here."""
        query = "SELECT row FROM shelf WHERE name = ?"
        found = self._rows.execute(query, (_name(kind, identity),)).fetchone()
        return None if found is None else kind.model_validate_json(found[0])

    def close(self) -> None:
        """Throw everything away."""
        self._rows.close()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _name(kind: type[State], identity: Identity) -> str:
    return _SEPARATOR.join((kind.table, *map(str, identity)))
