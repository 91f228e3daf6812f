"""Reading a bundle's archive: a ZIP from an untrusted source, within limits on what is read."""

import hashlib
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import Final

from app.audit.format.plain_zip import NotPlain, require_plain, unpacked

_COMPRESSIONS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
UNREADABLE: Final = (
    EOFError,
    OSError,
    RuntimeError,  # encrypted; and NotImplementedError: an unknown compression
    ValueError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
"""What Python's ZIP reader raises for archives that are damaged or malicious."""


class CannotTell(Exception):
    """The bundle or the trust file cannot be read, so it can be called neither good nor bad."""


class Archive:
    """The files of one bundle, by name."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        """Open it unless other readers may read other files from it, or a file is compressed in a
        way that Python unpacks without a limit. Raises CannotTell.
        """
        if any(info.compress_type not in _COMPRESSIONS for info in archive.infolist()):
            raise CannotTell("a file in it is neither stored nor deflated")
        try:
            require_plain(archive)
        except NotPlain as error:
            raise CannotTell(str(error)) from None
        self._archive = archive
        self.names = [info.filename for info in archive.infolist()]

    def pieces(self, name: str, limit: int) -> Iterator[bytes]:
        """The file's bytes, up to `limit` of them. Raises CannotTell."""
        left = limit
        try:
            for piece in unpacked(self._archive, self._archive.getinfo(name)):
                yield piece[:left]
                left -= len(piece)
                if left <= 0:
                    return
        except KeyError:
            raise CannotTell(f"{name} is missing") from None
        except UNREADABLE as error:
            raise CannotTell(f"{name} cannot be read: {error}") from None

    def small(self, name: str, limit: int) -> bytes:
        """The whole of a file that is always small. Raises CannotTell."""
        content = b"".join(self.pieces(name, limit + 1))
        if len(content) > limit:
            raise CannotTell(f"{name} is larger than {limit} bytes")
        return content

    def digest(self, name: str, size: int) -> tuple[str, int]:
        """Digest and length of a file, reading one byte past `size` at most. Raises CannotTell."""
        digest, length = hashlib.sha256(), 0
        for piece in self.pieces(name, size + 1):
            digest.update(piece)
            length += len(piece)
        return digest.hexdigest(), length
