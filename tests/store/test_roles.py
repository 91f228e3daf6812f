"""PostgreSQL accounts: the one that serves can add to the log and can do nothing else to it."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from app.main import assemble
from app.ops.rebuild import bring_up_to_date, first_difference, rebuild
from app.runtime.metrics import Metrics
from app.runtime.settings import Settings
from app.store.engine import ConstraintBroken, Database, Unavailable
from app.store.migrate import migrate
from app.store.roles import RolesUnusable, require_rights
from app.store.suitability import Unsuitable
from tests.support.builders import REQUESTER, TRUSTEE, money, treasury
from tests.support.service import Service, running

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@dataclass(frozen=True)
class Accounts:
    """A database with accounts of its own, and how to sign in as each."""

    admin: Database
    prefix: str

    def url(self, name: str) -> str:
        role = f"{self.prefix}_{name}"
        return self.admin.url.set(username=role).render_as_string(hide_password=False)


@pytest.fixture
def accounts(database: Database) -> Iterator[Accounts]:
    prefix = f"t{secrets.token_hex(4)}"
    migrate(database, prefix)
    yield Accounts(database, prefix)
    with database.write() as connection:
        for name in ("owner", "migrator", "app", "scrub"):
            role = f"{prefix}_{name}"
            connection.execute(text(f"REASSIGN OWNED BY {role} TO CURRENT_USER"))
            connection.execute(text(f"DROP OWNED BY {role}"))
        for name in ("migrator", "app", "scrub", "owner"):
            connection.execute(text(f"DROP ROLE {prefix}_{name}"))


@pytest.fixture
def served(accounts: Accounts, tmp_path: Path) -> Iterator[Service]:
    """A service that signs in as the account for serving."""
    settings = Settings(database_url=accounts.url("app"), data_dir=tmp_path)
    with running(settings) as service:
        service.open()
        yield service


def test_the_service_does_everything_that_it_has_to_as_its_own_account(served: Service) -> None:
    served.paid("DE", money(100))
    request = served.requested(money(10))
    served.approved(request)
    served.settled(request)

    assert served.raw(REQUESTER, "GET", "/readyz").is_success
    assert served.raw(TRUSTEE, "POST", f"{served.path}/pledges", json={}).status_code == 422


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entries SET body = '{}' WHERE seq = 1",
        "DELETE FROM entries",
        "TRUNCATE entries CASCADE",
        "ALTER TABLE entries DISABLE TRIGGER ALL",
        "DROP TRIGGER guard_entries_row ON entries",
        "DROP TABLE entries",
        "ALTER TABLE entries OWNER TO CURRENT_USER",
        "CREATE OR REPLACE FUNCTION guard_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN RETURN NEW; END'",
        "CREATE TABLE mine (id int)",
        "SET session_replication_role = replica",
        "UPDATE postings SET minor = 1",
        "DELETE FROM idempotency",
        "UPDATE checkpoints SET note = ''",
        "DELETE FROM damages",
        "UPDATE alembic_version SET version_num = ''",
        "DELETE FROM heads",
    ],
)
def test_the_account_that_serves_cannot_change_the_log(served: Service, statement: str) -> None:
    with (
        pytest.raises((Unavailable, ConstraintBroken)),
        served.inside.database.write() as connection,
    ):
        connection.execute(text(statement))


def test_it_cannot_act_as_the_owner(served: Service, accounts: Accounts) -> None:
    with pytest.raises(Unavailable), served.inside.database.write() as connection:
        connection.execute(text(f"SET ROLE {accounts.prefix}_owner"))


def test_the_scrubs_account_reads_everything_and_changes_nothing(
    served: Service, accounts: Accounts
) -> None:
    served.paid("DE", money(100))
    reader = Database(accounts.url("scrub"))

    assert first_difference(reader, "test-fund") is None
    for statement in ("INSERT INTO damages VALUES ('x', 1, '', '', '')", "UPDATE heads SET size=9"):
        with pytest.raises((Unavailable, ConstraintBroken)), reader.write() as connection:
            connection.execute(text(statement))
    reader.close()


def test_the_migrator_migrates_and_rebuilds_as_the_owner(
    served: Service, accounts: Accounts
) -> None:
    served.paid("DE", money(100))
    migrator = Database(accounts.url("migrator"))

    assert bring_up_to_date(migrator) == []
    assert rebuild(migrator, "test-fund") > 0

    with migrator.read() as connection:
        query = "SELECT count(*) FROM pg_tables WHERE tableowner = :owner"
        owner = {"owner": f"{accounts.prefix}_owner"}
        assert connection.execute(text(query), owner).scalar_one() > 20
    migrator.close()
    served.post(treasury("DE"), "/pledges", {"window": "budget", "amount": money(1)})


def test_making_the_accounts_twice_changes_nothing(accounts: Accounts) -> None:
    migrate(accounts.admin, accounts.prefix)

    app = Database(accounts.url("app"))
    with app.read() as connection:
        require_rights(connection, production=True)
    app.close()


def test_production_refuses_an_account_that_could_take_the_guards_down(
    accounts: Accounts, tmp_path: Path
) -> None:
    for name in ("migrator", "app"):
        opened = Database(accounts.url(name))
        with opened.read() as connection:
            if name == "app":
                require_rights(connection, production=True)
            else:
                with pytest.raises(Unsuitable, match="could take the log's guards down"):
                    require_rights(connection, production=True)
        opened.close()
    with accounts.admin.read() as connection, pytest.raises(Unsuitable, match="guards down"):
        require_rights(connection, production=True)


def test_a_missing_right_is_said_in_one_line_at_the_start(
    accounts: Accounts, tmp_path: Path
) -> None:
    with accounts.admin.write() as connection:
        connection.execute(text(f"REVOKE INSERT ON postings FROM {accounts.prefix}_app"))

    with pytest.raises(Unsuitable, match="lacks the right INSERT on postings"):
        assemble(Settings(database_url=accounts.url("app"), data_dir=tmp_path), Metrics())


def test_a_prefix_that_is_no_name_is_refused(database: Database) -> None:
    for prefix in ('x"; DROP TABLE heads; --', "", "X", "ü"):
        with pytest.raises(RolesUnusable, match="prefix"):
            migrate(database, prefix)


def test_sqlite_has_no_accounts(tmp_path: Path, database_url: Any) -> None:
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")

    with pytest.raises(RolesUnusable, match="SQLite has no accounts"):
        migrate(database, "fundledger")
    database.close()
