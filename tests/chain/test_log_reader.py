"""Reading a log in order: what follows is taken, what does not leaves the reader where it stood."""

import pytest

from app.chain.canonical import decode
from app.chain.entry import GENESIS_PREV, BadEntry, BrokenChain, Entry
from app.chain.log_reader import LogReader
from app.chain.tree import leaf_hash, root_of
from tests.support.entries import an_entry


def a_log(size: int) -> list[bytes]:
    lines: list[bytes] = []
    for seq in range(size):
        prev = leaf_hash(lines[-1]).hex() if lines else GENESIS_PREV
        lines.append(an_entry(seq=seq, prev=prev).to_bytes())
    return lines


def test_a_log_is_read_entry_by_entry_and_makes_its_tree() -> None:
    lines, reader = a_log(5), LogReader()

    read = [reader.read(line) for line in lines]

    assert [entry.seq for entry in read] == [0, 1, 2, 3, 4]
    assert (reader.size, reader.last, reader.leaf) == (5, read[-1], leaf_hash(lines[-1]))
    assert reader.frontier.root() == root_of(map(leaf_hash, lines))


def test_nothing_was_read_in_the_beginning() -> None:
    reader = LogReader()

    assert (reader.size, reader.last, reader.leaf) == (0, None, None)


@pytest.mark.parametrize("place", [0, 2])
def test_a_line_that_does_not_follow_is_not_read(place: int) -> None:
    lines, reader = a_log(4), LogReader()
    for line in lines[:place]:
        reader.read(line)
    before = (reader.size, reader.last, reader.leaf, reader.frontier)

    for wrong in (lines[place + 1], _with(lines[place], prev="ab" * 32)):
        with pytest.raises(BrokenChain):
            reader.read(wrong)
    with pytest.raises(BadEntry):
        reader.read(lines[place] + b" ")

    assert (reader.size, reader.last, reader.leaf, reader.frontier) == before
    assert reader.read(lines[place]).seq == place


def test_time_does_not_run_backwards() -> None:
    lines, reader = a_log(2), LogReader()
    reader.read(lines[0])

    with pytest.raises(BrokenChain, match="before its predecessor"):
        reader.read(_with(lines[1], at="2024-01-10T09:00:00.000000Z"))


def _with(line: bytes, **changes: str) -> bytes:
    members = {**decode(line), **changes}
    del members["v"]
    return Entry(**members).to_bytes()
