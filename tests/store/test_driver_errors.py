"""Errors of drivers: each row of the table, raised by a real server at either moment."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text

from app.store.driver_errors import POSTGRESQL, SQLITE, Fate, Meaning, Then, meaning_of
from app.store.engine import ConstraintBroken, Database, OutcomeUnknown, Unavailable
from tests.support.postgres import turn_read_only, turn_writable
from tests.support.sqlstates import sqlstate

RAISED = {
    Fate.REFUSED: ConstraintBroken,
    Fate.NOTHING: Unavailable,
    Fate.UNKNOWN: OutcomeUnknown,
}
ROW = "INSERT INTO checkpoints (fund, size, note) VALUES ('f', 1, 'n')"


def codes(table: tuple[Meaning, ...]) -> list[str]:
    return [code for row in table for code in row.codes]


on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def count(database: Database) -> int:
    with database.read() as connection:
        found: int = connection.execute(text("SELECT count(*) FROM checkpoints")).scalar_one()
    return found


def serving_process(database: Database) -> int:
    with database.write() as connection:
        found: int = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
    return found


@on_postgresql
@pytest.mark.parametrize("prefix", codes(POSTGRESQL))
def test_before_commit_each_row_says_what_happened(database: Database, prefix: str) -> None:
    code = sqlstate(prefix)
    (row,) = [row for row in POSTGRESQL if prefix in row.codes]
    before = serving_process(database)

    with pytest.raises(RAISED[row.before]), database.write() as connection:
        connection.execute(text(ROW))
        connection.execute(
            text(f"DO $$ BEGIN RAISE EXCEPTION 'made up' USING ERRCODE = '{code}'; END $$")
        )

    assert count(database) == 0
    assert (serving_process(database) != before) == (row.then is Then.RECONNECT)


@on_postgresql
@pytest.mark.parametrize("prefix", codes(POSTGRESQL))
def test_at_commit_each_row_says_what_is_known(database: Database, prefix: str) -> None:
    code = sqlstate(prefix)
    (row,) = [row for row in POSTGRESQL if prefix in row.codes]
    with database.write() as connection:
        for statement in (
            "CREATE TABLE late (id int)",
            "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION 'made up' USING ERRCODE = '{code}'; END $$",
            "CREATE CONSTRAINT TRIGGER late AFTER INSERT ON late DEFERRABLE INITIALLY DEFERRED "
            "FOR EACH ROW EXECUTE FUNCTION fail()",
        ):
            connection.execute(text(statement))

    with pytest.raises(RAISED[row.at_commit]), database.write() as connection:
        connection.execute(text("INSERT INTO late VALUES (1)"))


@on_postgresql
def test_a_database_that_turned_read_only_changes_nothing_and_is_connected_to_anew(
    database: Database,
) -> None:
    """A failover: connections of the pool lead to a server that is a standby now."""
    turn_read_only(database)
    old = Database(database.url.render_as_string(hide_password=False))
    with pytest.raises(Unavailable, match="read-only"), old.write() as connection:
        connection.execute(text(ROW))
    turn_writable(database)

    with old.write() as connection:
        connection.execute(text(ROW))

    assert count(old) == 1
    old.close()


def forgive(database: Database) -> None:
    """As a restart would."""
    database.broken = None


def made_up(name: str) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("made up")
    error.sqlite_errorname = name
    return error


@on_sqlite
@pytest.mark.parametrize("name", codes(SQLITE))
def test_sqlite_before_commit_and_at_commit(database: Database, name: str) -> None:
    row = meaning_of(made_up(name))

    with pytest.raises(RAISED[row.before]), database.write() as connection:
        connection.execute(text(ROW))
        raise made_up(name)
    assert count(database) == 0

    forgive(database)

    @event.listens_for(database._writer, "commit")
    def fail(_: Any) -> None:
        raise made_up(name)

    with pytest.raises(RAISED[row.at_commit]), database.write() as connection:
        connection.execute(text(ROW))
    event.remove(database._writer, "commit", fail)

    assert bool(database.broken) == (row.then is Then.RESTART)
    if row.then is Then.RESTART:
        with pytest.raises(Unavailable, match="until it is restarted"), database.write():
            pass


@on_sqlite
@pytest.mark.parametrize(
    ("name", "statement"),
    [
        ("SQLITE_CONSTRAINT", f"{ROW}, ('f', 1, 'n')"),
        ("SQLITE_ERROR", "SELECT * FROM nowhere"),
        ("SQLITE_READONLY", f"PRAGMA query_only = ON; {ROW}"),
        ("SQLITE_FULL", f"PRAGMA max_page_count = 1; CREATE TABLE more (id); {ROW}"),
        ("SQLITE_TOOBIG", "SELECT zeroblob(2000000000)"),
    ],
)
def test_sqlite_names_its_errors_as_the_table_does(
    database: Database, name: str, statement: str
) -> None:
    (row,) = [row for row in SQLITE if name in row.codes]

    with pytest.raises(RAISED[row.before], match=row.why), database.write() as connection:
        for part in statement.split("; "):
            connection.execute(text(part))


def test_a_file_that_is_no_database_is_broken_until_restarted(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_bytes(b"no database at all" * 500)
    database = Database(f"sqlite:///{tmp_path / 'ledger.db'}")

    with pytest.raises(Unavailable, match="damaged"), database.read():
        pass
    assert not bool(database.broken)  # one reading spoils nothing

    with pytest.raises(Unavailable, match="damaged"), database.write():
        pass
    assert bool(database.broken)
    database.close()


def test_an_error_that_no_row_names_is_unknown_at_commit() -> None:
    row = meaning_of(made_up("SQLITE_NEVER_HEARD_OF"))

    assert (row.before, row.at_commit) == (Fate.NOTHING, Fate.UNKNOWN)
    assert row.then is Then.RECONNECT
