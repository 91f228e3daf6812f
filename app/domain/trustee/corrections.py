"""Corrections: contra entries, which post once more and reversed what was posted wrongly.

A correction names the entry that it corrects, and that entry's row then names it: each is corrected
once, and a correction is not corrected (post anew what is right). It counts for an open day, so
what belongs to a closed period is corrected in the present one.
"""

from collections.abc import Iterator
from datetime import date

from app.domain.book import Book, Key, key
from app.domain.books.dates import require_past
from app.domain.books.journal import Leg, account_of, cash, post
from app.domain.books.pools import FREE, pool_of, require_held
from app.domain.books.valuation import taken_back, valuation_keys
from app.domain.command import Actor, Command
from app.domain.event import Act, Event, Terms
from app.domain.governance.funds import Fund, charter_of, fund_key
from app.domain.inflow.agreements import Agreement, agreement_key
from app.domain.inflow.receipts import BankLine, Receipt, bank_line_key, credited, crediting_keys
from app.domain.refusals.money import AlreadyCorrected, DateOutOfRange, InsufficientFunds
from app.domain.refusals.people import WrongParty
from app.domain.trustee.journals import JournalEntry, journal_entry_key, journal_keys
from app.domain.values import Day, Identifier, Role, Seq, Text


class CorrectionTerms(Terms):
    """The day that the contra entry counts for, and what was wrong."""

    effective_date: Day
    reason: Text


class JournalCorrectionTerms(CorrectionTerms):
    """Names the journal entry."""

    journal_id: Identifier


class JournalCorrected(
    JournalCorrectionTerms, Event, type="journal.corrected", roles=(Role.TRUSTEE,)
):
    """A journal entry was reversed, line by line. `corrects` is its position in the log."""

    corrects: Seq

    def permit(self, book: Book, act: Act) -> None:
        """Check that the journal entry was not corrected, that its position is named rightly, and
        that the day is possible. Raises NotFound, AlreadyCorrected, DateOutOfRange, PeriodClosed.
        """
        wrong = book.get(JournalEntry, self.journal_id)
        _require_correctable(wrong.corrected_seq, wrong.effective_date, self.effective_date, act)
        _require_named(self.corrects, wrong.posted_seq)

    def fold(self, book: Book, act: Act) -> Book:
        wrong = book.get(JournalEntry, self.journal_id)
        legs = (line.leg() for line in wrong.lines)
        book = post(book, self.effective_date, *(Leg(leg.account, -leg.amount) for leg in legs))
        return book.put(wrong.but(corrected_seq=act.seq))

    def sentence(self, act: Act) -> str:
        return f"{act.party} reversed the journal entry of seq {self.corrects}: {self.reason}"


class CorrectJournal(JournalCorrectionTerms, Command, event=JournalCorrected):
    """Reverse a journal entry that was wrong."""

    def reads(self, book: Book, actor: Actor) -> Iterator[Key]:
        yield journal_entry_key(self.journal_id)
        wrong = book.peek(JournalEntry, self.journal_id)
        if wrong is not None:
            yield from journal_keys(book, wrong.lines, self.effective_date)

    def decide(self, book: Book, act: Act) -> Event:
        wrong = book.get(JournalEntry, self.journal_id)
        return JournalCorrected(**self.stated(), corrects=wrong.posted_seq)


class ReceiptCorrectionTerms(CorrectionTerms):
    """Names the receipt."""

    receipt_id: Identifier


class ReceiptCorrected(
    ReceiptCorrectionTerms, Event, type="receipt.corrected", roles=(Role.TREASURY, Role.TRUSTEE)
):
    """A receipt was booked wrongly and is taken back; its bank line may be booked anew.

    Only while the contributor still has the money unreserved: money that was paid on cannot be
    taken back.
    """

    corrects: Seq

    def permit(self, book: Book, act: Act) -> None:
        """Check that the receipt was not corrected and is the party's own, and that its contributor
        and the bank account still hold the amount. Raises NotFound, WrongParty, AlreadyCorrected,
        DateOutOfRange, InsufficientFunds, PeriodClosed.
        """
        wrong = book.get(Receipt, self.receipt_id)
        if act.role is Role.TREASURY and act.party != wrong.party:
            raise WrongParty(f"This receipt is {wrong.party}'s, not {act.party}'s.")
        _require_correctable(wrong.corrected_seq, wrong.effective_date, self.effective_date, act)
        _require_named(self.corrects, wrong.booked_seq)
        agreement = book.get(Agreement, wrong.agreement_id)
        currency = wrong.amount.currency
        pool = pool_of(book, wrong.window, agreement.restriction or FREE, currency)
        require_held(pool, wrong.party, wrong.amount)
        held = account_of(book, cash(wrong.bank_account), currency).balance
        if wrong.amount > held:
            raise InsufficientFunds(f"{wrong.bank_account} holds {held} of it.")

    def fold(self, book: Book, act: Act) -> Book:
        wrong = book.get(Receipt, self.receipt_id)
        source, day = cash(wrong.bank_account), self.effective_date
        book = credited(book, source, wrong.agreement_id, -wrong.amount, day)
        book = taken_back(book, charter_of(book), wrong.amount, day)
        line = book.get(BankLine, wrong.bank_account, wrong.bank_reference)
        book = book.put(line.but(corrected_seq=act.seq))
        return book.put(wrong.but(corrected_seq=act.seq))

    def sentence(self, act: Act) -> str:
        return f"{act.party} took back the receipt of seq {self.corrects}: {self.reason}"


class CorrectReceipt(ReceiptCorrectionTerms, Command, event=ReceiptCorrected):
    """Take back a receipt that was booked wrongly."""

    def reads(self, book: Book, actor: Actor) -> Iterator[Key]:
        yield fund_key()
        yield key(Receipt, self.receipt_id)
        fund, wrong = book.peek(Fund), book.peek(Receipt, self.receipt_id)
        if fund is None or wrong is None:
            return
        yield agreement_key(wrong.agreement_id)
        yield bank_line_key(wrong.bank_account, wrong.bank_reference)
        yield from crediting_keys(
            book, cash(wrong.bank_account), wrong.agreement_id, wrong.amount, self.effective_date
        )
        yield from valuation_keys(book, fund.charter, wrong.amount.currency, self.effective_date)

    def decide(self, book: Book, act: Act) -> Event:
        wrong = book.get(Receipt, self.receipt_id)
        return ReceiptCorrected(**self.stated(), corrects=wrong.booked_seq)


def _require_correctable(corrected_seq: int | None, was: date, is_: date, act: Act) -> None:
    """Check that an entry was not corrected yet, and that its correction counts for no future day
    and for none before its own. Raises AlreadyCorrected, DateOutOfRange.
    """
    if corrected_seq is not None:
        raise AlreadyCorrected(f"Entry {corrected_seq} has corrected this already.")
    require_past(is_, act)
    if is_ < was:
        raise DateOutOfRange(f"What counts for {was} is not corrected before that, on {is_}.")


def _require_named(named: int, meant: int) -> None:
    """Check that the entry names the entry that it reverses. Raises AlreadyCorrected when it names
    another.
    """
    if named != meant:
        raise AlreadyCorrected(f"It reverses entry {meant}, not {named}.")
