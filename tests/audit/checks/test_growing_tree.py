"""A tree that grows entry by entry knows every root that it ever had."""

import pytest

from app.audit.checks.growing_tree import NOTED_EVERY, GrowingTree
from app.chain.tree import Frontier, leaf_hash

LEAVES = [leaf_hash(str(number).encode()) for number in range(3 * NOTED_EVERY + 7)]
SIZES = [0, 1, 2, 255, 256, 257, 300, 511, 512, 513, 768, 770, len(LEAVES)]


@pytest.mark.parametrize("size", SIZES)
def test_every_earlier_root_can_be_asked_for(size: int) -> None:
    with GrowingTree() as tree:
        for leaf in LEAVES:
            tree.add(leaf)

        assert tree.root_at(size) == Frontier.of(LEAVES[:size]).root()
        assert tree.frontier == Frontier.of(LEAVES)
        assert tree.size == len(LEAVES)


def test_it_may_be_asked_while_it_grows() -> None:
    with GrowingTree() as tree:
        for size, leaf in enumerate(LEAVES[:600], 1):
            tree.add(leaf)
            if size % 97 == 0:
                assert tree.root_at(size // 2) == Frontier.of(LEAVES[: size // 2]).root()
        assert tree.frontier.root() == Frontier.of(LEAVES[:600]).root()


def test_a_tree_may_begin_with_what_is_left_out() -> None:
    with GrowingTree(Frontier.of(LEAVES[:300])) as tree:
        for leaf in LEAVES[300:]:
            tree.add(leaf)

        assert tree.frontier == Frontier.of(LEAVES)
        assert tree.root_at(400) == Frontier.of(LEAVES[:400]).root()
        with pytest.raises(IndexError):
            tree.root_at(299)


@pytest.mark.parametrize("size", [-1, 6])
def test_a_size_that_it_never_had_is_our_mistake(size: int) -> None:
    with GrowingTree() as tree:
        for leaf in LEAVES[:5]:
            tree.add(leaf)

        with pytest.raises(IndexError):
            tree.root_at(size)
