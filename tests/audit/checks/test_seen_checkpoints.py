"""Checkpoints that somebody says they had seen are compared with the log, as it was then."""

import pytest

from app.audit.checks.growing_tree import GrowingTree
from app.audit.checks.seen_checkpoints import Sighting, check_seen
from app.chain.tree import Frontier, leaf_hash

LEAVES = [leaf_hash(f"line {number}".encode()) for number in range(9)]


def root_of(size: int) -> str:
    return Frontier.of(LEAVES[:size]).root().hex()


def wrong(seen: Sighting) -> str | None:
    with GrowingTree() as tree:
        for leaf in LEAVES[: seen.seq + 1]:
            tree.add(leaf)
        return check_seen(seen, tree.root_at)


@pytest.mark.parametrize("size", [1, 3, 7, 8])
def test_what_was_seen_of_this_log_is_in_order(size: int) -> None:
    assert wrong(Sighting(8, size, root_of(size))) is None


@pytest.mark.parametrize("size", [2, 4])
def test_another_root_is_found_at_the_entry_that_names_it(size: int) -> None:
    why = wrong(Sighting(5, size, root_of(size + 1)))

    assert why == f"seq 5: somebody had seen another log of {size} entries"


@pytest.mark.parametrize("size", [0, -1, 9])
def test_nobody_can_have_seen_what_was_not_there_yet(size: int) -> None:
    assert wrong(Sighting(8, size, "0" * 64)) == f"seq 8 names a log of {size} entries"
