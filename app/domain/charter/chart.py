"""The chart of accounts: every kind of account that the books know, and what it is.

The kinds below are the ledger's own and the same in every fund; each has one account for each
thing that its path names. The accounts under `own/` are the charter's to declare.
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


@dataclass(frozen=True, slots=True)
class Heading:
    """A kind of account: the first part of its path, what it holds, what the path names."""

    prefix: str
    kind: AccountKind
    meaning: str


HEADINGS: Final = (
    Heading("cash", AccountKind.ASSET, "money at the trustee's bank, by bank account"),
    Heading("transit", AccountKind.ASSET, "payments that the bank has not confirmed"),
    Heading("receivable", AccountKind.ASSET, "what an agreement in force still owes"),
    Heading("granted", AccountKind.EXPENSE, "what a recipient has received, by window"),
    Heading("fx", AccountKind.ASSET, "value of a currency held, in the holding currency"),
    Heading("suspense", AccountKind.LIABILITY, "money that nobody can place yet"),
    Heading("deferred", AccountKind.EQUITY, "what a contributor agreed to and has not paid"),
    Heading("contributor", AccountKind.EQUITY, "what a contributor paid and nobody reserved"),
    Heading("reserved", AccountKind.EQUITY, "what is set aside for a disbursement"),
    Heading("applied", AccountKind.EQUITY, "what of a contributor's money was disbursed"),
    Heading("translation", AccountKind.EQUITY, "the other side of values of currencies held"),
    Heading("realised", AccountKind.INCOME, "gains (credit) and losses on currency that left"),
    Heading("unrealised", AccountKind.INCOME, "gains and losses on currency still held"),
)
"""Every standard kind. What each contributor has given stands on contributor, reserved, applied."""
