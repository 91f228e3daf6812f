"""Rows G4 and G5: somebody with a connection of their own to the database."""

import gc
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from app.audit.verify import verify
from app.chain.policy import Policy
from app.domain.values import Role
from app.runtime.settings import Settings
from app.store.tables import LOG_TABLES, metadata
from app.workers.scrub import Scrub, ScrubMetrics
from tests.support.attack.hostile import Attacker, assert_refused
from tests.support.builders import AUDITOR, Person, a_pledge, an_approval, money, treasury
from tests.support.service import FUND, Service, running

GUARDED = (*LOG_TABLES, "heads")
APART = "other-fund"


def _url(settings: Settings) -> str:
    url = make_url(settings.database)
    driver = "sqlite" if url.get_backend_name() == "sqlite" else "postgresql+psycopg"
    return url.set(drivername=driver).render_as_string(hide_password=False)


@contextmanager
def _connected(settings: Settings) -> Iterator[Connection]:
    """A connection like any tool's: none of the service's own settings apply."""
    engine = create_engine(_url(settings), poolclass=NullPool)
    with engine.connect() as connection:
        yield connection


def _try(settings: Settings, *statements: str) -> str:
    """Run and commit; the database's complaint, or nothing when it let it pass."""
    with _connected(settings) as connection:
        try:
            for statement in statements:
                connection.execute(text(statement))
            connection.commit()
        except DBAPIError as error:
            return str(error.orig)
    return ""


def _is_sqlite(service: Service) -> bool:
    return service.settings.database.startswith("sqlite")


def _contents(settings: Settings) -> dict[str, list[str]]:
    """Every row of every guarded table."""
    with _connected(settings) as connection:
        return {
            table: sorted(map(repr, map(tuple, connection.execute(text(f"SELECT * FROM {table}")))))
            for table in GUARDED
        }


@pytest.fixture
def full(alone: Service) -> Service:
    """A fund with rows in every guarded table."""
    return _filled(alone)


@pytest.fixture(scope="module")
def kept(shared: Service) -> Service:
    """The same, for tests that find it as it was."""
    shared.open()
    return _filled(shared)


def _filled(service: Service) -> Service:
    service.paid("DE", money(10))
    assert _try(service.settings, f"INSERT INTO tile_hashes VALUES ('{APART}', 1, 0, 'x')") == ""
    assert _try(service.settings, f"INSERT INTO cosignatures VALUES ('{APART}', 1, 'w', 'x')") == ""
    assert all(_contents(service.settings).values())
    return service


def _refused_all(service: Service, statements: list[str]) -> None:
    """None of the statements gets through, and every row is still what it was."""
    before = _contents(service.settings)

    let_through = [s for s in statements if not _try(service.settings, s)]

    assert let_through == []
    assert _contents(service.settings) == before


def test_rows_of_the_log_can_neither_be_changed_nor_deleted(kept: Service) -> None:
    statements = [f"DELETE FROM {table}" for table in GUARDED]
    for table in LOG_TABLES:
        columns = metadata.tables[table].columns
        statements += [f'UPDATE {table} SET "{c.name}" = "{c.name}"' for c in columns]
    statements += [
        "UPDATE heads SET size = size - 1",
        "UPDATE heads SET last_leaf = frontier",
        "UPDATE heads SET fund = 'x'",
        "UPDATE heads SET fund = 'x', size = size + 1",
        "UPDATE heads SET size = NULL",
        "WITH d AS (SELECT 1) DELETE FROM entries WHERE seq = (SELECT max(seq) FROM entries)",
    ]
    if _is_sqlite(kept):
        statements += [f"UPDATE OR IGNORE {table} SET fund = 'x'" for table in GUARDED]
        statements += [f"UPDATE OR REPLACE {table} SET rowid = rowid + 9" for table in LOG_TABLES]
    else:
        statements += [f"TRUNCATE {table} CASCADE" for table in GUARDED]
        statements += [f"SET session_replication_role = replica; DELETE FROM {t}" for t in GUARDED]
        statements.append(
            "MERGE INTO entries e USING (SELECT 1) s ON true WHEN MATCHED THEN DELETE"
        )

    _refused_all(kept, statements)


def test_rows_of_the_log_cannot_be_replaced_or_upserted(kept: Service) -> None:
    statements = []
    for table in GUARDED:
        columns = list(metadata.tables[table].columns.keys())
        keys = ", ".join(column.name for column in metadata.tables[table].primary_key)
        named = ", ".join(f'"{column}"' for column in columns)
        rows = f"SELECT {named} FROM {table} WHERE true"
        change = f'"{columns[-1]}" = excluded."{columns[-1]}"'
        upsert = f"INSERT INTO {table} ({named}) {rows} ON CONFLICT ({keys}) DO UPDATE SET {change}"
        statements.append(upsert)
        if _is_sqlite(kept):
            statements.append(f"INSERT OR REPLACE INTO {table} ({named}) {rows}")
            statements.append(f"REPLACE INTO {table} ({named}) {rows}")

    _refused_all(kept, statements)


@pytest.mark.parametrize("shared", ["sqlite"], indirect=True)  # PostgreSQL has no such thing
@pytest.mark.parametrize("table", GUARDED)
def test_replacing_under_another_key_does_not_push_a_row_out(kept: Service, table: str) -> None:
    """REPLACE deletes whatever stands in its way: by row number, or by another unique key."""
    columns = list(metadata.tables[table].columns.keys())
    keyed = {"fund": "'x'"}
    named = ", ".join(f'"{column}"' for column in columns)
    values = ", ".join(keyed.get(column, f'"{column}"') for column in columns)

    before = _contents(kept.settings)[table]
    _try(
        kept.settings,
        f"INSERT OR REPLACE INTO {table} (rowid, {named}) SELECT rowid, {values} FROM {table} "
        "LIMIT 1",
    )

    assert set(before) <= set(_contents(kept.settings)[table])


@pytest.mark.parametrize("same", ["id", "prev"])
def test_an_entry_is_not_pushed_out_by_another_with_its_id_or_predecessor(
    kept: Service, same: str
) -> None:
    new = {"id": "'new'", "prev": "x'00'"}
    new.pop(same)
    names = ("fund", "seq", "id", "type", "party", "at", "prev", "leaf", "body")
    values = ", ".join({**new, "seq": "9999"}.get(name, name) for name in names)
    replace = "INSERT OR REPLACE" if _is_sqlite(kept) else "INSERT"

    before = _contents(kept.settings)["entries"]
    _try(
        kept.settings,
        f"{replace} INTO entries ({', '.join(names)}) SELECT {values} FROM entries WHERE seq = 2",
    )

    assert _contents(kept.settings)["entries"] == before


def test_a_journal_line_is_not_pushed_out_by_another_of_the_same_version(kept: Service) -> None:
    names = ("fund", "seq", "line", "account", "currency", "minor", "version", "debits", "credits")
    values = ", ".join({"line": "99"}.get(name, name) for name in names)
    replace = "INSERT OR REPLACE" if _is_sqlite(kept) else "INSERT"

    before = _contents(kept.settings)["postings"]
    _try(
        kept.settings,
        f"{replace} INTO postings ({', '.join(names)}) SELECT {values} FROM postings LIMIT 1",
    )

    assert _contents(kept.settings)["postings"] == before


def _without_guards(service: Service) -> list[str]:
    """The statements that take the guards of the log away, as only an owner can."""
    if not _is_sqlite(service):
        return [f"ALTER TABLE {table} DISABLE TRIGGER ALL" for table in GUARDED]
    with _connected(service.settings) as connection:
        names = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'"))
        return [f"DROP TRIGGER {name}" for (name,) in names]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_guard_that_is_gone_is_seen_and_stops_the_next_start(full: Service) -> None:
    with closing(Attacker(full)) as attacker:
        ready = attacker.send("GET", "/readyz", {})
        assert _try(full.settings, _without_guards(full)[0]) == ""
        unready = attacker.send("GET", "/readyz", {})

    assert (ready.status, unready.status) == (200, 503)
    assert unready.content["checks"]["guards"] is False
    with pytest.raises(AssertionError, match="did not start"), running(full.settings):
        pass
    gc.collect()  # a start that is refused leaves its connection to the collector


def test_a_history_that_was_rewritten_is_found_by_patrol_verifier_and_notary(
    full: Service, tmp_path: Path
) -> None:
    rewritten = "UPDATE entries SET body = replace(body, '10.00', '99.00') WHERE seq = 1"
    trust = Policy.parse(full.trust(tmp_path / "t").read_bytes())
    honest = verify(full.export(tmp_path / "honest.zip"), trust)

    assert _try(full.settings, *_without_guards(full), rewritten) == ""

    metrics = full.inside.metrics
    here = full.inside
    Scrub(here.database, here.notary, here.ledger.damages, metrics).look()
    failures = metrics.of(ScrubMetrics).verification_failures.labels("test-fund")._value.get()
    with closing(Attacker(full)) as attacker:
        exported = attacker.get(AUDITOR, f"{FUND}/exports/audit")
    (tmp_path / "rewritten.zip").write_bytes(exported.body)
    assert honest.problems == []
    assert failures == 1
    assert exported.status != 200 or verify(tmp_path / "rewritten.zip", trust).problems != []


def test_entries_that_were_cut_off_halt_the_fund(full: Service) -> None:
    head = text("SELECT size, frontier, last_leaf, last_at FROM heads WHERE fund = 'test-fund'")
    shorter = text(
        "UPDATE heads SET size = :size, frontier = :frontier, last_leaf = :last_leaf, "
        "last_at = :last_at WHERE fund = 'test-fund'"
    )
    with _connected(full.settings) as connection:
        before = dict(connection.execute(head).mappings().one())
    full.post(treasury("DE"), "/pledges", a_pledge(money(7)))
    assert _try(full.settings, *_without_guards(full)) == ""
    with _connected(full.settings) as connection:
        for table in ("postings", "idempotency", "entries"):
            connection.execute(text(f"DELETE FROM {table} WHERE seq >= :size"), before)
        connection.execute(shorter, before)
        connection.commit()

    with closing(Attacker(full)) as attacker:
        answer = attacker.post(treasury("DE"), "/pledges", a_pledge(money(1)))
        again = attacker.post(treasury("DE"), "/pledges", a_pledge(money(1)))
        ready = attacker.send("GET", "/readyz", {})

    # The first was stored before the fork showed.
    assert_refused(answer, 503, "outcome_unknown")
    assert_refused(again, 503, "fork_detected")
    assert ready.content["checks"]["history"] is False


FORGED_APPROVALS = (
    "UPDATE approvals SET answer = 'approved', passes = 1 WHERE step <> 'treasury_release'"
)


def _released(service: Service, identifier: str) -> httpx.Response:
    """DE's release of a request, which comes after all the other steps."""
    digest = service.get(AUDITOR, f"/disbursements/{identifier}")["disbursement"]["digest"]
    body = an_approval(identifier, "treasury_release", digest)
    path = f"{FUND}/disbursements/{identifier}/approvals"
    return service.raw(Person("DE", Role.TREASURY_APPROVER), "POST", path, json=body)


def test_a_forged_approval_in_a_read_table_is_found_by_the_verifier(
    service_settings: Settings, tmp_path: Path
) -> None:
    with running(service_settings) as service:
        service.open()
        service.paid("DE", money(10))
        identifier = service.requested(money(5))
    assert _try(service_settings, FORGED_APPROVALS) == ""

    # A door that has just started knows no book: it reads what the tables say.
    with running(service_settings) as service:
        release = _released(service, identifier)
        bundle, trust = service.export(tmp_path / "b.zip"), service.trust(tmp_path / "t")
    report = verify(bundle, Policy.parse(trust.read_bytes()))

    # The read tables are the owner's to change: what follows from that cannot be hidden.
    assert release.status_code == 201
    assert report.problems != []


def test_a_running_door_does_not_read_what_was_forged_behind_its_back(
    full: Service, tmp_path: Path
) -> None:
    identifier = full.requested(money(5))
    assert _try(full.settings, FORGED_APPROVALS) == ""

    release = _released(full, identifier)

    bundle, trust = full.export(tmp_path / "b.zip"), full.trust(tmp_path / "t")
    assert (release.status_code, release.json()["code"]) == (409, "step_not_open")
    assert verify(bundle, Policy.parse(trust.read_bytes())).problems == []


def test_a_forged_approval_that_a_door_reads_after_another_process_wrote_is_found_too(
    full: Service, tmp_path: Path
) -> None:
    identifier = full.requested(money(5))
    assert _try(full.settings, FORGED_APPROVALS) == ""

    with running(full.settings) as other:
        other.post(treasury("DE"), "/pledges", a_pledge(money(1)))
    # The head has moved on without this door: the book that it kept is good no more.
    release = _released(full, identifier)

    bundle, trust = full.export(tmp_path / "b.zip"), full.trust(tmp_path / "t")
    assert release.status_code == 201
    assert verify(bundle, Policy.parse(trust.read_bytes())).problems != []


def test_a_restored_old_database_stops_the_start(
    service_settings: Settings, tmp_path: Path
) -> None:
    with running(service_settings) as service:
        service.open()
        service.post(treasury("DE"), "/pledges", a_pledge(money(1)))
    old = _Copy(service_settings, tmp_path)
    with running(service_settings) as service:
        service.post(treasury("DE"), "/pledges", a_pledge(money(2)))
    old.restore()

    with pytest.raises(AssertionError, match="did not start"), running(service_settings):
        pass


def test_an_empty_database_stops_the_start_of_a_service_that_has_signed(
    service_settings: Settings, tmp_path: Path
) -> None:
    old = _Copy(service_settings, tmp_path)
    with running(service_settings) as service:
        service.open()
    old.restore()

    with pytest.raises(AssertionError, match="did not start"), running(service_settings):
        pass


class _Copy:
    """A backup of a database that nobody uses, and how it comes back."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._url = make_url(settings.database)
        self._kept = folder / "copy.db"
        self._name = f"{self._url.database}_copy"
        if self._url.get_backend_name() == "sqlite":
            self._vacuum_into(str(self._kept))
        else:
            self._administer(f'CREATE DATABASE "{self._name}" TEMPLATE "{self._url.database}"')

    def restore(self) -> None:
        name = self._url.database
        if self._url.get_backend_name() == "sqlite":
            for suffix in ("", "-wal", "-shm"):
                Path(f"{name}{suffix}").unlink(missing_ok=True)
            shutil.copy(self._kept, str(name))
            return
        self._administer(f'DROP DATABASE "{name}" WITH (FORCE)')
        self._administer(f'ALTER DATABASE "{self._name}" RENAME TO "{name}"')

    def _vacuum_into(self, path: str) -> None:
        with closing(sqlite3.connect(str(self._url.database))) as connection:
            connection.execute("VACUUM INTO ?", (path,))

    def _administer(self, statement: str) -> None:
        url = self._url.set(drivername="postgresql+psycopg", database="postgres")
        engine = create_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
        with engine.connect() as connection:
            connection.execute(text(statement))
