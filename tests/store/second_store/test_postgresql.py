"""The table in another PostgreSQL: away, broken off, and with an answer that was lost."""

from collections.abc import Callable

import pytest
from sqlalchemy import text

from app.store.engine import OutcomeUnknown
from app.store.second_store.postgresql import PostgresqlStore
from app.store.second_store.protocol import StoreUnavailable


@pytest.fixture
def url(postgres_databases: Callable[[], str]) -> str:
    return postgres_databases()


def test_a_server_that_is_away_is_unavailable() -> None:
    with pytest.raises(StoreUnavailable, match="does not answer"):
        PostgresqlStore("postgresql://nobody@127.0.0.1:1/none")


def test_a_table_that_is_gone_is_unavailable_and_not_a_fault(url: str) -> None:
    store = PostgresqlStore(url)
    with store._database.write() as connection:
        connection.execute(text("DROP TABLE newest_checkpoints"))

    with pytest.raises(StoreUnavailable), store.locked("era") as slot:
        slot.read()
    store.close()


def test_an_answer_that_was_lost_after_the_row_was_stored_is_a_success(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = PostgresqlStore(url)
    real = store.run

    def lost(statement: str, **values: str) -> int:
        real(statement, **values)
        raise OutcomeUnknown("the connection broke")

    with store.locked("era") as slot:
        slot.read()
        monkeypatch.setattr(store, "run", lost)
        slot.replace(b"one")

        monkeypatch.setattr(store, "run", lambda *_, **__: (_ for _ in ()).throw(StoreUnavailable))
        with pytest.raises(StoreUnavailable):
            slot.replace(b"two")
    store.close()
