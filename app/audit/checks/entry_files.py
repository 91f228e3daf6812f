"""The entries of a bundle, file by file, side by side on all cores.

Form, chain and tree of the entries in one file can be checked without the others, but for its
edges: the lines before it, which its first entry follows, and the one behind it, which tells who
broke the last one. A file begins at a multiple of 65,536, so its leaves are whole subtrees of the
log's tree, and the roots of the files make the log's root.
"""

import hashlib
import os
import zipfile
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Final

from app.audit.checks.chain import Walk
from app.audit.format.archive import UNREADABLE, Archive, CannotTell
from app.audit.format.layout import ENTRIES_PER_FILE, entries_path
from app.chain.entry import MAX_ENTRY_BYTES
from app.chain.tree import Frontier

WORTH_A_PROCESS: Final = 20_000
"""Entries from which on starting other processes pays."""
MAX_PROBLEMS: Final = 1_000
"""What is said of one file at most: the first is what matters, and a file may be nothing else."""
_TO_THE_MILLISECOND: Final = len('{"at":"2025-01-10T09:00:00.000')
"""The bytes of a line that two entries of one millisecond share."""


@dataclass
class Segment:
    """What was found in one file: its digest and length, its leaves' tree, what is wrong."""

    number: int
    digest: tuple[str, int] | None = None
    frontier: Frontier = field(default_factory=Frontier)
    marks: dict[int, Frontier] = field(default_factory=dict)
    """Its tree as it was when the log had these sizes."""
    problems: list[tuple[str, int]] = field(default_factory=list)


class _Enough(Exception):
    """So much is wrong with a file that nothing more needs to be said."""


class EntryFile:
    """The lines of one entries file. Once all are read, `digest` is that of the whole file."""

    def __init__(self, archive: Archive, number: int, path: str | None = None) -> None:
        self.path = path or entries_path(number)
        self.digest: tuple[str, int] | None = None
        self._archive = archive

    def lines(self) -> Iterator[bytes]:
        """In order; the last one even if it does not end. Raises CannotTell."""
        digest, length, rest = hashlib.sha256(), 0, b""
        for piece in self._archive.pieces(self.path, ENTRIES_PER_FILE * (MAX_ENTRY_BYTES + 1)):
            digest.update(piece)
            length += len(piece)
            *lines, rest = (rest + piece).split(b"\n")
            yield from lines
            if len(rest) > MAX_ENTRY_BYTES:
                break
        if rest:
            yield rest
            raise CannotTell(f"{self.path} does not end with a newline")
        self.digest = (digest.hexdigest(), length)


class Walkers:
    """The walks over all files of a bundle: in processes of their own where that pays."""

    def __init__(self, bundle: Path, files: int, size: int, mark: int | None) -> None:
        """`mark` is a size of the log at which its tree is wanted too."""
        self._arguments = (bundle, size, mark)
        self._files = files
        self._pool: Executor | None = None
        self._walks: list[Future[Segment]] = []
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
        if size >= WORTH_A_PROCESS and cores > 1:
            workers = min(files, cores - 1)
            self._pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"))

    def start(self) -> None:
        """Begin, where others can do it meanwhile."""
        if self._pool is not None:
            for number in range(self._files):
                self._walks.append(self._pool.submit(walk_segment, number, *self._arguments))

    def segments(self) -> Iterator[Segment]:
        """What was found, in the order of the files."""
        for number in range(self._files):
            if self._walks:
                yield self._walks[number].result()
            else:
                yield walk_segment(number, *self._arguments)

    def close(self) -> None:
        """End the processes."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)


def walk_segment(number: int, bundle: Path, size: int, mark: int | None) -> Segment:
    """Walk one file of a bundle whose log has `size` entries."""
    start = number * ENTRIES_PER_FILE
    end = min(start + ENTRIES_PER_FILE, size)
    segment = Segment(number)

    def found(why: str, seq: int) -> None:
        segment.problems.append((why, seq))
        if len(segment.problems) >= MAX_PROBLEMS:
            raise _Enough

    walk = Walk(found, range(start, end))
    try:
        with zipfile.ZipFile(bundle) as opened:
            archive = Archive(opened)
            _walk_in(archive, segment, walk, start)
            _walk(archive, segment, walk, (start, end, size), mark)
    except _Enough:
        pass
    except (CannotTell, *UNREADABLE) as error:
        segment.problems.append((str(error), start + walk.size))
    segment.frontier = walk.frontier()
    return segment


def _walk_in(archive: Archive, segment: Segment, walk: Walk, start: int) -> None:
    """What stands before the file: its last entries, as many as one millisecond has."""
    if not segment.number:
        return
    # Read twice, so that nothing must be held: where that millisecond begins, and then from there.
    first, moment = 0, b""
    for place, line in enumerate(_whole_file(archive, segment.number - 1)):
        if line[:_TO_THE_MILLISECOND] != moment:
            first, moment = place, line[:_TO_THE_MILLISECOND]
    for place, line in enumerate(_whole_file(archive, segment.number - 1)):
        if place >= first:
            walk.take(start - ENTRIES_PER_FILE + place, line)


def _whole_file(archive: Archive, number: int) -> Iterator[bytes]:
    """The lines of a file that is not the last one, no more than belong there."""
    return islice(EntryFile(archive, number).lines(), ENTRIES_PER_FILE)


def _walk(
    archive: Archive,
    segment: Segment,
    walk: Walk,
    bounds: tuple[int, int, int],
    mark: int | None,
) -> None:
    start, end, size = bounds
    reader = EntryFile(archive, segment.number)
    for seq, line in enumerate(reader.lines(), start):
        if seq >= end:
            more = f"there are more entries than the {end} that belong up to here"
            segment.problems.append((more, seq))
            return
        walk.take(seq, line)
        if seq + 1 == mark:
            segment.marks[mark] = walk.frontier()
    segment.digest = reader.digest
    reached = start + walk.size
    if reached < end:
        segment.problems.append((f"entries end at {reached}, but {size} are signed", reached))
    elif end < size:
        # The line behind tells whether the last one or the one before it was changed.
        walk.take(end, next(EntryFile(archive, segment.number + 1).lines(), b""))
        return
    walk.finish()
