"""Balances: accounts now, as of an entry, as of a day; statements; the trial balance."""

from datetime import date
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, BeforeValidator, Field, TypeAdapter

from app.api.auth.policies import reader
from app.api.http.codes import EdgeCode
from app.api.http.documented import reading
from app.api.http.paging import After, Limit, Page, PlainInt, page
from app.api.http.problems import Problem
from app.api.services import ServicesHere
from app.domain.charter.chart import HEADINGS, AccountKind
from app.domain.refusals.base import NotFound
from app.domain.values import Currency, Day, Money, decimal_text
from app.store import balances
from app.store.balances import AsOf, Totals

ONE_DATE_ONLY: Final = EdgeCode(
    "one_date_only",
    422,
    "a balance was asked for as of an entry and as of a day",
    "ask for one of the two",
)

router = APIRouter(prefix="/v1/funds/{fund}", tags=["balances"])


_PATH: Final = r"^[\x21-\x7e]{1,200}$"


_DAY: Final[TypeAdapter[date]] = TypeAdapter(Day)


_NEVER: Final = "Nothing was ever posted to this account in this currency."


class Balance(BaseModel):
    """An account's totals in one currency.

    `balance` is debits less credits: positive for what the fund has, negative for what it owes.
    """

    account: str
    currency: str
    debits: Money
    credits: Money
    balance: Money


class StatementLine(BaseModel):
    """One posting: recorded by entry `seq`, counted for `effective`; the balance after it."""

    seq: int
    version: int
    effective: date
    debit: Money | None = None
    credit: Money | None = None
    balance: Money


class TrialBalanceLine(BaseModel):
    """All accounts under one heading of the chart, in one currency.

    Decimal strings: turnover over many accounts may exceed what one amount can be.
    """

    heading: str
    kind: AccountKind | None = Field(description="None for the accounts that the charter declares.")
    currency: str
    debits: str
    credits: str
    balance: str


class TrialBalance(BaseModel):
    """Every heading; in each currency all debits equal all credits."""

    lines: list[TrialBalanceLine]
    debits: dict[str, str]
    credits: dict[str, str]


def _moment(
    as_of: Annotated[
        PlainInt | None, Query(ge=0, le=2**53 - 1, description="As of this entry.")
    ] = None,
    on: Annotated[
        date | None,
        BeforeValidator(lambda text: None if text is None else _DAY.validate_python(text)),
        Query(description="As of the close of this day, by effective dates."),
    ] = None,
) -> AsOf:
    """As of an entry or of a day; now when neither is given. Raises Problem 422 for both."""
    if as_of is not None and on is not None:
        raise Problem(ONE_DATE_ONLY, "Ask as of an entry or as of a day, not both.")
    return AsOf(as_of, on)


MomentHere = Annotated[AsOf, Depends(_moment)]


AccountHere = Annotated[
    str, Query(pattern=_PATH, description="The account's path.", examples=["cash/TRUSTEE-EUR"])
]


CurrencyHere = Annotated[Currency, Query(description="The account's currency.")]


@router.get(
    "/balances",
    summary="The accounts and their totals",
    responses=reading(ONE_DATE_ONLY),
    dependencies=[Depends(reader)],
)
def list_balances(
    fund: str,
    here: ServicesHere,
    request: Request,
    moment: MomentHere,
    after: Annotated[
        str, Query(max_length=300, pattern=r"^[\x21-\x7e]*$", description="The cursor of `next`.")
    ] = "",
    limit: Limit = 100,
) -> Page[Balance]:
    """By account and currency, in order of the paths; now, as of an entry, or as of a day."""
    path, _, currency = after.rpartition("|")
    with here.database.read() as connection:
        found = list(balances.balances(connection, fund, moment, (path, currency), limit))
    cursor = f"{found[-1].account}|{found[-1].currency}" if found else ""
    return page([_balance(totals) for totals in found], limit, {"after": cursor}, request)


@router.get(
    "/balance",
    summary="One account's balance",
    responses=reading(ONE_DATE_ONLY),
    dependencies=[Depends(reader)],
)
def get_balance(
    fund: str, here: ServicesHere, moment: MomentHere, account: AccountHere, currency: CurrencyHere
) -> Balance:
    """Now, as of an entry, or as of the close of a day; fast however long the log is."""
    with here.database.read() as connection:
        found = balances.balance(connection, fund, account, currency, moment)
    if found is None:
        raise NotFound(_NEVER)
    return _balance(found)


@router.get(
    "/statement",
    summary="One account's postings",
    responses=reading(),
    dependencies=[Depends(reader)],
)
def get_statement(  # noqa: PLR0913  each is a parameter of the address
    fund: str,
    here: ServicesHere,
    request: Request,
    *,
    account: AccountHere,
    currency: CurrencyHere,
    after: After = 0,
    limit: Limit = 100,
) -> Page[StatementLine]:
    """In the order of recording: the entry, the day that it counts for, the balance after it.

    `after` is a version: how many postings of the account come before the page.
    """
    with here.database.read() as connection:
        found = balances.statement(connection, fund, account, currency, after, limit)
        known = found or balances.balance(connection, fund, account, currency, AsOf())
    if not known:
        raise NotFound(_NEVER)
    lines = [
        StatementLine(
            seq=line.seq,
            version=line.version,
            effective=line.effective,
            debit=Money(line.minor, currency) if line.minor > 0 else None,
            credit=Money(-line.minor, currency) if line.minor < 0 else None,
            balance=Money(line.debits - line.credits, currency),
        )
        for line in found
    ]
    return page(lines, limit, {"after": lines[-1].version if lines else after}, request)


@router.get(
    "/trial-balance",
    summary="The trial balance",
    responses=reading(ONE_DATE_ONLY),
    dependencies=[Depends(reader)],
)
def get_trial_balance(fund: str, here: ServicesHere, moment: MomentHere) -> TrialBalance:
    """Every heading of the chart by currency; now, as of an entry, or as of a day."""
    sums: dict[tuple[str, str], list[int]] = {}
    with here.database.read() as connection:
        for totals in balances.balances(connection, fund, moment):
            heading = totals.account.partition("/")[0]
            both = sums.setdefault((heading, totals.currency), [0, 0])
            both[0] += totals.debits
            both[1] += totals.credits
    kinds = {heading.prefix: heading.kind for heading in HEADINGS}
    lines = [
        TrialBalanceLine(
            heading=heading,
            kind=kinds.get(heading),
            currency=currency,
            debits=decimal_text(left, currency),
            credits=decimal_text(right, currency),
            balance=decimal_text(left - right, currency),
        )
        for (heading, currency), (left, right) in sorted(sums.items())
    ]
    sides = (_by_currency(sums, 0), _by_currency(sums, 1))
    return TrialBalance(lines=lines, debits=sides[0], credits=sides[1])


def _balance(totals: Totals) -> Balance:
    left, right = Money(totals.debits, totals.currency), Money(totals.credits, totals.currency)
    return Balance(
        account=totals.account,
        currency=totals.currency,
        debits=left,
        credits=right,
        balance=left - right,
    )


def _by_currency(sums: dict[tuple[str, str], list[int]], side: int) -> dict[str, str]:
    totals: dict[str, int] = {}
    for (_, currency), both in sums.items():
        totals[currency] = totals.get(currency, 0) + both[side]
    return {currency: decimal_text(minor, currency) for currency, minor in sorted(totals.items())}
