"""The journal: double entry per currency, balanced by construction.

An account is a path and a currency; it keeps what was debited and credited, never a sign. Cash,
receivables, payments in transit and grants grow by debits; what contributors have given, what is
promised, reserved and applied grows by credits.
"""

from dataclasses import dataclass

from pydantic import computed_field

from app.domain.book import Book, Key, Posting, State, key
from app.domain.values import Currency, Money


class Account(State, table="accounts", key=("account", "currency")):
    """One account's totals in one currency, and how many postings made them."""

    account: str
    currency: Currency
    debits: Money
    credits: Money
    version: int

    @computed_field  # type: ignore[prop-decorator]
    @property
    def balance(self) -> Money:
        """Debits less credits: positive for what the fund has, negative for what it owes."""
        return self.debits - self.credits


@dataclass(frozen=True, slots=True)
class Leg:
    """One side of a movement: an account, debited (positive) or credited (negative)."""

    account: str
    amount: Money


def debit(account: str, amount: Money) -> Leg:
    """`amount` on the account's left side."""
    return Leg(account, amount)


def credit(account: str, amount: Money) -> Leg:
    """`amount` on the account's right side."""
    return Leg(account, -amount)


def post(book: Book, *legs: Leg) -> Book:
    """The book with a balanced movement in its journal. Legs of nothing are left out.

    Raises AmountOutOfRange when an account's total would pass 10^18 - 1.
    """
    by_currency: dict[str, int] = {}
    for leg in legs:
        currency = leg.amount.currency
        by_currency[currency] = by_currency.get(currency, 0) + leg.amount.minor
    assert not any(by_currency.values()), "a movement that does not balance"  # noqa: S101
    for leg in legs:
        if leg.amount:
            book = _posted(book, leg)
    return book


def account_key(account: str, currency: str) -> Key:
    """The key of an account's row."""
    return key(Account, account, currency)


def account_of(book: Book, path: str, currency: str) -> Account:
    """The account; a new one where nothing was posted yet."""
    zero = Money.zero(currency)
    found = book.find(Account, path, currency)
    return found or Account(account=path, currency=currency, debits=zero, credits=zero, version=0)


def _posted(book: Book, leg: Leg) -> Book:
    before = account_of(book, leg.account, leg.amount.currency)
    zero = Money.zero(leg.amount.currency)
    after = before.but(
        debits=before.debits + max(leg.amount, zero),
        credits=before.credits + max(-leg.amount, zero),
        version=before.version + 1,
    )
    posting = Posting(
        account=after.account,
        currency=after.currency,
        minor=leg.amount.minor,
        version=after.version,
        debits=after.debits.minor,
        credits=after.credits.minor,
    )
    return book.put(after).posted([posting])


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


def reserved(disbursement_id: str) -> str:
    """What is set aside for one disbursement."""
    return f"reserved/{disbursement_id}"


def applied(party: str, window: str) -> str:
    """What of a contributor's money has reached the recipient."""
    return f"applied/{party}/{window}"


def granted(recipient: str, window: str) -> str:
    """What a recipient has received."""
    return f"granted/{recipient}/{window}"
