"""A second store for several hosts: a table in another PostgreSQL than the ledger's.

A row is replaced only if it still holds what was read. It has to be a server of its own: one that
is restored from a backup together with the ledger's database protects nothing.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import text

from app.store.engine import ConstraintBroken, Database, OutcomeUnknown, Unavailable
from app.store.second_store.protocol import IDENTITY, SlotChanged, StoreUnavailable

_TABLE = """
CREATE TABLE IF NOT EXISTS newest_checkpoints (name TEXT PRIMARY KEY, note TEXT NOT NULL)
"""


class RowSlot:
    """One log's row."""

    def __init__(self, store: "PostgresqlStore", fund: str) -> None:
        self._store = store
        self._fund = fund
        self._read: bytes | None = None

    def read(self) -> bytes | None:
        self._read = self._store.note_of(self._fund)
        return self._read

    def replace(self, note: bytes) -> None:
        self._store.swap(self._fund, self._read, note)
        self._read = note

    def remove(self) -> None:
        self._store.run("DELETE FROM newest_checkpoints WHERE name = :name", name=self._fund)


class PostgresqlStore:
    """The table, which is made when it is missing."""

    def __init__(self, url: str) -> None:
        self._database = Database(url)
        try:
            with suppress(StoreUnavailable):
                # Another process may be making it at this moment.
                self.run(_TABLE)
            self.note_of("")
        except StoreUnavailable:
            self.close()
            raise

    def identity(self) -> str:
        known = self.note_of(f"@{IDENTITY}")
        if known is None:
            with _named():
                self.run(
                    "INSERT INTO newest_checkpoints VALUES (:name, :note) ON CONFLICT DO NOTHING",
                    name=f"@{IDENTITY}",
                    note=secrets.token_hex(16),
                )
            known = self.note_of(f"@{IDENTITY}")
        assert known is not None, "it was stored"  # noqa: S101
        return known.decode()

    def funds(self) -> list[str]:
        query = "SELECT name FROM newest_checkpoints WHERE name NOT LIKE '@%' ORDER BY name"
        with _named(), self._database.read() as connection:
            return [str(name) for name in connection.execute(text(query)).scalars()]

    @contextmanager
    def locked(self, fund: str) -> Iterator[RowSlot]:
        yield RowSlot(self, fund)

    def close(self) -> None:
        self._database.close()

    def note_of(self, name: str) -> bytes | None:
        """What is stored under a name. Raises StoreUnavailable."""
        query = text("SELECT note FROM newest_checkpoints WHERE name = :name")
        with _named(), self._database.read() as connection:
            found = connection.execute(query, {"name": name}).scalar()
        return str(found).encode() if found is not None else None

    def swap(self, name: str, old: bytes | None, new: bytes) -> None:
        """Store `new` if `old` is there still. Raises SlotChanged, StoreUnavailable."""
        statement = (
            "INSERT INTO newest_checkpoints VALUES (:name, :new) ON CONFLICT DO NOTHING"
            if old is None
            else "UPDATE newest_checkpoints SET note = :new WHERE name = :name AND note = :old"
        )
        values = {"name": name, "new": new.decode(), "old": (old or b"").decode()}
        try:
            with _named():
                changed = self.run(statement, **values)
        except StoreUnavailable:
            # The answer may have been lost after the row was stored.
            if self.note_of(name) == new:
                return
            raise
        if not changed:
            raise SlotChanged(name)

    def run(self, statement: str, **values: str) -> int:
        """Run a statement in a transaction of its own; how many rows it changed."""
        with _named(), self._database.write() as connection:
            return connection.execute(text(statement), values).rowcount


@contextmanager
def _named() -> Iterator[None]:
    try:
        yield
    except (Unavailable, OutcomeUnknown, ConstraintBroken) as error:
        raise StoreUnavailable(f"the second store does not answer: {error}") from error
