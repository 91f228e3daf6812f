"""Canonical JSON: the same bytes as the `rfc8785` library, and strict reading."""

import json
from enum import IntEnum, StrEnum
from typing import Any

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from app.chain.canonical import (
    MAX_DEPTH,
    MAX_INTEGER,
    NotCanonical,
    decode,
    decode_canonical,
    encode,
    holds_null,
)
from tests.support.chain import json_values, modest


class Colour(StrEnum):
    RED = "red"


class Count(IntEnum):
    ONE = 1


class Members(dict[str, int]):
    pass


def nested_lists(count: int) -> Any:
    value: Any = []
    for _ in range(count - 1):
        value = [value]
    return value


def nested_objects(count: int) -> Any:
    value: Any = {}
    for _ in range(count - 1):
        value = {"a": value}
    return value


@modest
@given(json_values())
@example({"\ue000": 1, "\U00010000": 2, "\uffff": 3, "\u20ac": 4, "\r": 5, "1": 6, "": 7})
@example(["\x00\x1f\x7f\u2028\u2029/\\\"'<\b\f\n\r\t", MAX_INTEGER, -MAX_INTEGER, 0, True, None])
def test_a_value_has_the_bytes_that_the_reference_library_gives_it(value: Any) -> None:
    assert encode(value) == rfc8785.dumps(value)


@modest
@given(json_values())
def test_a_value_survives_writing_and_reading(value: Any) -> None:
    line = encode(value)

    again = decode(line)

    assert again == value
    assert encode(again) == line


@modest
@given(json_values(depth=2), st.data())
def test_whatever_bytes_are_read_mean_what_another_reader_says(
    value: Any, data: st.DataObject
) -> None:
    text = bytearray(encode(value))
    text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))

    try:
        read = decode(bytes(text))
    except NotCanonical:
        return

    assert read == json.loads(bytes(text).decode())
    assert decode(encode(read)) == read


def test_members_stand_in_the_order_of_utf_16_not_of_code_points() -> None:
    value = {"\uffff": 1, "\U00010000": 2, "b": 3, "B": 4, "\u00e9": 5}

    line = encode(value).decode()

    assert line == '{"B":4,"b":3,"\u00e9":5,"\U00010000":2,"\uffff":1}'


def test_members_with_ascii_names_stand_in_ascii_order() -> None:
    assert encode({"b": 1, "a": 2, "": 3, "Z": 4, "10": 5, "9": 6}) == (
        b'{"":3,"10":5,"9":6,"Z":4,"a":2,"b":1}'
    )


def test_a_tuple_is_written_as_a_list() -> None:
    assert encode(("a", (1, 2))) == b'["a",[1,2]]'


def test_spaces_and_order_are_free_for_whoever_writes_json() -> None:
    assert decode(b' { "b" : [ 1 , -2 ] ,\n\t"a" : "\\u0041\\ud83d\\ude00" }\r\n') == {
        "b": [1, -2],
        "a": "A\U0001f600",
    }


@pytest.mark.parametrize("value", [MAX_INTEGER, -MAX_INTEGER, 0])
def test_integers_up_to_two_to_the_53_minus_1_are_written_and_read(value: int) -> None:
    assert encode(value) == str(value).encode()
    assert decode(str(value).encode()) == value


@pytest.mark.parametrize("value", [MAX_INTEGER + 1, -MAX_INTEGER - 1, 10**15 * 10, 10**400])
def test_integers_beyond_are_neither_written_nor_read(value: int) -> None:
    with pytest.raises(NotCanonical, match=r"^an integer beyond 2\^53 - 1$"):
        encode([value])
    with pytest.raises(NotCanonical, match=r"^an integer beyond 2\^53 - 1$"):
        decode(b"[%d]" % value)


def test_a_number_of_a_million_digits_is_refused_before_it_is_converted() -> None:
    with pytest.raises(NotCanonical, match=r"^an integer beyond 2\^53 - 1$"):
        decode(b"-" + b"7" * 1_000_000)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (1.0, "float"),
        (float("nan"), "float"),
        (b"a", "bytes"),
        ({"a"}, "set"),
        (object(), "object"),
        (Colour.RED, "Colour"),
        (Count.ONE, "Count"),
        (Members(a=1), "Members"),
    ],
)
def test_a_value_of_another_type_has_no_canonical_form(value: Any, kind: str) -> None:
    with pytest.raises(NotCanonical, match=f"^a {kind} has no canonical form$"):
        encode({"a": [value]})


@pytest.mark.parametrize("name", [1, None, True, b"a", ("a",), Colour.RED])
def test_a_members_name_is_a_string(name: Any) -> None:
    with pytest.raises(NotCanonical, match=r"^a member's name must be a string$"):
        encode({"a": 1, name: 2})


@pytest.mark.parametrize("value", ["\ud800", ["a\udfff"], {"\ud800": 1}, {"a": "\udc00\ud800"}])
def test_a_lone_surrogate_is_never_written(value: Any) -> None:
    with pytest.raises(NotCanonical, match=r"^a lone surrogate is no character$"):
        encode(value)


@pytest.mark.parametrize(
    "text", [b'"\\ud800"', b'{"\\udfff":1}', b'[{"a":["x\\udc00\\ud800"]}]', b'"\\ud800\\u0041"']
)
def test_a_lone_surrogate_is_never_read(text: bytes) -> None:
    with pytest.raises(NotCanonical, match=r"^a lone surrogate is no character$"):
        decode(text)


def test_nesting_up_to_the_limit_is_written_and_read() -> None:
    for value in (nested_lists(MAX_DEPTH + 1), nested_objects(MAX_DEPTH + 1)):
        assert decode(encode(value)) == value


@pytest.mark.parametrize("value", [nested_lists(MAX_DEPTH + 2), nested_objects(MAX_DEPTH + 2)])
def test_deeper_nesting_is_neither_written_nor_read(value: Any) -> None:
    text = json.dumps(value).encode()

    with pytest.raises(NotCanonical, match=r"^nested deeper than 16$"):
        encode(value)
    with pytest.raises(NotCanonical, match=r"^nested deeper than 16$"):
        decode(text)


@pytest.mark.parametrize("text", [b"[" * 200_000, b'{"a":' * 200_000])
def test_nesting_without_bottom_is_refused_without_exhausting_the_stack(text: bytes) -> None:
    with pytest.raises(NotCanonical, match=r"^nested deeper than 16$"):
        decode(text)


def test_nesting_is_refused_up_to_where_the_stack_ends() -> None:
    for depth in range(MAX_DEPTH + 2, 1_100):
        with pytest.raises(NotCanonical):
            decode_canonical(b"[" * depth + b"]" * depth)


@pytest.mark.parametrize("text", [b"1.0", b"-0.0", b"1e3", b"1E3", b"[56.0]", b'{"a":1e-1}'])
def test_a_fraction_or_an_exponent_is_refused(text: bytes) -> None:
    with pytest.raises(NotCanonical, match=r"^a number with a fraction or an exponent$"):
        decode(text)


def test_fractions_come_through_when_asked_for_and_are_still_never_written() -> None:
    value = decode(b'{"amount":1.5,"count":2}', floats=True)

    assert value == {"amount": 1.5, "count": 2}
    assert type(value["count"]) is int
    with pytest.raises(NotCanonical, match=r"^a float has no canonical form$"):
        encode(value)


@pytest.mark.parametrize("value", [None, [None], {"": None}, {"a": [1, {"b": [[], [None]]}]}])
def test_null_is_found_at_any_depth(value: Any) -> None:
    assert holds_null(value)


@modest
@given(json_values(null=False))
@example([0, "", False, [], {}, "null"])
@example({"null": {"a": [0, "", False, {}]}})
def test_what_is_empty_or_false_is_not_null(value: Any) -> None:
    assert not holds_null(value)
    assert holds_null([value, None])


@pytest.mark.parametrize("text", [b"NaN", b"[Infinity]", b'{"a":-Infinity}'])
@pytest.mark.parametrize("floats", [False, True])
def test_nan_and_infinity_are_refused(text: bytes, floats: bool) -> None:
    with pytest.raises(NotCanonical, match=r"^NaN and Infinity are not JSON$"):
        decode(text, floats=floats)


def test_minus_zero_is_refused() -> None:
    with pytest.raises(NotCanonical, match=r"^minus zero$"):
        decode(b"[-0]")


@pytest.mark.parametrize(
    "text", [b'{"a":1,"a":1}', b'{"a":1,"b":2,"\\u0061":3}', b'[{"x":{"":1,"":2}}]']
)
def test_a_member_that_stands_twice_is_refused(text: bytes) -> None:
    with pytest.raises(NotCanonical, match=r"^a member stands twice in one object$"):
        decode(text)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\xef\xbb\xbf{}",
        b"{} {}",
        b'{"a":1,}',
        b"[1,]",
        b"{'a':1}",
        b'"a\nb"',
        b'"\\x41"',
        b"01",
        b"+1",
        b".5",
        b"1_0",
        b"\xd9\xa3",
        b"\xc2\xa0 1",
        b"// a\n1",
        b"True",
        b"1\x00",
    ],
)
def test_what_is_not_json_is_refused_with_a_position_and_no_echo(text: bytes) -> None:
    with pytest.raises(NotCanonical, match=r"^not JSON at line \d+ column \d+$"):
        decode(text)


def test_the_position_of_a_mistake_counts_lines_and_columns() -> None:
    with pytest.raises(NotCanonical, match=r"^not JSON at line 2 column 3$"):
        decode(b"[1,\n2 3]")


@pytest.mark.parametrize(
    ("text", "position"),
    [
        (b'"\xff"', 1),
        (b'["ab\xed\xa0\x80"]', 4),
        (b'"\xc0\xaf"', 1),
        (b'{"a":1}\x80', 7),
        ("{}".encode("utf-16"), 0),
    ],
)
def test_bytes_that_are_not_utf_8_are_refused(text: bytes, position: int) -> None:
    with pytest.raises(NotCanonical, match=f"^not UTF-8 at byte {position}$"):
        decode(text)


@given(json_values(depth=2))
def test_canonical_bytes_are_read_back_and_no_other_spelling_is(value: Any) -> None:
    line = encode(value)

    assert decode_canonical(line) == value
    for other in (line + b" ", b" " + line, b"[" + line):
        with pytest.raises(NotCanonical):
            decode_canonical(other)


@pytest.mark.parametrize(
    "line",
    [
        b'{"b":1,"a":2}',
        b'{"a":1,"a":1}',
        b'{"a":1.5}',
        b'{"a":1e5}',
        b'{"a":NaN}',
        b'{"a":-0}',
        b'{"a":9007199254740992}',
        b'{"a":"\\u0041"}',
        b'{"a":"\\ud800"}',
        b'{"a":"\xc3\x28"}',
        b"[" * 40 + b"]" * 40,
        b"[" * 40_000 + b"]" * 40_000,
        b'{"a":1}x',
        b"",
        '{"\U00010000":1,"\uffff":2}'.encode().replace(b":1", b":1"),
    ],
)
def test_what_is_not_canonical_is_refused_as_reading_and_writing_would(line: bytes) -> None:
    def slowly() -> Any:
        value = decode(line)
        if encode(value) != line:
            raise NotCanonical("not in canonical form")
        return value

    try:
        expected = slowly()
    except NotCanonical:
        with pytest.raises(NotCanonical):
            decode_canonical(line)
    else:
        assert decode_canonical(line) == expected
