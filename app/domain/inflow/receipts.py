"""Receipts: money that has arrived at the trustee's bank, which counts as cash from here on.

Booked by the contributor's treasury or by the trustee, with the bank's reference. One line of a
bank statement is booked once, whatever kind of entry books it: `BankLine` is the row for it.
"""

from collections.abc import Iterator
from datetime import date
from enum import StrEnum

from app.domain.book import Book, Key, State, key
from app.domain.books.dates import Dated, require_dates
from app.domain.books.journal import (
    cash,
    contributor,
    credit,
    debit,
    deferred,
    post,
    posting_keys,
    receivable,
)
from app.domain.books.pools import FREE, paid_in, pool_key, pool_of
from app.domain.books.positions import moved, position_key
from app.domain.books.valuation import require_valuable, taken_in, valuation_keys
from app.domain.command import Actor, Command
from app.domain.event import Act, Event
from app.domain.governance.funds import Fund, charter_of, fund_key, require_bank_account
from app.domain.inflow.agreements import Agreement, agreement_key
from app.domain.refusals.money import BankReferenceUsed
from app.domain.refusals.people import WrongParty
from app.domain.values import (
    Amount,
    BankAccountId,
    BankReference,
    Identifier,
    Money,
    PartyId,
    Role,
    Seq,
    WindowId,
)


class Direction(StrEnum):
    """A statement line's side, from the account holder's view."""

    IN = "in"
    OUT = "out"


class BankLine(State, table="bank_lines", key=("bank_account", "bank_reference")):
    """A line of a bank statement that an entry has booked. Once that is corrected it can be booked
    again.
    """

    bank_account: BankAccountId
    bank_reference: BankReference
    direction: Direction
    amount: Money
    value_date: date
    booked_seq: Seq
    corrected_seq: Seq | None = None


class Receipt(
    State,
    table="receipts",
    key=("receipt_id",),
    listed_by="booked_seq",
    checks={"amount": "amount_minor > 0"},
):
    """A contributor's payment. `corrected_seq` is the entry that undid its booking."""

    receipt_id: Identifier
    agreement_id: Identifier
    party: PartyId
    window: WindowId
    amount: Money
    bank_account: BankAccountId
    bank_reference: BankReference
    value_date: date
    effective_date: date
    booked_seq: Seq
    corrected_seq: Seq | None


class ReceiptTerms(Dated):
    """Cash booked at the trustee's bank for an agreement in force."""

    agreement_id: Identifier
    amount: Amount
    bank_account: BankAccountId
    bank_reference: BankReference


class ReceiptBooked(
    ReceiptTerms, Event, type="receipt.booked", roles=(Role.TREASURY, Role.TRUSTEE), creates=Receipt
):
    """Money for an agreement has arrived and counts as cash."""

    receipt_id: Identifier
    party: PartyId
    window: WindowId

    def permit(self, book: Book, act: Act) -> None:
        """Check that the agreement takes the money, that a treasury books for its own party only,
        that the bank account and the dates are possible, and that the bank's line is not booked
        yet. Raises NotFound, WrongParty, AgreementNotInForce, ExceedsAgreement, UnknownBankAccount,
        CurrencyMismatch, BankReferenceUsed, DateOutOfRange, PeriodClosed, RateMissing.
        """
        agreement = book.get(Agreement, self.agreement_id)
        if act.role is Role.TREASURY and act.party != agreement.party:
            raise WrongParty(f"This agreement is {agreement.party}'s, not {act.party}'s.")
        require_creditable(agreement, self.party, self.window, self.amount)
        charter = charter_of(book)
        require_bank_account(charter, self.bank_account, self.amount.currency)
        require_unused(book, self.bank_account, self.bank_reference)
        require_dates(self, act)
        require_valuable(book, charter, self.amount, self.effective)

    def fold(self, book: Book, act: Act) -> Book:
        source, day = cash(self.bank_account), self.effective
        book = credited(book, source, self.agreement_id, self.amount, day)
        book = taken_in(book, charter_of(book), self.amount, day)
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
            Receipt(
                receipt_id=self.receipt_id,
                agreement_id=self.agreement_id,
                party=self.party,
                window=self.window,
                amount=self.amount,
                bank_account=self.bank_account,
                bank_reference=self.bank_reference,
                value_date=self.value_date,
                effective_date=self.effective,
                booked_seq=act.seq,
                corrected_seq=None,
            )
        )

    def sentence(self, act: Act) -> str:
        return (
            f"{self.party} paid {self.amount} into {self.bank_account} for window {self.window} "
            f"(bank reference {self.bank_reference}, value {self.value_date})."
        )


class BookReceipt(ReceiptTerms, Command, event=ReceiptBooked):
    """Record money that has arrived."""

    def reads(self, book: Book, actor: Actor) -> Iterator[Key]:
        yield fund_key()
        yield agreement_key(self.agreement_id)
        yield bank_line_key(self.bank_account, self.bank_reference)
        yield from crediting_keys(
            book, cash(self.bank_account), self.agreement_id, self.amount, self.effective
        )
        fund = book.peek(Fund)
        if fund is not None:
            yield from valuation_keys(book, fund.charter, self.amount.currency, self.effective)

    def decide(self, book: Book, act: Act) -> Event:
        agreement = book.get(Agreement, self.agreement_id)
        return ReceiptBooked(
            **self.stated(),
            receipt_id=act.new_id(),
            party=agreement.party,
            window=agreement.window,
        )


def require_creditable(agreement: Agreement, party: str, window: str, amount: Money) -> None:
    """Check that the agreement takes the money, and that the entry names its contributor and
    window. Raises WrongParty, AgreementNotInForce, ExceedsAgreement, CurrencyMismatch.
    """
    if (party, window) != (agreement.party, agreement.window):
        raise WrongParty("The entry names another contributor or window than the agreement.")
    agreement.require_in_force()
    agreement.require_room_for(amount)


def credited(book: Book, source: str, agreement_id: str, amount: Money, effective: date) -> Book:
    """The book after money on the account `source` became a contributor's payment.

    A negative amount takes a payment back, as a correction does.
    """
    agreement = book.get(Agreement, agreement_id)
    party, window = agreement.party, agreement.window
    book = post(
        book,
        effective,
        debit(source, amount),
        credit(receivable(agreement_id), amount),
        debit(deferred(party, window), amount),
        credit(contributor(party, window), amount),
    )
    pool = pool_of(book, window, agreement.restriction or FREE, amount.currency)
    book = book.put(paid_in(pool, {party: amount}))
    book = moved(book, window, {party: amount}, "received")
    return book.put(agreement.with_received(amount))


def crediting_keys(
    book: Book, source: str, agreement_id: str, amount: Money, effective: date
) -> Iterator[Key]:
    """The keys of the rows that `credited` reads."""
    currency = amount.currency
    yield from posting_keys(book, source, currency, effective)
    agreement = book.peek(Agreement, agreement_id)
    if agreement is not None:
        party, window = agreement.party, agreement.window
        yield pool_key(window, agreement.restriction or FREE, currency)
        yield position_key(party, window, currency)
        for account in (
            receivable(agreement_id),
            deferred(party, window),
            contributor(party, window),
        ):
            yield from posting_keys(book, account, currency, effective)


def bank_line_key(bank_account: str, bank_reference: str) -> Key:
    """The key of a bank line's row."""
    return key(BankLine, bank_account, bank_reference)


def require_unused(book: Book, bank_account: str, bank_reference: str) -> None:
    """Check that this line of a bank statement is not booked; a booking that was corrected does not
    count. Raises BankReferenceUsed.
    """
    line = book.find(BankLine, bank_account, bank_reference)
    if line is not None and line.corrected_seq is None:
        raise BankReferenceUsed(f"Entry {line.booked_seq} has booked this bank reference.")
