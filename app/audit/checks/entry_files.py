"""The entry files of a bundle: 65,536 entries in each but the last, as many as were signed."""

import hashlib
from collections.abc import Iterator

from app.audit.format.archive import Archive, CannotTell
from app.audit.format.layout import ENTRIES_PER_FILE, entries_path
from app.chain.entry import MAX_ENTRY_BYTES


class EntryFiles:
    """Reads each file once. `digests` holds the digest and length of each file that was read."""

    def __init__(self, archive: Archive, start: int, end: int, folder: str = "") -> None:
        """The entries [start, end) of a log, from the files in `folder`."""
        self._archive = archive
        self._start = start
        self._end = end
        # A manifest may claim any size, so files are counted only as far as the archive has them.
        count = min(-(-(end - start) // ENTRIES_PER_FILE), len(archive.names) + 1)
        self.paths = [folder + entries_path(number) for number in range(count)]
        self.digests: dict[str, tuple[str, int]] = {}

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """Each entry's position and line, in order.

        Raises CannotTell where a file is missing, damaged, too short or too long; its position is
        the one after the last line that was given.
        """
        seq = self._start
        for number, path in enumerate(self.paths):
            due = min(self._start + (number + 1) * ENTRIES_PER_FILE, self._end)
            for line in self._lines_of(path):
                if seq == due:
                    raise CannotTell(
                        f"there are more entries than the {due} that belong up to here"
                    )
                yield seq, line
                seq += 1
            if seq < due:
                break
        if seq != self._end:
            raise CannotTell(f"entries end at {seq}, but {self._end} are signed")

    def _lines_of(self, path: str) -> Iterator[bytes]:
        """The lines of one file; the last one even without a newline. Raises CannotTell."""
        digest, length, rest = hashlib.sha256(), 0, b""
        for piece in self._archive.pieces(path, ENTRIES_PER_FILE * (MAX_ENTRY_BYTES + 1)):
            digest.update(piece)
            length += len(piece)
            *lines, rest = (rest + piece).split(b"\n")
            yield from lines
            if len(rest) > MAX_ENTRY_BYTES:
                break
        if rest:
            yield rest
            raise CannotTell(f"{path} does not end with a newline")
        self.digests[path] = (digest.hexdigest(), length)
