"""Connections: one engine for reading, one for the writer, for SQLite and PostgreSQL alike.

SQLite is the embedded default: write-ahead log, every commit on disk before it is acknowledged
(`synchronous=FULL`), writers that begin by taking the write lock (`BEGIN IMMEDIATE`). PostgreSQL
runs READ COMMITTED; the lock on the head row puts writers in order.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DisconnectionError

from app.runtime.faults import Fault
from app.store.driver_errors import DRIVER_ERRORS, Fate, Then, described, meaning_of
from app.store.patience import Patience

LOCK_TIMEOUT_S: Final = 10
"""How many seconds the writer waits for a locked head; then 503, and nothing is recorded."""
READERS: Final = 40
"""Size of the thread pool for reading requests; each needs at most one connection."""
READ_S: Final = 30.0
"""How many seconds one reading may take before its connection is cut."""
WRITE_S: Final = 60.0
"""The same for a transaction of the writer; deciding takes eight of them at most."""
LONG_S: Final = 86_400.0
"""The same for an export, and for what an operator starts and watches."""
_POSTGRESQL_OPTIONS: Final = {
    "connect_timeout": 5,
    "application_name": "fundledger",
    "client_encoding": "utf8",
    # A network that drops packets shows within half a minute, also while we only wait.
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
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
        self.broken: str | None = None
        """Why only a new process may write; None as long as this one may."""
        self._patience = Patience()
        self._generation = 0
        if self.dialect == "sqlite":
            plain = self.url.render_as_string(hide_password=False)
            self._writer = _sqlite(plain, "IMMEDIATE", 1)
            self._reader = _sqlite(plain, "DEFERRED", READERS)
        else:
            self._writer, self._reader = _postgresql(self.url)
        self._follow(self._writer)
        self._follow(self._reader)

    @contextmanager
    def read(self, patience_s: float = READ_S) -> Iterator[Connection]:
        """A connection whose statements see one consistent state of the database.

        Raises Unavailable.
        """
        try:
            with (
                self._reader.connect() as connection,
                self._patience.with_(connection, patience_s),
            ):
                yield connection
        except DRIVER_ERRORS as error:
            # Whatever it says of a transaction: nothing was to be changed.
            raise Unavailable(str(self._sorted(error, reading=True))) from error

    @contextmanager
    def write(self, *, durable: bool = True, patience_s: float = WRITE_S) -> Iterator[Connection]:
        """A transaction that commits when the block ends, and rolls back when it raises.

        One that is not `durable` may be lost in a crash of the database, unless a durable one was
        committed after it. Raises Unavailable, ConstraintBroken; OutcomeUnknown when it is not
        known whether the commit happened.
        """
        if self.broken is not None:
            raise Unavailable(f"broken until it is restarted: {self.broken}")
        committing = False
        try:
            with (
                self._writer.connect() as connection,
                self._patience.with_(connection, patience_s),
            ):
                transaction = connection.begin()
                try:
                    if not durable and self.dialect == "postgresql":
                        connection.exec_driver_sql("SET LOCAL synchronous_commit TO off")
                    yield connection
                except BaseException:
                    # What ended the block is what counts, not that the connection is gone.
                    with suppress(*DRIVER_ERRORS):
                        transaction.rollback()
                    raise
                committing = True
                _commit(connection, transaction)
        except DRIVER_ERRORS as error:
            raise self._sorted(error, committing=committing) from error

    def clock(self, connection: Connection) -> datetime | None:
        """The time of the database's own clock; None for SQLite, which has none but ours."""
        if self.dialect == "sqlite":
            return None
        found: datetime = connection.exec_driver_sql("SELECT clock_timestamp()").scalar_one()
        return found

    def close(self) -> None:
        """Close all connections."""
        self._patience.end()
        self._writer.dispose()
        self._reader.dispose()

    def _sorted(
        self, error: BaseException, *, committing: bool = False, reading: bool = False
    ) -> Exception:
        """What callers handle, instead of the driver's error; and what has to be done about it."""
        row, said = meaning_of(error), described(error)
        if row.then is Then.RECONNECT:
            self._generation += 1
        elif row.then is Then.RESTART and not reading:
            # After a write that the disk refused, nobody knows what of the file is on it.
            self.broken = said
        return _RAISED[row.at_commit if committing else row.before](said)

    def _follow(self, engine: Engine) -> None:
        """Let the engine's connections end with the generation that they were made in.

        Those that lie in the pool may still lead to a server that has become a standby.
        """

        @event.listens_for(engine, "connect")
        def _made(_: Any, record: Any) -> None:
            record.info["generation"] = self._generation

        @event.listens_for(engine, "checkout")
        def _taken(_: Any, record: Any, __: Any) -> None:
            if record.info["generation"] != self._generation:
                raise DisconnectionError


_RAISED: Final[dict[Fate, type[Exception]]] = {
    Fate.REFUSED: ConstraintBroken,
    Fate.NOTHING: Unavailable,
    Fate.UNKNOWN: OutcomeUnknown,
}


def _commit(connection: Connection, transaction: Any) -> None:
    """Commit. Raises OutcomeUnknown when the database only warned, and the driver's errors."""
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
    finally:
        if watching:
            driver.remove_notice_handler(note)
    if warnings:
        raise OutcomeUnknown(f"the commit warned: {warnings}")


def _postgresql(url: URL) -> tuple[Engine, Engine]:
    """The writer's engine, and the readers'."""
    plain = url.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
    waits = {**_POSTGRESQL_OPTIONS, "options": f"-c lock_timeout={LOCK_TIMEOUT_S}s"}
    return create_engine(
        plain,
        isolation_level="READ COMMITTED",
        pool_size=1,
        # The second log, cosignatures and readiness write beside the writer.
        max_overflow=3,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args=waits,
    ), create_engine(
        plain,
        isolation_level="REPEATABLE READ",
        pool_size=10,
        max_overflow=READERS - 10,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args=_POSTGRESQL_OPTIONS,
    )


def _sqlite(url: str, begin: str, connections: int) -> Engine:
    engine = create_engine(
        url, pool_size=min(connections, 5), max_overflow=connections, hide_parameters=True
    )

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
