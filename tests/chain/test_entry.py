"""Entries: one spelling, every field in its form, each line chained to the one before."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from typing import Any

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from app.chain.canonical import NotCanonical
from app.chain.entry import (
    GENESIS_PREV,
    MAX_ENTRY_BYTES,
    BadEntry,
    BrokenChain,
    Entry,
    check_follows,
    time_text,
)
from app.chain.tree import leaf_hash
from tests.support.chain import json_values, modest, texts
from tests.support.entries import ID, an_entry

NOTHING = object()


def a_line(**changes: Any) -> bytes:
    """The canonical line of an entry with other members; NOTHING leaves one out."""
    members = an_entry().members() | changes
    return rfc8785.dumps({name: value for name, value in members.items() if value is not NOTHING})


def a_chain(count: int) -> list[Entry]:
    chain: list[Entry] = []
    prev = GENESIS_PREV
    start = datetime(2025, 1, 10, 9, tzinfo=UTC)
    for seq in range(count):
        at = time_text(start + timedelta(seconds=seq // 2))
        chain.append(an_entry(seq=seq, prev=prev, at=at, data={"seq": seq}))
        prev = leaf_hash(chain[-1].to_bytes()).hex()
    return chain


def refused(line: bytes, sentence: str) -> None:
    with pytest.raises(BadEntry, match=f"^{re.escape(sentence)}$"):
        Entry.from_bytes(line)


def test_an_entry_is_one_canonical_line() -> None:
    line = an_entry(derived={"cause": 6}, jws="a..b").to_bytes()

    assert line.decode() == (
        '{"at":"2025-01-10T09:00:00.000000Z",'
        '"by":{"party":"EU","role":"treasury","subject":"eu-1"},'
        '"data":{"amount":{"amount":"1500000.00","currency":"EUR"},"memo":"\u20ac"},'
        f'"derived":{{"cause":6}},"fund":"era","id":"{ID}","jws":"a..b",'
        f'"prev":"{"5f" * 32}","seq":7,"type":"receipt.booked","v":1}}'
    )


objects = st.dictionaries(texts(6), json_values(null=False, depth=2), max_size=4)


@modest
@given(
    objects,
    st.none() | objects.filter(bool),
    st.none() | texts(),
    st.integers(0, 2**53 - 1),
    st.tuples(texts(), texts(), texts()),
)
@example({"": [[], {}, False, 0, ""]}, None, "", 0, ("@ledger", "", ""))
def test_an_entry_survives_writing_and_reading(
    data: dict[str, Any],
    derived: dict[str, Any] | None,
    jws: str | None,
    seq: int,
    by: tuple[str, str, str],
) -> None:
    actor = dict(zip(("party", "subject", "role"), by, strict=True))
    entry = an_entry(data=data, derived=derived, jws=jws, seq=seq, by=actor)

    line = entry.to_bytes()

    assert Entry.from_bytes(line) == entry
    assert line == rfc8785.dumps(json.loads(line))


def test_what_is_absent_is_left_out_and_an_empty_derivation_is_absent() -> None:
    line = an_entry(derived={}).to_bytes()

    assert b"derived" not in line
    assert b"jws" not in line
    assert Entry.from_bytes(line) == an_entry(derived=None, jws=None)


@pytest.mark.parametrize("name", ["v", "fund", "seq", "id", "type", "at", "by", "data", "prev"])
def test_an_entry_has_every_member(name: str) -> None:
    refused(a_line(**{name: NOTHING}), f"{name} is missing")


@pytest.mark.parametrize(("names", "count"), [(["Fund"], 1), (["hash", "", "\u20ac"], 3)])
def test_an_unknown_member_is_refused_without_echo(names: list[str], count: int) -> None:
    refused(a_line(**dict.fromkeys(names, 1)), f"{count} unknown member(s)")


@pytest.mark.parametrize("value", [0, 2, -1, "1", True, [1], None])
def test_another_format_version_is_refused(value: Any) -> None:
    refused(a_line(v=value), "format version is not 1")


@pytest.mark.parametrize("value", [-1, "7", True, False, [7], {}, None])
def test_a_position_is_a_natural_number(value: Any) -> None:
    refused(a_line(seq=value), "seq is not a position")


MALFORMED: dict[str, list[Any]] = {
    "fund": ["", "a", "-ab", "Era", "e_a", "e/a", "er\u00e4", "era\n", " era", "a" * 64, 7, None],
    "id": [
        "",
        ID.upper(),
        ID.replace("-7", "-4", 1),
        ID.replace("-8", "-c", 1),
        ID.replace("-", ""),
        "{" + ID + "}",
        ID + "\n",
        ID[:-1] + "g",
        7,
        None,
    ],
    "type": [
        "",
        "receipt",
        ".booked",
        "receipt.",
        "receipt..booked",
        "Receipt.booked",
        "receipt.Booked",
        "1receipt.booked",
        "receipt booked",
        "receipt.booked\n",
        "_r.booked",
        7,
        None,
    ],
    "at": [
        "",
        "2025-01-10T09:00:00Z",
        "2025-01-10T09:00:00.000Z",
        "2025-01-10T09:00:00.0000000Z",
        "2025-01-10T09:00:00.000000",
        "2025-01-10T09:00:00.000000+00:00",
        "2025-01-10T09:00:00.000000z",
        "2025-01-10 09:00:00.000000Z",
        "2025-1-10T09:00:00.000000Z",
        "02025-01-10T09:00:00.000000Z",
        "2025-01-10T09:00:00,000000Z",
        "\u0662\u0660\u0662\u0665-01-10T09:00:00.000000Z",
        "2025-01-10T09:00:00.000000Z\n",
        1736499600,
        None,
    ],
    "prev": ["", "5f" * 31, "5f" * 33, "5F" * 32, "0x" + "5f" * 31, "5f" * 32 + "\n", 0, None],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in MALFORMED.items() for value in values]
)
def test_a_field_in_another_form_is_malformed(name: str, value: Any) -> None:
    refused(a_line(**{name: value}), f"{name} is malformed")


@pytest.mark.parametrize(
    "value",
    [
        "2025-02-29T09:00:00.000000Z",
        "2025-13-10T09:00:00.000000Z",
        "2025-00-10T09:00:00.000000Z",
        "2025-01-32T09:00:00.000000Z",
        "2025-01-10T25:00:00.000000Z",
        "2025-01-10T09:60:00.000000Z",
        "2025-01-10T23:59:60.000000Z",
        "0000-01-10T09:00:00.000000Z",
    ],
)
def test_a_date_that_never_was_is_no_time(value: str) -> None:
    refused(a_line(at=value), "at is not a time")


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"party": "EU", "role": "treasury"},
        {"party": "EU", "role": "treasury", "subject": "eu-1", "name": "Ada"},
        {"party": "EU", "role": "treasury", "subject": 1},
        {"party": "EU", "role": "treasury", "subject": None},
        {"party": ["EU"], "role": "treasury", "subject": "eu-1"},
        "EU",
        ["EU", "treasury", "eu-1"],
        None,
    ],
)
def test_an_actor_is_party_subject_and_role(value: Any) -> None:
    refused(a_line(by=value), "by must name party, subject and role")


@pytest.mark.parametrize("name", ["data", "derived"])
@pytest.mark.parametrize(
    "value",
    [None, [], "", 0, True, {"a": None}, {"a": [None]}, {"a": [{"b": 1}, {"c": [[None]]}]}],
)
def test_terms_and_derivations_are_objects_without_null(name: str, value: Any) -> None:
    refused(a_line(**{name: value}), f"{name} must be an object without null")


def test_an_empty_derivation_is_not_written() -> None:
    refused(a_line(derived={}), "derived is empty; it must be absent then")


@pytest.mark.parametrize("value", [None, 0, False, {}, ["a"]])
def test_a_signature_is_a_string(value: Any) -> None:
    refused(a_line(jws=value), "jws must be a string")


@pytest.mark.parametrize(
    "name", ["v", "fund", "seq", "id", "type", "at", "by", "data", "prev", "derived", "jws"]
)
def test_null_stands_nowhere(name: str) -> None:
    with pytest.raises(BadEntry):
        Entry.from_bytes(a_line(**{name: None}))


@pytest.mark.parametrize(
    "respell",
    [
        lambda line: line + b"\n",
        lambda line: b" " + line,
        lambda line: line.replace(b",", b", ", 1),
        lambda line: line.replace(b":", b": ", 1),
        lambda line: line.replace(b'"era"', b'"\\u0065ra"'),
        lambda line: line.replace("\u20ac".encode(), b"\\u20ac"),
        lambda line: line.replace(b'"memo":"', b'"memo":"\\/'),
        lambda line: line.replace(b'"memo":"', b'"memo":"\\u000a'),
        lambda line: b'{"v":1,' + line.replace(b',"v":1}', b"}")[1:],
        lambda line: line.replace(
            b'"party":"EU","role":"treasury"', b'"role":"treasury","party":"EU"'
        ),
    ],
)
def test_another_spelling_of_the_same_entry_is_refused(respell: Callable[[bytes], bytes]) -> None:
    line = an_entry().to_bytes()

    other = respell(line)

    assert other != line
    assert json.loads(other).keys() == json.loads(line).keys()
    refused(other, "not in canonical form")


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (b"", "not JSON at line 1 column 1"),
        (b"\xff", "not UTF-8 at byte 0"),
        (a_line().replace(b'"seq":7', b'"seq":7.0'), "a number with a fraction or an exponent"),
        (a_line().replace(b'"seq":7', b'"seq":-0'), "minus zero"),
        (a_line().replace(b'"v":1', b'"v":1,"v":1'), "a member stands twice in one object"),
        (a_line(data={"a": "?"}).replace(b"?", b"\\ud800"), "a lone surrogate is no character"),
        (a_line() + a_line(), f"not JSON at line 1 column {len(a_line().decode()) + 1}"),
        (b"[]", "an entry is a JSON object"),
        (b"null", "an entry is a JSON object"),
        (b'"entry"', "an entry is a JSON object"),
    ],
)
def test_what_is_no_canonical_object_is_no_entry(line: bytes, sentence: str) -> None:
    refused(line, sentence)


def test_an_entry_has_at_most_65535_bytes() -> None:
    room = MAX_ENTRY_BYTES - len(an_entry(data={"memo": ""}).to_bytes())
    longest = an_entry(data={"memo": "x" * room})
    too_long = an_entry(data={"memo": "x" * (room + 1)})

    assert len(longest.to_bytes()) == MAX_ENTRY_BYTES == 65_535
    assert Entry.from_bytes(longest.to_bytes()) == longest
    with pytest.raises(BadEntry, match=r"^65536 bytes; an entry has at most 65535$"):
        too_long.to_bytes()
    refused(rfc8785.dumps(too_long.members()), "65536 bytes; an entry has at most 65535")


def test_an_entry_with_a_fraction_is_never_written() -> None:
    with pytest.raises(NotCanonical, match=r"^a float has no canonical form$"):
        an_entry(data={"amount": 1.5}).to_bytes()


@modest
@given(st.integers(0, 2**56), st.integers(-1439, 1439))
def test_a_time_is_written_in_utc_with_microseconds_and_read_back(age: int, offset: int) -> None:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=age)

    text = time_text(moment.astimezone(timezone(timedelta(minutes=offset))))

    entry = Entry.from_bytes(a_line(at=text))
    assert entry.recorded_at() == moment
    assert entry.recorded_at().tzinfo is UTC


def test_each_entry_of_a_chain_follows_the_one_before() -> None:
    chain = a_chain(12)

    check_follows(chain[0], None, None)
    for before, entry in pairwise(chain):
        check_follows(entry, before, leaf_hash(before.to_bytes()))


def follows(entry: Entry, before: Entry | None) -> None:
    check_follows(entry, before, None if before is None else leaf_hash(before.to_bytes()))


@pytest.mark.parametrize("seq", [0, 1, 3, 2**53 - 1])
def test_a_position_is_neither_skipped_nor_repeated(seq: int) -> None:
    chain = a_chain(3)

    with pytest.raises(BrokenChain, match=f"^seq is {seq}, expected 2$"):
        follows(chain[2]._replace(seq=seq), chain[1])


def test_the_first_entry_has_position_0_and_64_zeros_before_it() -> None:
    first, second = a_chain(2)

    with pytest.raises(BrokenChain, match=r"^seq is 1, expected 0$"):
        follows(second, None)
    with pytest.raises(
        BrokenChain, match=r"^prev is (5f){32}, but the entry before has hash 0{64}$"
    ):
        follows(first._replace(prev="5f" * 32), None)


def test_an_entry_names_the_leaf_hash_of_the_exact_entry_before() -> None:
    chain = a_chain(3)
    expected = leaf_hash(chain[1].to_bytes()).hex()

    for prev in (chain[1].prev, GENESIS_PREV, expected[::-1]):
        sentence = f"prev is {prev}, but the entry before has hash {expected}"
        with pytest.raises(BrokenChain, match=f"^{sentence}$"):
            follows(chain[2]._replace(prev=prev), chain[1])
    with pytest.raises(BrokenChain, match=f"^prev is {expected}, but the entry before has hash"):
        follows(chain[2], chain[1]._replace(data={"seq": 9}))


def test_a_chain_stays_in_its_fund() -> None:
    chain = a_chain(2)

    with pytest.raises(BrokenChain) as refusal:
        follows(chain[1]._replace(fund="ukraine"), chain[0])

    assert str(refusal.value) == "fund is 'ukraine', the entry before belongs to 'era'"


def test_time_stands_still_at_most() -> None:
    chain = a_chain(2)
    same, earlier = chain[0].at, "2025-01-10T08:59:59.999999Z"

    follows(chain[1]._replace(at=same), chain[0])
    with pytest.raises(
        BrokenChain, match=f"^recorded at {earlier}, before its predecessor at {same}$"
    ):
        follows(chain[1]._replace(at=earlier), chain[0])
