"""Hashes by tile (C2SP tlog-tiles): how a proof for any entry is found without reading the log.

A tile (L, N) holds up to 256 hashes, each the root of a perfect subtree of 256**L leaves. Level 0
is the leaf hashes themselves. Complete subtrees of level 1 and above are what a store keeps beside
the leaves: one hash for 256 entries. A proof then reads at most two tiles a level.
"""

from collections.abc import Callable, Iterable, Sequence

from app.chain.tree import (
    EMPTY_ROOT,
    Frontier,
    Range,
    Subtree,
    consistency_path,
    inclusion_path,
    join,
    node_hash,
)

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT

Tiles = Callable[[int, int], Sequence[bytes]]
"""Reads tile (level, number): its hashes so far, left to right."""


class HashReader:
    """Hashes of ranges of one log, from its tiles; each tile is read once."""

    def __init__(self, tiles: Tiles) -> None:
        self._tiles = tiles
        self._read: dict[tuple[int, int], Sequence[bytes]] = {}

    def inclusion_proof(self, index: int, size: int) -> list[bytes]:
        """The hashes that prove entry `index` in the log's first `size` entries."""
        return [self.range_hash(part) for part in inclusion_path(index, size)]

    def consistency_proof(self, old: int, new: int) -> list[bytes]:
        """The hashes that prove that the first `new` entries begin with the first `old`."""
        return [self.range_hash(part) for part in consistency_path(old, new)]

    def root(self, size: int) -> bytes:
        """The tree head when the log had `size` entries."""
        return self.range_hash(Range(0, size)) if size else EMPTY_ROOT

    def frontier(self, size: int) -> Frontier:
        """The perfect subtrees of the log's first `size` entries."""
        return Frontier(size, tuple(map(self._subtree_hash, Range(0, size).subtrees())))

    def range_hash(self, part: Range) -> bytes:
        """MTH(D[start:end]) for a range that a proof names."""
        return join([self._subtree_hash(subtree) for subtree in part.subtrees()])

    def _subtree_hash(self, subtree: Subtree) -> bytes:
        """The hash of a subtree, from the one tile that it lies within."""
        tile_level, height = divmod(subtree.level, TILE_HEIGHT)
        number, offset = divmod(subtree.index << height, TILE_WIDTH)
        tile = self._tile(tile_level, number)
        hashes = tile[offset : offset + (1 << height)]
        if len(hashes) != 1 << height:
            raise LookupError(f"tile {tile_level}/{number} has {len(tile)} hashes, too few")
        while len(hashes) > 1:
            hashes = [node_hash(*pair) for pair in zip(hashes[::2], hashes[1::2], strict=True)]
        return hashes[0]

    def _tile(self, level: int, number: int) -> Sequence[bytes]:
        if (level, number) not in self._read:
            self._read[level, number] = self._tiles(level, number)
        return self._read[level, number]


def tile_width(size: int, level: int, number: int) -> int:
    """How many hashes tile (level, number) has in a log of `size` entries: 0 to 256."""
    hashes = size >> (TILE_HEIGHT * level)
    return max(0, min(TILE_WIDTH, hashes - number * TILE_WIDTH))


def tile_path(number: int, width: int = TILE_WIDTH) -> str:
    """How tlog-tiles spells tile `number`: `x001/x234/067`, a partial one with `.p/<width>`."""
    digits = f"{number:03d}"
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    path = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
    return path if width == TILE_WIDTH else f"{path}.p/{width}"


def stored_hashes(completed: Iterable[tuple[Subtree, bytes]]) -> list[tuple[int, int, bytes]]:
    """What a store keeps of completed subtrees: (tile level >= 1, position in that level, hash)."""
    return [
        (subtree.level // TILE_HEIGHT, subtree.index, root)
        for subtree, root in completed
        if subtree.level and subtree.level % TILE_HEIGHT == 0
    ]
