"""The journal: double entry per currency, balanced by construction.

An account is a path and a currency; it keeps what was debited and credited, never a sign. Cash,
receivables, payments in transit and grants grow by debits; what contributors have given, what is
promised, reserved and applied grows by credits. `chart` names every kind of account.

Every posting counts for a day, its effective date, and is recorded at its entry. A balance as of an
entry is one posting; a balance as of a day is put together from at most three rows:

    Account       totals over everything; the turnover of its newest day and of that day's month
    AccountMonth  totals at the close of an earlier month
    AccountDay    turnover of an earlier day

Money usually counts for the newest day, and then only the account's own row changes. A posting into
the past changes its day, and the closes of the months from there on; how far back it may reach is
limited, and so is what it costs.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final, NamedTuple

from pydantic import computed_field

from app.domain.book import Book, Key, Posting, State, key
from app.domain.books.closing import require_open
from app.domain.charter.chart import OWN
from app.domain.refusals.money import DateOutOfRange
from app.domain.values import Currency, Money

MAX_BACKDATING_DAYS: Final = 3_660
"""How far before an account's newest day a posting may count: ten years, for late entries."""


class Account(
    State,
    table="accounts",
    key=("account", "currency"),
    checks={"totals": "debits_minor >= 0 AND credits_minor >= 0 AND version >= 1"},
):
    """One account's totals in one currency, and how many postings made them.

    `day` is the newest day that a posting counts for; the turnovers are of that day, and of its
    month so far.
    """

    account: str
    currency: Currency
    debits: Money
    credits: Money
    version: int
    day: date
    day_debits: Money
    day_credits: Money
    month_debits: Money
    month_credits: Money

    @computed_field  # type: ignore[prop-decorator]
    @property
    def balance(self) -> Money:
        """Debits less credits: positive for what the fund has, negative for what it owes."""
        return self.debits - self.credits


class AccountDay(
    State,
    table="account_days",
    key=("account", "currency", "day"),
    checks={"turnover": "debits_minor >= 0 AND credits_minor >= 0"},
):
    """An account's turnover on a day before its newest one."""

    account: str
    currency: Currency
    day: date
    debits: Money
    credits: Money


class AccountMonth(
    State,
    table="account_months",
    key=("account", "currency", "month"),
    checks={"totals": "debits_minor >= 0 AND credits_minor >= 0"},
):
    """An account's totals at the close of a month before its newest one, and its turnover in it.

    `month` is named by its first day.
    """

    account: str
    currency: Currency
    month: date
    debits: Money
    credits: Money
    month_debits: Money
    month_credits: Money


class Leg(NamedTuple):
    """One side of a movement: an account, debited (positive) or credited (negative)."""

    account: str
    amount: Money


def debit(account: str, amount: Money) -> Leg:
    """`amount` on the account's left side."""
    return Leg(account, amount)


def credit(account: str, amount: Money) -> Leg:
    """`amount` on the account's right side."""
    return Leg(account, -amount)


def post(book: Book, effective: date, *legs: Leg) -> Book:
    """The book with a balanced movement in its journal. Legs of nothing are left out.

    Raises PeriodClosed; AmountOutOfRange when an account's total would pass 10^18 - 1;
    DateOutOfRange when an account has moved on too far from that day.
    """
    by_currency: dict[str, int] = {}
    for leg in legs:
        currency = leg.amount.currency
        by_currency[currency] = by_currency.get(currency, 0) + leg.amount.minor
    assert not any(by_currency.values()), "a movement that does not balance"  # noqa: S101
    require_open(book, effective)
    for leg in legs:
        if leg.amount:
            book = _posted(book, leg, effective)
    return book


def account_key(account: str, currency: str) -> Key:
    """The key of an account's row: enough for looking at it."""
    return key(Account, account, currency)


def posting_keys(
    book: Book, account: str, currency: str, effective: date | None = None
) -> Iterator[Key]:
    """The keys that posting to an account takes, for a day; None for the day of the entry."""
    yield account_key(account, currency)
    known = book.peek(Account, account, currency)
    if known is None:
        return
    # The newest day may lie one day after an entry's own day, because a value date may.
    day = known.day - timedelta(days=1) if effective is None else effective
    if day < known.day:
        yield key(AccountDay, account, currency, day)
        for month in months_between(day, known.day):
            yield key(AccountMonth, account, currency, month)


def month_of(day: date) -> date:
    """The first day of its month, by which a month is named."""
    return day.replace(day=1)


def months_between(day: date, newest: date) -> Iterator[date]:
    """The first day of each month from that of `day` to the one before that of `newest`; none when
    `day` lies more than MAX_BACKDATING_DAYS before `newest`.
    """
    month, last = month_of(day), month_of(newest)
    if (newest - day).days > MAX_BACKDATING_DAYS:
        return
    while month < last:
        yield month
        month = month_of(month + timedelta(days=31))


def account_of(book: Book, path: str, currency: str) -> Account:
    """The account; a new one where nothing was posted yet."""
    found = book.find(Account, path, currency)
    if found is not None:
        return found
    zero = Money.zero(currency)
    return Account(
        account=path,
        currency=currency,
        debits=zero,
        credits=zero,
        version=0,
        day=date.min,
        day_debits=zero,
        day_credits=zero,
        month_debits=zero,
        month_credits=zero,
    )


def _posted(book: Book, leg: Leg, effective: date) -> Book:
    account = account_of(book, leg.account, leg.amount.currency)
    side, amount = ("debits", leg.amount) if leg.amount.minor > 0 else ("credits", -leg.amount)
    if effective > account.day:
        book, account = _moved_on(book, account, effective)
    elif effective < account.day:
        book = _backdated(book, account, effective, side, amount)
    after = _turned_over(account, effective, side, amount)
    posting = Posting(
        after.account,
        after.currency,
        effective,
        leg.amount.minor,
        after.version,
        after.debits.minor,
        after.credits.minor,
    )
    return book.posted(posting, after)


_TOTALS: Final = {side: (side, f"month_{side}", f"day_{side}") for side in ("debits", "credits")}
"""By side: the fields for the totals of the account, of its newest month and of its newest day."""


def _turned_over(account: Account, effective: date, side: str, amount: Money) -> Account:
    """The account's own row after a posting. Raises AmountOutOfRange."""
    totals: tuple[str, ...] = _TOTALS[side]
    if effective != account.day:
        same_month = month_of(effective) == month_of(account.day)
        totals = totals[: 2 if same_month else 1]
    changes = {name: getattr(account, name) + amount for name in totals}
    return account.but(version=account.version + 1, **changes)


def _moved_on(book: Book, account: Account, day: date) -> tuple[Book, Account]:
    """The account begun anew at a later `day`, and the book with rows for the day before, and its
    month.
    """
    zero = Money.zero(account.currency)
    began = account.but(day=day, day_debits=zero, day_credits=zero)
    if not account.version:
        return book, began
    book = book.put(
        AccountDay(
            account=account.account,
            currency=account.currency,
            day=account.day,
            debits=account.day_debits,
            credits=account.day_credits,
        )
    )
    if month_of(day) == month_of(account.day):
        return book, began
    month = AccountMonth(
        account=account.account,
        currency=account.currency,
        month=month_of(account.day),
        debits=account.debits,
        credits=account.credits,
        month_debits=account.month_debits,
        month_credits=account.month_credits,
    )
    return book.put(month), began.but(month_debits=zero, month_credits=zero)


def _backdated(book: Book, account: Account, effective: date, side: str, amount: Money) -> Book:
    """The book after a posting for an earlier day: that day's turnover and the closes of every
    month since then are changed. Raises DateOutOfRange.
    """
    if (account.day - effective).days > MAX_BACKDATING_DAYS:
        raise DateOutOfRange(
            f"{account.account} has postings of {account.day}: "
            f"{effective} lies more than {MAX_BACKDATING_DAYS} days before."
        )
    path, currency, zero = account.account, account.currency, Money.zero(account.currency)
    day = book.find(AccountDay, path, currency, effective) or AccountDay(
        account=path, currency=currency, day=effective, debits=zero, credits=zero
    )
    book = book.put(day.but(**{side: getattr(day, side) + amount}))
    months = list(months_between(effective, account.day))
    found = (book.find(AccountMonth, path, currency, month) for month in months)
    closes = [close for close in found if close is not None]
    if months and (not closes or closes[0].month != months[0]):
        # Nothing was posted in this month yet, so its close equals the opening of the next one.
        following = closes[0] if closes else account
        opening = AccountMonth(
            account=path,
            currency=currency,
            month=months[0],
            debits=following.debits - following.month_debits,
            credits=following.credits - following.month_credits,
            month_debits=zero,
            month_credits=zero,
        )
        closes.insert(0, opening)
    for close in closes:
        totals = [side, f"month_{side}"] if close.month == months[0] else [side]
        book = book.put(close.but(**{name: getattr(close, name) + amount for name in totals}))
    return book


def cash(bank_account: str) -> str:
    """Money at the trustee's bank."""
    return f"cash/{bank_account}"


def transit(bank_account: str) -> str:
    """Money that the bank was told to pay and has not confirmed."""
    return f"transit/{bank_account}"


def receivable(agreement_id: str) -> str:
    """What an agreement in force still owes the fund."""
    return f"receivable/{agreement_id}"


def deferred(party: str, window: str) -> str:
    """What a contributor has agreed to and not yet paid: the receivable's other side."""
    return f"deferred/{party}/{window}"


def contributor(party: str, window: str) -> str:
    """What a contributor has paid in and nobody has reserved."""
    return f"contributor/{party}/{window}"


def contributor_of(account: str) -> tuple[str, str] | None:
    """Party and window of a `contributor` account; None for every other account."""
    kind, _, rest = account.partition("/")
    if kind != "contributor":
        return None
    party, _, window = rest.partition("/")
    return party, window


def reserved(disbursement_id: str) -> str:
    """What is set aside for one disbursement."""
    return f"reserved/{disbursement_id}"


def applied(party: str, window: str) -> str:
    """What of a contributor's money has reached the recipient."""
    return f"applied/{party}/{window}"


def granted(recipient: str, window: str) -> str:
    """What a recipient has received."""
    return f"granted/{recipient}/{window}"


SUSPENSE: Final = "suspense"
"""Money that has arrived and that nobody can place yet."""


def own(account_id: str) -> str:
    """An account of the charter's own chart, for the trustee's journal entries."""
    return f"{OWN}/{account_id}"
