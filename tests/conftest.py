"""Fixtures: every test that asks for `database_url` or `service` runs on both databases."""

import logging
import shutil
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from coverage import Coverage
from hypothesis import HealthCheck, settings

from app.runtime.settings import Settings
from app.store.engine import Database
from app.store.migrate import migrate
from tests.support import postgres
from tests.support.memory import keep_files_in_memory
from tests.support.service import Service, running, settings_of
from tests.support.waiting import without_pauses

HERE = Path(__file__).parent
MEASURED = ("chain", "conformance", "domain")
"""Folders whose tests must cover app.chain and app.domain by themselves."""

keep_files_in_memory()
settings.register_profile(
    "ledger", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("ledger")


@pytest.fixture(autouse=True)
def log_as_before() -> Iterator[None]:
    """A test that lets the service's log be configured leaves the log as it was."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers = handlers
    root.setLevel(level)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty SQLite database."""
    path = tmp_path_factory.mktemp("template") / "ledger.db"
    database = Database(f"sqlite:///{path}")
    migrate(database)
    database.close()
    return path


@pytest.fixture(scope="session")
def postgres_databases() -> Iterator[Callable[[], str]]:
    """Makes PostgreSQL databases, on a server that starts when the first test needs it."""
    with postgres.server(durable=False) as server, postgres.databases(server) as make:
        yield make


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database with this version's schema, on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template")
        shutil.copy(template, tmp_path / "ledger.db")
        return f"sqlite:///{tmp_path / 'ledger.db'}"
    make: Callable[[], str] = request.getfixturevalue("postgres_databases")
    return make()


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """That database, open."""
    opened = Database(database_url)
    yield opened
    opened.close()


@pytest.fixture
def service_settings(database_url: str, tmp_path: Path) -> Settings:
    """Settings of a service on that database."""
    return Settings(database_url=database_url, data_dir=tmp_path / "data")


@pytest.fixture
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Services that start from here on see to deadlines, witnesses and stamps without a pause."""
    without_pauses(monkeypatch)


@pytest.fixture
def service(service_settings: Settings) -> Iterator[Service]:
    """A running service with no fund in it."""
    with running(service_settings) as started:
        yield started


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared(
    request: pytest.FixtureRequest, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """A running service without a fund that lives as long as the module, on both databases."""
    folder = tmp_path_factory.mktemp("shared")
    if request.param == "sqlite":
        settings = settings_of(folder, sqlite_template)
    else:
        url = request.getfixturevalue("postgres_databases")()
        settings = Settings(database_url=url, data_dir=folder)
    with running(settings) as service:
        yield service


@pytest.fixture(scope="module")
def on_sqlite(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The same on SQLite alone: for what is settled before any database is asked."""
    folder = tmp_path_factory.mktemp("shared")
    with running(settings_of(folder, sqlite_template)) as service:
        yield service


@pytest.fixture
def fund(shared: Service) -> Service:
    """A fund of the test's own on that service, open: a fund costs little, a server a lot."""
    return shared.another()


@pytest.fixture
def alone(service: Service) -> Service:
    """A service of the test's own with `test-fund` open: for tests that do something to it."""
    service.open()
    return service


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Where coverage is measured, it is that of some tests: all others run at full speed."""
    stopped = list[Coverage]()
    if item.path.relative_to(HERE).parts[0] not in MEASURED:
        # On a worker there are two, one inside the other.
        while (measuring := Coverage.current()) is not None:
            measuring.stop()
            stopped.append(measuring)
    try:
        return (yield)
    finally:
        for measuring in reversed(stopped):
            measuring.start()


def pytest_collection_modifyitems(items: list[Any]) -> None:
    """Everything that starts a PostgreSQL carries the mark `postgres`."""
    for item in items:
        if "postgresql" in item.name:
            item.add_marker(pytest.mark.postgres)
