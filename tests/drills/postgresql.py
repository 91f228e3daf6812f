"""Faults of PostgreSQL, put under a service that is being used."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy.engine import make_url

from app.store.driver_errors import POSTGRESQL
from tests.drills.bench import Bench, bench, observed
from tests.drills.table import Seen
from tests.drills.watching import Watching
from tests.support.sqlstates import sqlstate


class Admin:
    """The server's administrator."""

    def __init__(self, server: str, database: str) -> None:
        self._url = make_url(server)
        self.database = database

    def run(self, statement: str, *, inside: bool = False) -> list[tuple[Any, ...]]:
        """Run a statement in the server, or inside the service's own database."""
        url = self._url.set(database=self.database) if inside else self._url
        plain = url.render_as_string(hide_password=False)
        with psycopg.connect(plain, autocommit=True) as connection:
            done = connection.execute(statement.encode())
            return done.fetchall() if done.description else []

    def cut(self) -> None:
        """End every connection to the database."""
        self.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            f"WHERE datname = '{self.database}' AND pid <> pg_backend_pid()"
        )

    def processes(self) -> list[int]:
        query = f"SELECT pid FROM pg_stat_activity WHERE datname = '{self.database}'"
        return [int(pid) for (pid,) in self.run(query)]


Fault = Callable[[Bench, Admin], AbstractContextManager[None]]


@contextmanager
def read_only(_: Bench, admin: Admin) -> Iterator[None]:
    """As after a failover: old connections lead to a server that only reads."""
    admin.run(f'ALTER DATABASE "{admin.database}" SET default_transaction_read_only = on')
    admin.cut()
    yield
    admin.run(f'ALTER DATABASE "{admin.database}" RESET default_transaction_read_only')


@contextmanager
def no_connections(_: Bench, admin: Admin) -> Iterator[None]:
    admin.run(f'ALTER DATABASE "{admin.database}" ALLOW_CONNECTIONS false')
    admin.cut()
    yield
    admin.run(f'ALTER DATABASE "{admin.database}" ALLOW_CONNECTIONS true')


@contextmanager
def connections_cut(here: Bench, admin: Admin) -> Iterator[None]:
    for _ in range(10):
        admin.cut()
        time.sleep(0.1)
    yield


@contextmanager
def crash(_: Bench, admin: Admin) -> Iterator[None]:
    """A process of the server is killed: all others end, and it recovers from its log."""
    with suppress(ProcessLookupError, IndexError):
        os.kill(admin.processes()[0], signal.SIGKILL)
    yield


@contextmanager
def frozen(_: Bench, admin: Admin) -> Iterator[None]:
    """Its processes neither answer nor refuse."""
    stopped = admin.processes()
    for pid in stopped:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
    yield
    for pid in stopped:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


@contextmanager
def head_locked(_: Bench, admin: Admin) -> Iterator[None]:
    """Somebody holds the head row for longer than the writer waits."""
    url = make_url(admin._url.set(database=admin.database)).render_as_string(hide_password=False)
    with psycopg.connect(url) as connection:
        connection.execute("SELECT * FROM heads FOR UPDATE")
        yield
        time.sleep(9)
        connection.rollback()


@contextmanager
def cancelled(here: Bench, admin: Admin) -> Iterator[None]:
    for _ in range(20):
        admin.run(
            "SELECT pg_cancel_backend(pid) FROM pg_stat_activity "
            f"WHERE datname = '{admin.database}' AND state = 'active' AND pid <> pg_backend_pid()"
        )
        time.sleep(0.05)
    yield


@contextmanager
def no_standby(here: Bench, admin: Admin) -> Iterator[None]:
    """A commit waits for a standby that does not come; the wait is cancelled with a warning."""
    admin.run("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
    admin.run("SELECT pg_reload_conf()")
    time.sleep(1)
    for _ in range(5):
        admin.run(
            "SELECT pg_cancel_backend(pid) FROM pg_stat_activity "
            f"WHERE datname = '{admin.database}' AND wait_event = 'SyncRep'"
        )
        time.sleep(0.2)
    yield
    admin.run("ALTER SYSTEM RESET synchronous_standby_names")
    admin.run("SELECT pg_reload_conf()")
    admin.run(
        "SELECT pg_cancel_backend(pid) FROM pg_stat_activity "
        f"WHERE datname = '{admin.database}' AND wait_event = 'SyncRep'"
    )


@contextmanager
def table_gone(_: Bench, admin: Admin) -> Iterator[None]:
    admin.run("ALTER TABLE idempotency RENAME TO elsewhere", inside=True)
    yield
    admin.run("ALTER TABLE elsewhere RENAME TO idempotency", inside=True)


@contextmanager
def guard_gone(_: Bench, admin: Admin) -> Iterator[None]:
    admin.run("ALTER TABLE entries DISABLE TRIGGER guard_entries_row", inside=True)
    yield
    admin.run("ALTER TABLE entries ENABLE ALWAYS TRIGGER guard_entries_row", inside=True)


@contextmanager
def checkpoint_refused(_: Bench, admin: Admin) -> Iterator[None]:
    """Between commit and checkpoint: entries are stored, and their checkpoint cannot be."""
    with _raising(admin, "checkpoints", "58030", late=False):
        yield


@contextmanager
def _raising(admin: Admin, table: str, code: str, *, late: bool) -> Iterator[None]:
    """Writing to the table raises this error, at once or when the transaction commits."""
    admin.run(
        "CREATE FUNCTION drill() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION 'a drill' USING ERRCODE = '{code}'; END $$",
        inside=True,
    )
    kind = "CONSTRAINT TRIGGER" if late else "TRIGGER"
    when = "DEFERRABLE INITIALLY DEFERRED" if late else ""
    admin.run(
        f"CREATE {kind} drill AFTER INSERT ON {table} {when} FOR EACH ROW EXECUTE FUNCTION drill()",
        inside=True,
    )
    yield
    admin.run("DROP FUNCTION drill CASCADE", inside=True)


OUTAGE_S = 8.0
"""Longer than it takes readiness to notice, and Prometheus to scrape it."""
FAULTS: dict[str, tuple[Fault, float]] = {
    "a failover leaves it read-only": (read_only, OUTAGE_S),
    "it takes no connections": (no_connections, OUTAGE_S),
    "every connection is cut, ten times": (connections_cut, 0.0),
    "it crashes and recovers": (crash, 0.5),
    "it freezes for eight seconds": (frozen, OUTAGE_S),
    "the head row is locked for eleven seconds": (head_locked, 2.0),
    "statements are cancelled": (cancelled, 0.0),
    "a synchronous standby does not confirm": (no_standby, 0.0),
    "a table is renamed": (table_gone, OUTAGE_S),
    "a guard is disabled": (guard_gone, 1.5),
    "checkpoints cannot be stored after the commit": (checkpoint_refused, OUTAGE_S),
}
SHORT = ("a failover leaves it read-only", "it crashes and recovers")


def drill(folder: Path, make: Callable[[], str], server: str, eye: Watching | None) -> list[Seen]:
    """Every fault, and every SQLSTATE of the table at either moment."""
    rows: list[Seen] = []
    url = make()
    admin = Admin(server, str(make_url(url).database))
    with bench(folder / "postgresql", url, eye) as here:
        for name, (fault, hold_s) in FAULTS.items():
            with observed(here, name, rows), fault(here, admin):
                time.sleep(hold_s)
        for row in POSTGRESQL:
            code = sqlstate(row.codes[0])
            for late in (False, True):
                moment = "in COMMIT" if late else "while writing"
                name = f"SQLSTATE {code} {moment} ({row.why})"
                with observed(here, name, rows), _raising(admin, "entries", code, late=late):
                    time.sleep(0.6)
    return rows


def short_drill(
    folder: Path, make: Callable[[], str], server: str, eye: Watching | None
) -> list[Seen]:
    """A few of them, for every change."""
    rows: list[Seen] = []
    url = make()
    admin = Admin(server, str(make_url(url).database))
    with bench(folder / "postgresql", url, eye) as here:
        for name in SHORT:
            fault, hold_s = FAULTS[name]
            with observed(here, name, rows), fault(here, admin):
                time.sleep(hold_s)
    return rows
