"""A mutation test of the verifier: what byte of a bundle can be changed without its saying so?

Three attackers: one who has no key changes the file as it lies there, its container too. One who
has the export key makes every digest fit and signs the manifest anew: entries, checkpoint and
claims must then be found by what they are. What is left over is listed here, with the reason.
"""

import copy
import struct
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.audit.format.archive import CannotTell
from app.audit.verify import verify
from app.chain.jws import sign_detached
from tests.support.attack.trust import small_bundle
from tests.support.builders import a_pledge, money, treasury
from tests.support.service import Service
from tests.support.tampering import Bundle

LOCAL, CENTRAL, END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
FIELDS = {
    LOCAL: (
        "4s signature,H needs,H flags,H method,H time,H date,I crc,I packed,I size,H name,H extra"
    ),
    CENTRAL: (
        "4s signature,H by,H needs,H flags,H method,H time,H date,I crc,I packed,I size,"
        "H name,H extra,H comment,H disk,H internal,I external,I offset"
    ),
    END: "4s signature,H disk,H start,H here,H all,I size,I offset,H comment",
}
IRRELEVANT = {
    "local time": "an archive's own times mean nothing; the manifest has the one that counts",
    "local date": "the same",
    "local crc": "readers take the central directory's, which is compared with the content",
    "local packed": "readers take the central directory's",
    "local size": "readers take the central directory's",
    "local method": "readers take the central directory's",
    "local needs": "a version of the format that nobody asks for",
    "local flags": "readers take the central directory's, but for the name's spelling",
    "central by": "which program made it",
    "central needs": "a version of the format, as long as it is one that is known",
    "central flags": "hints about packing, and the spelling of a name that is ASCII",
    "central time": "an archive's own times mean nothing",
    "central date": "the same",
    "central packed": "the shorter of two lengths counts, and the content's checksum has to fit",
    "central size": "the same",
    "central name": "the last name ends with the directory, whatever its length says",
    "central extra": "behind the last name there is nothing to be read",
    "central comment": "the same",
    "end comment": "behind the end there is nothing to be read",
    "central disk": "archives of many disks are not read",
    "central internal": "whether a file is text",
    "central external": "rights of a file that nobody unpacks",
    "end disk": "archives of many disks are not read",
    "end start": "the same",
    "end here": "the same",
    "end all": "readers count for themselves",
}
"""Fields of the container that decide nothing: whatever they say, every file is read the same."""


@pytest.fixture(scope="module")
def small(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A fund of one pledge, with nothing in it that is not needed."""

    def fill(service: Service) -> None:
        service.open(governments=("DE",))
        service.post(treasury("DE"), "/pledges", a_pledge(money(1)))

    return small_bundle(tmp_path_factory.mktemp("flips"), sqlite_template, fill)


def container(raw: bytes) -> Iterator[tuple[int, str]]:
    """Every byte of the archive that is not content: where it is, and what it belongs to."""
    at = 0
    while at < len(raw):
        kind = raw[at : at + 4]
        names, place, values = {LOCAL: "local", CENTRAL: "central", END: "end"}[kind], at, {}
        for form, name in (field.split(" ") for field in FIELDS[kind].split(",")):
            width = struct.calcsize(f"<{form}")
            (values[name],) = struct.unpack(f"<{form}", raw[place : place + width])
            yield from ((place + n, f"{names} {name}") for n in range(width))
            place += width
        length = values.get("name", 0)
        yield from ((place + n, f"{names} path") for n in range(length))
        at = place + length + values.get("extra", 0) + values["comment" if kind == END else "extra"]
        at += values["packed"] if kind == LOCAL else 0


def content(path: Path) -> dict[str, bytes] | None:
    """Every file by name, as any reader of archives finds it; None where there is none."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if len(set(names)) < len(names):
                return None
            return {name: archive.read(name) for name in names}
    except Exception:  # noqa: BLE001  whatever it is, nothing was read
        return None


def found(bundle: Bundle, path: Path) -> bool:
    try:
        return verify(path, bundle.policy()).result != "ok"
    except CannotTell:
        return True


@pytest.mark.slow
def test_a_changed_byte_of_the_container_is_found_or_changes_no_file(
    small: Bundle, tmp_path: Path
) -> None:
    path = small.write()
    raw, files = path.read_bytes(), content(path)
    changed_path = tmp_path / "changed.zip"
    missed, unread, passed = [], Counter[str](), Counter[str]()
    for position, field in container(raw):
        flipped = raw[:position] + bytes([raw[position] ^ 0x01]) + raw[position + 1 :]
        changed_path.write_bytes(flipped)
        if content(changed_path) == files:
            passed[field] += 1
        elif not found(small, changed_path):
            missed.append((position, field))
        else:
            unread[field] += 1

    assert missed == []
    assert passed.keys() <= IRRELEVANT.keys()
    assert unread.total() > 500
    assert not found(small, path)


def refitted(bundle: Bundle, path: str, position: int) -> Bundle:
    """One bit of a file changed by who has the export key: digests and manifest fit again."""
    forged = copy.copy(bundle)
    old = bundle.files[path]
    changed = old[:position] + bytes([old[position] ^ 0x01]) + old[position + 1 :]
    forged.files = {**bundle.files, path: changed}
    if path == "manifest.json":
        _signed_as_it_is(forged)
    else:
        forged.resign()
    return forged


def _signed_as_it_is(bundle: Bundle) -> None:
    header = {"typ": "fund-ledger-export+jws", "fund": "test-fund"}
    body, key = bundle.files["manifest.json"], bundle.keys.of_exports()
    bundle.files["manifest.jws"] = sign_detached(body, key, header).encode()


def missed_by(small: Bundle, path: str, step: int) -> list[int]:
    """Positions of a file that the export key's holder can change without being found."""
    return sorted(
        {
            position
            for position in range(0, len(small.files[path]), step)
            if not found(small, refitted(small, path, position).write())
        }
    )


def at_liberty(small: Bundle, path: str) -> set[int]:
    """The manifest's `time`: whoever signs it may say any time after the last entry."""
    body = small.files[path]
    if path != "manifest.json":
        return set()
    start = body.index(b'"time":"') + len(b'"time":"')
    return set(range(start, start + 27))


PROVING = ("checkpoint", "entries/00000000.jsonl", "manifest.json")


@pytest.mark.parametrize("path", PROVING)
def test_who_has_the_export_key_changes_nothing_that_proves(small: Bundle, path: str) -> None:
    step = max(1, len(small.files[path]) // 110)

    assert set(missed_by(small, path, step)) <= at_liberty(small, path)


@pytest.mark.slow
@pytest.mark.parametrize("path", PROVING)
def test_no_byte_that_proves_can_be_changed_even_with_the_export_key(
    small: Bundle, path: str
) -> None:
    assert set(missed_by(small, path, 1)) <= at_liberty(small, path)


@pytest.mark.slow
def test_no_byte_of_any_file_can_be_changed_without_a_key(small: Bundle) -> None:
    missed = []
    for path, old in small.files.items():
        for position in range(len(old)):
            flipped = copy.copy(small)
            changed = old[:position] + bytes([old[position] ^ 0x01]) + old[position + 1 :]
            flipped.files = {**small.files, path: changed}
            if not found(small, flipped.write()):
                missed.append((path, position))

    assert missed == []
