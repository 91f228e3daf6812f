"""Claims: what parties say they had seen is compared with the log."""

from itertools import count

import pytest

from app.audit.checks.seen_checkpoints import Claim, check_claims
from app.chain.tree import Frontier, leaf_hash

LINES = [f"line {number}".encode() for number in range(9)]


def root_of(size: int) -> str:
    return Frontier.of([leaf_hash(line) for line in LINES[:size]]).root().hex()


def wrong(*claims: Claim) -> list[int]:
    found: list[int] = []
    check_claims(claims, iter(LINES), lambda _, seq: found.append(seq))
    return found


def test_what_was_seen_of_this_log_is_in_order_whatever_the_order_of_saying_so() -> None:
    sizes = [7, 1, 3, 3, 8]

    assert wrong(*(Claim(8, size, root_of(size)) for size in sizes)) == []


def test_another_root_is_found_at_the_entry_that_names_it() -> None:
    seqs = count(5)

    assert wrong(*(Claim(next(seqs), size, root_of(size + 1)) for size in (2, 4))) == [5, 6]


@pytest.mark.parametrize("size", [0, -1, 9])
def test_nobody_can_have_seen_what_was_not_there_yet(size: int) -> None:
    assert wrong(Claim(8, size, "0" * 64)) == [8]
