"""One bundle for all tests of the verifier: a whole life of a fund, made once."""

import copy
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.runtime.settings import Settings
from tests.support import tampering
from tests.support.builders import money
from tests.support.service import running
from tests.support.tampering import Bundle


@pytest.fixture(scope="session")
def life(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bundle]:
    """Two contributors, a paid request, and one that waits for its last approval."""
    folder = tmp_path_factory.mktemp("life")
    shutil.copy(sqlite_template, folder / "ledger.db")
    settings = Settings(database_url=f"sqlite:///{folder / 'ledger.db'}", data_dir=folder)
    with running(settings) as service:
        service.open()
        service.paid("DE", money(600))
        service.paid("FR", money(400))
        first = service.requested(money(500))
        service.approved(first)
        service.settled(first)
        service.approved(service.requested(money(100)), but=1)
        yield tampering.made_by(service, folder)


@pytest.fixture
def bundle(life: Bundle, tmp_path: Path) -> Bundle:
    """A copy of it, to do anything with."""
    mine = copy.copy(life)
    mine.files, mine.extra, mine.folder = dict(life.files), [], tmp_path
    return mine
