"""What a witness remembers: the largest checkpoint of each log that it cosigned.

One SQLite file. Reading and advancing are one transaction that is on disk before the request is
answered: two requests at the same time see each other, and after a crash everything that was
answered is still known. So the witness can never be led to sign a smaller log after a larger one.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from hashlib import sha256
from pathlib import Path

from app.chain.checkpoint import Checkpoint
from app.chain.tree import EMPTY_ROOT
from app.chain.witness import CosignedHead
from app.runtime.faults import Fault

_TABLE = """
CREATE TABLE IF NOT EXISTS views (
    origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL, note BLOB NOT NULL
) WITHOUT ROWID
"""
_WAIT_S = 20.0


class MemoryLost(Fault):
    """The witness has a key, but no longer knows what it has cosigned with it."""


def require_memory(key: Path, views: Path, *, accept_loss: bool) -> None:
    """Check that a witness which has a key also has its memory. Raises MemoryLost.

    Without it, it would cosign a second history of a log under the same key.
    """
    if key.exists() and not _has_views(views) and not accept_loss:
        raise MemoryLost(
            f"{key} is here and {views}, what it has cosigned, is not: restore it; if it is lost, "
            "better make a new key, or go on with --accept-loss and tell everybody who trusts it"
        )


def _has_views(path: Path) -> bool:
    if not path.exists():
        return False
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        try:
            return bool(connection.execute("PRAGMA table_info(views)").fetchall())
        except sqlite3.DatabaseError:
            return False


class CosignedHeads:
    """The witness's file of cosigned checkpoints."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._connected() as connection:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute(_TABLE)

    def newest(self, origin: str) -> bytes | None:
        """The newest cosigned checkpoint of a log; None before the first."""
        query = "SELECT note FROM views WHERE origin = ?"
        with self._connected() as connection:
            found = connection.execute(query, (origin,)).fetchone()
        return bytes(found[0]) if found is not None else None

    def advance(self, checkpoint: Checkpoint, cosign: Callable[[CosignedHead], bytes]) -> bytes:
        """Replace a log's cosigned checkpoint by `checkpoint`, whose note `cosign` makes, or
        raises.

        `cosign` is given what was cosigned last. Its result is on disk when this returns.
        """
        with self._connected() as connection:
            connection.execute("BEGIN IMMEDIATE")
            query = "SELECT size, root FROM views WHERE origin = ?"
            found = connection.execute(query, (checkpoint.origin,)).fetchone()
            note = cosign(
                CosignedHead(*found) if found is not None else CosignedHead(0, EMPTY_ROOT)
            )
            connection.execute(
                "INSERT INTO views VALUES (?, ?, ?, ?) ON CONFLICT (origin) DO UPDATE "
                "SET size = excluded.size, root = excluded.root, note = excluded.note",
                (checkpoint.origin, checkpoint.size, checkpoint.root, note),
            )
            connection.execute("COMMIT")
        return note

    def keep_evidence(self, *notes: bytes) -> Path:
        """Store signed checkpoints that contradict each other beside the file; where."""
        content = b"\n".join(notes)
        path = self._path.with_name(f"evidence-{sha256(content).hexdigest()[:16]}.txt")
        path.write_bytes(content)
        return path

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        # Closing it rolls back what was not committed.
        with closing(sqlite3.connect(self._path, _WAIT_S, isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous=FULL")
            yield connection
