"""Archives that two readers read differently are not judged; those that all read alike are."""

import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.audit.format.plain_zip import NotPlain, require_plain, unpacked

FILES = {"manifest.json": b"{}", "entries/00000000.jsonl": b"line\n" * 400}


def packed(
    files: dict[str, bytes] | None = None, *, streamed: bool = False, comment: bytes = b""
) -> bytes:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, *_: int) -> int:
            raise OSError

    sink = Pipe() if streamed else io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (files or FILES).items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
        archive.comment = comment
    return sink.getvalue()


def judged(raw: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        require_plain(archive)


def with_extra(field: bytes) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        info = zipfile.ZipInfo("manifest.json")
        info.extra = field
        archive.writestr(info, b"{}")
    return sink.getvalue()


def with_local_name(raw: bytes) -> bytes:
    """The header in front of the first file names another one than the directory does."""
    return raw.replace(b"manifest.json", b"manifest.JSON", 1)


def between_files(raw: bytes) -> bytes:
    """A file that the directory does not list, before the directory."""
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        at = archive.start_dir
    hidden = b"PK\x03\x04" + bytes(26) + b"hidden"
    moved = bytearray(raw[:at] + hidden + raw[at:])
    end = moved.rindex(b"PK\x05\x06")
    (offset,) = struct.unpack_from("<I", moved, end + 16)
    struct.pack_into("<I", moved, end + 16, offset + len(hidden))
    return bytes(moved)


def other_size(raw: bytes) -> bytes:
    changed = bytearray(raw)
    struct.pack_into("<I", changed, 22, 1)
    return bytes(changed)


@pytest.mark.parametrize("streamed", [False, True])
def test_an_ordinary_archive_is_plain(*, streamed: bool) -> None:
    judged(packed(streamed=streamed))


def test_an_archive_with_sizes_of_eight_bytes_is_plain(tmp_path: Path) -> None:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in FILES.items():
            with archive.open(name, "w", force_zip64=True) as file:
                file.write(content)

    judged(sink.getvalue())


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda raw: b"MZ" * 40 + raw, "belong to no file"),
        (lambda raw: packed({"other": b"x"}) + raw, "belong to no file"),
        (lambda raw: raw + b"\x00", "behind the end"),
        (between_files, "more than names"),
        (with_local_name, "two names"),
        (other_size, "two sizes"),
    ],
)
def test_bytes_that_belong_to_no_listed_file_are_refused(
    change: Callable[[bytes], bytes], why: str
) -> None:
    with pytest.raises((NotPlain, zipfile.BadZipFile), match=why):
        judged(change(packed()))


def test_a_comment_is_refused() -> None:
    with pytest.raises(NotPlain, match="a comment"):
        judged(packed(comment=b"PK\x03\x04 is hidden here"))


@pytest.mark.parametrize(
    "field",
    [
        struct.pack("<2H", 0x7075, 9) + b"\x01\x00\x00\x00\x00name",  # Unicode path: another name
        struct.pack("<2H", 0x5455, 5) + b"\x01\x00\x00\x00\x00",  # times
        struct.pack("<2H", 0xCAFE, 40) + bytes(40),
    ],
)
def test_an_extra_field_is_refused_whatever_it_says(field: bytes) -> None:
    with pytest.raises(NotPlain, match="renames a file"):
        judged(with_extra(field))


def test_a_name_outside_ascii_is_refused() -> None:
    with pytest.raises(NotPlain, match="spell differently"):
        judged(packed({"mänifest.json": b"{}"}))


def test_no_cut_and_no_flipped_byte_raises_anything_else() -> None:
    raw = packed()
    for at in range(len(raw)):
        for broken in (raw[:at], raw[:at] + bytes([raw[at] ^ 0x41]) + raw[at + 1 :]):
            try:
                judged(broken)
            except (NotPlain, zipfile.BadZipFile, NotImplementedError, ValueError, OSError):
                continue


def behind_the_stream(hidden: bytes) -> bytes:
    """The packed form of the only file goes on behind its end; all sizes say so."""
    raw = bytearray(packed({"a": b"line\n" * 400}))
    (size,) = struct.unpack_from("<I", raw, 18)
    struct.pack_into("<I", raw, 18, size + len(hidden))
    raw[31 + size : 31 + size] = hidden
    directory = raw.index(b"PK\x01\x02")
    struct.pack_into("<I", raw, directory + 20, size + len(hidden))
    struct.pack_into("<I", raw, raw.rindex(b"PK\x05\x06") + 16, directory)
    return bytes(raw)


def content_of(raw: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        require_plain(archive)
        return b"".join(unpacked(archive, archive.infolist()[0]))


def test_nothing_is_hidden_behind_the_end_of_a_packed_file() -> None:
    assert content_of(behind_the_stream(b"")) == b"line\n" * 400
    with pytest.raises(NotPlain, match="behind the end of a file"):
        content_of(behind_the_stream(b"hidden"))


@given(st.binary(max_size=200_000), st.integers(1, 40))
@settings(max_examples=25)
def test_a_file_is_unpacked_to_what_was_packed(content: bytes, times: int) -> None:
    assert content_of(packed({"a": content * times})) == content * times


def test_other_bytes_than_the_sum_says_are_refused() -> None:
    raw = bytearray(packed({"a": b"line\n" * 400}))
    for place in (14, raw.index(b"PK\x01\x02") + 16):
        struct.pack_into("<I", raw, place, 7)

    with pytest.raises(NotPlain, match="two sizes"):
        content_of(bytes(raw))
