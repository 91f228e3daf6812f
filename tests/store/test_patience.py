"""Patience: a database that does not answer holds no thread for ever."""

import pytest
from sqlalchemy import text

from app.store.engine import Database, OutcomeUnknown, Unavailable

ENDLESS = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000) "
    "SELECT count(*) FROM n"
)


@pytest.fixture(autouse=True)
def looking_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.store.patience.LOOK_S", 0.02)


def slow(database: Database) -> str:
    return ENDLESS if database.dialect == "sqlite" else "SELECT pg_sleep(60)"


def test_a_reading_that_takes_too_long_is_cut(database: Database) -> None:
    with pytest.raises(Unavailable), database.read(0.05) as connection:
        connection.execute(text(slow(database)))

    with database.read() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1


def test_a_transaction_that_takes_too_long_is_cut_and_changed_nothing(database: Database) -> None:
    with pytest.raises(Unavailable), database.write(patience_s=0.05) as connection:
        connection.execute(text("INSERT INTO checkpoints (fund, size, note) VALUES ('f', 1, 'n')"))
        connection.execute(text(slow(database)))

    with database.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM checkpoints")).scalar_one() == 0


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_commit_that_takes_too_long_may_have_happened(database: Database) -> None:
    """A standby that does not confirm: PostgreSQL waits in COMMIT, whatever its time-outs say."""
    with database.write() as connection:
        for statement in (
            "CREATE TABLE late (id int)",
            "CREATE FUNCTION doze() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN PERFORM pg_sleep(60); RETURN NULL; END $$",
            "CREATE CONSTRAINT TRIGGER late AFTER INSERT ON late DEFERRABLE INITIALLY DEFERRED "
            "FOR EACH ROW EXECUTE FUNCTION doze()",
        ):
            connection.execute(text(statement))

    with pytest.raises(OutcomeUnknown), database.write(patience_s=0.05) as connection:
        connection.execute(text("INSERT INTO late VALUES (1)"))


def test_a_connection_that_was_given_back_is_not_cut(database: Database) -> None:
    with database.read(0.2) as connection:
        connection.execute(text("SELECT 1"))

    with database.read() as connection:
        wait = "SELECT pg_sleep(0.3)" if database.dialect == "postgresql" else "SELECT 1"
        connection.execute(text(wait))
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
