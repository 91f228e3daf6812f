"""Balances as of every entry and every day are what adding up the postings gives; by index."""

import re
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from app.store import balances
from app.store.balances import AsOf
from app.store.engine import Database
from tests.support.builders import (
    TRUSTEE,
    a_conversion,
    a_journal,
    a_line,
    an_unidentified,
    money,
    valued,
)
from tests.support.service import Service
from tests.support.steps import TODAY, agreed, answered, day, published, received, settled

LONG = 5_000


@pytest.fixture(scope="module")
def lived(shared: Service) -> Service:
    """A fund that was paid out of order over a year, and has converted, returned and corrected.

    It is only looked at.
    """
    service = shared
    service.open(**valued())
    for ago in (380, 200, 20):
        published(service, day(ago))
    german, french = agreed(service, "DE", money(900)), agreed(service, "FR", money(900))
    dollars = agreed(service, "FR", money(900, "USD"))
    for ago in (390, 10, 200, 60, 61, 390, 35):
        received(service, "DE", german, money(90), day(ago))
        received(service, "FR", french, money("33.33"), day(ago + 2))
    wrong = received(service, "FR", dollars, money(300, "USD"), day(379))
    received(service, "FR", dollars, money(500, "USD"), day(197))
    service.post(TRUSTEE, "/suspense", an_unidentified(money(7), "SUS", value_date=day(195)))
    body = a_conversion(money("108.25", "USD"), money(100), "0.92378753", value_date=day(19))
    service.post(TRUSTEE, "/conversions", body)
    service.post(TRUSTEE, "/revaluations", {"day": day(18)})
    service.post(TRUSTEE, "/revaluations", {"day": day(17)})
    service.post(TRUSTEE, "/journals", a_journal(money(3), effective_date=day(100)))
    twice = [a_line("bank-charges", "debit", money(1)), a_line("accruals", "credit", money(2))]
    body = a_journal(money(2), effective_date=day(90), lines=[twice[0], *twice])
    service.post(TRUSTEE, "/journals", body)
    service.post(TRUSTEE, "/journals", a_journal(money(4), effective_date=day(250)))
    correction = {"effective_date": day(2), "reason": "Booked twice"}
    receipt = {"receipt_id": wrong["derived"]["receipt_id"], **correction}
    service.post(TRUSTEE, f"/receipts/{receipt['receipt_id']}/correction", receipt)
    identifier = service.requested(money("77.77"))
    service.approved(identifier)
    settled(service, identifier, "EUR", day(1))
    answered(service, identifier, "return", day(0))
    return service


Turnover = dict[tuple[str, str], tuple[int, int]]


def added_up(postings: list[Any], accounts: set[tuple[str, str]]) -> Turnover:
    """Debits and credits of every account, one posting after the other."""
    sums: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for posting in postings:
        sums[posting.account, posting.currency][posting.minor < 0] += abs(posting.minor)
    return {account: (sums[account][0], sums[account][1]) for account in accounts}


def found(connection: Connection, moment: AsOf) -> Turnover:
    rows = balances.balances(connection, "test-fund", moment)
    return {(row.account, row.currency): (row.debits, row.credits) for row in rows}


def all_postings(connection: Connection) -> list[Any]:
    query = "SELECT seq, account, currency, effective, minor FROM postings ORDER BY seq, line"
    return list(connection.execute(text(query)))


def as_day(value: date | str) -> date:
    """SQLite's dates are text."""
    return value if isinstance(value, date) else date.fromisoformat(value)


def test_balances_of_every_entry_are_what_the_postings_add_up_to(lived: Service) -> None:
    size = lived.get(TRUSTEE, "")["size"]
    with lived.inside.database.read() as connection:
        postings = all_postings(connection)
        accounts = {(posting.account, posting.currency) for posting in postings}

        for seq in range(size):
            known = [posting for posting in postings if posting.seq <= seq]
            assert found(connection, AsOf(seq=seq)) == added_up(known, accounts)
        assert found(connection, AsOf()) == added_up(postings, accounts)
    assert len(postings) > 100


def test_balances_of_every_day_are_what_the_postings_add_up_to(lived: Service) -> None:
    with lived.inside.database.read() as connection:
        postings = all_postings(connection)
        accounts = {(posting.account, posting.currency) for posting in postings}
        days = [as_day(posting.effective) for posting in postings]

        for ago in range(-3, 400):
            on = TODAY - timedelta(days=ago)
            known = [p for p, counts in zip(postings, days, strict=True) if counts <= on]
            assert found(connection, AsOf(day=on)) == added_up(known, accounts)
    assert min(days) == TODAY - timedelta(days=392)


def test_one_balance_and_a_page_of_them_are_those_of_the_list(lived: Service) -> None:
    with lived.inside.database.read() as connection:
        for moment in (AsOf(), AsOf(seq=20), AsOf(day=TODAY - timedelta(days=100))):
            whole = list(balances.balances(connection, "test-fund", moment))
            for place, row in enumerate(whole):
                name = (row.account, row.currency)
                page = list(balances.balances(connection, "test-fund", moment, name, 2))
                assert balances.balance(connection, "test-fund", *name, moment) == row
                assert page == whole[place + 1 : place + 3]
        nothing = balances.balance(connection, "test-fund", "cash/BANK-EUR", "JPY", AsOf())
    assert nothing is None


@contextmanager
def a_long_journal(database: Database) -> Iterator[Connection]:
    """Accounts with many postings, one with many days and months; gone when the block ends."""
    start = date(2020, 1, 1)
    with database._writer.connect() as connection:
        for statement, rows in (
            (
                "INSERT INTO entries (fund, seq, id, type, party, at, prev, leaf, body) "
                "VALUES ('long', :n, :text, 'x.y', 'DE', '', :bytes, :bytes, '')",
                [{"n": n, "text": str(n), "bytes": b"%d" % n} for n in range(LONG)],
            ),
            (
                "INSERT INTO postings (fund, seq, line, account, currency, effective, minor,"
                " version, debits, credits) "
                "VALUES ('long', :n, :line, :account, 'EUR', :day, 1, :v, :v, 0)",
                [
                    {"n": n, "line": line, "account": account, "v": n + 1, "day": start}
                    for n in range(LONG)
                    for line, account in enumerate(("cash/X", f"contributor/{n % 9}"))
                ],
            ),
            (
                "INSERT INTO account_days (fund, account, currency, day, debits_minor,"
                " credits_minor) VALUES ('long', 'cash/X', 'EUR', :day, 1, 0)",
                [{"day": start + timedelta(days=n)} for n in range(LONG)],
            ),
            (
                "INSERT INTO account_months (fund, account, currency, month, debits_minor,"
                " credits_minor, month_debits_minor, month_credits_minor) "
                "VALUES ('long', 'cash/X', 'EUR', :day, 1, 0, 0, 0)",
                [{"day": date(1600 + n // 12, n % 12 + 1, 1)} for n in range(LONG)],
            ),
        ):
            plain = [
                {k: v.isoformat() if isinstance(v, date) else v for k, v in row.items()}
                for row in rows
            ]
            connection.execute(text(statement), plain)
        connection.execute(
            text(
                "INSERT INTO accounts (fund, account, currency, debits_minor, credits_minor,"
                " version, day, day_debits_minor, day_credits_minor, month_debits_minor,"
                " month_credits_minor) VALUES ('long', 'cash/X', 'EUR', :n, 0, :n, '2033-01-01',"
                " 0, 0, 0, 0)"
            ),
            {"n": LONG},
        )
        if database.dialect == "postgresql":
            # As its autovacuum does; nobody does it on SQLite.
            connection.exec_driver_sql("ANALYZE")
        yield connection
        connection.rollback()


def asked(connection: Connection, moment: AsOf) -> None:
    balances.balance(connection, "long", "cash/X", "EUR", moment)
    balances.statement(connection, "long", "cash/X", "EUR", LONG - 10, 5)


def plan_of(connection: Connection, moment: AsOf) -> str:
    """How the database answers: the plans of the very statements that it is sent."""
    sent: list[tuple[str, Any]] = []

    def noted(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        sent.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", noted)
    asked(connection, moment)
    event.remove(connection, "before_cursor_execute", noted)
    sqlite = connection.dialect.name == "sqlite"
    explain = "EXPLAIN QUERY PLAN " if sqlite else "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) "
    rows = [row for s, p in sent for row in connection.exec_driver_sql(explain + s, p)]
    return "\n".join(str(row[-1]) for row in rows)


def steps_of(connection: Connection, moment: AsOf) -> int:
    """How many instructions of its machine SQLite needs."""
    driver: Any = connection.connection.driver_connection
    count = 0

    def counted() -> int:
        nonlocal count
        count += 1
        return 0

    driver.set_progress_handler(counted, 1)
    asked(connection, moment)
    driver.set_progress_handler(None, 1)
    return count


@pytest.mark.parametrize(
    "moment",
    [AsOf(), AsOf(seq=LONG - 5), AsOf(day=date(2026, 3, 31))],
    ids=["now", "entry", "day"],
)
def test_no_balance_scans_what_grows(database: Database, moment: AsOf) -> None:
    with a_long_journal(database) as connection:
        plan = plan_of(connection, moment)

        if database.dialect == "sqlite":
            assert "SCAN" not in plan
            assert "SEARCH postings USING PRIMARY KEY" not in plan
            assert steps_of(connection, moment) < LONG / 2
        else:
            for table in ("postings", "account_days", "account_months"):
                assert f"Seq Scan on {table}" not in plan
            # What each step read: a month of days at most, never the journal.
            read = [float(count) for count in re.findall(r"actual rows=([0-9.]+)", plan)]
            assert 1 <= max(read) <= 31
            assert "Removed by Filter" not in plan
