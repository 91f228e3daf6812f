"""Plain lines: what the quick reader takes, the strict one reads alike."""

import json
from typing import Any

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from app.chain.canonical import decode
from app.chain.entry import BadEntry, Entry, read_link
from app.chain.plain import take_apart
from tests.support.chain import json_values
from tests.support.entries import an_entry

thorough = settings(max_examples=400, deadline=None)

MONEY = {"amount": "1500000.00", "currency": "EUR"}
RECEIPT = {"agreement_id": "0194510e", "amount": MONEY, "value_date": "2026-01-15"}
PLAIN: tuple[dict[str, Any], ...] = (
    {"data": RECEIPT, "derived": {"party": "EU", "window": "energy"}},
    {"data": {}, "derived": {"cause": 41, "shares": {"DE": MONEY, "FR": MONEY}}},
    {"data": {"a": [{"b": [1, 2]}], "c": True}, "jws": "eyJ.-_.x"},
    {"data": {"text": " a null, {b}: [c] ~"}, "by": {"party": "", "role": " ", "subject": "@"}},
    {"data": {"fund": "era", "id": {"prev": "x", "seq": 0}}, "seq": 0},
)
OTHER: tuple[dict[str, Any], ...] = (
    {"data": {"text": "\u20ac"}},
    {"data": {"text": "\\"}},
    {"data": {"text": 'a":"b'}},
    {"data": {"text": "x" * 2_001}},
    {"data": {}, "derived": {"\x7f": 1}, "jws": "\x7f"},
)


def a_plain_line(**members: Any) -> bytes:
    return an_entry(**{"data": RECEIPT, **members}).to_bytes()


def check(line: bytes) -> bool:
    """Compare both readers; whether the quick one took the line."""
    plain = take_apart(line)
    if plain is None:
        return False
    strictly = Entry._read_strictly(line)
    assert Entry.from_bytes(line) == strictly
    assert read_link(line) == strictly.link
    # Two more opinions, in case both of ours are wrong: our reader of any JSON, another's writer.
    assert decode(line) == json.loads(line) == strictly.members()
    assert rfc8785.dumps(json.loads(line)) == line
    return True


@pytest.mark.parametrize("members", PLAIN)
def test_a_line_as_the_ledger_writes_nearly_all_is_plain(members: dict[str, Any]) -> None:
    assert check(a_plain_line(**members))


@pytest.mark.parametrize("members", OTHER)
def test_any_other_good_line_is_left_to_the_strict_reader(members: dict[str, Any]) -> None:
    line = a_plain_line(**members)

    assert take_apart(line) is None
    assert Entry.from_bytes(line).to_bytes() == line


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        (b'"seq":7', b'"seq":07'),
        (b'"v":1}', b'"v":2}'),
        (b'"v":1}', b'"v":1} '),
        (b'"at":"2025-01-10', b'"at":"2025-02-30'),
        (b'"data":{', b'"data":{"z":null,'),
        (b'"data":{', b'"data":{"a":"1","a":"2",'),
        (b'"data":{', b'"data":{"z":"1",'),
        (b'"data":{', b'"data": {'),
        (b'"data":{', b'"data":{"a":1.5,'),
        (b'"data":{', b'"data":{"a":12345678901234567890,'),
        (b'"data":{', b'"data":{"a:"x","b":"c",'),
        (b'"data":{', b'"data":{"a":[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]],'),
        (b',"fund"', b',"derived":{},"fund"'),
        (b',"fund"', b',"derived":"x","fund"'),
        (b',"fund"', b',"derived":{"a":1},"derived":{"a":1},"fund"'),
        (b',"fund"', b',"fund":"era","fund"'),
        (b'"data":{', b'"data":[{'),
        (b'"party":"EU"', b'"party":7'),
    ],
)
def test_a_line_that_is_wrong_is_never_plain(right: bytes, wrong: bytes) -> None:
    line = a_plain_line()
    changed = line.replace(right, wrong, 1)

    assert changed != line
    assert take_apart(changed) is None
    with pytest.raises(BadEntry):
        Entry.from_bytes(changed)
    with pytest.raises(BadEntry):
        read_link(changed)


@thorough
@given(data=st.dictionaries(st.text("ab:", max_size=2), json_values(null=False), max_size=4))
def test_both_readers_read_whatever_is_stated_alike(data: dict[str, Any]) -> None:
    line = a_plain_line(data=data)

    check(line)

    assert Entry.from_bytes(line).data == data


TOKENS = (
    *('"', '":"', '":', ',"', ",", ":", "{", "}", "[", "]", '":""', '{"a":', '"}', "\\"),
    *("a", "b", "ab", "0", "1", "10", "-1", ".5", "e5", " ", "\n", "null", "true"),
    *(',"derived":{', ',"fund":"', "\x7f", "\u20ac"),
)


@thorough
@given(st.lists(st.sampled_from(TOKENS), max_size=14).map("".join))
def test_no_jumble_of_json_is_taken_that_the_strict_reader_refuses(jumble: str) -> None:
    start, end = a_plain_line(data={"a": "MARK", "c": 1}).split(b"MARK")

    check(start + jumble.encode() + end)
    check(start + b'",' + jumble.encode() + b'"b":"' + end)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A line with some bytes changed, left out, put in, or moved."""
    line = a_plain_line(**draw(st.sampled_from(PLAIN)))
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(line)))
        end = min(len(line), start + draw(st.integers(0, 12)))
        piece = draw(
            st.sampled_from(TOKENS).map(str.encode)
            | st.binary(max_size=2)
            | st.just(line[start:end] * 2)
            | st.just(line[start:end][::-1])
        )
        line = line[:start] + piece + line[end:]
    return line


@settings(max_examples=800, deadline=None)
@given(damaged())
def test_both_readers_judge_a_damaged_line_alike(line: bytes) -> None:
    check(line)


def test_every_single_byte_that_is_changed_is_judged_alike() -> None:
    line = a_plain_line(**PLAIN[1])
    others = b'"\\{}[]:,0a \n\x7f\xc3'

    taken = [
        check(line[:place] + bytes([other]) + line[place + 1 :])
        for place in range(len(line))
        for other in others
    ]

    # A digit or letter in a text is another text: such lines are plain, nearly all others not.
    assert 500 < sum(taken) < len(taken) / 2
