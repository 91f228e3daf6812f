"""Every byte of a small bundle, changed: the verifier finds each change, or it changes nothing."""

import copy
from pathlib import Path

import pytest

from app.audit.format.archive import CannotTell
from app.runtime.settings import Settings
from tests.support.builders import a_pledge, money, treasury
from tests.support.service import Service, running
from tests.support.tampering import Bundle, made_by


@pytest.fixture(scope="module")
def small(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A fund of one pledge."""
    folder = tmp_path_factory.mktemp("small")
    (folder / "ledger.db").write_bytes(sqlite_template.read_bytes())
    settings = Settings(database_url=f"sqlite:///{folder / 'ledger.db'}", data_dir=folder)
    with running(settings) as service:
        _fill(service)
        return made_by(service, folder)


def _fill(service: Service) -> None:
    service.open(governments=("DE",))
    service.post(treasury("DE"), "/pledges", a_pledge(money(1)))


def found(bundle: Bundle) -> bool:
    try:
        return bundle.report().result != "ok"
    except CannotTell:
        return True


@pytest.mark.slow
def test_every_changed_byte_is_found(small: Bundle) -> None:
    assert not found(small)
    missed, tried = [], 0
    for path, content in small.files.items():
        # Long files are sampled: each byte of an entry's line is like its neighbours.
        step = max(1, len(content) // 60)
        for position in range(0, len(content), step):
            for bit in (0x01, 0x20):
                flipped = copy.copy(small)
                changed = bytes([content[position] ^ bit])
                flipped.files = {
                    **small.files,
                    path: content[:position] + changed + content[position + 1 :],
                }
                tried += 1
                if not found(flipped):
                    missed.append((path, position, bit))

    assert tried > 900
    assert missed == []
