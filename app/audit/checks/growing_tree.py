"""The tree of a log that is read once, entry by entry, and the roots of its earlier sizes.

A party may have seen the log at any earlier size, so every earlier root can be asked for: the
leaves are kept in a temporary file, and the frontier after every 256 entries. Memory and time do
not grow with the number of questions: each root takes at most 255 leaves to work out.
"""

import tempfile
from typing import Final, Self

from app.chain.tree import HASH_BYTES, Frontier

NOTED_EVERY: Final = 256


class GrowingTree:
    """The tree of the entries from `begin` on. A context manager: its temporary file ends with the
    block.
    """

    def __init__(self, begin: Frontier | None = None) -> None:
        self._begin = begin or Frontier()
        self._noted = [self._begin]
        """The tree after every 256 entries."""
        self._waiting: list[bytes] = []
        self._file = tempfile.TemporaryFile(prefix="fundledger-")  # noqa: SIM115  closed by `close`

    @property
    def size(self) -> int:
        """How many entries the tree covers, those before `begin` included."""
        return self._noted[-1].size + len(self._waiting)

    @property
    def frontier(self) -> Frontier:
        """The tree as it is now."""
        return self._noted[-1].extend(self._waiting)[0]

    def add(self, leaf: bytes) -> None:
        """Add one more entry by its leaf hash."""
        self._waiting.append(leaf)
        if len(self._waiting) == NOTED_EVERY:
            self._noted.append(self.frontier)
            self._file.write(b"".join(self._waiting))
            self._waiting.clear()

    def root_at(self, size: int) -> bytes:
        """The root when the log had `size` entries, for sizes from `begin` to the present one."""
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
        """Delete the temporary file of leaves."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
