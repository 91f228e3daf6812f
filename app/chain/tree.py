"""The Merkle tree of a log: RFC 6962 section 2.1 hashing, RFC 9162 section 2.1 verification.

Pure arithmetic over hashes. A `Frontier` grows the tree in O(log n) memory; `inclusion_path` and
`consistency_path` say which subtrees prove something; the `verify_…` functions check a proof that
somebody else made. Entries are opaque bytes here.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

HASH_BYTES = 32
MAX_PROOF = 63
"""Most hashes in a proof: one for each level of the largest tree that 63-bit sizes allow."""
EMPTY_ROOT = sha256(b"").digest()


class ProofError(ValueError):
    """A proof does not prove what it claims; the message says which part failed."""


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256(0x00 || entry). The prefix keeps a leaf from being taken for a node."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right)."""
    return sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Subtree:
    """A perfect subtree: the leaves [index * 2**level, (index + 1) * 2**level)."""

    level: int
    index: int


@dataclass(frozen=True, slots=True)
class Range:
    """The leaves [start, end); its hash is RFC 6962's MTH(D[start:end])."""

    start: int
    end: int

    def subtrees(self) -> list[Subtree]:
        """The perfect subtrees it consists of, left to right and largest first.

        Holds for every range that a proof names: `start` is a multiple of a power of two that
        is at least as large as the range.
        """
        found = []
        position, remaining = self.start, self.end - self.start
        while remaining:
            level = remaining.bit_length() - 1
            found.append(Subtree(level, position >> level))
            position += 1 << level
            remaining -= 1 << level
        return found


@dataclass(frozen=True, slots=True)
class Frontier:
    """A tree of `size` leaves, held as the roots of its perfect subtrees, largest first.

    One peak for each bit that is set in `size`: enough to append and to know the root.
    """

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.peaks) != self.size.bit_count():
            raise ValueError(f"{len(self.peaks)} peaks cannot hold {self.size} leaves")
        if any(len(peak) != HASH_BYTES for peak in self.peaks):
            raise ValueError(f"a peak is a hash of {HASH_BYTES} bytes")

    @classmethod
    def of(cls, leaves: Sequence[bytes]) -> "Frontier":
        """The tree of these leaf hashes, level by level: faster than appending each."""
        peaks, level = list[bytes](), leaves
        while level:
            if len(level) % 2:
                peaks.append(level[-1])
            pairs = zip(level[::2], level[1::2], strict=False)
            level = [sha256(b"\x01" + left + right).digest() for left, right in pairs]
        return cls(len(leaves), tuple(reversed(peaks)))

    def append(self, leaf: bytes) -> "Frontier":
        """The tree with one more leaf hash at its end."""
        return self.extend([leaf])[0]

    def extend(self, leaves: Iterable[bytes]) -> "tuple[Frontier, dict[Subtree, bytes]]":
        """The tree with `leaves` appended, and every subtree that they completed, leaves too."""
        completed: dict[Subtree, bytes] = {}
        peaks, size = list(self.peaks), self.size
        for leaf in leaves:
            subtree, root = Subtree(0, size), leaf
            completed[subtree] = root
            # A trailing 1 bit of the size is a complete left sibling of this subtree.
            while size >> subtree.level & 1:
                root = node_hash(peaks.pop(), root)
                subtree = Subtree(subtree.level + 1, subtree.index >> 1)
                completed[subtree] = root
            peaks.append(root)
            size += 1
        return Frontier(size, tuple(peaks)), completed

    def joined(self, part: "Frontier") -> "Frontier":
        """The tree with all leaves of `part` appended.

        This tree's size must be a multiple of the largest subtree of `part`, which then stay
        subtrees. Raises ValueError otherwise.
        """
        peaks, size = list(self.peaks), self.size
        for subtree, peak in part.subtrees().items():
            level, root = subtree.level, peak
            if size % (1 << level):
                raise ValueError(f"{part.size} leaves do not stay subtrees behind {self.size}")
            while size >> level & 1:
                root, level = node_hash(peaks.pop(), root), level + 1
            peaks.append(root)
            size += 1 << subtree.level
        return Frontier(size, tuple(peaks))

    def subtrees(self) -> dict[Subtree, bytes]:
        """The peaks by the subtrees that they are the roots of."""
        return dict(zip(Range(0, self.size).subtrees(), self.peaks, strict=True))

    def root(self) -> bytes:
        """The tree head, RFC 6962's MTH."""
        return join(self.peaks) if self.peaks else EMPTY_ROOT


def join(roots: Sequence[bytes]) -> bytes:
    """The hash over neighbouring perfect subtrees, largest first; folded from the right."""
    result = roots[-1]
    for root in reversed(roots[:-1]):
        result = node_hash(root, result)
    return result


def root_of(leaves: Iterable[bytes]) -> bytes:
    """The tree head over leaf hashes."""
    return Frontier().extend(leaves)[0].root()


def inclusion_path(index: int, size: int) -> list[Range]:
    """Subtrees whose hashes prove entry `index` in a log of `size` entries.

    0 <= index < size; at most 63 ranges, the leaf's sibling first.
    Raises IndexError outside the log. RFC 6962 section 2.1.1.
    """
    if not 0 <= index < size:
        raise IndexError(f"entry {index} is not in a log of {size}")
    path = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _largest_power_below(end - start)
        if index < middle:
            path.append(Range(middle, end))
            end = middle
        else:
            path.append(Range(start, middle))
            start = middle
    return path[::-1]


def consistency_path(old: int, new: int) -> list[Range]:
    """Subtrees whose hashes prove that the log of `new` entries begins with that of `old`.

    0 <= old <= new; empty where nothing needs proof (`old` is 0 or equals `new`).
    Raises IndexError otherwise. RFC 6962 section 2.1.2.
    """
    if not 0 <= old <= new:
        raise IndexError(f"a log of {old} cannot be a beginning of a log of {new}")
    if old in (0, new):
        return []
    path = []
    start, end, whole = 0, new, True
    while end > old or not whole:
        if end == old:
            path.append(Range(start, end))
            break
        middle = start + _largest_power_below(end - start)
        if old <= middle:
            path.append(Range(middle, end))
            end = middle
        else:
            path.append(Range(start, middle))
            start, whole = middle, False
    return path[::-1]


def verify_inclusion(
    index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes
) -> None:
    """Check that `root` has the leaf hash at `index`. RFC 9162 section 2.1.3.2.

    Raises ProofError.
    """
    if not 0 <= index < size:
        raise ProofError(f"entry {index} is not in a log of {size}")
    _check_hashes([leaf])
    _check_hashes(proof)
    node, last, computed = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise ProofError("the proof is longer than the tree is high")
        if node & 1 or node == last:
            computed = node_hash(sibling, computed)
            while node and not node & 1:
                node, last = node >> 1, last >> 1
        else:
            computed = node_hash(computed, sibling)
        node, last = node >> 1, last >> 1
    if last != 0:
        raise ProofError("the proof is shorter than the tree is high")
    if computed != root:
        raise ProofError(f"the proof leads to root {computed.hex()}, not to {root.hex()}")


def verify_consistency(
    old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Check that the log of `new` entries begins with the log of `old`. RFC 9162 section 2.1.4.2.

    1 <= old <= new: an empty log is a beginning of every other, which needs no proof. Raises
    ProofError.
    """
    if not 1 <= old <= new:
        raise ProofError(f"a log of {old} cannot be shown to begin a log of {new}")
    _check_hashes(proof)
    if old == new:
        if proof or old_root != new_root:
            raise ProofError("logs of one size need equal roots and an empty proof")
        return
    # A perfect old tree is a subtree of the new one; its root is known and not in the proof.
    hashes = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    if not hashes:
        raise ProofError("the proof is empty")
    computed_old, computed_new = _climb_both(old - 1, new - 1, hashes)
    if computed_old != old_root:
        raise ProofError(f"the proof does not lead to the old root {old_root.hex()}")
    if computed_new != new_root:
        raise ProofError(f"the proof does not lead to the new root {new_root.hex()}")


def _climb_both(node: int, last: int, hashes: Sequence[bytes]) -> tuple[bytes, bytes]:
    """The two roots that a consistency proof leads to, from the old tree's last leaf upwards."""
    while node & 1:
        node, last = node >> 1, last >> 1
    old = new = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            raise ProofError("the proof is longer than the tree is high")
        if node & 1 or node == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while node and not node & 1:
                node, last = node >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        node, last = node >> 1, last >> 1
    if last != 0:
        raise ProofError("the proof is shorter than the tree is high")
    return old, new


def _largest_power_below(count: int) -> int:
    """The largest power of two that is smaller than `count`, which is at least 2."""
    return 1 << ((count - 1).bit_length() - 1)


def _check_hashes(hashes: Sequence[bytes]) -> None:
    if len(hashes) > MAX_PROOF:
        raise ProofError(f"a proof holds at most {MAX_PROOF} hashes")
    if any(len(value) != HASH_BYTES for value in hashes):
        raise ProofError(f"a hash has {HASH_BYTES} bytes")
