"""Read tables: every state comes back from the database as it went in."""

from app.domain.catalogue import STATES
from app.store import log, read_tables
from app.store.engine import Database
from app.store.tables import READ_TABLES
from tests.support.builders import (
    money,
)
from tests.support.full_book import a_book_with_everything
from tests.support.paper import Paper


def test_every_kind_of_state_survives_the_database(database: Database) -> None:
    paper = a_book_with_everything()
    rows = {key: state for key, state in paper.book.rows.items() if state is not None}

    with database.write() as connection:
        read_tables.save(connection, "test-fund", rows)
    with database.read() as connection:
        loaded = dict(read_tables.load(connection, "test-fund", rows))

    assert loaded == rows
    assert {kind for kind, _ in rows} == set(STATES.values()) == set(READ_TABLES)


def test_a_row_that_is_not_there_is_known_not_to_be(database: Database) -> None:
    kind = STATES["pledges"]

    with database.read() as connection:
        assert list(read_tables.load(connection, "f", [(kind, ("none",))])) == [
            ((kind, ("none",)), None)
        ]


def test_saving_again_replaces_the_row(database: Database) -> None:
    paper = Paper().open()
    paper.pledged("DE", money(10))
    first = paper.rows(STATES["positions"])[0]
    second = first.but(pledged=first.pledged + first.pledged)

    for state in (first, second):
        with database.write() as connection:
            read_tables.save(connection, "f", {(type(state), state.identity): state})

    with database.read() as connection:
        assert list(read_tables.all_rows(connection, "f", type(second))) == [second]


def test_an_unknown_fund_has_no_head(database: Database) -> None:
    with database.write() as connection:
        assert log.lock_head(connection, "none") is None
    with database.read() as connection:
        assert log.read_head(connection, "none") is None
        assert log.funds(connection) == []
