"""What a second store does, whatever it is made of. `tests/store/second_store` holds each to it."""

from contextlib import AbstractContextManager
from typing import Final, Protocol

from app.chain.checkpoint import Checkpoint
from app.chain.note import Note
from app.runtime.faults import Fault

IDENTITY: Final = "identity"
"""Where a store keeps its own name. No log is called so: logs' names are followed by a suffix."""


class SlotChanged(Exception):
    """Another process has replaced the checkpoint since it was read here: read it again."""


class StoreUnusable(Fault):
    """The second store is none, or not the one that is meant; the message says why."""


class StoreUnavailable(OSError):
    """The second store does not answer, or denies us; what was to be stored may be there or not."""


class Slot(Protocol):
    """One log's place in a store, for the holder of its turn."""

    def read(self) -> bytes | None:
        """The newest signed checkpoint; None before the first. Raises StoreUnavailable."""

    def replace(self, note: bytes) -> None:
        """Store a newer checkpoint in the place of the one that was read; it is durable when this
        returns. Raises SlotChanged, StoreUnavailable.
        """

    def remove(self) -> None:
        """Delete the checkpoint; only for undoing a recovery that was not confirmed."""


class SecondStore(Protocol):
    """A store of newest checkpoints, one for each log."""

    def identity(self) -> str:
        """A name that this store was given when it was made, and that no other has."""

    def funds(self) -> list[str]:
        """Logs that a checkpoint was ever signed for."""

    def locked(self, fund: str) -> AbstractContextManager[Slot]:
        """The log's slot. Where the store can lock it, others wait until the block ends."""

    def close(self) -> None:
        """Give up what it holds open."""


def last_signed(store: SecondStore, fund: str) -> Checkpoint | None:
    """The checkpoint that was signed last, by whatever key; None where none is stored."""
    # Its signature is not verified: the database, which names the keys, may be the outdated one.
    with store.locked(fund) as slot:
        note = slot.read()
    return Checkpoint.parse(Note.parse(note).text) if note is not None else None


def file_name(fund: str) -> str:
    """How a store that has files or objects calls a log's; no fund's name has a dot."""
    return f"{fund.replace('/', '.')}.checkpoint"


def fund_of(name: str) -> str:
    """The log whose file has this name."""
    return name.removesuffix(".checkpoint").replace(".", "/")
