"""The notary: signs checkpoints, and never two that contradict each other.

Before signing it compares the log with the last checkpoint that it signed, which is kept in a
second store outside the database. A log that is ahead of it is normal after a crash. For one that
is behind (an old backup was restored) or different (history was rewritten) it raises ForkDetected
and signs nothing.
"""

from contextlib import suppress
from dataclasses import replace
from typing import Final

from sqlalchemy import Connection

from app.chain.checkpoint import Checkpoint, open_checkpoint
from app.chain.note import Note, NoteError, NoteKey, VerifierKey
from app.chain.tree import Frontier
from app.domain.governance.log_keys import Log
from app.runtime.faults import Fault
from app.store import checkpoints, log, queries
from app.store.engine import Database
from app.store.log_names import main_log
from app.store.marks import SECOND_STORE, mark_of, set_mark
from app.store.second_store.protocol import (
    SecondStore,
    Slot,
    SlotChanged,
    StoreUnavailable,
    last_signed,
)
from app.trust.ledger_keys import LedgerKeys

_SEE = "see fork_detected in docs/operators.md"
_ANOTHER: Final = (
    "this database's checkpoints are kept in another second store. A folder serves processes of "
    "one host: for several hosts set FUNDLEDGER_SECOND_STORE_URL to one that all of them reach "
    "(`fundledger second-store` moves the checkpoints there)"
)
TRIES: Final = 20
"""How often signing is tried again when other processes sign the same log."""


class ForkDetected(Fault):
    """The database contradicts a checkpoint that was signed; the parties must recover it."""


class FundDamaged(ForkDetected):
    """Entries are known not to be what was signed; over once they are put back."""


class AnotherSecondStore(Fault):
    """The database belongs to another second store than the one that is configured here."""


class Notary:
    """Signs the checkpoints of all funds of one database."""

    def __init__(self, database: Database, second_store: SecondStore, keys: LedgerKeys) -> None:
        self._database = database
        self._second_store = second_store
        self.keys = keys
        self._kept: dict[str, int] = {}
        """By fund: the size of the newest checkpoint that is known to be in the database."""
        self._opened: dict[str, tuple[bytes, Checkpoint]] = {}
        """By fund: the note that was signed or verified last, and its checkpoint."""

    def sign(
        self, fund: str, before: Frontier, after: Frontier, vkey: str | None = None
    ) -> tuple[bytes, int]:
        """The signed note for the log at `after`, or a newer one that another process signed.

        Also returns the number of entries that it covers. `before` is the log as it was when this
        batch began; `vkey` the key that the log names at `after`, where the caller knows it. Raises
        ForkDetected, KeyUnusable.
        """
        key = self.keys.of_log(fund, vkey or self.speaker(fund))
        for _ in range(TRIES):
            with suppress(SlotChanged):
                return self._sign_once(fund, before, after, key)
        raise StoreUnavailable("other processes sign this log all the time")

    def _sign_once(
        self, fund: str, before: Frontier, after: Frontier, key: NoteKey
    ) -> tuple[bytes, int]:
        """As `sign`. Raises SlotChanged when another process signs at the same time."""
        with self._second_store.locked(fund) as slot:
            last, kept = self._last(fund, slot)
            if last is not None:
                self._require_same_history(fund, last, before, after)
                # After a crash, or by another process, the last note may be in the second store
                # only.
                self._keep(fund, last.size, kept)
                if last.size >= after.size:
                    return kept, last.size
            checkpoint = Checkpoint(key.name, after.size, after.root())
            note = checkpoint.note().signed_by(key).to_bytes()
            slot.replace(note)
        self._opened[fund] = (note, checkpoint)
        self._keep(fund, after.size, note)
        return note, after.size

    def check(self, fund: str) -> None:
        """Compare the fund's log with the last signed checkpoint, and sign entries that it does not
        cover.

        The cost does not depend on the length of the log. Raises ForkDetected.
        """
        # Both are read in one transaction, because another process could change the key in between.
        with self._database.read() as connection:
            head = log.read_head(connection, fund)
            vkey = _speaker(connection, fund)
        if head is None:
            with self._second_store.locked(fund) as slot:
                if self._last(fund, slot)[0] is not None:
                    raise ForkDetected(
                        f"fund {fund} was signed for and is not in the database: {_SEE}"
                    )
            return
        self.sign(fund, head.frontier, head.frontier, vkey)

    def countersign(self, name: str) -> None:
        """Add the present key's signature to the newest checkpoint of a log, if it is missing.

        For a second log, to which nothing may be added after the fund's key is replaced. Raises
        KeyUnusable.
        """
        key = self.keys.of_log(name, self.speaker(name))
        with self._database.read() as connection:
            note = checkpoints.newest_checkpoint(connection, name)
        if note is None or Note.parse(note).is_signed_by([key.verifier]):
            return
        signed = Note.parse(note).signed_by(key)
        size = Checkpoint.parse(signed.text).size
        with self._database.write() as connection:
            line = signed.signatures[-1].line()
            checkpoints.keep_cosignature(connection, name, size, key.verifier, line)

    def signed(self, fund: str) -> Checkpoint | None:
        """The last checkpoint of the fund, if the database is not behind it. Raises
        ForkDetected.
        """
        with self._second_store.locked(fund) as slot:
            last, _ = self._last(fund, slot)
        with self._database.read() as connection:
            head = log.read_head(connection, fund)
        return last if last is not None and head is not None and head.size >= last.size else None

    # -- recovery --------------------------------------------------------------------------------

    def last_signed(self, fund: str) -> Checkpoint | None:
        """The checkpoint that was signed last, as the second store has it; None for an unknown
        fund.
        """
        return last_signed(self._second_store, fund)

    def head(self, fund: str) -> tuple[int, bytes]:
        """Size and root of the log in the database."""
        with self._database.read() as connection:
            head = log.read_head(connection, fund)
        frontier = head.frontier if head is not None else Frontier()
        return frontier.size, frontier.root()

    def root(self, fund: str, size: int) -> bytes | None:
        """The root of the log's first `size` entries; None where there are fewer."""
        with self._database.read() as connection:
            head = log.read_head(connection, fund)
            if head is None or size > head.size:
                return None
            return log.hashes(connection, fund).root(size)

    def adopt(self, connection: Connection, fund: str, note: bytes) -> Checkpoint:
        """Store a checkpoint of this log that somebody else has kept. Raises NoteError."""
        checkpoint = open_checkpoint(note, *self._verifiers(connection, fund))
        found = Note.parse(note)
        own = tuple(line for line in found.signatures if line.name == checkpoint.origin)
        signed = Note(found.text, own).to_bytes()
        checkpoints.keep_checkpoint(connection, fund, checkpoint.size, signed)
        return checkpoint

    def claim_store(self, *, anew: bool = False) -> None:
        """Bind the database to this second store, unless it is bound already; `anew` also then.
        Raises AnotherSecondStore.
        """
        mine = self._second_store.identity()
        with self._database.read() as connection:
            known = mark_of(connection, SECOND_STORE)
        if known == mine:
            return
        if known is not None and not anew:
            raise AnotherSecondStore(_ANOTHER)
        with self._database.write() as connection:
            set_mark(connection, SECOND_STORE, mine, anew=anew)
            if mark_of(connection, SECOND_STORE) != mine:
                # Another host was first, at this moment.
                raise AnotherSecondStore(_ANOTHER)

    def reinstate(self, fund: str) -> bool:
        """Put the database's newest checkpoint into the second store, if that has none of this
        fund.

        Returns whether it did.
        """
        with self._database.read() as connection:
            note = checkpoints.newest_signed(connection, fund)
        with self._second_store.locked(fund) as slot:
            if slot.read() is not None or note is None:
                return False
            slot.replace(note)
        return True

    def withdraw(self, fund: str) -> None:
        """Take the fund's checkpoint out of the second store again, which `reinstate` put there."""
        with self._second_store.locked(fund) as slot:
            slot.remove()

    def _keep(self, fund: str, size: int, note: bytes) -> None:
        """Store a signed checkpoint in the database, which has all of them."""
        if self._kept.get(fund) != size:
            # It need not be on disk at once: the second store has it, and the next commit that
            # must be on disk takes this one along.
            with self._database.write(durable=False) as connection:
                checkpoints.keep_checkpoint(connection, fund, size, note)
            self._kept[fund] = size

    def speaker(self, fund: str) -> str:
        """The key that the fund's log names for checkpoints now; empty before the fund is open."""
        with self._database.read() as connection:
            return _speaker(connection, fund)

    def verifiers(self, log: str) -> list[VerifierKey]:
        """All keys that the log has ever named, under the log's name."""
        with self._database.read() as connection:
            return self._verifiers(connection, log)

    def _verifiers(self, connection: Connection, log: str) -> list[VerifierKey]:
        log_state, name = _log_state_of(connection, log), f"{self.keys.origin}/{log}"
        if log_state is None:
            return [self.keys.of_log(log).verifier]
        return [replace(VerifierKey.parse(key.vkey), name=name) for key in log_state.keys]

    def opened(self, fund: str, note: bytes) -> Checkpoint:
        """The checkpoint of a note that this notary signed; the newest is not verified twice.

        Raises NoteError.
        """
        known, checkpoint = self._opened.get(fund, (b"", None))
        if checkpoint is not None and known == note:
            return checkpoint
        return open_checkpoint(note, *self.verifiers(fund))

    def size_of(self, fund: str, note: bytes) -> int:
        """How many entries a note covers that this notary signed."""
        return self.opened(fund, note).size

    def funds(self) -> set[str]:
        """The funds in the database and those in the second store."""
        with self._database.read() as connection:
            return {*log.funds(connection), *self._second_store.funds()}

    def _last(self, fund: str, slot: Slot) -> tuple[Checkpoint | None, bytes]:
        """The checkpoint in the slot, and its note: read once, for what is judged is what is
        replaced.
        """
        note = slot.read()
        if note is not None:
            try:
                checkpoint = self.opened(fund, note)
            except NoteError as error:
                # A key is named in the log before it signs, so an entry that named this one was
                # lost.
                raise ForkDetected(
                    f"fund {fund}: no key that the log names signed its last checkpoint: "
                    f"{error}: {_SEE}"
                ) from None
            self._opened[fund] = (note, checkpoint)
            return checkpoint, note
        with self._database.read() as connection:
            kept = checkpoints.newest_checkpoint(connection, fund)
        if kept is not None:
            raise ForkDetected(f"the second store has lost the checkpoint of fund {fund}: {_SEE}")
        return None, b""

    def _require_same_history(
        self, fund: str, last: Checkpoint, before: Frontier, after: Frontier
    ) -> None:
        known = {before.size: before, after.size: after}
        if last.size in known:
            root = known[last.size].root()
            found = None if root == last.root else log.differs(last, root)
        else:
            with self._database.read() as connection:
                found = log.contradiction(connection, fund, last)
        if found is not None:
            raise ForkDetected(f"fund {fund}: {found}: {_SEE}")


def _log_state_of(connection: Connection, name: str) -> Log | None:
    return queries.one(connection, main_log(name), Log)


def _speaker(connection: Connection, name: str) -> str:
    log_state = _log_state_of(connection, name)
    return log_state.vkey if log_state is not None else ""
