"""Read tables: every state comes back from the database as it went in."""

from app.domain.accounting.periods import ProposeReopening
from app.domain.book import STATES
from app.domain.decisions.proposals import OpenProposal
from app.domain.governance.funds import Fund
from app.domain.governance.keys import RegisterKey
from app.domain.inflow.mandates import RegisterMandate
from app.domain.values import Role
from app.store import log, read_tables
from app.store.engine import Database
from app.store.tables import READ_TABLES
from tests.builders import (
    TRUSTEE,
    Person,
    a_key_registration,
    a_mandate,
    a_motion,
    money,
    valued,
)
from tests.paper import Paper


def a_book_with_everything() -> Paper:
    """A row of every kind, and of some more than one."""
    paper = Paper().open(**valued())
    paper.published()
    paper.pledged("DE", money(10))
    agreement = paper.agreed("DE", money(1000))
    paper.paid(agreement, money(800))
    # On from January: what its days and the month were is kept.
    paper.paid(agreement, money(100), value_date="2026-02-01")
    tied = paper.agreed("FR", money(471900000000, "JPY"), restriction="not-defence")
    paper.paid(tied, money(7, "JPY"))
    paper.converted(money(100), money("108.25", "USD"), "1.0825")
    paper.unplaced(money(3))
    paper.posted(money(2))
    paper.settled(paper.instructed(paper.approved(paper.requested(money(100)))))
    paper.requested(money(50))
    paper.revalued("2026-01-20")
    paper.closed("2026-01-31")
    reopening = {"from_day": "2026-01-31", "reason": "A late statement"}
    paper.do(TRUSTEE, ProposeReopening.model_validate(reopening))
    clerk = Person("DE", Role.LEGISLATURE_CLERK)
    paper.do(clerk, RegisterMandate.model_validate(a_mandate(money(10))))
    paper.do(TRUSTEE, OpenProposal.model_validate(a_motion()))
    key = a_key_registration(paper.book.get(Fund).charter_digest)
    paper.do(Person("FR", Role.ADMIN), RegisterKey.model_validate(key), kid="k" * 43)
    return paper


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
