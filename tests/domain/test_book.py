"""The book: an immutable map of rows that never takes "not loaded" for "not there"."""

from datetime import date

import pytest

from app.domain.book import Book, Posting, key
from app.domain.books.positions import Position
from app.domain.catalogue import STATES
from app.domain.governance.members import Member
from app.domain.refusals.base import NotFound
from app.domain.values import Role
from tests.support.domain import eur
from tests.support.full_book import a_book_with_everything

POSTING = Posting("cash/BANK-EUR", "EUR", date(2026, 1, 15), 100, 1, 100, 0)


def a_member(subject: str = "de-1", **changes: object) -> Member:
    member = Member(subject=subject, party="DE", roles=(Role.ADMIN,), since_seq=0, until_seq=None)
    return member.but(**changes)


def test_a_row_is_found_under_its_identity() -> None:
    book = Book(complete=True).put(a_member())

    assert book.get(Member, "de-1") == a_member()
    assert book.find(Member, "de-1") == book.peek(Member, "de-1") == a_member()


def test_a_row_that_is_not_there_is_not_found() -> None:
    book = Book(complete=True)

    with pytest.raises(NotFound, match="no such row in members") as caught:
        book.get(Member, "de-1")

    assert caught.value.code == "not_found"
    assert book.find(Member, "de-1") is None


def test_putting_a_row_leaves_the_earlier_book_as_it_was() -> None:
    before = Book(complete=True).put(a_member())

    after = before.put(a_member(until_seq=5))

    assert before.get(Member, "de-1").until_seq is None
    assert after.get(Member, "de-1").until_seq == 5
    assert len(after.rows) == 1


def test_asking_a_partial_book_for_a_row_that_nobody_named_is_our_own_mistake() -> None:
    book = Book()

    with pytest.raises(AssertionError, match="read but not named"):
        book.find(Member, "de-1")

    assert book.peek(Member, "de-1") is None
    assert not book.knows(key(Member, "de-1"))


def test_a_partial_book_knows_what_was_loaded_and_what_is_not_there() -> None:
    book = Book().loaded([(key(Member, "de-1"), a_member()), (key(Member, "de-2"), None)])

    assert book.get(Member, "de-1") == a_member()
    assert book.find(Member, "de-2") is None
    assert book.knows(key(Member, "de-2"))
    with pytest.raises(NotFound):
        book.get(Member, "de-2")


def test_a_complete_book_knows_every_row() -> None:
    assert Book(complete=True).knows(key(Member, "de-1"))


def test_loaded_rows_are_not_changes_and_put_rows_are() -> None:
    book = Book().loaded([(key(Member, "de-1"), a_member())]).put(a_member("de-2"))

    assert dict(book.changed) == {key(Member, "de-2"): a_member("de-2")}


def test_the_next_entry_begins_with_an_empty_journal_and_keeps_the_changes() -> None:
    book = Book().posted(POSTING, a_member()).posted(POSTING, a_member())
    assert book.postings == (POSTING, POSTING)

    following = book.next_entry()

    assert following.postings == ()
    assert following.changed == book.changed


def test_a_saved_book_has_nothing_left_to_save() -> None:
    book = Book().posted(POSTING, a_member()).saved()

    assert len(book.changed) == 0
    assert book.postings == ()
    assert book.get(Member, "de-1") == a_member()


def test_changing_a_state_leaves_the_old_one_as_it_was() -> None:
    before = a_member()
    after = before.but(until_seq=9)

    assert (before.until_seq, after.until_seq) == (None, 9)
    assert after == type(before)(**{**dict(before), "until_seq": 9})


def test_a_state_does_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        a_member().until_seq = 4  # type: ignore[misc]


def test_every_state_has_a_table_and_a_key_of_its_own_fields() -> None:
    for table, state in STATES.items():
        assert state.table == table
        assert set(state.key) <= state.model_fields.keys()
        assert state.listed_by is None or state.listed_by in state.model_fields


def test_an_identity_is_the_keys_values_in_order() -> None:
    zero = eur("0.00")
    position = Position(
        party="DE",
        window="budget",
        currency="EUR",
        pledged=zero,
        agreed=zero,
        received=zero,
        converted=zero,
        reserved=zero,
        disbursed=zero,
    )

    assert position.identity == ("DE", "budget", "EUR")


def test_a_changed_state_is_the_one_that_the_validating_constructor_makes() -> None:
    """`but` does not validate: for a row of every kind it must give what validation gives."""
    rows = a_book_with_everything().book.rows
    kinds = set()
    for (kind, _), row in rows.items():
        fields = {name: getattr(row, name) for name in kind.model_fields}
        kinds.add(kind)

        made = kind(**fields)

        assert row == made == row.but(**fields) == made.but()
        assert row.identity == made.identity
        assert hash(row.identity) == hash(made.identity)
        assert row.model_dump_json() == made.model_dump_json()

    assert kinds == set(STATES.values())
