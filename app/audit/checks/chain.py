"""The walk along the entries: form, position, chain and time of each, and who broke it."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from app.chain.entry import BadEntry, BrokenChain, Link, WrongPrev, check_follows, read_link
from app.chain.tree import Frontier, leaf_hash

_TO_THE_MILLISECOND: Final = len("2025-01-10T09:00:00.000")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

Found = Callable[[str, int], None]
"""Takes what is wrong, and the entry that it is wrong with."""


class Walk:
    """Takes one line after the other and reports what does not follow.

    When entry n + 1 does not name the hash of entry n, one of the two was changed. If entry n + 2
    still names the hash of n + 1, it was n; otherwise it was n + 1.

    Only what is wrong with entries of the range `mine` is reported, and only they grow the tree:
    lines before and behind it may be taken to know what it follows and who broke its last one.
    """

    def __init__(self, found: Found, mine: range) -> None:
        self._report = found
        self._mine = mine
        self._before: Link | None = None
        self._before_leaf: bytes | None = None
        self._break: tuple[int, str] | None = None
        self._ids: tuple[str, str, set[str]] = ("", "", set())
        """The millisecond of the entry before, as text and as its ids write it, and those ids."""
        self._leaves: list[bytes] = []

    @property
    def size(self) -> int:
        """How many entries of `mine` were taken."""
        return len(self._leaves)

    @property
    def leaves(self) -> Sequence[bytes]:
        """The hashes of the entries of `mine` that were taken."""
        return self._leaves

    def frontier(self) -> Frontier:
        """The tree of the entries of `mine` that were taken."""
        return Frontier.of(self._leaves)

    def take(self, seq: int, line: bytes) -> bool:
        """Look at the next line; whether there is an entry in it."""
        leaf = leaf_hash(line)
        if seq in self._mine:
            self._leaves.append(leaf)
        try:
            entry = read_link(line)
        except BadEntry as error:
            self._found(f"seq {seq}: {error}", seq)
            self.finish()
            self._before, self._before_leaf = None, leaf
            return False
        if self._break is not None:
            self._blame(entry, *self._break)
        self._check_id(seq, entry)
        try:
            before_leaf = self._before_leaf if seq else None
            check_follows(entry, self._before, before_leaf)
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
        return True

    def finish(self) -> None:
        """Say what is known of a break that no later entry tells more of."""
        if self._break is not None:
            seq, why = self._break
            self._break = None
            self._found(f"seq {seq - 1} or {seq} was changed: {why}", seq - 1, of=seq)

    def _found(self, why: str, seq: int, of: int | None = None) -> None:
        """Report what is wrong with entry `seq`, noticed at entry `of`, if that is ours."""
        if (seq if of is None else of) in self._mine:
            self._report(why, seq)

    def _check_id(self, seq: int, entry: Link) -> None:
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

    def _blame(self, entry: Link, broken_at: int, why: str) -> None:
        """Say who broke the chain at `broken_at`: the entry behind it tells."""
        if self._before_leaf is None:
            return
        self._break = None
        changed = broken_at - 1 if entry.prev == self._before_leaf.hex() else broken_at
        why = f"seq {changed} was changed: seq {broken_at}: {why}"
        self._found(why, changed, of=broken_at)
