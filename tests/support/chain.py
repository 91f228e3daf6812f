"""What the tests of this room share: keys, arbitrary JSON, and the tree as RFC 6962 writes it.

`NaiveTree` is the oracle of the tree's tests: the recursive definitions, transcribed, with no
line in common with `app.chain.tree`.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from app.chain.note import COSIGNATURE, ED25519, NoteKey

ORIGIN = "fund.example/era"
MAX_INTEGER = 2**53 - 1

modest = settings(max_examples=60, deadline=None)

key_names = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"], exclude_characters="+"),
    min_size=1,
    max_size=20,
)
key_types = st.sampled_from([ED25519, COSIGNATURE])
seeds = st.binary(min_size=32, max_size=32)


def a_key(name: str = ORIGIN, seed: int = 1, key_type: int = ED25519) -> NoteKey:
    return NoteKey.from_seed(name, bytes([seed]) * 32, key_type)


def entries(count: int) -> list[bytes]:
    return [b"entry %d" % number for number in range(count)]


def texts(max_size: int = 12) -> st.SearchStrategy[str]:
    """Any characters of Unicode, lone surrogates excepted, with a bias for the awkward ones."""
    awkward = st.sampled_from(
        '"\\/\b\n\x00\x1f\x7f\x80\u20ac\u2028\ue000\uffff\U0001f600\U00010000'
    )
    return st.text(awkward | st.characters(exclude_categories=["Cs"]), max_size=max_size)


def json_values(*, null: bool = True, depth: int = 3) -> st.SearchStrategy[Any]:
    """Values of canonical JSON, nested at most `depth` deep."""
    scalars = st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | texts()
    values: st.SearchStrategy[Any] = scalars | st.none() if null else scalars
    for _ in range(depth):
        lists = st.lists(values, max_size=4)
        values = values | lists | st.dictionaries(texts(6), values, max_size=4)
    return values


class NaiveTree:
    """MTH, PATH and PROOF of RFC 6962 section 2.1 over the entries d(0) ... d(n-1)."""

    def __init__(self, data: Sequence[bytes]) -> None:
        self.leaves = [sha256(b"\x00" + entry).digest() for entry in data]
        self._known: dict[tuple[int, int], bytes] = {}

    def mth(self, start: int, end: int) -> bytes:
        """MTH(D[start:end])."""
        if end == start:
            return sha256(b"").digest()
        if end - start == 1:
            return self.leaves[start]
        if (start, end) not in self._known:
            middle = start + _split(end - start)
            both = self.mth(start, middle) + self.mth(middle, end)
            self._known[start, end] = sha256(b"\x01" + both).digest()
        return self._known[start, end]

    def root(self, size: int) -> bytes:
        return self.mth(0, size)

    def path(self, index: int, size: int) -> list[bytes]:
        """PATH(index, D[size])."""
        return self._path(index, 0, size)

    def proof(self, old: int, new: int) -> list[bytes]:
        """PROOF(old, D[new])."""
        return self._subproof(old, 0, new, whole=True)

    def _path(self, m: int, start: int, end: int) -> list[bytes]:
        if end - start == 1:
            return []
        k = _split(end - start)
        if m < k:
            return [*self._path(m, start, start + k), self.mth(start + k, end)]
        return [*self._path(m - k, start + k, end), self.mth(start, start + k)]

    def _subproof(self, m: int, start: int, end: int, *, whole: bool) -> list[bytes]:
        if m == end - start:
            return [] if whole else [self.mth(start, end)]
        k = _split(end - start)
        if m <= k:
            return [*self._subproof(m, start, start + k, whole=whole), self.mth(start + k, end)]
        return [*self._subproof(m - k, start + k, end, whole=False), self.mth(start, start + k)]


def flipped(value: bytes, bit: int) -> bytes:
    """`value` with one bit changed."""
    changed = bytearray(value)
    changed[bit // 8 % len(value)] ^= 1 << bit % 8
    return bytes(changed)


def _split(count: int) -> int:
    """The k of RFC 6962: the largest power of two smaller than `count`."""
    k = 1
    while 2 * k < count:
        k *= 2
    return k
