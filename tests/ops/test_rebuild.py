"""Upkeep: read tables are folds of the log, and a difference is named."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import text

from app.chain.jws import public_jwk
from app.client import Client
from app.domain.values import Role
from app.ops.rebuild import (
    CannotCompare,
    bring_up_to_date,
    first_difference,
    rebuild,
    signed_difference,
)
from app.runtime.settings import Settings
from app.store.engine import Database
from app.store.log_names import NoSuchFund
from app.store.second_store.folder import FolderStore
from app.store.tables import READ_TABLES
from tests.support.builders import (
    AUDITOR,
    EVIDENCE,
    PUBLIC_JWK,
    RATES,
    TRUSTEE,
    Person,
    a_conversion,
    a_journal,
    a_key_registration,
    a_mandate,
    a_motion,
    a_pledge,
    a_receipt,
    an_unidentified,
    money,
    treasury,
    valued,
)
from tests.support.service import FUND, Service, running
from tests.support.tables import without_guards


@pytest.fixture
def lived(service: Service) -> Service:
    """A fund in which something of every kind has happened."""
    return live(service)


@pytest.fixture(scope="module")
def rebuilt(shared: Service) -> Service:
    """The same, for tests that leave it as it was."""
    return live(shared)


@pytest.fixture
def mended(rebuilt: Service) -> Iterator[Service]:
    """The same, for tests that change its read tables: it is made what it was."""
    yield rebuilt
    rebuild(rebuilt.inside.database, "test-fund")


def live(service: Service) -> Service:
    service.open(**valued())
    service.post(treasury("DE"), "/pledges", a_pledge(money(5)))
    service.paid("DE", money(600))
    agreement = service.agreed("FR", money(400))
    for day in ("2026-01-15", "2026-02-15"):
        # A month later: what the accounts' day and month were is kept.
        body = a_receipt(agreement, money(200), f"IN-{day}", value_date=day)
        service.post(treasury("FR"), "/receipts", body)
    first = service.requested(money(500))
    service.approved(first)
    service.settled(first)
    service.requested(money(10))
    keep_books(service)
    decide_something(service)
    return service


def decide_something(service: Service) -> None:
    """A mandate, a motion that is open, a key that signed itself in."""
    clerk, admin = Person("DE", Role.LEGISLATURE_CLERK), Person("DE", Role.ADMIN)
    service.post(clerk, "/mandates", a_mandate(money(10)))
    service.post(treasury("DE"), "/proposals", a_motion())
    key = ec.generate_private_key(ec.SECP256R1())
    jwk = {name: public_jwk(key.public_key())[name] for name in PUBLIC_JWK}
    digest = service.get(admin, "")["charter_digest"]
    body = a_key_registration(digest, jwk, service.seen())
    with Client(service.address, service.token(admin), key) as client:
        client.post(f"{FUND}/keys", body, service.key(), "key.registered")


def keep_books(service: Service) -> None:
    """What the trustee does besides: rates, a conversion, suspense, a journal entry, a closing."""
    rates = {"day": "2026-01-15", "rates": RATES, "evidence": EVIDENCE}
    reopening = {"from_day": "2026-01-31", "reason": "A late statement"}
    for path, body in (
        ("/rates", rates),
        ("/conversions", a_conversion(money(100), money("108.25", "USD"), "1.0825")),
        ("/suspense", an_unidentified(money(3), "SUS-1")),
        ("/journals", a_journal(money(2))),
        ("/revaluations", {"day": "2026-01-20"}),
        ("/periods", {"through": "2026-01-31"}),
        ("/periods/reopenings", reopening),
    ):
        service.post(TRUSTEE, path, body)


def test_what_the_service_wrote_is_what_a_replay_gives(rebuilt: Service) -> None:
    assert first_difference(rebuilt.inside.database, "test-fund") is None


@pytest.mark.parametrize("table", sorted(kind.table for kind in READ_TABLES))
def test_a_table_that_was_emptied_is_noticed_and_rebuilt(rebuilt: Service, table: str) -> None:
    database = rebuilt.inside.database
    with database.write() as connection:
        connection.execute(text(f"DELETE FROM {table}"))

    difference = first_difference(database, "test-fund")
    rebuild(database, "test-fund")

    assert difference is not None
    assert difference.startswith(f"{table} ")
    assert first_difference(database, "test-fund") is None


def test_a_balance_that_was_changed_is_named_with_its_column(mended: Service) -> None:
    database = mended.inside.database
    with database.write() as connection:
        change = "UPDATE pools SET available_minor = available_minor + 1 WHERE currency = 'EUR'"
        connection.execute(text(change))

    difference = first_difference(database, "test-fund")

    assert difference is not None
    assert "pools ('budget', '', 'EUR'), available: the table has Money(400.01" in difference
    assert "the replay Money(400.00" in difference


def test_a_row_that_no_entry_brought_about_is_named(mended: Service) -> None:
    database = mended.inside.database
    with database.write() as connection:
        connection.execute(
            text(
                "INSERT INTO involvements (fund, disbursement_id, party, subject, capacity) "
                "VALUES ('test-fund', '01947b6e-3c00-7000-8000-000000000001', 'DE', 'x', 'y')"
            )
        )

    difference = first_difference(database, "test-fund")

    assert difference is not None
    assert "in the table, but not in the replay" in difference


def test_a_row_that_cannot_be_read_is_named(mended: Service) -> None:
    with mended.inside.database.write() as connection:
        connection.execute(text("UPDATE disbursements SET state = 'vanished'"))

    difference = first_difference(mended.inside.database, "test-fund")

    assert difference is not None
    assert difference.startswith("disbursements: a row cannot be read")


def test_a_journal_line_that_was_changed_is_named(lived: Service) -> None:
    without_guards(lived.settings, "UPDATE postings SET minor = minor + 1 WHERE line = 0")

    difference = first_difference(lived.inside.database, "test-fund")

    assert difference is not None
    assert difference.startswith("journal of entry ")


def test_an_unknown_fund_has_nothing_to_rebuild(rebuilt: Service) -> None:
    with pytest.raises(NoSuchFund):
        rebuild(rebuilt.inside.database, "none")
    with pytest.raises(NoSuchFund):
        first_difference(rebuilt.inside.database, "none")


def test_an_upgrade_folds_the_read_tables_anew(sqlite_template: Path, tmp_path: Path) -> None:
    shutil.copy(sqlite_template, tmp_path / "ledger.db")
    settings = Settings(database_url=f"sqlite:///{tmp_path / 'ledger.db'}", data_dir=tmp_path)
    with running(settings) as service:
        service.open()
        service.paid("DE", money(10))
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as before:
        before.executescript(
            "DROP TABLE cosignatures; DROP TABLE logs;"
            "DROP TABLE clock_confirmations; DROP TABLE damages; DROP TABLE marks;"
            "ALTER TABLE disbursements DROP COLUMN reserved_seq;"
            "ALTER TABLE pools DROP COLUMN carry;"
            "ALTER TABLE reopenings DROP COLUMN closing_seq;"
            "UPDATE alembic_version SET version_num = '0002';"
        )
    database = Database(settings.database)

    assert bring_up_to_date(database) == ["test-fund"]
    assert bring_up_to_date(database) == []

    assert first_difference(database, "test-fund") is None
    database.close()
    with running(settings) as again:
        assert again.get(AUDITOR, "")["size"] == again.seen()["size"]


def test_a_second_log_is_compared_as_a_log_that_has_no_books(lived: Service) -> None:
    assert lived.raw(AUDITOR, "GET", f"{lived.path}/exports/audit").is_success  # is on record

    assert first_difference(lived.inside.database, f"{lived.fund}/access") is None


def test_where_nothing_says_what_was_signed_it_cannot_be_told(
    lived: Service, tmp_path: Path
) -> None:
    with pytest.raises(CannotCompare, match="nothing outside the database"):
        signed_difference(lived.inside.database, FolderStore(tmp_path), lived.fund)
