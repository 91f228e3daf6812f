"""Balances and statements: an account's totals now, as of an entry, or as of a day.

As of an entry it is the account's last posting up to it; as of a day, the close of the month before
and the days of the month so far (`domain/books/journal`). Each is one index seek for each account,
however long the journal. Amounts are minor units.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, Select, and_, case, func, literal, select

from app.domain.books.journal import Account, AccountDay, AccountMonth, month_of
from app.store.tables import READ_TABLES, metadata

_postings = metadata.tables["postings"]
_accounts = READ_TABLES[Account].table
_days = READ_TABLES[AccountDay].table
_months = READ_TABLES[AccountMonth].table


@dataclass(frozen=True, slots=True)
class Totals:
    """What was debited and credited on one account in one currency."""

    account: str
    currency: str
    debits: int
    credits: int


@dataclass(frozen=True, slots=True)
class Line:
    """One posting of an account, and the account's totals after it."""

    seq: int
    version: int
    effective: date
    minor: int
    debits: int
    credits: int


@dataclass(frozen=True, slots=True)
class AsOf:
    """The moment that totals are asked for: an entry, a day, or neither (now)."""

    seq: int | None = None
    day: date | None = None


def balances(
    connection: Connection,
    fund: str,
    moment: AsOf,
    after: tuple[str, str] = ("", ""),
    limit: int | None = None,
) -> Iterator[Totals]:
    """Every account after (path, currency), by path, with its totals at that moment."""
    query = (
        _totals(moment)
        .where(_accounts.c.fund == fund)
        .where(
            (_accounts.c.account > after[0])
            | ((_accounts.c.account == after[0]) & (_accounts.c.currency > after[1]))
        )
        .order_by(_accounts.c.account, _accounts.c.currency)
        .limit(limit)
    )
    return (_read(row) for row in connection.execute(query))


def balance(
    connection: Connection, fund: str, account: str, currency: str, moment: AsOf
) -> Totals | None:
    """One account's totals; None when nothing was ever posted to it."""
    query = _totals(moment).where(
        _accounts.c.fund == fund, _accounts.c.account == account, _accounts.c.currency == currency
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else _read(row)


def statement(
    connection: Connection, fund: str, account: str, currency: str, after: int, limit: int
) -> list[Line]:
    """Up to `limit` postings of an account after version `after`, in the order of recording."""
    table = _postings.c
    query = (
        select(table.seq, table.version, table.effective, table.minor, table.debits, table.credits)
        .where(table.fund == fund, table.account == account, table.currency == currency)
        .where(table.version > after)
        .order_by(table.version)
        .limit(limit)
    )
    return [Line(*row) for row in connection.execute(query)]


def _read(row: Any) -> Totals:
    return Totals(row.account, row.currency, int(row.debits or 0), int(row.credits or 0))


def _totals(moment: AsOf) -> Select[Any]:
    sides = [_side(name, moment).label(name) for name in ("debits", "credits")]
    return select(_accounts.c.account, _accounts.c.currency, *sides)


def _side(name: str, moment: AsOf) -> Any:
    """The column of a query that has the total of one side, at that moment."""
    now = _accounts.c[f"{name}_minor"]
    if moment.seq is not None:
        return (
            select(_postings.c[name])
            .where(_same(_postings), _postings.c.seq <= moment.seq)
            .order_by(_postings.c.seq.desc(), _postings.c.version.desc())
            .limit(1)
            .scalar_subquery()
        )
    if moment.day is None:
        return now
    month = month_of(moment.day)
    closed = (
        select(_months.c[f"{name}_minor"])
        .where(_same(_months), _months.c.month < month)
        .order_by(_months.c.month.desc())
        .limit(1)
        .scalar_subquery()
    )
    since = (
        select(func.sum(_days.c[f"{name}_minor"]))
        .where(_same(_days), _days.c.day >= month, _days.c.day <= moment.day)
        .scalar_subquery()
    )
    earlier = func.coalesce(closed, literal(0)) + func.coalesce(since, literal(0))
    return case((_accounts.c.day <= moment.day, now), else_=earlier)


def _same(table: Any) -> Any:
    """The condition that a row is of the account that the query is at."""
    names = ("fund", "account", "currency")
    return and_(*(table.c[name] == _accounts.c[name] for name in names))
