"""Connections: one engine for reading, one for the writer, for SQLite and PostgreSQL alike.

SQLite is the embedded default: write-ahead log, every commit on disk before it is acknowledged
(`synchronous=FULL`), writers that begin by taking the write lock (`BEGIN IMMEDIATE`). PostgreSQL
runs READ COMMITTED; the lock on the head row puts writers in order.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.runtime.faults import Fault

LOCK_TIMEOUT_S: Final = 10
"""How many seconds the writer waits for a locked head; then 503, and nothing is recorded."""
READERS: Final = 40
"""Size of the thread pool for reading requests; each needs at most one connection."""
_SQLITE_PRAGMAS: Final = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA recursive_triggers=ON",
    "PRAGMA trusted_schema=OFF",
    "PRAGMA busy_timeout=5000",
)


class Unavailable(Fault):
    """The database cannot be reached or does not answer in time; nothing was changed."""


class ConstraintBroken(Exception):
    """A constraint of the database refused what the rules had allowed; nothing changed."""


class OutcomeUnknown(Exception):
    """The commit may or may not have happened: the connection broke, or the database warned."""


class Database:
    """The database at one URL. Its owner calls `close`."""

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self.dialect = self.url.get_backend_name()
        if self.dialect == "sqlite":
            self._writer = _sqlite(self.url.render_as_string(hide_password=False), "IMMEDIATE", 1)
            self._reader = _sqlite(
                self.url.render_as_string(hide_password=False), "DEFERRED", READERS
            )
        else:
            url = self.url.set(drivername="postgresql+psycopg").render_as_string(
                hide_password=False
            )
            options: dict[str, Any] = {
                "pool_pre_ping": True,
                "connect_args": {"connect_timeout": 5, "application_name": "fundledger"},
            }
            waits = {"options": f"-c lock_timeout={LOCK_TIMEOUT_S}s"}
            self._writer = create_engine(
                url,
                isolation_level="READ COMMITTED",
                pool_size=1,
                max_overflow=1,
                **{**options, "connect_args": {**options["connect_args"], **waits}},
            )
            self._reader = create_engine(
                url,
                isolation_level="REPEATABLE READ",
                pool_size=10,
                max_overflow=READERS - 10,
                **options,
            )

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection whose statements see one consistent state of the database.

        Raises Unavailable.
        """
        with _faults_named(), self._reader.connect() as connection:
            yield connection

    @contextmanager
    def write(self, *, durable: bool = True) -> Iterator[Connection]:
        """A transaction that commits when the block ends, and rolls back when it raises.

        One that is not `durable` may be lost in a crash of the database, unless a durable one was
        committed after it. Raises Unavailable, ConstraintBroken; OutcomeUnknown when it is not
        known whether the commit happened.
        """
        with _faults_named(), self._writer.connect() as connection:
            transaction = connection.begin()
            try:
                if not durable and self.dialect == "postgresql":
                    connection.exec_driver_sql("SET LOCAL synchronous_commit TO off")
                yield connection
            except BaseException:
                transaction.rollback()
                raise
            self._commit(connection, transaction)

    def close(self) -> None:
        """Close all connections."""
        self._writer.dispose()
        self._reader.dispose()

    def _commit(self, connection: Connection, transaction: Any) -> None:
        warnings: list[str] = []
        driver: Any = connection.connection.driver_connection
        watching = hasattr(driver, "add_notice_handler")

        def note(diagnostic: Any) -> None:
            # PostgreSQL only warns when the wait for the standby was cancelled; here that is no
            # success.
            if diagnostic.severity_nonlocalized == "WARNING":
                warnings.append(diagnostic.sqlstate or "")

        if watching:
            driver.add_notice_handler(note)
        try:
            transaction.commit()
        except DBAPIError as error:
            if error.connection_invalidated or watching:
                raise OutcomeUnknown("the connection broke during commit") from error
            raise
        finally:
            if watching:
                driver.remove_notice_handler(note)
        if warnings:
            raise OutcomeUnknown(f"the commit warned: {warnings}")


@contextmanager
def _faults_named() -> Iterator[None]:
    """Turn the driver's many errors into the three that callers handle."""
    try:
        yield
    except (IntegrityError, psycopg.IntegrityError) as error:
        raise ConstraintBroken(str(getattr(error, "orig", error))) from error
    except (OperationalError, psycopg.OperationalError, InterfaceError, PoolTimeout) as error:
        reason = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
        raise Unavailable(f"the database does not answer: {reason}") from error


def _sqlite(url: str, begin: str, connections: int) -> Engine:
    engine = create_engine(url, pool_size=min(connections, 5), max_overflow=connections)

    @event.listens_for(engine, "connect")
    def _configure(dbapi_connection: Any, _: Any) -> None:
        # The driver must not open transactions of its own: `begin` below decides how.
        dbapi_connection.isolation_level = None
        for pragma in _SQLITE_PRAGMAS:
            dbapi_connection.execute(pragma)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(f"BEGIN {begin}")

    return engine
