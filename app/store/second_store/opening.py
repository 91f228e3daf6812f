"""Which second store a deployment has."""

from pathlib import Path

from app.chain.checkpoint import Checkpoint
from app.chain.note import Note
from app.store.second_store.folder import FolderStore
from app.store.second_store.postgresql import PostgresqlStore
from app.store.second_store.protocol import SecondStore, StoreUnusable
from app.store.second_store.s3 import S3Store


def move_checkpoints(old: SecondStore, new: SecondStore) -> list[str]:
    """Copy what the old store has to the new one, where that has less; the logs that it did.

    No process may serve meanwhile. Raises StoreUnusable.
    """
    if old.identity() == new.identity():
        raise StoreUnusable("this is the configured second store: configure the new one first")
    moved = []
    for fund in old.funds():
        with old.locked(fund) as source, new.locked(fund) as target:
            note, there = source.read(), target.read()
            if note is not None and (there is None or _size(there) < _size(note)):
                target.replace(note)
                moved.append(fund)
    return moved


def existing_store(folder: Path) -> SecondStore:
    """The store in a folder that has checkpoints. Raises StoreUnusable."""
    if not any(folder.glob("*.checkpoint")):
        raise StoreUnusable(f"{folder} has no checkpoints")
    return FolderStore(folder)


def _size(note: bytes) -> int:
    return Checkpoint.parse(Note.parse(note).text).size


def open_second_store(url: str, folder: Path) -> SecondStore:
    """The store at `url`, or in the folder where there is no URL.

    Raises StoreUnusable, StoreUnavailable.
    """
    if url.startswith("s3://"):
        return S3Store(url)
    if url:
        return PostgresqlStore(url)
    return FolderStore(folder)
