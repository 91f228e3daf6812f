"""Whether stored entries are those that were signed, a tile of 256 at a time.

A signed checkpoint fixes the hash of every entry. The stored bytes of an entry are compared with
that hash, and not with the one that is stored beside them: whoever can change the one can change
the other. Where a stored hash was changed too, the entry that follows still names the signed one.
"""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from app.chain.checkpoint import Checkpoint
from app.chain.entry import Entry
from app.chain.tiles import TILE_WIDTH, HashReader
from app.chain.tree import ProofError, leaf_hash, verify_inclusion
from app.store import log

NEWEST: Final = 2
"""So many of the newest tiles are checked when a process starts …"""
SAMPLE: Final = 8
"""… and so many others, by chance."""
SOMEWHERE: Final = -1
"""The position of damage that cannot be told."""


@dataclass(frozen=True, slots=True)
class Damage:
    """Entry `seq` is not what was signed; `signed_hash` (hex) is what its leaf hash was then."""

    seq: int
    why: str
    signed_hash: str = ""


class SignedTree:
    """The tree of a signed checkpoint, as far as the database still gives it."""

    def __init__(self, connection: Connection, fund: str, signed: Checkpoint) -> None:
        self._connection = connection
        self._fund = fund
        self._signed = signed
        self._leaves: dict[int, list[bytes] | None] = {}
        self._partial = signed.size // TILE_WIDTH if signed.size % TILE_WIDTH else None
        """The number of the tile that is not full: its leaves are in the proofs of all others."""

    def damages(self, number: int) -> Iterator[Damage]:
        """The entries of tile `number` that are not what the checkpoint was signed for."""
        first, end = self._bounds(number)
        stored = self._stored(number)
        there = {entry.seq for entry in stored}
        if missing := sorted(set(range(first, end)) - there):
            yield Damage(missing[0], "it is missing")
            return
        leaves = self.leaves(number)
        if leaves is None:
            yield Damage(SOMEWHERE, f"entries {first} to {end - 1} do not make the signed tree")
            return
        last_is_whole = True
        for entry, leaf in zip(stored, leaves, strict=True):
            why = _difference(entry, leaf)
            last_is_whole = not why
            if why:
                yield Damage(entry.seq, why, leaf.hex())
        head = log.read_head(self._connection, self._fund)
        if head is not None and head.size == end and last_is_whole:
            last = stored[-1]
            if (head.last_leaf, head.last_at) != (last.leaf, last.at):
                yield Damage(SOMEWHERE, "the head names another last entry than is stored")

    def proof(self, seq: int) -> list[bytes] | None:
        """The proof of an entry, whatever was changed beside it; None if it cannot be told."""
        leaves = self.leaves(seq // TILE_WIDTH)
        if leaves is None:
            return None
        return self._hashes(seq // TILE_WIDTH, leaves).inclusion_proof(seq, self._signed.size)

    def leaves(self, number: int) -> list[bytes] | None:
        """The leaf hashes of a tile as they were signed; None where they cannot be told any more.

        They stand in three places, each of which may have been changed: beside the entries, in the
        entries that follow, and in the bytes themselves.
        """
        if number not in self._leaves:
            fitting = (one for one in self._candidates(number) if self._leads_to_root(number, one))
            self._leaves[number] = next(fitting, None)
        return self._leaves[number]

    def _candidates(self, number: int) -> Iterator[list[bytes]]:
        stored = self._stored(number)
        if stored:
            beside, made = (
                [entry.leaf for entry in stored],
                [leaf_hash(entry.body) for entry in stored],
            )
            yield beside
            yield made
            named = [entry.prev for entry in stored[1:]]
            for last in (self._named_last(self._bounds(number)[1]), beside[-1], made[-1]):
                yield [*named, last]

    def _named_last(self, end: int) -> bytes:
        """The hash of the entry before `end`, as what follows names it: an entry, or the head."""
        after = log.stored_entries(self._connection, self._fund, end, end + 1)
        if after:
            return after[0].prev
        head = log.read_head(self._connection, self._fund)
        return head.last_leaf if head is not None else b""

    def _leads_to_root(self, number: int, leaves: list[bytes]) -> bool:
        """Whether these leaf hashes of a tile, with the hashes of all others, make the root."""
        index, size = number * TILE_WIDTH, self._signed.size
        try:
            # Every hash of the tile is in this proof, or in a hash that is.
            proof = self._hashes(number, leaves).inclusion_proof(index, size)
            verify_inclusion(index, size, leaves[0], proof, self._signed.root)
        except (IndexError, LookupError, ProofError):
            return False
        return True

    def _hashes(self, number: int, leaves: list[bytes]) -> HashReader:
        """The hashes of the log, with these in the place of one tile's leaves."""
        known = {number: leaves}
        if self._partial is not None and number != self._partial:
            known[self._partial] = self.leaves(self._partial) or []

        def tile(level: int, place: int) -> list[bytes]:
            if level == 0 and place in known:
                return known[place]
            return log.tile(self._connection, self._fund, level, place)

        return HashReader(tile)

    def _bounds(self, number: int) -> tuple[int, int]:
        first = number * TILE_WIDTH
        return first, min(first + TILE_WIDTH, self._signed.size)

    def _stored(self, number: int) -> list[log.StoredEntry]:
        return log.stored_entries(self._connection, self._fund, *self._bounds(number))


def _difference(entry: log.StoredEntry, leaf: bytes) -> str:
    """What is stored otherwise than it was signed with this leaf hash; "" where nothing is."""
    if leaf_hash(entry.body) != leaf:
        return "its bytes do not have the hash that was signed"
    if entry.leaf != leaf:
        return "the hash that is stored beside it is not the one that was signed"
    said = Entry.from_bytes(entry.body)
    columns = (entry.prev.hex(), entry.type, entry.party, entry.at)
    if columns != (said.prev, said.type, said.by["party"], said.at):
        return "a column beside it says otherwise"
    return ""


def sampled(connection: Connection, fund: str, signed: Checkpoint) -> Iterator[Damage]:
    """Damage in the newest tiles and in some others. What it costs does not grow with the log."""
    tree, tiles = SignedTree(connection, fund, signed), -(-signed.size // TILE_WIDTH)
    newest = range(max(0, tiles - NEWEST), tiles)
    others = {secrets.randbelow(newest.start) for _ in range(SAMPLE)} if newest.start else set()
    for number in sorted({*newest, *others}):
        yield from tree.damages(number)
