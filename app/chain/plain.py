"""Plain lines: a fast way to read an entry that is written as nearly all are.

Reading an entry strictly means to build it, write it again, compare, and look at every member.
Nearly all of that is the same for thousands of lines, which differ in texts and numbers only. Here
patterns take a line apart:

    head     "at" and "by"                  the same members in every entry, each in its form
    middle   "data" and maybe "derived"     of the event's own *shape*
    tail     "fund" to "v"                  the same members in every entry, as in the head

The shape is the middle in which every plain text and whole number after a colon is replaced by "".
It is checked once, and the result holds for all middles that have it. In canonical JSON without
backslashes `:""` can only be a member's value that is an empty text (were the first quote a closing
one, two texts would stand side by side); and when a plain text or a whole number takes its place,
the JSON stays canonical: same members, same order, same depth, nothing null.

Every other line (with escapes, other alphabets, signed numbers, or any fault) is left to the strict
reader, `Entry.from_bytes`. A line that is accepted here is read as the strict reader reads it.
"""

import re
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from json import JSONDecoder
from typing import Any, Final, NamedTuple

from app.chain.canonical import NotCanonical, canonical_at, holds_null

FUND: Final = re.compile(r"[a-z0-9][a-z0-9-]{1,62}")
UUID7: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
TYPE: Final = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)+")
AT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")
HASH: Final = re.compile(r"[0-9a-f]{64}")

_TEXT = r"[ !#-\[\]-~]*"
"""Text that canonical JSON writes without escapes."""
_NUMBER = r"[1-9][0-9]{0,14}"
_HEAD = re.compile(
    rf'\{{"at":"({AT.pattern})","by":'
    rf'\{{"party":"({_TEXT})","role":"({_TEXT})","subject":"({_TEXT})"\}},"data":'
)
_DERIVED = ',"derived":'
_TAIL_BEGINS = ',"fund":"'
_TAIL = re.compile(
    rf',"fund":"({FUND.pattern})","id":"({UUID7.pattern})"(?:,"jws":"({_TEXT})")?,'
    rf'"prev":"({HASH.pattern})","seq":(0|{_NUMBER}),"type":"({TYPE.pattern})","v":1\}}'
)
_VALUE = re.compile(rf':(?:"{_TEXT}"|{_NUMBER})')
_MAX_MIDDLE = 2_000
"""Longer middles seldom share a shape, so their shapes are not kept."""
_read: Callable[[str, int], tuple[Any, int]] = JSONDecoder().raw_decode


class PlainLine(NamedTuple):
    """A line's parts, each in its form; `middle` is `data`, and `derived` if the entry has one."""

    at: str
    party: str
    role: str
    subject: str
    fund: str
    id: str
    jws: str | None
    prev: str
    seq: str
    type: str
    middle: str

    def terms(self) -> tuple[dict[str, Any], dict[str, Any] | None]:
        """The values of `data` and `derived`."""
        data, end = _read(self.middle, 0)
        if end == len(self.middle):
            return data, None
        return data, _read(self.middle, end + len(_DERIVED))[0]


def take_apart(line: bytes) -> PlainLine | None:
    """The parts of a plain line; None for any other line, valid or not."""
    if not line.isascii() or b"\\" in line:
        return None
    text = line.decode("ascii")
    # The tail's values contain no quotes, so it begins at the last place that matches.
    cut = text.rfind(_TAIL_BEGINS)
    head, tail = _HEAD.match(text), _TAIL.fullmatch(text, cut)
    if head is None or tail is None:
        return None
    middle = text[head.end() : cut]
    if len(middle) > _MAX_MIDDLE or not _is_sound(_VALUE.sub(':""', middle)):
        return None
    at, party, role, subject = head.groups()
    try:
        datetime.fromisoformat(at)
    except ValueError:
        return None
    fund, identifier, jws, prev, seq, event_type = tail.groups()
    return PlainLine(at, party, role, subject, fund, identifier, jws, prev, seq, event_type, middle)


@lru_cache(maxsize=1_024)
def _is_sound(shape: str) -> bool:
    """Whether a middle of this shape is canonical, with members that an entry may have."""
    derived: Any = {"": ""}
    try:
        data, end = canonical_at(shape, 0, depth=1)
        if shape.startswith(_DERIVED, end):
            derived, end = canonical_at(shape, end + len(_DERIVED), depth=1)
    except NotCanonical:
        return False
    if type(data) is not dict or type(derived) is not dict or holds_null([data, derived]):
        return False
    # An empty `derived` must be absent.
    return end == len(shape) and bool(derived)
