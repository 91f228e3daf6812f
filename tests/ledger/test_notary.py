"""The notary: signs what grew, refuses what shrank or changed."""

from pathlib import Path

import pytest
from sqlalchemy import text

from app.chain.checkpoint import Checkpoint, open_checkpoint
from app.chain.tree import Frontier
from app.ledger.notary import ForkDetected
from app.runtime.settings import Settings
from app.store.engine import Database
from tests.support.builders import a_pledge, money, treasury
from tests.support.service import Service, running
from tests.support.tables import without_guards


@pytest.fixture
def grown(service_settings: Settings) -> Settings:
    """The settings of a service that has written a fund of twelve entries and stopped."""
    with running(service_settings) as service:
        service.open()
        for number in range(11):
            service.post(treasury("DE"), "/pledges", a_pledge(money(number + 1)))
    return service_settings


def second_store(settings: Settings) -> Path:
    return settings.second_store_dir / "test-fund.checkpoint"


def start(settings: Settings) -> None:
    with running(settings):
        pass


def test_a_database_that_is_ahead_is_signed_when_the_service_starts(grown: Settings) -> None:
    """The crash between commit and signature: the second store has the one before."""
    database = Database(grown.database)
    with database.read() as connection:
        older = connection.execute(
            text("SELECT note FROM checkpoints WHERE size = 10")
        ).scalar_one()
    database.close()
    second_store(grown).write_text(older)

    with running(grown) as service:
        note = service.raw(treasury("DE"), "GET", "/v1/funds/test-fund/log/checkpoint").content
        verifier = service.inside.notary.keys.of_log("test-fund").verifier

        assert open_checkpoint(note, verifier).size == 12


def test_a_database_that_is_behind_stops_the_service(grown: Settings) -> None:
    """An old backup was restored."""
    database = Database(grown.database)
    with database.read() as connection:
        ten = connection.execute(
            text("SELECT leaf FROM entries WHERE seq < 10 ORDER BY seq")
        ).scalars()
        peaks = b"".join(Frontier().extend(map(bytes, ten))[0].peaks).hex()
    database.close()
    blob = f"x'{peaks}'" if grown.database.startswith("sqlite") else f"'\\x{peaks}'::bytea"
    without_guards(
        grown,
        "DELETE FROM postings WHERE seq >= 10",
        "DELETE FROM idempotency WHERE seq >= 10",
        "DELETE FROM entries WHERE seq >= 10",
        "DELETE FROM checkpoints WHERE size > 10",
        f"UPDATE heads SET size = 10, frontier = {blob}",
    )

    with pytest.raises(AssertionError, match="did not start"):
        start(grown)


def test_a_history_that_was_changed_stops_the_service(grown: Settings) -> None:
    zeros = "00" * 32
    blob = f"x'{zeros}'" if grown.database.startswith("sqlite") else f"'\\x{zeros}'::bytea"
    older = Database(grown.database)
    with older.read() as connection:
        note = connection.execute(text("SELECT note FROM checkpoints WHERE size = 10")).scalar_one()
    older.close()
    second_store(grown).write_text(note)
    without_guards(grown, f"UPDATE entries SET leaf = {blob} WHERE seq = 3")

    with pytest.raises(AssertionError, match="did not start"):
        start(grown)


def test_a_second_store_that_was_lost_stops_the_service(grown: Settings) -> None:
    second_store(grown).unlink()

    with pytest.raises(AssertionError, match="did not start"):
        start(grown)


def test_a_fund_that_vanished_from_the_database_stops_the_service(
    grown: Settings, sqlite_template: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty.db").write_bytes(sqlite_template.read_bytes())
    empty = grown.model_copy(update={"database_url": f"sqlite:///{tmp_path / 'empty.db'}"})

    with pytest.raises(AssertionError, match="did not start"):
        start(empty)


def test_a_fork_under_a_running_service_halts_writing_and_readiness(alone: Service) -> None:
    forged = alone.inside.notary
    key = forged.keys.of_log("test-fund")
    other = Checkpoint(key.name, 99, b"\1" * 32).note().signed_by(key).to_bytes()
    second_store(alone.settings).write_bytes(other)

    answer = alone.raw(
        treasury("DE"), "POST", "/v1/funds/test-fund/pledges", json=a_pledge(money(1))
    )
    again = alone.raw(
        treasury("DE"), "POST", "/v1/funds/test-fund/pledges", json=a_pledge(money(1))
    )

    # The first was stored before the fork showed: nobody may believe that it was not.
    assert (answer.status_code, answer.json()["code"]) == (503, "outcome_unknown")
    assert (again.status_code, again.json()["code"]) == (503, "fork_detected")
    ready = alone.raw(treasury("DE"), "GET", "/readyz")
    assert (ready.status_code, ready.json()["checks"]["history"]) == (503, False)
    with pytest.raises(ForkDetected):
        forged.check("test-fund")
