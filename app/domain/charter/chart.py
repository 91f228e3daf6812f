"""The chart of accounts: every kind of account that the books know, and what it is.

The kinds below are the ledger's own and the same in every fund; each has one account for each thing
that its path names. The charter declares the accounts under `own/`.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class AccountKind(StrEnum):
    """What a balance means: assets and expenses grow by debits, all others by credits."""

    ASSET = "asset"
    LIABILITY = "liability"
    EQUITY = "equity"
    INCOME = "income"
    EXPENSE = "expense"


class BalanceRule(StrEnum):
    """On which side an account's balance must stay at all times; a replay checks it."""

    DEBIT = "debit"
    CREDIT = "credit"
    CREDIT_BY_WINDOW = "credit_by_window"
    """Holds for the accounts of one window together, because each can be short by roundings."""
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Heading:
    """A kind of account: the first part of its path, what it holds, what the path names."""

    prefix: str
    kind: AccountKind
    meaning: str
    balance: BalanceRule


HEADINGS: Final = (
    Heading(
        "cash", AccountKind.ASSET, "money at the trustee's bank, by bank account", BalanceRule.DEBIT
    ),
    Heading(
        "transit", AccountKind.ASSET, "payments that the bank has not confirmed", BalanceRule.DEBIT
    ),
    Heading(
        "receivable", AccountKind.ASSET, "what an agreement in force still owes", BalanceRule.ANY
    ),
    Heading(
        "granted",
        AccountKind.EXPENSE,
        "what a recipient has received, by window",
        BalanceRule.DEBIT,
    ),
    Heading(
        "fx",
        AccountKind.ASSET,
        "value of a currency held, in the holding currency",
        BalanceRule.ANY,
    ),
    Heading(
        "suspense", AccountKind.LIABILITY, "money that nobody can place yet", BalanceRule.CREDIT
    ),
    Heading(
        "deferred",
        AccountKind.EQUITY,
        "what a contributor agreed to and has not paid",
        BalanceRule.ANY,
    ),
    Heading(
        "contributor",
        AccountKind.EQUITY,
        "what a contributor paid and nobody reserved",
        BalanceRule.CREDIT_BY_WINDOW,
    ),
    Heading(
        "reserved", AccountKind.EQUITY, "what is set aside for a disbursement", BalanceRule.CREDIT
    ),
    Heading(
        "applied",
        AccountKind.EQUITY,
        "what of a contributor's money was disbursed",
        BalanceRule.ANY,
    ),
    Heading(
        "translation",
        AccountKind.EQUITY,
        "the other side of values of currencies held",
        BalanceRule.ANY,
    ),
    Heading(
        "realised",
        AccountKind.INCOME,
        "gains (credit) and losses on currency that left",
        BalanceRule.ANY,
    ),
    Heading(
        "unrealised", AccountKind.INCOME, "gains and losses on currency still held", BalanceRule.ANY
    ),
)
"""Every standard kind of account. A contributor's money is on contributor, reserved or applied."""

OWN: Final = "own"
"""The prefix of the accounts that the charter itself declares."""
_BY_PREFIX: Final = {heading.prefix: heading for heading in HEADINGS}


def heading_of(account: str) -> Heading:
    """The kind of an account, by its path; the charter's own accounts may stand on any side."""
    prefix = account.partition("/")[0]
    if prefix == OWN:
        return _OWN_HEADING
    return _BY_PREFIX[prefix]


_OWN_HEADING: Final = Heading(
    OWN, AccountKind.EXPENSE, "an account that the charter declares", BalanceRule.ANY
)
