"""The views of a bundle, compared with what the entries give while both are read.

Each file is read once and not held in memory, and the first row that differs is named.
"""

import csv
import hashlib
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.audit.format.archive import Archive, CannotTell
from app.audit.format.versions import BundleFormat

MAX_NAMED_CHARS = 200
"""How many characters of a row are read to find the entry that it names."""


@dataclass
class _Compared:
    """One file: how far it was read, and the first thing that was wrong with it."""

    pieces: Iterator[bytes]
    ahead: bytes = b""
    digest: Any = field(default_factory=hashlib.sha256)
    length: int = 0
    row: int = 1
    """The row that is being compared, counted from 1 for the header."""
    row_begin: bytes = b""
    """The bytes of that row that were read so far."""
    wrong: tuple[str, int | None] | None = None

    def take(self, count: int) -> bytes:
        """The next `count` bytes of the file, or fewer at its end. Raises CannotTell."""
        while len(self.ahead) < count and (piece := next(self.pieces, b"")):
            self.digest.update(piece)
            self.length += len(piece)
            self.ahead += piece
        taken, self.ahead = self.ahead[:count], self.ahead[count:]
        return taken


class ViewComparison:
    """Takes the bytes of each view as they are recomputed and compares them with its file."""

    def __init__(
        self, archive: Archive, form: BundleFormat, listed: Mapping[str, tuple[str, int]]
    ) -> None:
        """`listed` are the manifest's digests and lengths; no file is read much further than its
        length.
        """
        self._files = {
            path: _Compared(archive.pieces(path, listed.get(path, ("", 0))[1] + 1))
            for path in form.view_paths
        }
        self._headers = {view.path: view.header for view in form.views}

    def expect(self, path: str, data: bytes) -> None:
        """Compare the next bytes of that file with these."""
        file = self._files[path]
        if file.wrong is not None:
            return
        try:
            there = file.take(len(data))
        except CannotTell as error:
            file.wrong = (str(error), None)
            return
        if there == data:
            file.row += data.count(b"\n")
            file.row_begin = (file.row_begin + data).rpartition(b"\n")[2]
            return
        place = next(
            (n for n, (a, b) in enumerate(zip(there, data, strict=False)) if a != b), len(there)
        )
        same = data[:place]
        row = file.row + same.count(b"\n")
        begun = (file.row_begin + same).rpartition(b"\n")[2]
        rest = data[place : place + MAX_NAMED_CHARS].partition(b"\n")[0]
        seq = self._seq(path, begun + rest)
        where = f"row {row}" + ("" if seq is None else f", of entry {seq},")
        file.wrong = (f"{path}: {where} is not what the entries give", seq)

    def finish(self, found: Callable[[str, int | None], None]) -> dict[str, tuple[str, int]]:
        """Report what was wrong; return digest and length of each file that was read to its end."""
        digests: dict[str, tuple[str, int]] = {}
        for path, file in self._files.items():
            try:
                more = file.take(1)
                while file.take(1 << 16):
                    pass
            except CannotTell as error:
                file.wrong = file.wrong or (str(error), None)
                more = b""
            else:
                digests[path] = (file.digest.hexdigest(), file.length)
            if file.wrong is None and more:
                file.wrong = (f"{path}: row {file.row} is more than the entries give", None)
            if file.wrong is not None:
                found(*file.wrong)
        return digests

    def _seq(self, path: str, line: bytes) -> int | None:
        """The entry that a row names, or None."""
        cells = next(csv.reader(io.StringIO(line.decode(errors="replace"))), [])
        named = dict(zip(self._headers[path], cells, strict=False)).get("seq", "")
        return int(named) if named.isascii() and named.isdigit() else None
