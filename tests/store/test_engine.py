"""Connections: what a commit that cannot be trusted looks like to callers."""

import pytest
from sqlalchemy import text

from app.store.engine import ConstraintBroken, Database, OutcomeUnknown, Unavailable


def test_a_broken_constraint_has_a_name_and_changes_nothing(database: Database) -> None:
    row = "INSERT INTO checkpoints (fund, size, note) VALUES ('f', 1, 'n')"
    with database.write() as connection:
        connection.execute(text(row))

    with pytest.raises(ConstraintBroken), database.write() as connection:
        connection.execute(text("INSERT INTO checkpoints (fund, size, note) VALUES ('g', 1, 'n')"))
        connection.execute(text(row))

    with database.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM checkpoints")).scalar_one() == 1


def test_a_commit_that_warns_is_not_taken_for_a_success(database: Database) -> None:
    """What PostgreSQL does when the wait for a synchronous standby is cancelled."""
    if database.dialect == "sqlite":
        pytest.skip("SQLite has no commit with a warning")
    with database.write() as connection:
        connection.execute(text("CREATE TABLE warned (id int)"))
        connection.execute(
            text(
                "CREATE FUNCTION warn() RETURNS trigger LANGUAGE plpgsql AS "
                "'BEGIN RAISE WARNING ''standby''; RETURN NULL; END'"
            )
        )
        connection.execute(
            text(
                "CREATE CONSTRAINT TRIGGER warned AFTER INSERT ON warned "
                "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION warn()"
            )
        )

    with pytest.raises(OutcomeUnknown, match="warned"), database.write() as connection:
        connection.execute(text("INSERT INTO warned VALUES (1)"))


def test_a_connection_lost_in_the_commit_leaves_the_outcome_unknown(database: Database) -> None:
    if database.dialect == "sqlite":
        pytest.skip("SQLite has no connection that could be lost")

    with pytest.raises(OutcomeUnknown), database.write() as connection:
        connection.execute(text("INSERT INTO checkpoints (fund, size, note) VALUES ('f', 1, 'n')"))
        own = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        with database.read() as other:
            other.execute(text("SELECT pg_terminate_backend(:own)"), {"own": own})


def test_a_database_that_is_away_is_unavailable() -> None:
    away = Database("postgresql://nobody@127.0.0.1:1/none")

    with pytest.raises(Unavailable), away.read():
        pass
    away.close()


def test_sqlite_forces_every_commit_to_disk(database: Database) -> None:
    if database.dialect != "sqlite":
        pytest.skip("about SQLite")

    with database.write() as connection:
        assert connection.execute(text("PRAGMA synchronous")).scalar_one() == 2
        assert connection.execute(text("PRAGMA journal_mode")).scalar_one() == "wal"
