"""The walk along the entries: form, position, chain and time of each, and which one was changed."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from app.audit.checks.growing_tree import GrowingTree
from app.chain.entry import BadEntry, BrokenChain, Entry, WrongPrev, check_follows
from app.chain.tree import leaf_hash

_TO_THE_MILLISECOND: Final = len("2025-01-10T09:00:00.000")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

Found = Callable[[str, int], None]
"""Takes a problem as a sentence, and the position of its entry."""


class Walk:
    """Takes one line after the other and reports each that does not follow from the one before.

    When entry n + 1 does not name the hash of entry n, one of the two was changed. If entry n + 2
    still names the hash of n + 1, it was n; otherwise it was n + 1.
    """

    def __init__(self, found: Found, tree: GrowingTree) -> None:
        """`tree` grows by every line. The entries before it are not known, so the first line is not
        compared with any, unless it is entry 0.
        """
        self._found = found
        self._tree = tree
        self._before: Entry | None = None
        self._before_leaf: bytes | None = None
        self._break: tuple[int, str] | None = None
        self._ids: tuple[str, str, set[str]] = ("", "", set())
        """The previous entry's millisecond, as text and as ids begin with it, and the ids of that
        millisecond.
        """

    def take(self, seq: int, line: bytes) -> Entry | None:
        """The entry in the next line; None when the line is no entry, which is reported."""
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
            # After a line that is no entry there is nothing to compare with.
            if self._before is not None or seq == 0:
                self._found(f"seq {seq}: {error}", seq)
        self._before, self._before_leaf = entry, leaf
        return entry

    def finish(self) -> None:
        """Report a break at the end, where no later entry shows which of the two was changed."""
        if self._break is not None:
            seq, why = self._break
            self._break = None
            self._found(f"seq {seq - 1} or {seq} was changed: {why}", seq - 1)

    def _check_id(self, seq: int, entry: Entry) -> None:
        """Check that the id begins with the entry's millisecond and is new among ids of that
        millisecond; ids of other milliseconds differ anyway.
        """
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
        """Report which entry was changed at the break before `broken_at`, as the next `entry`
        shows.
        """
        if self._before_leaf is None:
            return
        self._break = None
        changed = broken_at - 1 if entry.prev == self._before_leaf.hex() else broken_at
        why = f"seq {changed} was changed: seq {broken_at}: {why}"
        self._found(why, changed)
