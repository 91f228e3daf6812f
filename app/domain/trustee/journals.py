"""Journal entries: the trustee's own bookkeeping, on accounts that the charter declares.

They cannot touch the fund's money: cash, contributors' balances and reservations have accounts
of their own, which only receipts, approvals and payments move.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import date
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from app.domain.book import Book, Key, State, key
from app.domain.books.dates import require_past
from app.domain.books.journal import Leg, own, post, posting_keys
from app.domain.charter.charter import Charter
from app.domain.command import Actor, Command
from app.domain.event import Act, Event, Terms
from app.domain.governance.funds import charter_of, fund_key
from app.domain.refusals.money import CurrencyMismatch, Unbalanced, UnknownAccount
from app.domain.values import AccountId, Amount, Day, Identifier, Role, Seq, Text


class Side(StrEnum):
    """The side of an account that a line posts to."""

    DEBIT = "debit"
    CREDIT = "credit"


class JournalLine(Terms):
    """An amount posted to one side of one account."""

    account: AccountId
    side: Side
    amount: Amount

    def leg(self) -> Leg:
        """The line as a leg of `journal.post`: debits positive, credits negative."""
        return Leg(own(self.account), self.amount if self.side is Side.DEBIT else -self.amount)


Lines = Annotated[tuple[JournalLine, ...], Field(min_length=2, max_length=100)]


class JournalEntry(State, table="journal_entries", key=("journal_id",), listed_by="posted_seq"):
    """A journal entry; `corrected_seq` is the contra entry that undid it."""

    journal_id: Identifier
    effective_date: date
    memo: str
    lines: tuple[JournalLine, ...]
    posted_seq: Seq
    corrected_seq: Seq | None


class JournalTerms(Terms):
    """The lines that are posted, the day that they count for, and their purpose."""

    effective_date: Day
    memo: Text
    lines: Lines


class JournalPosted(
    JournalTerms, Event, type="journal.posted", roles=(Role.TRUSTEE,), creates=JournalEntry
):
    """The trustee posted an entry on accounts of its own."""

    journal_id: Identifier

    def permit(self, book: Book, act: Act) -> None:
        """Check that every account is one of the charter's chart and that debits equal credits in
        each currency, for a day that is not in the future. Raises UnknownAccount, CurrencyMismatch,
        Unbalanced, DateOutOfRange, PeriodClosed.
        """
        charter = charter_of(book)
        for line in self.lines:
            _require_account(charter, line)
        sums = Counter[str]()
        for leg in (line.leg() for line in self.lines):
            sums[leg.amount.currency] += leg.amount.minor
        for currency, minor in sums.items():
            if minor:
                raise Unbalanced(f"Debits and credits in {currency} differ by {abs(minor)} minor.")
        require_past(self.effective_date, act)

    def fold(self, book: Book, act: Act) -> Book:
        book = post(book, self.effective_date, *(line.leg() for line in self.lines))
        return book.put(
            JournalEntry(
                journal_id=self.journal_id,
                effective_date=self.effective_date,
                memo=self.memo,
                lines=self.lines,
                posted_seq=act.seq,
                corrected_seq=None,
            )
        )

    def sentence(self, act: Act) -> str:
        return f"{act.party} posted {len(self.lines)} journal lines: {self.memo}"


class PostJournal(JournalTerms, Command, event=JournalPosted):
    """Post an entry on the trustee's own accounts."""

    def reads(self, book: Book, actor: Actor) -> Iterator[Key]:
        yield fund_key()
        yield from journal_keys(book, self.lines, self.effective_date)

    def decide(self, book: Book, act: Act) -> Event:
        return JournalPosted(**self.stated(), journal_id=act.new_id())


def journal_entry_key(journal_id: str) -> Key:
    """The key of a journal entry's row."""
    return key(JournalEntry, journal_id)


def journal_keys(book: Book, lines: tuple[JournalLine, ...], day: date) -> Iterator[Key]:
    """The keys of the rows that posting these lines reads."""
    for line in lines:
        yield from posting_keys(book, own(line.account), line.amount.currency, day)


def _require_account(charter: Charter, line: JournalLine) -> None:
    """Check that the charter's chart has the line's account (UnknownAccount), in the line's
    currency (CurrencyMismatch).
    """
    account = charter.account(line.account)
    if account is None:
        raise UnknownAccount("The charter's chart names no such account.")
    if account.currency != line.amount.currency:
        raise CurrencyMismatch(f"{account.id} is kept in {account.currency}.")
