"""A database that cannot hold a ledger is refused before anything is written to it."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from app.cli.main import main
from app.store.engine import Database
from app.store.migrate import migrate
from app.store.suitability import Unsuitable, require_suitable

ON_POSTGRESQL = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@ON_POSTGRESQL
@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_another_encoding_is_refused_at_migrate_and_at_start(
    database: Database,
    encoding: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    name = f"{database.url.database}_{encoding.lower()}"
    engine = create_engine(
        database.url.set(drivername="postgresql+psycopg"),
        isolation_level="AUTOCOMMIT",
        poolclass=NullPool,
    )
    with engine.connect() as connection:
        connection.execute(
            text(
                f"CREATE DATABASE \"{name}\" ENCODING '{encoding}' "
                "LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
            )
        )
    url = database.url.set(database=name).render_as_string(hide_password=False)
    monkeypatch.setenv("FUNDLEDGER_DATABASE_URL", url)
    monkeypatch.setenv("FUNDLEDGER_DATA_DIR", str(tmp_path))

    assert main(["migrate"]) == 2
    assert main(["serve", "--port", "0"]) == 2

    said = [line for line in capsys.readouterr().err.splitlines() if line]
    assert len(said) == 2
    assert all(f"the database is in {encoding}" in line for line in said)
    with engine.connect() as connection:
        connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))


@ON_POSTGRESQL
def test_production_refuses_a_database_that_forgets_what_it_acknowledged(
    database: Database,
) -> None:
    """The servers of these tests do, to be quick."""
    with database.read() as connection:
        require_suitable(connection, durable=False)
        found = connection.exec_driver_sql("SHOW fsync").scalar_one()
        if found == "on":
            require_suitable(connection, durable=True)
        else:
            with pytest.raises(Unsuitable, match="lost in a crash"):
                require_suitable(connection, durable=True)


def test_a_sqlite_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA encoding = 'UTF-16le'")
        connection.execute("CREATE TABLE x (id)")
        connection.commit()
    database = Database(f"sqlite:///{path}")

    with pytest.raises(Unsuitable, match="UTF-16le"):
        migrate(database)
    database.close()
