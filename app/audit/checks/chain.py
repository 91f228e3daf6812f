"""The walk along the entries: form, position, chain and time of each, and who broke it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from app.audit.checks.growing_tree import GrowingTree
from app.chain.entry import BadEntry, BrokenChain, Entry, WrongPrev, check_follows
from app.chain.tree import leaf_hash

_TO_THE_MILLISECOND: Final = len("2025-01-10T09:00:00.000")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

Found = Callable[[str, int], None]
"""Takes what is wrong, and the entry that it is wrong with."""


class Walk:
    """Takes one line after the other and reports what does not follow.

    When entry n + 1 does not name the hash of entry n, one of the two was changed. If entry n + 2
    still names the hash of n + 1, it was n; otherwise it was n + 1.
    """

    def __init__(self, found: Found, tree: GrowingTree) -> None:
        """`tree` grows by every line. What it begins with is not known: the first line, unless it
        is that of entry 0, follows nothing here.
        """
        self._found = found
        self._tree = tree
        self._before: Entry | None = None
        self._before_leaf: bytes | None = None
        self._break: tuple[int, str] | None = None
        self._ids: tuple[str, str, set[str]] = ("", "", set())
        """The millisecond of the entry before, as text and as its ids write it, and those ids."""

    def take(self, seq: int, line: bytes) -> Entry | None:
        """The entry in the next line; None when there is none, which is reported."""
        leaf = leaf_hash(line)
        self._tree.add(leaf)
        try:
            entry = Entry.from_bytes(line)
        except BadEntry as error:
            self._found(f"seq {seq}: {error}", seq)
            self.finish()
            self._before, self._before_leaf = None, leaf
            return None
        if self._break is not None:
            self._blame(entry, *self._break)
        self._check_id(seq, entry)
        try:
            check_follows(entry, self._before, self._before_leaf if seq else None)
        except WrongPrev as error:
            if seq == 0:
                self._found(f"seq 0: {error}", 0)
            else:
                self._break = (seq, str(error))
        except BrokenChain as error:
            # After a line that is no entry there is nothing to follow.
            if self._before is not None or seq == 0:
                self._found(f"seq {seq}: {error}", seq)
        self._before, self._before_leaf = entry, leaf
        return entry

    def finish(self) -> None:
        """Say what is known of a break that no later entry tells more of."""
        if self._break is not None:
            seq, why = self._break
            self._break = None
            self._found(f"seq {seq - 1} or {seq} was changed: {why}", seq - 1)

    def _check_id(self, seq: int, entry: Entry) -> None:
        """An id begins with its entry's millisecond, so only ids of the same one can be equal."""
        moment = entry.at[:_TO_THE_MILLISECOND]
        if self._ids[0] != moment:
            recorded_at = datetime.fromisoformat(entry.at)
            since = (recorded_at - _EPOCH) // timedelta(milliseconds=1)
            digits = f"{since:012x}"
            self._ids = (moment, f"{digits[:8]}-{digits[8:]}-", set())
        _, start, known = self._ids
        if not entry.id.startswith(start) or entry.id in known:
            self._found(f"seq {seq}: its id was not made for it alone, at its time", seq)
        known.add(entry.id)

    def _blame(self, entry: Entry, broken_at: int, why: str) -> None:
        """Say who broke the chain at `broken_at`: the entry behind it tells."""
        if self._before_leaf is None:
            return
        self._break = None
        changed = broken_at - 1 if entry.prev == self._before_leaf.hex() else broken_at
        why = f"seq {changed} was changed: seq {broken_at}: {why}"
        self._found(why, changed)
