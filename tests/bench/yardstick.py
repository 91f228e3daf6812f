"""The yardstick: `pgbench` writing the rows of one receipt, without a chain, rules or HTTP.

One transaction: the two accounts that every receipt touches are updated first (their new totals
are what the journal's rows carry), then the entry, four journal rows, the key, the receipt, the
bank line, and the totals of agreement, pool and position. The same columns, the same indexes,
the same durability; only the rows' content is made up.

Twice: statement by statement, as a program would that writes them, and in one call of a function
that stands in the database, with no way to and fro.
"""

import re
import subprocess
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.engine import make_url

from app.store.engine import Database
from tests.bench.servers import program

_TABLES = """
CREATE TABLE yard_entries (LIKE entries INCLUDING INDEXES);
CREATE TABLE yard_postings (LIKE postings INCLUDING INDEXES);
CREATE TABLE yard_idempotency (LIKE idempotency INCLUDING INDEXES);
CREATE TABLE yard_receipts (LIKE receipts INCLUDING INDEXES);
CREATE TABLE yard_bank_lines (LIKE bank_lines INCLUDING INDEXES);
CREATE TABLE yard_accounts (name text PRIMARY KEY, debits bigint, credits bigint, version bigint);
CREATE TABLE yard_totals (name text PRIMARY KEY, amount bigint);
CREATE SEQUENCE yard_seq;
INSERT INTO yard_accounts SELECT n, 0, 0, 0 FROM unnest(
    ARRAY['cash', 'contributor', 'deferred', 'receivable-1', 'receivable-2']) AS n;
INSERT INTO yard_totals SELECT n, 0 FROM unnest(
    ARRAY['agreement-1', 'agreement-2', 'pool', 'position']) AS n;
"""
_SCRIPT = r"""
\set agreement random(1, 2)
BEGIN;
SELECT nextval('yard_seq') AS seq \gset
UPDATE yard_accounts SET debits = debits + 1, version = version + 1 WHERE name = 'cash'
    RETURNING debits AS cash, version AS cash_version \gset
UPDATE yard_accounts SET credits = credits + 1, version = version + 1 WHERE name = 'contributor'
    RETURNING version AS contributor_version \gset
UPDATE yard_accounts SET debits = debits + 1, version = version + 1 WHERE name = 'deferred'
    RETURNING version AS deferred_version \gset
UPDATE yard_accounts SET credits = credits + 1, version = version + 1
    WHERE name = 'receivable-' || :agreement RETURNING version AS receivable_version \gset
UPDATE yard_totals SET amount = amount + 1
    WHERE name IN ('agreement-' || :agreement, 'pool', 'position');
INSERT INTO yard_entries VALUES ('yard', :seq, md5(:seq::text), 'receipt.booked', 'DE',
    '2026-11-24T12:00:00.000000Z', sha256((:seq - 1)::text::bytea), sha256(:seq::text::bytea),
    repeat('x', 700));
INSERT INTO yard_postings VALUES
    ('yard', :seq, 0, 'cash/BANK-EUR', 'EUR', '2026-11-24', 1, :cash_version, :cash, 0),
    ('yard', :seq, 1, 'receivable/' || md5(:agreement::text), 'EUR', '2026-11-24', -1,
        :receivable_version, 0, :receivable_version),
    ('yard', :seq, 2, 'deferred/DE/budget', 'EUR', '2026-11-24', 1, :deferred_version,
        :deferred_version, 0),
    ('yard', :seq, 3, 'contributor/DE/budget', 'EUR', '2026-11-24', -1, :contributor_version, 0,
        :contributor_version);
INSERT INTO yard_idempotency VALUES
    ('yard', 'DE', 'key-' || :seq, sha256(:seq::text::bytea), :seq, 1);
INSERT INTO yard_receipts VALUES ('yard', md5(:seq::text), md5(:agreement::text), 'DE', 'budget', 1,
    'BANK-EUR', 'R-' || :seq, '2026-11-24', '2026-11-24', :seq, NULL, 'EUR');
INSERT INTO yard_bank_lines VALUES ('yard', 'BANK-EUR', 'R-' || :seq, 'in', 1, '2026-11-24', :seq,
    NULL, 'EUR');
COMMIT;
"""
_FUNCTION = """
CREATE FUNCTION yard_receipt(agreement integer) RETURNS void LANGUAGE plpgsql AS $yard$
DECLARE
    here bigint := nextval('yard_seq');
    cash yard_accounts; receivable yard_accounts; deferred yard_accounts; given yard_accounts;
BEGIN
    UPDATE yard_accounts SET debits = debits + 1, version = version + 1 WHERE name = 'cash'
        RETURNING * INTO cash;
    UPDATE yard_accounts SET credits = credits + 1, version = version + 1
        WHERE name = 'contributor' RETURNING * INTO given;
    UPDATE yard_accounts SET debits = debits + 1, version = version + 1 WHERE name = 'deferred'
        RETURNING * INTO deferred;
    UPDATE yard_accounts SET credits = credits + 1, version = version + 1
        WHERE name = 'receivable-' || agreement RETURNING * INTO receivable;
    UPDATE yard_totals SET amount = amount + 1
        WHERE name IN ('agreement-' || agreement, 'pool', 'position');
    INSERT INTO yard_entries VALUES ('yard', here, md5(here::text), 'receipt.booked', 'DE',
        '2026-11-24T12:00:00.000000Z', sha256((here - 1)::text::bytea), sha256(here::text::bytea),
        repeat('x', 700));
    INSERT INTO yard_postings VALUES
        ('yard', here, 0, 'cash/BANK-EUR', 'EUR', '2026-11-24', 1, cash.version, cash.debits, 0),
        ('yard', here, 1, 'receivable/' || md5(agreement::text), 'EUR', '2026-11-24', -1,
            receivable.version, 0, receivable.credits),
        ('yard', here, 2, 'deferred/DE/budget', 'EUR', '2026-11-24', 1, deferred.version,
            deferred.debits, 0),
        ('yard', here, 3, 'contributor/DE/budget', 'EUR', '2026-11-24', -1, given.version, 0,
            given.credits);
    INSERT INTO yard_idempotency VALUES
        ('yard', 'DE', 'key-' || here, sha256(here::text::bytea), here, 1);
    INSERT INTO yard_receipts VALUES ('yard', md5(here::text), md5(agreement::text), 'DE',
        'budget', 1, 'BANK-EUR', 'R-' || here, '2026-11-24', '2026-11-24', here, NULL, 'EUR');
    INSERT INTO yard_bank_lines VALUES ('yard', 'BANK-EUR', 'R-' || here, 'in', 1, '2026-11-24',
        here, NULL, 'EUR');
END
$yard$
"""
_CALL = r"""
\set agreement random(1, 2)
SELECT yard_receipt(:agreement);
"""


def prepare(url: str) -> None:
    """The tables of the yardstick, beside the ledger's own."""
    database = Database(url)
    with database.write() as connection:
        for statement in filter(str.strip, _TABLES.split(";")):
            connection.execute(text(statement))
        connection.exec_driver_sql(_FUNCTION)
    database.close()


def pgbench(
    url: str, folder: Path, seconds: int, *, one_call: bool = False, clients: int = 8
) -> float | None:
    """Transactions a second; None where there is no `pgbench`."""
    found = program("pgbench", "postgresql-contrib")
    if found is None:
        return None
    script = folder / "yardstick.sql"
    script.write_text(_CALL if one_call else _SCRIPT)
    parts = make_url(url)
    host = str(parts.query.get("host") or parts.host or "")
    output = subprocess.run(
        [
            *(found, "-n", "-M", "prepared", "-c", str(clients), "-j", "1", "-T", str(seconds)),
            *("-f", str(script), "-h", host, "-U", parts.username or "postgres"),
            *(["-p", str(parts.port)] if parts.port else []),
            str(parts.database),
        ],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    rate = re.search(r"tps = ([0-9.]+)", output)
    assert rate is not None, output
    return float(rate[1])
