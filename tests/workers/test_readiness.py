"""Readiness: what is wrong, said in time, whatever the database does."""

import threading
import time
from types import SimpleNamespace

import pytest

from app.store.engine import Database
from app.workers import readiness
from tests.support.builders import AUDITOR, treasury
from tests.support.postgres import turn_read_only, turn_writable
from tests.support.service import Service

ON_POSTGRESQL = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


def why(service: Service) -> dict[str, str]:
    found: dict[str, str] = service.raw(AUDITOR, "GET", "/readyz").json()["why"]
    return found


@ON_POSTGRESQL
def test_a_database_that_only_reads_takes_no_writes_and_serves_reads(alone: Service) -> None:
    admin = Database(alone.inside.database.url.render_as_string(hide_password=False))
    turn_read_only(admin)

    assert list(why(alone)) == ["writable"]
    assert alone.raw(AUDITOR, "GET", "/readyz").status_code == 503
    assert alone.raw(AUDITOR, "GET", "/readyz?for=reading").status_code == 200
    assert alone.raw(AUDITOR, "HEAD", "/readyz?for=reading").status_code == 200
    assert alone.get(treasury("DE"), "")["size"] == 1

    turn_writable(admin)
    admin.close()
    assert alone.raw(AUDITOR, "GET", "/readyz").is_success


def test_a_full_disk_and_a_full_queue_are_told(
    alone: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1_000))
        patched.setattr(alone.inside.ledger, "_queue_limit", 0)

        assert set(why(alone)) == {"disk", "queue"}

    assert why(alone) == {}


def test_a_database_that_says_nothing_is_told_within_seconds(
    alone: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "WITHIN_S", 0.2)
    over = threading.Event()
    with monkeypatch.context() as patched:
        patched.setattr(alone.inside.readiness, "look", lambda: over.wait(20))
        begun = time.monotonic()
        answer = alone.raw(AUDITOR, "GET", "/readyz")
        took = time.monotonic() - begun
    over.set()

    assert answer.status_code == 503
    assert answer.json()["why"] == {"database": "it does not answer"}
    assert took < 10
    assert alone.raw(AUDITOR, "GET", "/livez").is_success


def test_an_unknown_purpose_is_refused(alone: Service) -> None:
    assert alone.raw(AUDITOR, "GET", "/readyz?for=fun").status_code == 422


def test_one_funds_trouble_keeps_no_writes_from_the_others(alone: Service) -> None:
    """A proxy that asked for everything would send nobody's writes here, nor anywhere else."""
    alone.inside.ledger.halted["another-fund"] = "it contradicts its checkpoint"

    found = alone.raw(AUDITOR, "GET", "/readyz")
    assert (found.status_code, list(found.json()["why"])) == (503, ["history"])
    assert found.json()["writes"]
    assert alone.raw(AUDITOR, "GET", "/readyz?for=writing").status_code == 200

    # Another process may be able to sign.
    alone.inside.ledger.unsigned.add("another-fund")
    assert alone.raw(AUDITOR, "GET", "/readyz?for=writing").status_code == 503


def test_that_it_is_ready_again_is_told(alone: Service, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1_000))
        assert why(alone)
    caplog.clear()

    assert why(alone) == {}
    assert why(alone) == {}

    assert len([one for one in caplog.records if "'event': 'ready'" in one.getMessage()]) == 1
