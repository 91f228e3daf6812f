"""An entry: one line of a fund's log, and the chain from each line to the one before.

{"at":"2025-01-10T09:00:00.000000Z","by":{"party":"EU","role":"treasury","subject":"eu-1"},
 "data":{...},"derived":{...},"fund":"era","id":"0194...","prev":"5f...","seq":7,
 "type":"receipt.booked","v":1}            (canonical JSON, one line, at most 65,535 bytes)
"""

from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from app.chain.canonical import NotCanonical, decode_canonical, encode, holds_null, text_of
from app.chain.plain import AT, FUND, HASH, TYPE, UUID7, take_apart

FORMAT_VERSION: Final = 1
MAX_ENTRY_BYTES: Final = 65_535
"""The limit of tlog-tiles, whose entry bundles write an entry's length in two bytes."""
GENESIS_PREV: Final = "0" * 64

_MEMBERS = {"v", "fund", "seq", "id", "type", "at", "by", "data", "prev"}
_OPTIONAL = {"derived", "jws"}
_BY = {"party", "subject", "role"}


class BadEntry(ValueError):
    """The bytes are not an entry; the message says which field is wrong."""


class BrokenChain(ValueError):
    """An entry does not follow the one before it."""


class WrongPrev(BrokenChain):
    """An entry names another hash than that of the entry before: one of the two was changed."""


class Link(NamedTuple):
    """The fields of an entry that the next one is compared with."""

    fund: str
    seq: int
    id: str
    at: str
    prev: str


class Entry(NamedTuple):
    """One recorded fact. `at` is RFC 3339 UTC with microseconds; `prev` is 64 hex digits."""

    fund: str
    seq: int
    id: str
    type: str
    at: str
    by: dict[str, str]
    data: dict[str, Any]
    prev: str
    derived: dict[str, Any] | None = None
    jws: str | None = None

    def members(self) -> dict[str, Any]:
        """The entry as a JSON object; what is absent is left out, never null."""
        members: dict[str, Any] = {
            "v": FORMAT_VERSION,
            "fund": self.fund,
            "seq": self.seq,
            "id": self.id,
            "type": self.type,
            "at": self.at,
            "by": self.by,
            "data": self.data,
            "prev": self.prev,
        }
        if self.derived:
            members["derived"] = self.derived
        if self.jws is not None:
            members["jws"] = self.jws
        return members

    def to_bytes(self) -> bytes:
        """The canonical line, without newline. Raises BadEntry when it is too long."""
        return write_line(
            fund=self.fund,
            seq=self.seq,
            id=self.id,
            type=self.type,
            at=self.at,
            by=self.by,
            data=encode(self.data),
            derived=encode(self.derived) if self.derived else None,
            prev=self.prev,
            jws=self.jws,
        )

    @classmethod
    def from_bytes(cls, line: bytes) -> "Entry":
        """Read a line back. Only the one canonical spelling is accepted. Raises BadEntry."""
        if len(line) > MAX_ENTRY_BYTES:
            raise BadEntry(f"{len(line)} bytes; an entry has at most {MAX_ENTRY_BYTES}")
        plain = take_apart(line)
        if plain is None:
            return cls._read_strictly(line)
        data, derived = plain.terms()
        return cls(
            fund=plain.fund,
            seq=int(plain.seq),
            id=plain.id,
            type=plain.type,
            at=plain.at,
            by={"party": plain.party, "role": plain.role, "subject": plain.subject},
            data=data,
            prev=plain.prev,
            derived=derived,
            jws=plain.jws,
        )

    @classmethod
    def _read_strictly(cls, line: bytes) -> "Entry":
        try:
            members = decode_canonical(line)
        except NotCanonical as error:
            raise BadEntry(str(error)) from None
        if type(members) is not dict:
            raise BadEntry("an entry is a JSON object")
        _check_members(members)
        # A quick test first: nearly no line contains the word.
        if b"null" in line:
            _check_nulls(members)
        del members["v"]
        return cls(**members)

    def recorded_at(self) -> datetime:
        """`at` as an aware UTC time."""
        return datetime.fromisoformat(self.at).astimezone(UTC)

    @property
    def link(self) -> Link:
        """The part of the entry that the next one is compared with."""
        return Link(self.fund, self.seq, self.id, self.at, self.prev)


def read_link(line: bytes) -> Link:
    """Check a line as `Entry.from_bytes` does, and return only what the next one must follow.

    Raises BadEntry.
    """
    plain = take_apart(line) if len(line) <= MAX_ENTRY_BYTES else None
    if plain is None:
        return Entry.from_bytes(line).link
    return Link(plain.fund, int(plain.seq), plain.id, plain.at, plain.prev)


def write_line(  # noqa: PLR0913  an entry's members
    *,
    fund: str,
    seq: int,
    id: str,  # noqa: A002  the member's own name
    type: str,  # noqa: A002
    at: str,
    by: dict[str, str],
    data: bytes,
    prev: str,
    derived: bytes | None = None,
    jws: str | None = None,
) -> bytes:
    """The canonical line, without newline, of an entry whose `data` is in canonical bytes already.

    So is `derived`, None where it is absent. Raises BadEntry when the line is too long.
    """
    actor = ",".join(f'"{name}":{text_of(by[name])}' for name in sorted(by))
    signed = "" if jws is None else f'"jws":{text_of(jws)},'
    # Members in canonical order: at, by, data, derived, fund, id, jws, prev, seq, type, v.
    line = b"".join(
        (
            f'{{"at":{text_of(at)},"by":{{{actor}}},"data":'.encode(),
            data,
            b"" if derived is None else b',"derived":' + derived,
            f',"fund":{text_of(fund)},"id":{text_of(id)},{signed}"prev":{text_of(prev)},'
            f'"seq":{seq},"type":{text_of(type)},"v":{FORMAT_VERSION}}}'.encode(),
        )
    )
    if len(line) > MAX_ENTRY_BYTES:
        raise BadEntry(f"{len(line)} bytes; an entry has at most {MAX_ENTRY_BYTES}")
    return line


def time_text(moment: datetime) -> str:
    """An aware time as an entry writes it: `2025-01-10T09:00:00.000000Z`.

    Raises ValueError for a naive time, whose zone is unknown.
    """
    if moment.utcoffset() is None:
        raise ValueError("a time without a zone")
    return moment.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def check_follows(
    entry: Entry | Link, before: Entry | Link | None, before_leaf: bytes | None
) -> None:
    """Check position, chain and time against the entry before; both None for a log's first.

    Raises BrokenChain.
    """
    expected_seq = 0 if before is None else before.seq + 1
    expected_prev = GENESIS_PREV if before_leaf is None else before_leaf.hex()
    if entry.seq != expected_seq:
        raise BrokenChain(f"seq is {entry.seq}, expected {expected_seq}")
    if entry.prev != expected_prev:
        raise WrongPrev(f"prev is {entry.prev}, but the entry before has hash {expected_prev}")
    if before is not None and entry.fund != before.fund:
        raise BrokenChain(f"fund is {entry.fund!r}, the entry before belongs to {before.fund!r}")
    if before is not None and entry.at < before.at:
        raise BrokenChain(f"recorded at {entry.at}, before its predecessor at {before.at}")


def _check_members(members: dict[str, Any]) -> None:
    """Presence, types and forms of every field. Raises BadEntry."""
    if missing := _MEMBERS - members.keys():
        raise BadEntry(f"{min(missing)} is missing")
    if unknown := members.keys() - _MEMBERS - _OPTIONAL:
        raise BadEntry(f"{len(unknown)} unknown member(s)")
    if type(members["v"]) is not int or members["v"] != FORMAT_VERSION:
        raise BadEntry(f"format version is not {FORMAT_VERSION}")
    if type(members["seq"]) is not int or members["seq"] < 0:
        raise BadEntry("seq is not a position")
    for name, form in (
        ("fund", FUND),
        ("id", UUID7),
        ("type", TYPE),
        ("at", AT),
        ("prev", HASH),
    ):
        if type(members[name]) is not str or not form.fullmatch(members[name]):
            raise BadEntry(f"{name} is malformed")
    _check_time(members["at"])
    by = members["by"]
    if type(by) is not dict or by.keys() != _BY or any(type(v) is not str for v in by.values()):
        raise BadEntry("by must name party, subject and role")
    for name in ("data", "derived"):
        if type(members.get(name, {})) is not dict:
            raise BadEntry(f"{name} must be an object without null")
    if members.get("derived") == {}:
        raise BadEntry("derived is empty; it must be absent then")
    if type(members.get("jws", "")) is not str:
        raise BadEntry("jws must be a string")


def _check_nulls(members: dict[str, Any]) -> None:
    for name in ("data", "derived"):
        if holds_null(members.get(name, {})):
            raise BadEntry(f"{name} must be an object without null")


def _check_time(text: str) -> None:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        raise BadEntry("at is not a time") from None
