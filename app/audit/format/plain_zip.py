"""A ZIP that every reader reads alike (APPNOTE 6.3.10, section 4.3).

Readers differ: one goes by the directory at the end, one by the headers in front of each file, one
looks for a second archive in front of the first. An archive is plain when there is nothing to
differ about: it is its files, one after the other, then the directory with the same names and
sizes, then the end, and not a byte more.
"""

import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from typing import IO, Final

PIECE_BYTES: Final = 65_536
_LOCAL: Final = struct.Struct("<4s5H3I2H")
_CENTRAL: Final = struct.Struct("<4s6H3I5H2I")
_END: Final = struct.Struct("<4s4H2IH")
_END64: Final = struct.Struct("<4sQ2H2I4Q")
_LOCATOR: Final = struct.Struct("<4sIQI")
_EXTRA: Final = struct.Struct("<2H")
_ZIP64: Final = 0x0001
_DESCRIBED: Final = 0x0008
_FLAGS: Final = _DESCRIBED | 0x0800  # a descriptor after the data; names in UTF-8
_SHORT, _LONG = 0xFFFF, 0xFFFFFFFF
"""In a field of two or of four bytes: the value stands in a ZIP64 record."""


class NotPlain(ValueError):
    """Other readers may find other files in the archive; the message says why."""


def require_plain(archive: zipfile.ZipFile) -> None:
    """Check that the archive has no byte that belongs to none of its files. Raises NotPlain."""
    file = archive.fp
    if file is None:
        raise NotPlain("the archive is closed")
    infos = archive.infolist()
    try:
        at = 0
        for info in sorted(infos, key=lambda info: info.header_offset):
            at = _end_of_file(file, info, at)
        file.seek(at)
        for info in infos:
            _require_entry(file, info)
        _require_end(file, len(infos), at)
    except struct.error:
        raise _strange("it ends within a header") from None


def unpacked(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    """The bytes of a file of a plain archive, in pieces; its packed form is used up to its end.

    Raises NotPlain, EOFError, zlib.error.
    """
    file = archive.fp
    if file is None:
        raise NotPlain("the archive is closed")
    file.seek(info.header_offset)
    lengths = _LOCAL.unpack(file.read(_LOCAL.size))[-2:]
    at, left = info.header_offset + _LOCAL.size + sum(lengths), info.compress_size
    packed = _Packed(info.compress_type)
    size = crc = 0
    while left or packed.has_more:
        if not packed.has_more:
            file.seek(at)
            packed.rest = file.read(min(left, PIECE_BYTES))
            if not packed.rest:
                raise EOFError("it ends within a file")
            at, left = at + len(packed.rest), left - len(packed.rest)
        piece = packed.next()
        size, crc = size + len(piece), zlib.crc32(piece, crc)
        yield piece
    if not packed.ended or (size, crc) != (info.file_size, info.CRC):
        raise _strange("a file with two sizes")


class _Packed:
    """Packed bytes on their way: `rest` is still to be unpacked."""

    def __init__(self, compression: int) -> None:
        self.rest = b""
        self._held_back = False
        stored = compression == zipfile.ZIP_STORED
        self._stream = None if stored else zlib.decompressobj(-zlib.MAX_WBITS)

    def next(self) -> bytes:
        """The next bytes, so many at most as a piece has, however far they unpack."""
        if self._stream is None:
            piece, self.rest = self.rest, b""
            return piece
        if self._stream.eof:
            raise _strange("bytes behind the end of a file")
        piece = self._stream.decompress(self.rest, PIECE_BYTES)
        self.rest = self._stream.unconsumed_tail or self._stream.unused_data
        # All input may be used up while some output has had no room.
        self._held_back = len(piece) == PIECE_BYTES and not self._stream.eof
        return piece

    @property
    def has_more(self) -> bool:
        """Whether something comes without more input."""
        return bool(self.rest) or self._held_back

    @property
    def ended(self) -> bool:
        return self._stream is None or self._stream.eof


def _strange(why: str) -> NotPlain:
    return NotPlain(
        f"other readers may find other files in this archive ({why}): "
        "take the bundle as it was exported"
    )


def _end_of_file(file: IO[bytes], info: zipfile.ZipInfo, start: int) -> int:
    """Where the file that has to begin at `start` ends, with its descriptor."""
    file.seek(start)
    found = _LOCAL.unpack(file.read(_LOCAL.size))
    signature, _, flags, method, _, _, crc, packed, size, name_length, extra_length = found
    name, extra = file.read(name_length), file.read(extra_length)
    if signature != b"PK\x03\x04" or info.header_offset != start:
        raise _strange("bytes that belong to no file")
    if (name, flags, method) != (_name(info), info.flag_bits, info.compress_type):
        raise _strange("a file with two names")
    if flags & ~_FLAGS:
        raise _strange("an encrypted or patched file")
    sizes = _sizes(extra, size, packed)
    end: int = start + _LOCAL.size + name_length + extra_length + info.compress_size
    if flags & _DESCRIBED:
        return end + _descriptor(file, info, end)
    if (crc, *sizes) != (info.CRC, info.file_size, info.compress_size):
        raise _strange("a file with two sizes")
    return end


def _descriptor(file: IO[bytes], info: zipfile.ZipInfo, start: int) -> int:
    """The length of the sizes that stand after a file's data."""
    file.seek(start)
    found = file.read(24)
    for form in ("<4sI2I", "<4sI2Q"):
        values = (b"PK\x07\x08", info.CRC, info.compress_size, info.file_size)
        with suppress(struct.error):
            wanted = struct.pack(form, *values)
            # Another header has to follow, which tells the short form from the long one.
            if found.startswith(wanted) and _next_is_header(file, start + len(wanted)):
                return len(wanted)
    raise _strange("a file with two sizes")


def _next_is_header(file: IO[bytes], at: int) -> bool:
    file.seek(at)
    return file.read(4) in (b"PK\x03\x04", b"PK\x01\x02")


def _require_entry(file: IO[bytes], info: zipfile.ZipInfo) -> None:
    """Check the next entry of the directory, where the file stands now."""
    found = _CENTRAL.unpack(file.read(_CENTRAL.size))
    signature, name_length, extra_length, comment_length, disk = found[0], *found[10:14]
    name, extra = file.read(name_length), file.read(extra_length)
    if signature != b"PK\x01\x02" or name != _name(info) or comment_length or disk:
        raise _strange("a directory with more than names and sizes")
    _sizes(extra, 0, 0)


def _require_end(file: IO[bytes], count: int, directory: int) -> None:
    """Check what follows the directory, up to the file's last byte."""
    at, rest = file.tell(), file.read(_END64.size + _LOCATOR.size + _END.size + 1)
    if rest.startswith(b"PK\x06\x06"):
        record = _END64.unpack(rest[: _END64.size])
        locator = _LOCATOR.unpack(rest[_END64.size : _END64.size + _LOCATOR.size])
        length, size = _END64.size - 12, at - directory
        if (record[0], record[1], *record[4:]) != (
            *(b"PK\x06\x06", length, 0, 0, count, count, size, directory),
        ) or locator != (b"PK\x06\x07", 0, at, 1):
            raise _strange("bytes behind the directory")
        rest = rest[_END64.size + _LOCATOR.size :]
    if len(rest) != _END.size:
        raise _strange("a comment, or bytes behind the end")
    signature, *places, comment_length = _END.unpack(rest)
    wanted = (0, 0, count, count, at - directory, directory)
    limits = (_SHORT, _SHORT, _SHORT, _SHORT, _LONG, _LONG)
    fits = all(
        place in (value, limit) for place, value, limit in zip(places, wanted, limits, strict=True)
    )
    if signature != b"PK\x05\x06" or comment_length or not fits:
        raise _strange("a comment, or another directory")


def _sizes(extra: bytes, size: int, packed: int) -> tuple[int, int]:
    """The sizes that a header gives, with those of its ZIP64 field, which alone may be there."""
    if not extra:
        return size, packed
    identifier, length = _EXTRA.unpack(extra[: _EXTRA.size])
    fields = extra[_EXTRA.size :]
    if identifier != _ZIP64 or length != len(fields) or length % 8 or length > 24:
        raise _strange("a field that renames a file, or hides something")
    values = list(struct.unpack(f"<{length // 8}Q", fields))
    if size == _LONG and values:
        size = values.pop(0)
    if packed == _LONG and values:
        packed = values.pop(0)
    return size, packed


def _name(info: zipfile.ZipInfo) -> bytes:
    if not info.orig_filename.isascii():
        raise _strange("a name that readers spell differently")
    return info.orig_filename.encode()
