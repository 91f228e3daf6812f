"""The Merkle tree against RFC 6962's recursive definitions."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.chain.tree import (
    EMPTY_ROOT,
    MAX_PROOF,
    Frontier,
    ProofError,
    Range,
    Subtree,
    consistency_path,
    inclusion_path,
    join,
    leaf_hash,
    node_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from tests.support.chain import NaiveTree, entries, flipped, modest

LARGEST = 70
TREE = NaiveTree(entries(130))
LEAVES = TREE.leaves
SIZES = range(1, LARGEST + 1)


def hashes(path: list[Range]) -> list[bytes]:
    return [TREE.mth(part.start, part.end) for part in path]


def includes(index: int, size: int, proof: list[bytes], leaf: bytes, root: bytes) -> bool:
    try:
        verify_inclusion(index, size, leaf, proof, root)
    except ProofError:
        return False
    return True


def consistent(old: int, new: int, proof: list[bytes], old_root: bytes, new_root: bytes) -> bool:
    try:
        verify_consistency(old, new, old_root, new_root, proof)
    except ProofError:
        return False
    return True


def damaged(proof: list[bytes], salt: int) -> list[list[bytes]]:
    """Each hash with one bit changed, the proof without an end, and with one hash more."""
    changed = [
        [*proof[:at], flipped(value, 37 * at + salt), *proof[at + 1 :]]
        for at, value in enumerate(proof)
    ]
    shorter = [proof[:-1], proof[1:]] if proof else []
    longer = [[*proof, EMPTY_ROOT], [EMPTY_ROOT, *proof], [*proof, *proof[-1:]]]
    return [*changed, *shorter, *(other for other in longer if other != proof)]


def test_a_leaf_and_a_node_can_never_have_the_same_hash_input() -> None:
    left, right = leaf_hash(b"left"), leaf_hash(b"right")

    assert leaf_hash(left + right) != node_hash(left, right)
    assert leaf_hash(b"\x01" + left + right) != node_hash(left, right)
    assert node_hash(left, right) != node_hash(right, left)


def test_a_frontier_has_the_root_of_rfc_6962_at_every_size() -> None:
    frontier = Frontier()

    for size in range(131):
        assert frontier.size == size
        assert frontier.root() == root_of(LEAVES[:size]) == TREE.root(size)
        if size < 130:
            frontier = frontier.append(LEAVES[size])


def test_a_frontier_names_the_subtrees_that_its_peaks_are_the_roots_of() -> None:
    for size in range(131):
        peaks = Frontier().extend(LEAVES[:size])[0].subtrees()

        assert list(peaks) == Range(0, size).subtrees()
        assert peaks == {p: TREE.mth(p.index << p.level, (p.index + 1) << p.level) for p in peaks}


def test_the_empty_log_has_the_hash_of_nothing() -> None:
    assert Frontier().root() == root_of([]) == EMPTY_ROOT == TREE.root(0)


@modest
@given(st.lists(st.integers(0, 40), max_size=3))
def test_a_log_that_grows_in_batches_is_the_log_that_grew_at_once(batches: list[int]) -> None:
    at_once, all_completed = Frontier().extend(LEAVES[: sum(batches)])

    frontier, completed = Frontier(), dict[Subtree, bytes]()
    for count in batches:
        frontier, more = frontier.extend(LEAVES[frontier.size : frontier.size + count])
        assert not completed.keys() & more.keys()
        completed |= more

    assert frontier == at_once
    assert completed == all_completed


def test_growing_a_log_completes_every_perfect_subtree_once_with_its_hash() -> None:
    size = 130

    _, completed = Frontier().extend(LEAVES[:size])

    assert completed == {
        Subtree(level, index): TREE.mth(index << level, (index + 1) << level)
        for level in range(8)
        for index in range(size >> level)
    }


@pytest.mark.parametrize(
    ("size", "peaks"), [(0, 1), (1, 0), (3, 1), (3, 3), (4, 2), (-1, 1), (-1, 0), (-3, 2)]
)
def test_a_frontier_has_one_peak_for_each_bit_of_its_size(size: int, peaks: int) -> None:
    with pytest.raises(ValueError, match=f"^{peaks} peaks cannot hold {size} leaves$"):
        Frontier(size, (EMPTY_ROOT,) * peaks)


@pytest.mark.parametrize("peak", [b"", bytes(31), bytes(33)])
def test_a_peak_is_a_whole_hash(peak: bytes) -> None:
    with pytest.raises(ValueError, match=r"^a peak is a hash of 32 bytes$"):
        Frontier(3, (EMPTY_ROOT, peak))


def test_a_range_consists_of_perfect_subtrees_largest_first() -> None:
    assert Range(0, 70).subtrees() == [Subtree(6, 0), Subtree(2, 16), Subtree(1, 34)]
    assert Range(64, 70).subtrees() == [Subtree(2, 16), Subtree(1, 34)]
    assert Range(6, 7).subtrees() == [Subtree(0, 6)]
    assert Range(0, 0).subtrees() == []


def test_neighbouring_subtrees_join_to_the_hash_of_their_range() -> None:
    for size in SIZES:
        parts = Range(0, size).subtrees()

        roots = [TREE.mth(p.index << p.level, (p.index + 1) << p.level) for p in parts]

        assert join(roots) == TREE.root(size)


def test_inclusion_paths_are_those_of_rfc_6962() -> None:
    for size in SIZES:
        for index in range(size):
            assert hashes(inclusion_path(index, size)) == TREE.path(index, size)


def test_consistency_paths_are_those_of_rfc_6962() -> None:
    for new in SIZES:
        for old in range(1, new + 1):
            assert hashes(consistency_path(old, new)) == TREE.proof(old, new)


@pytest.mark.parametrize(("index", "size"), [(-1, 5), (5, 5), (6, 5), (0, 0)])
def test_there_is_no_path_for_an_entry_outside_the_log(index: int, size: int) -> None:
    with pytest.raises(IndexError, match=f"^entry {index} is not in a log of {size}$"):
        inclusion_path(index, size)


@pytest.mark.parametrize(("old", "new"), [(3, 2), (-1, 2), (1, 0)])
def test_there_is_no_path_from_a_log_to_a_smaller_one(old: int, new: int) -> None:
    sentence = f"^a log of {old} cannot be a beginning of a log of {new}$"

    with pytest.raises(IndexError, match=sentence):
        consistency_path(old, new)


def test_the_empty_log_and_the_log_itself_need_no_consistency_proof() -> None:
    assert consistency_path(0, 0) == consistency_path(0, 9) == consistency_path(9, 9) == []


def test_every_entry_of_every_log_is_proved_by_its_path() -> None:
    for size in SIZES:
        for index in range(size):
            verify_inclusion(index, size, LEAVES[index], TREE.path(index, size), TREE.root(size))


def test_a_damaged_inclusion_proof_is_refused() -> None:
    refused = 0

    for size in SIZES:
        for index in range(size):
            leaf, proof, root = LEAVES[index], TREE.path(index, size), TREE.root(size)
            for other in damaged(proof, salt=index + size):
                assert not includes(index, size, other, leaf, root), (index, size)
                refused += 1
            assert not includes(index, size, proof, flipped(leaf, index), root)
            assert not includes(index, size, proof, leaf, flipped(root, size))

    assert refused > 20_000


def test_no_single_bit_of_an_inclusion_proof_is_free() -> None:
    index, size = 41, LARGEST
    leaf, proof, root = LEAVES[index], TREE.path(index, size), TREE.root(size)

    for at, value in enumerate(proof):
        for bit in range(8 * len(value)):
            other = [*proof[:at], flipped(value, bit), *proof[at + 1 :]]
            assert not includes(index, size, other, leaf, root), (at, bit)


def test_an_inclusion_proof_holds_for_its_own_index_alone() -> None:
    for size in range(1, 34):
        for index in range(size):
            proof = TREE.path(index, size)
            for other in (*range(index), *range(index + 1, size + 2)):
                assert not includes(other, size, proof, LEAVES[index], TREE.root(size))


def test_every_log_begins_with_every_smaller_log() -> None:
    for new in SIZES:
        for old in range(1, new + 1):
            verify_consistency(old, new, TREE.root(old), TREE.root(new), TREE.proof(old, new))


def test_a_damaged_consistency_proof_is_refused() -> None:
    refused = 0

    for new in SIZES:
        for old in range(1, new + 1):
            proof, before, after = TREE.proof(old, new), TREE.root(old), TREE.root(new)
            for other in damaged(proof, salt=old + new):
                assert not consistent(old, new, other, before, after), (old, new)
                refused += 1
            assert not consistent(old, new, proof, flipped(before, old), after)
            assert not consistent(old, new, proof, before, flipped(after, new))
            assert old == new or not consistent(old, new, proof, after, before)

    assert refused > 20_000


@pytest.mark.parametrize(("index", "size"), [(-1, 4), (4, 4), (9, 4), (0, 0), (0, -1)])
def test_no_proof_puts_an_entry_outside_the_log(index: int, size: int) -> None:
    with pytest.raises(ProofError, match=f"^entry {index} is not in a log of {size}$"):
        verify_inclusion(index, size, LEAVES[0], [], LEAVES[0])


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_hash_in_a_proof_has_32_bytes(size: int) -> None:
    sentence = r"^a hash has 32 bytes$"

    with pytest.raises(ProofError, match=sentence):
        verify_inclusion(0, 2, LEAVES[0], [bytes(size)], EMPTY_ROOT)
    with pytest.raises(ProofError, match=sentence):
        verify_inclusion(0, 2, bytes(size), [LEAVES[1]], EMPTY_ROOT)
    with pytest.raises(ProofError, match=sentence):
        verify_consistency(1, 2, LEAVES[0], EMPTY_ROOT, [bytes(size)])


def test_a_proof_of_the_longest_size_is_accepted_and_one_hash_more_is_not() -> None:
    proof = [leaf_hash(b"%d" % level) for level in range(MAX_PROOF)]
    root = LEAVES[0]
    for sibling in proof:
        root = node_hash(root, sibling)

    assert len(inclusion_path(0, 2**63)) == MAX_PROOF
    verify_inclusion(0, 2**63, LEAVES[0], proof, root)
    with pytest.raises(ProofError, match=r"^a proof holds at most 63 hashes$"):
        verify_inclusion(0, 2**64, LEAVES[0], [*proof, EMPTY_ROOT], node_hash(root, EMPTY_ROOT))
    with pytest.raises(ProofError, match=r"^a proof holds at most 63 hashes$"):
        verify_consistency(1, 2**65, LEAVES[0], root, [*proof, EMPTY_ROOT, EMPTY_ROOT])


@pytest.mark.parametrize("size", [1, 4, 7])
def test_a_refused_inclusion_proof_is_told_whether_it_is_long_short_or_wrong(size: int) -> None:
    proof, root = TREE.path(0, size), TREE.root(size)
    other = flipped(root, 3)

    with pytest.raises(ProofError, match=r"^the proof is longer than the tree is high$"):
        verify_inclusion(0, size, LEAVES[0], [*proof, EMPTY_ROOT], root)
    with pytest.raises(ProofError, match=r"^the proof is shorter than the tree is high$"):
        verify_inclusion(0, 2 * size, LEAVES[0], proof, root)
    with pytest.raises(
        ProofError, match=f"^the proof leads to root {root.hex()}, not to {other.hex()}$"
    ):
        verify_inclusion(0, size, LEAVES[0], proof, other)


@pytest.mark.parametrize(("old", "new"), [(0, 0), (0, 1), (-1, 1), (2, 1), (9, 8)])
def test_sizes_that_cannot_follow_each_other_are_refused(old: int, new: int) -> None:
    sentence = f"^a log of {old} cannot be shown to begin a log of {new}$"

    with pytest.raises(ProofError, match=sentence):
        verify_consistency(old, new, EMPTY_ROOT, EMPTY_ROOT, [])


@pytest.mark.parametrize(
    ("proof", "new_root"), [([EMPTY_ROOT], TREE.root(7)), ([], TREE.root(6)), ([], b"")]
)
def test_logs_of_one_size_have_one_root_and_nothing_to_prove(
    proof: list[bytes], new_root: bytes
) -> None:
    sentence = r"^logs of one size need equal roots and an empty proof$"

    with pytest.raises(ProofError, match=sentence):
        verify_consistency(7, 7, TREE.root(7), new_root, proof)


def test_a_refused_consistency_proof_is_told_what_is_wrong_with_it() -> None:
    old, new = TREE.root(6), TREE.root(13)
    proof = TREE.proof(6, 13)
    wrong = flipped(old, 9)

    for other, roots, sentence in (
        ([], (old, new), "the proof is empty"),
        (proof[:-1], (old, new), "the proof is shorter than the tree is high"),
        ([*proof, old], (old, new), "the proof is longer than the tree is high"),
        (proof, (wrong, new), f"the proof does not lead to the old root {wrong.hex()}"),
        (proof, (old, wrong), f"the proof does not lead to the new root {wrong.hex()}"),
    ):
        with pytest.raises(ProofError, match=f"^{re.escape(sentence)}$"):
            verify_consistency(6, 13, *roots, other)


@given(st.integers(0, 40), st.integers(0, 40))
def test_a_tree_joined_from_parts_is_the_tree_of_all_leaves(blocks: int, rest: int) -> None:
    leaves = [leaf_hash(bytes([n % 256, n // 256])) for n in range(8 * blocks + rest % 8)]
    whole = Frontier().extend(leaves)[0]

    joined = Frontier()
    for start in range(0, len(leaves), 8):
        joined = joined.joined(Frontier().extend(leaves[start : start + 8])[0])

    assert joined == whole == Frontier.of(leaves)


def test_a_part_whose_subtrees_would_not_stay_subtrees_is_not_joined() -> None:
    three, four = (
        Frontier().extend(leaf_hash(bytes([n])) for n in range(count))[0] for count in (3, 4)
    )

    with pytest.raises(ValueError, match="do not stay subtrees"):
        three.joined(four)
