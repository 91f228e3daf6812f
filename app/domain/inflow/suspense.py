"""Suspense: money that has arrived and cannot be matched to an agreement.

The trustee books it as unidentified, because the bank has it; it is no contribution and pays for
nothing. Later it is resolved, which makes it a receipt on an agreement, or it is returned to where
it came from, by another person than the one who booked it.
"""

from collections.abc import Iterator
from datetime import date
from enum import StrEnum

from app.domain.book import Book, Key, State, key
from app.domain.books.dates import Dated, require_dates, require_past
from app.domain.books.journal import SUSPENSE, account_of, cash, credit, debit, post, posting_keys
from app.domain.books.valuation import (
    given_out,
    require_valuable,
    taken_in,
    valuation_keys,
)
from app.domain.command import Actor, Command
from app.domain.event import Act, Event, Terms
from app.domain.governance.funds import Fund, charter_of, fund_key, require_bank_account
from app.domain.inflow.agreements import Agreement, agreement_key
from app.domain.inflow.receipts import (
    BankLine,
    Direction,
    Receipt,
    bank_line_key,
    credited,
    crediting_keys,
    require_creditable,
    require_unused,
)
from app.domain.refusals.money import DateOutOfRange, InsufficientFunds, SuspenseClosed
from app.domain.refusals.people import SeparationOfDuties
from app.domain.values import (
    Amount,
    BankAccountId,
    BankReference,
    Day,
    Identifier,
    Money,
    PartyId,
    Role,
    Seq,
    Subject,
    Text,
    WindowId,
)


class SuspenseState(StrEnum):
    """unidentified -> resolved | returned."""

    UNIDENTIFIED = "unidentified"
    RESOLVED = "resolved"
    RETURNED = "returned"


class SuspenseItem(State, table="suspense_items", key=("suspense_id",), listed_by="booked_seq"):
    """A payment that could not be matched, and what became of it."""

    suspense_id: Identifier
    amount: Money
    bank_account: BankAccountId
    bank_reference: BankReference
    value_date: date
    effective_date: date
    note: str
    state: SuspenseState
    booked_by: Subject
    booked_seq: Seq
    closed_seq: Seq | None

    def require_unidentified(self) -> None:
        """Check that the payment was neither resolved nor returned. Raises SuspenseClosed."""
        if self.state is not SuspenseState.UNIDENTIFIED:
            raise SuspenseClosed(f"This payment was {self.state} by entry {self.closed_seq}.")


class UnidentifiedTerms(Dated):
    """A line of the bank's statement, and what is known about its sender."""

    amount: Amount
    bank_account: BankAccountId
    bank_reference: BankReference
    note: Text


class ReceiptUnidentified(
    UnidentifiedTerms,
    Event,
    type="receipt.unidentified",
    roles=(Role.TRUSTEE,),
    creates=SuspenseItem,
):
    """Money arrived that cannot be matched to an agreement."""

    suspense_id: Identifier

    def permit(self, book: Book, act: Act) -> None:
        """Check that the bank account and the dates are possible, and that the bank's line is not
        booked yet. Raises UnknownBankAccount, CurrencyMismatch, BankReferenceUsed, DateOutOfRange,
        PeriodClosed, RateMissing.
        """
        charter = charter_of(book)
        require_bank_account(charter, self.bank_account, self.amount.currency)
        require_unused(book, self.bank_account, self.bank_reference)
        require_dates(self, act)
        require_valuable(book, charter, self.amount, self.effective)

    def fold(self, book: Book, act: Act) -> Book:
        book = post(
            book,
            self.effective,
            debit(cash(self.bank_account), self.amount),
            credit(SUSPENSE, self.amount),
        )
        book = taken_in(book, charter_of(book), self.amount, self.effective)
        book = book.put(
            BankLine(
                bank_account=self.bank_account,
                bank_reference=self.bank_reference,
                direction=Direction.IN,
                amount=self.amount,
                value_date=self.value_date,
                booked_seq=act.seq,
            )
        )
        return book.put(
            SuspenseItem(
                suspense_id=self.suspense_id,
                amount=self.amount,
                bank_account=self.bank_account,
                bank_reference=self.bank_reference,
                value_date=self.value_date,
                effective_date=self.effective,
                note=self.note,
                state=SuspenseState.UNIDENTIFIED,
                booked_by=act.subject,
                booked_seq=act.seq,
                closed_seq=None,
            )
        )

    def sentence(self, act: Act) -> str:
        return (
            f"{self.amount} arrived on {self.bank_account} and nobody could place it "
            f"(bank reference {self.bank_reference}, value {self.value_date}): {self.note}"
        )


class BookUnidentified(UnidentifiedTerms, Command, event=ReceiptUnidentified):
    """Record money that has arrived and that cannot be matched to an agreement."""

    def reads(self, book: Book, actor: Actor) -> Iterator[Key]:
        yield fund_key()
        yield bank_line_key(self.bank_account, self.bank_reference)
        currency = self.amount.currency
        for account in (cash(self.bank_account), SUSPENSE):
            yield from posting_keys(book, account, currency, self.effective)
        fund = book.peek(Fund)
        if fund is not None:
            yield from valuation_keys(book, fund.charter, currency, self.effective)

    def decide(self, book: Book, act: Act) -> Event:
        return ReceiptUnidentified(**self.stated(), suspense_id=act.new_id())


class ResolutionTerms(Terms):
    """The payment, the agreement that it was meant for, and the day that it counts for there."""

    suspense_id: Identifier
    agreement_id: Identifier
    effective_date: Day


class SuspenseResolved(
    ResolutionTerms, Event, type="suspense.resolved", roles=(Role.TRUSTEE,), creates=Receipt
):
    """An unidentified payment is matched to an agreement, and is a receipt from here on."""

    receipt_id: Identifier
    party: PartyId
    window: WindowId

    def permit(self, book: Book, act: Act) -> None:
        """Check that the payment is still unidentified, that the agreement takes it, and that it
        counts there from no earlier day than it came. Raises NotFound, SuspenseClosed, WrongParty,
        AgreementNotInForce, ExceedsAgreement, CurrencyMismatch, DateOutOfRange, PeriodClosed.
        """
        item = book.get(SuspenseItem, self.suspense_id)
        item.require_unidentified()
        agreement = book.get(Agreement, self.agreement_id)
        require_creditable(agreement, self.party, self.window, item.amount)
        require_past(self.effective_date, act)
        if self.effective_date < item.effective_date:
            raise DateOutOfRange(f"It was not there before {item.effective_date}.")

    def fold(self, book: Book, act: Act) -> Book:
        item = book.get(SuspenseItem, self.suspense_id)
        book = credited(book, SUSPENSE, self.agreement_id, item.amount, self.effective_date)
        book = book.put(item.but(state=SuspenseState.RESOLVED, closed_seq=act.seq))
        return book.put(
            Receipt(
                receipt_id=self.receipt_id,
                agreement_id=self.agreement_id,
                party=self.party,
                window=self.window,
                amount=item.amount,
                bank_account=item.bank_account,
                bank_reference=item.bank_reference,
                value_date=item.value_date,
                effective_date=self.effective_date,
                booked_seq=act.seq,
                corrected_seq=None,
            )
        )

    def sentence(self, act: Act) -> str:
        return f"The unidentified payment {self.suspense_id} is {self.party}'s for {self.window}."


class ResolveSuspense(ResolutionTerms, Command, event=SuspenseResolved):
    """Say which agreement an unidentified payment was meant for."""

    def reads(self, book: Book, actor: Actor) -> Iterator[Key]:
        yield fund_key()
        yield key(SuspenseItem, self.suspense_id)
        yield agreement_key(self.agreement_id)
        item = book.peek(SuspenseItem, self.suspense_id)
        if item is not None:
            yield from crediting_keys(
                book, SUSPENSE, self.agreement_id, item.amount, self.effective_date
            )

    def decide(self, book: Book, act: Act) -> Event:
        agreement = book.get(Agreement, self.agreement_id)
        return SuspenseResolved(
            **self.stated(),
            receipt_id=act.new_id(),
            party=agreement.party,
            window=agreement.window,
        )


class SuspenseReturnTerms(Dated):
    """The payment that went back, with the bank's reference, and why."""

    suspense_id: Identifier
    bank_reference: BankReference
    reason: Text


class SuspenseReturned(SuspenseReturnTerms, Event, type="suspense.returned", roles=(Role.TRUSTEE,)):
    """The money went back to where it came from."""

    def permit(self, book: Book, act: Act) -> None:
        """Check that another person than the one who booked the payment returns it, while it is
        unidentified, not before it came, and from an account that holds it. Raises NotFound,
        SuspenseClosed, SeparationOfDuties, BankReferenceUsed, DateOutOfRange, InsufficientFunds,
        PeriodClosed, RateMissing.
        """
        item = book.get(SuspenseItem, self.suspense_id)
        item.require_unidentified()
        if act.subject == item.booked_by:
            raise SeparationOfDuties("Who booked the payment does not send it back; another must.")
        require_unused(book, item.bank_account, self.bank_reference)
        require_dates(self, act)
        if self.effective < item.effective_date or self.value_date < item.value_date:
            raise DateOutOfRange(
                f"It came on {item.value_date} and counts from {item.effective_date}; "
                f"{min(self.value_date, self.effective)} lies before that."
            )
        held = account_of(book, cash(item.bank_account), item.amount.currency).balance
        if item.amount > held:
            raise InsufficientFunds(f"{item.amount} is due, but {item.bank_account} holds {held}.")
        require_valuable(book, charter_of(book), item.amount, self.effective)

    def fold(self, book: Book, act: Act) -> Book:
        item = book.get(SuspenseItem, self.suspense_id)
        book = post(
            book,
            self.effective,
            debit(SUSPENSE, item.amount),
            credit(cash(item.bank_account), item.amount),
        )
        book = given_out(book, charter_of(book), item.amount, self.effective)
        book = book.put(
            BankLine(
                bank_account=item.bank_account,
                bank_reference=self.bank_reference,
                direction=Direction.OUT,
                amount=item.amount,
                value_date=self.value_date,
                booked_seq=act.seq,
            )
        )
        return book.put(item.but(state=SuspenseState.RETURNED, closed_seq=act.seq))

    def sentence(self, act: Act) -> str:
        return (
            f"The unidentified payment {self.suspense_id} was sent back (bank reference "
            f"{self.bank_reference}, value {self.value_date}): {self.reason}"
        )


class ReturnSuspense(SuspenseReturnTerms, Command, event=SuspenseReturned):
    """Record that an unidentified payment was sent back."""

    def reads(self, book: Book, actor: Actor) -> Iterator[Key]:
        yield fund_key()
        yield key(SuspenseItem, self.suspense_id)
        fund, item = book.peek(Fund), book.peek(SuspenseItem, self.suspense_id)
        if fund is not None and item is not None:
            currency = item.amount.currency
            yield bank_line_key(item.bank_account, self.bank_reference)
            for account in (cash(item.bank_account), SUSPENSE):
                yield from posting_keys(book, account, currency, self.effective)
            yield from valuation_keys(book, fund.charter, currency, self.effective)

    def decide(self, book: Book, act: Act) -> Event:
        return SuspenseReturned(**self.stated())
