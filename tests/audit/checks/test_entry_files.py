"""The entries of a bundle: read once, file after file, no more and no fewer than are signed."""

import hashlib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.audit.checks.chain import Walk
from app.audit.checks.entry_files import EntryFiles
from app.audit.checks.growing_tree import GrowingTree
from app.audit.format.archive import Archive, CannotTell
from app.audit.format.layout import entries_path
from app.chain.entry import GENESIS_PREV, Entry
from app.chain.tree import leaf_hash, root_of

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


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def files_of(folder: Path, *parts: list[bytes], start: int = 0, size: int) -> EntryFiles:
    """The entries of a ZIP with these files."""
    path = folder / "bundle.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number, part in enumerate(parts):
            archive.writestr(entries_path(number), b"".join(line + b"\n" for line in part))
    return EntryFiles(Archive(zipfile.ZipFile(path)), start, size)


def cut(lines: list[bytes]) -> Iterator[list[bytes]]:
    for begin in range(0, len(lines), PER_FILE):
        yield lines[begin : begin + PER_FILE]


def test_every_line_has_its_place_and_every_file_its_digest(folder: Path) -> None:
    lines = a_log(10)
    files = files_of(folder, *cut(lines), size=10)

    read = list(files.lines())

    assert read == list(enumerate(lines))
    first = b"".join(line + b"\n" for line in lines[:4])
    assert files.digests[entries_path(0)] == (hashlib.sha256(first).hexdigest(), len(first))
    assert list(files.digests) == files.paths


def test_a_part_of_a_log_begins_where_it_says(folder: Path) -> None:
    files = files_of(folder, *cut(a_log(9)[3:]), start=3, size=9)

    assert [seq for seq, _ in files.lines()] == list(range(3, 9))


@pytest.mark.parametrize("kept", [1, 3, 4, 5, 9])
def test_entries_that_are_missing_at_the_end_are_counted(folder: Path, kept: int) -> None:
    files = files_of(folder, *cut(a_log(10)[:kept]), size=10)

    with pytest.raises(CannotTell, match=r"10 are signed|is missing"):
        list(files.lines())


def test_a_file_in_the_middle_that_is_too_short_ends_the_log_there(folder: Path) -> None:
    lines = a_log(10)
    files, read = files_of(folder, lines[:4], lines[4:6], lines[8:], size=10), list[int]()

    with pytest.raises(CannotTell, match="entries end at 6, but 10 are signed"):
        read.extend(seq for seq, _ in files.lines())


def test_a_file_with_more_entries_than_belong_there_is_reported(folder: Path) -> None:
    files, read = files_of(folder, a_log(6), size=4), []

    with pytest.raises(CannotTell, match="more entries than the 4"):
        for seq, _ in files.lines():
            read.append(seq)

    assert read == [0, 1, 2, 3]


def test_a_last_line_that_does_not_end_is_given_and_then_refused(folder: Path) -> None:
    path = folder / "bundle.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(entries_path(0), b"\n".join(a_log(2)))
    files, read = EntryFiles(Archive(zipfile.ZipFile(path)), 0, 2), []

    with pytest.raises(CannotTell, match="does not end with a newline"):
        for seq, _ in files.lines():
            read.append(seq)

    assert read == [0, 1]


def test_a_manifest_may_claim_any_size_and_costs_nothing(folder: Path) -> None:
    files = files_of(folder, a_log(2), size=2**53 - 1)

    assert len(files.paths) == 2


def test_a_walk_over_all_files_makes_the_root_and_finds_an_id_that_stands_twice(
    folder: Path,
) -> None:
    lines = a_log(6)
    twin = Entry.from_bytes(lines[3])
    lines[4] = Entry.from_bytes(lines[4])._replace(id=twin.id).to_bytes()
    found: list[tuple[str, int]] = []

    with GrowingTree() as tree:
        walk = Walk(lambda why, seq: found.append((why, seq)), tree)
        for seq, line in files_of(folder, *cut(lines), size=6).lines():
            walk.take(seq, line)
        walk.finish()

        assert tree.frontier.root() == root_of(map(leaf_hash, lines))

    assert ("seq 4: its id was not made for it alone, at its time", 4) in found
