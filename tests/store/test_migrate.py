"""The schema: migrations make exactly the tables of the code, with their guards."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from app.store.engine import Database
from app.store.guards import GuardsMissing, verify_guards
from app.store.migrate import WrongSchema, check_schema, migrate
from app.store.tables import LOG_TABLES, metadata


def test_migrations_make_the_tables_of_the_code(database: Database) -> None:
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})

        assert compare_metadata(context, metadata) == []


def test_migrating_twice_changes_nothing(database: Database) -> None:
    migrate(database)

    with database.read() as connection:
        check_schema(connection)
        verify_guards(connection)


def test_an_unmigrated_database_is_refused(tmp_path: Path) -> None:
    empty = Database(f"sqlite:///{tmp_path / 'empty.db'}")

    with empty.read() as connection, pytest.raises(WrongSchema, match="run migrate"):
        check_schema(connection)
    empty.close()


@pytest.mark.parametrize("table", [*LOG_TABLES, "heads"])
def test_a_guard_that_was_taken_away_is_noticed(database: Database, table: str) -> None:
    sqlite = database.dialect == "sqlite"
    name = f"guard_{table}_update" if sqlite else f"guard_{table}_row"
    with database.write() as connection:
        connection.execute(text(f"DROP TRIGGER {name}" + ("" if sqlite else f" ON {table}")))

    with database.read() as connection, pytest.raises(GuardsMissing, match=name):
        verify_guards(connection)


def test_a_guard_that_was_disabled_or_hollowed_out_is_noticed(database: Database) -> None:
    if database.dialect == "sqlite":
        pytest.skip("SQLite's triggers cannot be disabled, only dropped")
    hollow = "CREATE OR REPLACE FUNCTION guard_refuse() RETURNS trigger LANGUAGE plpgsql AS {}"

    with database.write() as connection:
        connection.execute(text("ALTER TABLE entries DISABLE TRIGGER guard_entries_row"))
    with database.read() as connection, pytest.raises(GuardsMissing, match="guard_entries_row"):
        verify_guards(connection)

    with database.write() as connection:
        connection.execute(text("ALTER TABLE entries ENABLE ALWAYS TRIGGER guard_entries_row"))
        connection.execute(text(hollow.format("'BEGIN RETURN NEW; END'")))
    with database.read() as connection, pytest.raises(GuardsMissing):
        verify_guards(connection)
