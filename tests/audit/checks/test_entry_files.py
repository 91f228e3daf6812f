"""Walking a bundle file by file finds what a walk along all entries finds, edges included."""

import zipfile
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.audit.checks.chain import Walk
from app.audit.checks.entry_files import Walkers, walk_segment
from app.audit.format.layout import entries_path
from app.chain.entry import GENESIS_PREV, Entry
from app.chain.tree import Frontier, leaf_hash, root_of

PER_FILE = 4


@pytest.fixture(autouse=True)
def small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four entries to a file instead of 65,536; the format is the same."""
    monkeypatch.setattr("app.audit.checks.entry_files.ENTRIES_PER_FILE", PER_FILE)


def a_log(size: int) -> list[bytes]:
    """Lines of a log; several share each millisecond."""
    lines: list[bytes] = []
    for seq in range(size):
        millisecond = seq // 3
        entry = Entry(
            fund="test-fund",
            seq=seq,
            id=f"{1_700_000_000_000 + millisecond:012x}7000800000000000{seq:04x}",
            type="thing.happened",
            at=f"2023-11-14T22:13:20.{millisecond:03d}000Z",
            by={"party": "A", "role": "treasury", "subject": "a"},
            data={"n": seq},
            prev=leaf_hash(lines[-1]).hex() if lines else GENESIS_PREV,
        )
        digits = entry.id
        dashed = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
        lines.append(entry._replace(id=dashed).to_bytes())
    return lines


def in_files(folder: Path, lines: list[bytes]) -> Path:
    """A ZIP with the lines, four to a file."""
    path = folder / "bundle.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(-(-len(lines) // PER_FILE)):
            part = lines[number * PER_FILE : (number + 1) * PER_FILE]
            archive.writestr(entries_path(number), b"".join(line + b"\n" for line in part))
    return path


def one_walk(lines: list[bytes]) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    walk = Walk(lambda why, seq: found.append((why, seq)), range(len(lines)))
    for seq, line in enumerate(lines):
        walk.take(seq, line)
    walk.finish()
    return sorted(found, key=lambda item: (item[1], item[0]))


def by_files(path: Path, size: int) -> list[tuple[str, int]]:
    files = -(-size // PER_FILE)
    found = [walk_segment(number, path, size, None).problems for number in range(files)]
    return sorted((item for part in found for item in part), key=lambda item: (item[1], item[0]))


def test_a_whole_log_has_no_problems_and_its_files_make_its_root(tmp_path: Path) -> None:
    lines = a_log(14)
    walkers = Walkers(in_files(tmp_path, lines), 4, len(lines), mark=6)

    found = list(walkers.segments())

    frontier, marks = Frontier(), []
    for segment in found:
        marks += [frontier.joined(part).root() for part in segment.marks.values()]
        frontier = frontier.joined(segment.frontier)
    assert [segment.problems for segment in found] == [[], [], [], []]
    assert frontier.root() == root_of(map(leaf_hash, lines))
    assert marks == [root_of(map(leaf_hash, lines[:6]))]


@settings(max_examples=150, deadline=None)
@given(st.integers(5, 14), st.integers(0, 2**32))
def test_files_side_by_side_find_what_one_walk_finds(
    tmp_path_factory: pytest.TempPathFactory, size: int, seed: int
) -> None:
    chance, lines = Random(seed), a_log(size)  # noqa: S311  a seed makes a failure come back
    for _ in range(chance.randint(1, 3)):
        place = chance.randrange(size)
        lines[place] = chance.choice(
            (
                lines[place].replace(b'"n":', b'"n":1'),
                lines[chance.randrange(size)],
                lines[place].replace(b'"v":1', b'"v":2'),
                b"no entry",
            )
        )

    found = by_files(in_files(tmp_path_factory.mktemp("log"), lines), size)

    whole = one_walk(lines)
    assert found[:1] == whole[:1]
    assert set(found) <= set(whole)
    # Behind a line that is no entry, the ids of a millisecond before it may not be known.
    assert all("its id was not made" in why for why, _ in set(whole) - set(found))


def test_an_id_that_stands_twice_is_found_across_the_edge_of_two_files(tmp_path: Path) -> None:
    lines = a_log(6)
    twin = Entry.from_bytes(lines[3])
    fifth = Entry.from_bytes(lines[4])
    lines[4] = fifth._replace(id=twin.id).to_bytes()

    found = by_files(in_files(tmp_path, lines), 6)

    assert ("seq 4: its id was not made for it alone, at its time", 4) in found


@pytest.mark.parametrize("kept", [1, 4, 5, 9])
def test_entries_that_are_missing_at_the_end_are_counted(tmp_path: Path, kept: int) -> None:
    path = in_files(tmp_path, a_log(10)[:kept])

    found = by_files(path, 10)

    assert any("10 are signed" in why or "is missing" in why for why, _ in found)


def test_a_file_with_more_entries_than_belong_there_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "bundle.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(entries_path(0), b"".join(line + b"\n" for line in a_log(6)))

    found = walk_segment(0, path, 5, None).problems

    assert [seq for _, seq in found] == [4]


def test_long_logs_are_walked_in_processes_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The children know the real size of files, so all lines lie in one."""
    monkeypatch.undo()
    monkeypatch.setattr("app.audit.checks.entry_files.WORTH_A_PROCESS", 10)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1}, raising=False)
    lines = a_log(40)
    path = tmp_path / "bundle.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(entries_path(0), b"".join(line + b"\n" for line in lines))
    walkers = Walkers(path, 1, 40, None)

    walkers.start()
    (segment,) = walkers.segments()
    walkers.close()

    assert segment.problems == []
    assert segment.frontier.root() == root_of(map(leaf_hash, lines))
