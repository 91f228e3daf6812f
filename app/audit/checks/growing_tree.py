"""The tree of a log that is read once, entry by entry, and the roots that it had on the way.

Somebody may have seen the log at any earlier size, so every earlier root can be asked for: the
leaves lie in a temporary file, and every 256 entries the tree is noted. So neither memory nor time
grows with the number of those who ask: a root takes at most 255 leaves to work out.
"""

import tempfile
from typing import Final, Self

from app.chain.tree import HASH_BYTES, Frontier

NOTED_EVERY: Final = 256


class GrowingTree:
    """The tree of entries from `begin` on; ends with its block."""

    def __init__(self, begin: Frontier | None = None) -> None:
        self._begin = begin or Frontier()
        self._noted = [self._begin]
        """The tree after every 256 entries."""
        self._waiting: list[bytes] = []
        self._file = tempfile.TemporaryFile(prefix="fundledger-")  # noqa: SIM115  closed by `close`

    @property
    def size(self) -> int:
        """How many entries the tree has, those before `begin` too."""
        return self._noted[-1].size + len(self._waiting)

    @property
    def frontier(self) -> Frontier:
        """The tree as it is now."""
        return self._noted[-1].extend(self._waiting)[0]

    def add(self, leaf: bytes) -> None:
        """One more entry, by its hash."""
        self._waiting.append(leaf)
        if len(self._waiting) == NOTED_EVERY:
            self._noted.append(self.frontier)
            self._file.write(b"".join(self._waiting))
            self._waiting.clear()

    def root_at(self, size: int) -> bytes:
        """The root when the log had `size` entries: from those of `begin` to those of now."""
        if not self._begin.size <= size <= self.size:
            raise IndexError(f"this tree never had {size} entries")
        place, rest = divmod(size - self._begin.size, NOTED_EVERY)
        leaves = self._waiting[:rest] if place == len(self._noted) - 1 else self._read(place, rest)
        return self._noted[place].extend(leaves)[0].root()

    def _read(self, place: int, count: int) -> list[bytes]:
        self._file.seek(place * NOTED_EVERY * HASH_BYTES)
        raw = self._file.read(count * HASH_BYTES)
        self._file.seek(0, 2)
        return [raw[at : at + HASH_BYTES] for at in range(0, len(raw), HASH_BYTES)]

    def close(self) -> None:
        """Throw the leaves away."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
