"""A service that lives as long as the module: for tests that read much, or write and look away."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.settings import Settings
from tests.service import Service, running


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared(
    request: pytest.FixtureRequest, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """A running service with no fund in it, on SQLite and on PostgreSQL."""
    folder = tmp_path_factory.mktemp("shared")
    url = f"sqlite:///{folder / 'ledger.db'}"
    if request.param == "sqlite":
        shutil.copy(sqlite_template, folder / "ledger.db")
    else:
        url = request.getfixturevalue("postgres_databases")()
    with running(Settings(database_url=url, data_dir=folder)) as service:
        yield service
