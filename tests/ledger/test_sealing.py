"""Sealing: place, id, link, bytes and hash of an entry that is made."""

from datetime import UTC, datetime

import pytest

from app.chain.canonical import encode
from app.chain.entry import GENESIS_PREV, BadEntry, Entry
from app.chain.tree import leaf_hash
from app.ledger.sealing import Content, Place, seal, sealed_before

AT = datetime(2026, 2, 1, 9, 0, 0, 123456, tzinfo=UTC)
BY = {"party": "DE", "subject": "de-1", "role": "treasury"}


def content(**data: str) -> Content:
    return Content("pledge.announced", BY, encode(data or {"window": "budget"}))


def test_the_first_entry_of_a_log_names_no_entry_before_it() -> None:
    sealed = seal(Place("era", 0, AT, b""), content())

    entry = Entry.from_bytes(sealed.body)
    assert (entry.seq, entry.prev, entry.at) == (0, GENESIS_PREV, "2026-02-01T09:00:00.123456Z")
    assert (entry.data, entry.derived, entry.jws) == ({"window": "budget"}, None, None)
    assert sealed.prev == bytes(32)
    assert sealed.leaf == leaf_hash(sealed.body)


def test_the_next_one_names_the_hash_of_the_one_before() -> None:
    first = seal(Place("era", 0, AT, b""), content())

    second = seal(Place("era", 1, AT, first.leaf), content())

    assert Entry.from_bytes(second.body).prev == first.leaf.hex()
    assert second.id != first.id


def test_what_the_ledger_worked_out_and_the_signature_stand_in_it() -> None:
    made = content()._replace(derived=encode({"pledge_id": "x"}), jws="a..b")

    entry = Entry.from_bytes(seal(Place("era", 3, AT, b"\x01" * 32), made).body)

    assert (entry.derived, entry.jws) == ({"pledge_id": "x"}, "a..b")


def test_an_entry_that_is_too_long_is_not_made() -> None:
    with pytest.raises(BadEntry, match="at most 65535"):
        seal(Place("era", 0, AT, b""), content(memo="x" * 70_000))


def test_an_entry_is_put_back_by_its_exact_bytes() -> None:
    made = seal(Place("era", 0, AT, b""), content())

    assert sealed_before(Entry.from_bytes(made.body), made.body, made.leaf) == made
