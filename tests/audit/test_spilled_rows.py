"""The shelf: rows of a replay that are not at hand."""

import pytest

from app.audit.replay import Replay
from app.audit.spilled_rows import SpilledRows
from app.chain.entry import Entry
from app.domain.book import Book
from app.domain.catalogue import STATES
from tests.support.full_book import a_book_with_everything
from tests.support.tampering import Bundle


def test_every_kind_of_row_comes_back_as_it_was_put() -> None:
    rows = {k: s for k, s in a_book_with_everything().book.rows.items() if s is not None}

    with SpilledRows() as shelf:
        shelf.put(rows.items())
        found = {(kind, identity): shelf.find(kind, identity) for kind, identity in rows}

    assert found == rows
    assert {kind for kind, _ in rows} == set(STATES.values())


def test_what_was_never_put_there_is_not_found_and_a_newer_row_replaces_an_older() -> None:
    paper = a_book_with_everything()
    (where, state) = next((k, s) for k, s in paper.book.rows.items() if s is not None and k[1])

    with SpilledRows() as shelf:
        missing = shelf.find(*where)
        shelf.put([(where, state)])
        shelf.put([(where, state)])

        assert missing is None
        assert Book(complete=True, shelf=shelf).find(where[0], *where[1]) == state


def test_a_replay_that_puts_its_rows_away_ends_with_the_same_balances(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With three rows at hand instead of fifty thousand."""
    entries = [Entry.from_bytes(line) for line in bundle.lines]
    whole = Replay()
    for entry in entries:
        whole.step(entry)
    monkeypatch.setattr("app.audit.replay.MAX_ROWS_AT_HAND", 3)

    with SpilledRows() as shelf:
        replay = Replay(shelf)
        for entry in entries:
            replay.step(entry)
        replay.finish(len(entries) - 1)

        assert len(replay.book.rows) < len(whole.book.rows)
        for (kind, identity), state in whole.book.rows.items():
            assert replay.book.find(kind, *identity) == state
