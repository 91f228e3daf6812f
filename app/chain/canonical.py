"""Canonical JSON: one value, one sequence of bytes (RFC 8785, without numbers beyond integers).

Two directions. `encode` writes a value, `decode` reads bytes that a stranger wrote and refuses
whatever two readers could understand differently: duplicate members, floats, NaN, integers that
a double cannot hold, lone surrogates, a byte order mark, data after the end, deep nesting.
"""

import json
from collections.abc import Callable
from hashlib import sha256
from json.encoder import c_make_encoder, encode_basestring  # type: ignore[attr-defined]
from typing import Any

MAX_DEPTH = 16
"""Levels of nesting that are read or written; an entry needs six."""
MAX_INTEGER = 2**53 - 1
"""The largest integer that every JSON reader holds exactly (RFC 7493 section 2.2)."""
_MAX_DIGITS = 16


class NotCanonical(ValueError):
    """The bytes or the value have no canonical form here; the message says why."""


def encode(value: Any) -> bytes:
    """The canonical bytes of `value`: str, bool, int, None, list, dict with str keys.

    Raises NotCanonical for floats, integers beyond 2**53 - 1, lone surrogates, other types.
    """
    if _check_value(value, depth=0):
        return _sorted_text(value).encode()
    return _text_as_is(_ordered(value)).encode()


def digest_of(value: Any) -> str:
    """SHA-256 (hex) of the canonical bytes of `value`. Raises NotCanonical."""
    return sha256(encode(value)).hexdigest()


def text_of(value: str) -> str:
    """A string as canonical JSON writes it, quotes included. Raises NotCanonical."""
    _check_text(value)
    return encode_basestring(value)


def decode(text: bytes, *, floats: bool = False) -> Any:
    """The value that `text` writes; strict in everything that JSON readers disagree about.

    `floats=True` lets fractions through as Python floats, so that a caller can name the member
    that holds one; `encode` refuses them all the same. Raises NotCanonical.
    """
    try:
        value = (_LENIENT if floats else _STRICT).decode(text.decode("utf-8"))
    except NotCanonical:
        raise
    except UnicodeDecodeError as error:
        raise NotCanonical(f"not UTF-8 at byte {error.start}") from None
    except RecursionError:
        raise NotCanonical(f"nested deeper than {MAX_DEPTH}") from None
    except json.JSONDecodeError as error:
        # The position only: the message repeats nothing of what an untrusted sender wrote.
        raise NotCanonical(f"not JSON at line {error.lineno} column {error.colno}") from None
    _check_shape(value, depth=0)
    return value


def decode_canonical(text: bytes) -> Any:
    """The value of bytes that must be in canonical form. Raises NotCanonical."""
    if text.isascii():
        try:
            value, end = canonical_at(text.decode("ascii"), 0)
            if end == len(text):
                return value
        except NotCanonical:
            pass  # the strict reader below says what is wrong
    value = decode(text)
    if encode(value) != text:
        raise NotCanonical("not in canonical form")
    return value


def canonical_at(text: str, start: int, depth: int = 0) -> tuple[Any, int]:
    """The value in canonical form that begins at `start` of an ASCII text, and where it ends.

    `depth` is the number of values around it. Raises NotCanonical without naming the exact fault.
    """
    # Writing the value again and comparing finds every other spelling: order, spaces,
    # escapes, members that stand twice. The names being ASCII, plain order is canonical.
    try:
        value, end = _PLAIN.raw_decode(text, start)
        written = _sorted_text(value)
    except (ValueError, RecursionError):
        raise NotCanonical("not canonical JSON") from None
    if written != text[start:end]:
        raise NotCanonical("not in canonical form")
    if depth + text.count("{", start, end) + text.count("[", start, end) > MAX_DEPTH:
        _check_shape(value, depth)
    return value, end


def holds_null(value: Any) -> bool:
    """Whether `null` is anywhere in the value: an entry leaves absent members out instead."""
    if type(value) is dict:
        return any(map(holds_null, value.values()))
    if type(value) is list:
        return any(map(holds_null, value))
    return value is None


def _check_value(value: Any, depth: int) -> bool:
    """Whether all names in it are ASCII, so that plain order is canonical. Raises NotCanonical."""
    if depth > MAX_DEPTH:
        raise NotCanonical(f"nested deeper than {MAX_DEPTH}")
    kind = type(value)
    if kind is str:
        _check_text(value)
        return True
    plain = True
    if kind is dict:
        for name, item in value.items():
            if type(name) is not str:
                raise NotCanonical("a member's name must be a string")
            if not name.isascii():
                _check_text(name)
                plain = False
            # Most members are short texts: asked here, they cost nothing.
            if type(item) is not str or not item.isascii() or depth == MAX_DEPTH:
                plain = _check_value(item, depth + 1) and plain
        return plain
    if kind is int:
        _check_integer(value)
        return True
    if kind is list or kind is tuple:
        for item in value:
            plain = _check_value(item, depth + 1) and plain
        return plain
    if kind is bool or value is None:
        return True
    raise NotCanonical(f"a {kind.__name__} has no canonical form")


def _ordered(value: Any) -> Any:
    """`value` with names ordered by UTF-16 code units (RFC 8785 section 3.2.3)."""
    if type(value) is dict:
        names = sorted(value, key=lambda name: name.encode("utf-16-be"))
        return {name: _ordered(value[name]) for name in names}
    if type(value) in (list, tuple):
        return list(map(_ordered, value))
    return value


def _check_shape(value: Any, depth: int) -> None:
    """Check nesting and texts of a value that the JSON reader has built. Raises NotCanonical."""
    if depth > MAX_DEPTH:
        raise NotCanonical(f"nested deeper than {MAX_DEPTH}")
    if type(value) is str:
        _check_text(value)
    elif type(value) is dict:
        for key, item in value.items():
            _check_text(key)
            # Most members are short texts: asked here, they cost nothing.
            if type(item) is not str or not item.isascii() or depth == MAX_DEPTH:
                _check_shape(item, depth + 1)
    elif type(value) is list:
        for item in value:
            _check_shape(item, depth + 1)


def _check_text(text: str) -> None:
    if text.isascii():
        return
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise NotCanonical("a lone surrogate is no character") from None


def _check_integer(number: int) -> None:
    if not -MAX_INTEGER <= number <= MAX_INTEGER:
        raise NotCanonical("an integer beyond 2^53 - 1")


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise NotCanonical("a member stands twice in one object")
    return members


def _integer(digits: str) -> int:
    # Counted before converting, because converting a million digits would take long.
    if len(digits.lstrip("-")) > _MAX_DIGITS:
        raise NotCanonical("an integer beyond 2^53 - 1")
    if digits == "-0":
        raise NotCanonical("minus zero")
    number = int(digits)
    _check_integer(number)
    return number


def _no_float(_: str) -> float:
    raise NotCanonical("a number with a fraction or an exponent")


def _no_constant(_: str) -> float:
    raise NotCanonical("NaN and Infinity are not JSON")


# The reader is made once: making one takes longer than reading an entry.
_STRICT, _LENIENT = (
    json.JSONDecoder(
        object_pairs_hook=_members,
        parse_int=_integer,
        parse_float=read_float,
        parse_constant=_no_constant,
    )
    for read_float in (_no_float, float)
)
_PLAIN = json.JSONDecoder(parse_int=_integer, parse_float=_no_float, parse_constant=_no_constant)


def _writer(*, sorting: bool) -> Callable[[Any], str]:
    """A function that writes a checked value, with names sorted or in the order they have.

    `JSONEncoder.encode` makes its fast writer anew for each value, which takes as long as writing a
    short one: this one is made once.
    """
    encoder = json.JSONEncoder(
        ensure_ascii=False, check_circular=False, separators=(",", ":"), sort_keys=sorting
    )
    if c_make_encoder is None:
        return encoder.encode
    no = False
    write = c_make_encoder(
        None, encoder.default, encode_basestring, None, ":", ",", sorting, no, no
    )  # neither names that are no text nor NaN
    return lambda value: "".join(write(value, 0))


_sorted_text, _text_as_is = _writer(sorting=True), _writer(sorting=False)
