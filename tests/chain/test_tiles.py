"""Proofs read from tiles against RFC 6962's recursive definitions."""

from collections import Counter
from collections.abc import Sequence

import pytest

from app.chain.tiles import TILE_WIDTH, HashReader, stored_hashes, tile_width
from app.chain.tree import EMPTY_ROOT, Frontier, Subtree, verify_consistency, verify_inclusion
from tests.support.chain import NaiveTree, entries

BIG = 70_000
BOUNDARIES = [255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537, 65_792, BIG - 1, BIG]


class Store:
    """Leaves and complete subtrees of a log, as a database keeps them; counts what is read."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        _, completed = Frontier().extend(leaves)
        self.levels: dict[int, list[bytes]] = {0: list(leaves)}
        for level, index, root in stored_hashes(completed.items()):
            assert index == len(self.levels.setdefault(level, []))
            self.levels[level].append(root)
        self.reads: Counter[tuple[int, int]] = Counter()

    def tile(self, level: int, number: int) -> Sequence[bytes]:
        self.reads[level, number] += 1
        return self.levels.get(level, [])[number * TILE_WIDTH : (number + 1) * TILE_WIDTH]


@pytest.fixture(scope="module")
def big_tree() -> NaiveTree:
    return NaiveTree(entries(BIG))


@pytest.fixture(scope="module")
def big_store(big_tree: NaiveTree) -> Store:
    return Store(big_tree.leaves)


def test_every_inclusion_proof_read_from_tiles_holds() -> None:
    tree = NaiveTree(entries(70))
    reader = HashReader(Store(tree.leaves).tile)

    for size in range(1, 71):
        assert reader.root(size) == tree.root(size)
        for index in range(size):
            proof = reader.inclusion_proof(index, size)
            assert proof == tree.path(index, size)
            verify_inclusion(index, size, tree.leaves[index], proof, tree.root(size))


def test_every_consistency_proof_read_from_tiles_holds() -> None:
    tree = NaiveTree(entries(70))
    reader = HashReader(Store(tree.leaves).tile)

    for new in range(1, 71):
        for old in range(1, new + 1):
            proof = reader.consistency_proof(old, new)
            assert proof == tree.proof(old, new)
            verify_consistency(old, new, tree.root(old), tree.root(new), proof)


def test_a_store_keeps_each_complete_subtree_of_256_and_65536_entries(
    big_tree: NaiveTree, big_store: Store
) -> None:
    levels = big_store.levels

    assert levels.keys() == {0, 1, 2}
    assert levels[1] == [big_tree.mth(n * 256, (n + 1) * 256) for n in range(BIG // 256)]
    assert levels[2] == [big_tree.mth(0, 65_536)]


def test_subtrees_between_the_tile_levels_are_not_stored() -> None:
    completed = [(Subtree(level, 5), bytes([level]) * 32) for level in range(25)]

    assert stored_hashes(completed) == [
        (1, 5, bytes([8]) * 32),
        (2, 5, bytes([16]) * 32),
        (3, 5, bytes([24]) * 32),
    ]


@pytest.mark.parametrize("size", BOUNDARIES)
def test_a_log_of_many_tiles_has_the_naive_root_and_frontier(
    size: int, big_tree: NaiveTree, big_store: Store
) -> None:
    reader = HashReader(big_store.tile)

    frontier = reader.frontier(size)

    assert reader.root(size) == frontier.root() == big_tree.root(size)
    assert frontier == Frontier().extend(big_tree.leaves[:size])[0]


@pytest.mark.parametrize("size", BOUNDARIES)
def test_entries_at_the_edges_of_tiles_have_their_naive_proofs(
    size: int, big_tree: NaiveTree, big_store: Store
) -> None:
    edges = {0, 1, 254, 255, 256, 257, 511, 512, 65_535, 65_536, 65_791, 65_792, 69_888, size - 1}

    for index in sorted(edge for edge in edges if edge < size):
        reader = HashReader(big_store.tile)
        proof = reader.inclusion_proof(index, size)

        assert proof == big_tree.path(index, size)
        verify_inclusion(index, size, big_tree.leaves[index], proof, big_tree.root(size))


def test_logs_at_the_edges_of_tiles_are_consistent_with_each_other(
    big_tree: NaiveTree, big_store: Store
) -> None:
    reader = HashReader(big_store.tile)

    for at, new in enumerate(BOUNDARIES):
        for old in (1, 2, 3, 254, *BOUNDARIES[: at + 1]):
            proof = reader.consistency_proof(old, new)

            assert proof == big_tree.proof(old, new)
            verify_consistency(old, new, big_tree.root(old), big_tree.root(new), proof)


def test_a_proof_reads_at_most_two_tiles_a_level_and_each_once(big_tree: NaiveTree) -> None:
    store = Store(big_tree.leaves)

    for index in range(0, BIG, 4_999):
        store.reads.clear()
        HashReader(store.tile).inclusion_proof(index, BIG)

        assert max(store.reads.values()) == 1
        assert max(Counter(level for level, _ in store.reads).values()) <= 2


def test_a_reader_reads_each_tile_once_for_all_its_proofs(big_store: Store) -> None:
    reader = HashReader(big_store.tile)
    big_store.reads.clear()

    first = [reader.inclusion_proof(index, BIG) for index in (0, 300, BIG - 1)]
    again = [reader.inclusion_proof(index, BIG) for index in (0, 300, BIG - 1)]

    assert first == again
    assert set(big_store.reads.values()) == {1}


def test_an_empty_log_has_its_root_and_frontier_without_a_tile() -> None:
    store = Store([])
    reader = HashReader(store.tile)

    assert reader.root(0) == EMPTY_ROOT
    assert reader.frontier(0) == Frontier()
    assert reader.consistency_proof(0, 0) == []
    assert not store.reads


def test_a_log_grows_from_the_frontier_that_was_read_back() -> None:
    tree = NaiveTree(entries(600))

    frontier = HashReader(Store(tree.leaves[:300]).tile).frontier(300)

    assert frontier.extend(tree.leaves[300:])[0].root() == tree.root(600)


@pytest.mark.parametrize(("index", "size"), [(5, 5), (-1, 5), (0, 0)])
def test_there_is_no_proof_of_an_entry_outside_the_log(index: int, size: int) -> None:
    reader = HashReader(Store(NaiveTree(entries(5)).leaves).tile)

    with pytest.raises(IndexError, match=f"^entry {index} is not in a log of {size}$"):
        reader.inclusion_proof(index, size)


@pytest.mark.parametrize(
    ("kept", "size", "sentence"),
    [
        (4, 5, "tile 0/0 has 4 hashes, too few"),
        (4, 300, "tile 1/0 has 0 hashes, too few"),
        (256, 258, "tile 0/1 has 0 hashes, too few"),
        (257, 258, "tile 0/1 has 1 hashes, too few"),
    ],
)
def test_a_tile_that_lacks_hashes_is_named(kept: int, size: int, sentence: str) -> None:
    reader = HashReader(Store(NaiveTree(entries(kept)).leaves).tile)

    with pytest.raises(LookupError, match=f"^{sentence}$"):
        reader.root(size)


@pytest.mark.parametrize(
    ("size", "level", "number", "width"),
    [
        (70_000, 0, 272, 256),
        (70_000, 0, 273, 112),
        (70_000, 0, 274, 0),
        (70_000, 1, 0, 256),
        (70_000, 1, 1, 17),
        (70_000, 2, 0, 1),
        (256, 1, 0, 1),
        (255, 1, 0, 0),
        (1, 0, 0, 1),
    ],
)
def test_a_tile_is_as_wide_as_the_log_has_subtrees_for_it(
    size: int, level: int, number: int, width: int
) -> None:
    assert tile_width(size, level, number) == width
