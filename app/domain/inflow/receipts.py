"""Receipts: money that has arrived at the trustee's bank. Cash, and only from here on.

Booked by the contributor's treasury or by the trustee, with the bank's reference. One line of a
bank statement is booked once, whatever it was: `BankLine` is what two payments with one reference
run into.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from enum import StrEnum

from app.domain.book import Book, Key, State, key
from app.domain.books.journal import (
    account_key,
    cash,
    contributor,
    credit,
    debit,
    deferred,
    post,
    receivable,
)
from app.domain.books.pools import paid_in, pool_key, pool_of
from app.domain.books.positions import moved, position_key
from app.domain.command import Actor, Command
from app.domain.event import Act, Event, Terms
from app.domain.governance.funds import charter_of, fund_key, require_bank_account
from app.domain.inflow.agreements import Agreement, agreement_key
from app.domain.refusals import BankReferenceUsed, DateOutOfRange, WrongParty
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
    WindowId,
)


class Direction(StrEnum):
    """A statement line's side, from the account holder's view."""

    IN = "in"
    OUT = "out"


class BankLine(State, table="bank_lines", key=("bank_account", "bank_reference")):
    """A line of a bank statement that an entry has booked."""

    bank_account: BankAccountId
    bank_reference: BankReference
    direction: Direction
    amount: Money
    value_date: date
    booked_seq: Seq


class Receipt(State, table="receipts", key=("receipt_id",), listed_by="booked_seq"):
    """A contributor's payment."""

    receipt_id: Identifier
    agreement_id: Identifier
    party: PartyId
    window: WindowId
    amount: Money
    bank_account: BankAccountId
    bank_reference: BankReference
    value_date: date
    booked_seq: Seq


class ReceiptTerms(Terms):
    """Cash booked at the trustee's bank for an agreement in force."""

    agreement_id: Identifier
    amount: Amount
    bank_account: BankAccountId
    bank_reference: BankReference
    value_date: Day


class ReceiptBooked(
    ReceiptTerms, Event, type="receipt.booked", roles=(Role.TREASURY, Role.TRUSTEE)
):
    """Money arrived; from here on it is cash, not a promise."""

    receipt_id: Identifier
    party: PartyId
    window: WindowId

    def permit(self, book: Book, act: Act) -> None:
        """Raises NotFound, WrongParty, AgreementNotInForce, ExceedsAgreement,
        UnknownBankAccount, CurrencyMismatch, BankReferenceUsed, DateOutOfRange.
        """
        agreement = book.get(Agreement, self.agreement_id)
        if act.role is Role.TREASURY and act.party != agreement.party:
            raise WrongParty(f"This agreement is {agreement.party}'s, not {act.party}'s.")
        if (self.party, self.window) != (agreement.party, agreement.window):
            raise WrongParty("The entry names another contributor or window than the agreement.")
        agreement.require_in_force()
        agreement.require_room_for(self.amount)
        require_bank_account(charter_of(book), self.bank_account, self.amount.currency)
        require_unused(book, self.bank_account, self.bank_reference)
        require_past(self.value_date, act)

    def fold(self, book: Book, act: Act) -> Book:
        agreement = book.get(Agreement, self.agreement_id)
        shares = {self.party: self.amount}
        book = post(
            book,
            debit(cash(self.bank_account), self.amount),
            credit(receivable(self.agreement_id), self.amount),
            debit(deferred(self.party, self.window), self.amount),
            credit(contributor(self.party, self.window), self.amount),
        )
        book = book.put(paid_in(pool_of(book, self.window, self.amount.currency), shares))
        book = moved(book, self.window, shares, "received")
        book = book.put(agreement.with_received(self.amount))
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
                booked_seq=act.seq,
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
        agreement = book.peek(Agreement, self.agreement_id)
        if agreement is not None:
            currency = self.amount.currency
            yield pool_key(agreement.window, currency)
            yield position_key(agreement.party, agreement.window, currency)
            for account in (
                cash(self.bank_account),
                receivable(self.agreement_id),
                deferred(agreement.party, agreement.window),
                contributor(agreement.party, agreement.window),
            ):
                yield account_key(account, currency)

    def decide(self, book: Book, act: Act) -> Event:
        agreement = book.get(Agreement, self.agreement_id)
        return ReceiptBooked(
            **self.stated(),
            receipt_id=act.new_id(),
            party=agreement.party,
            window=agreement.window,
        )


def bank_line_key(bank_account: str, bank_reference: str) -> Key:
    """The key of a bank line's row."""
    return key(BankLine, bank_account, bank_reference)


def require_unused(book: Book, bank_account: str, bank_reference: str) -> None:
    """Raises BankReferenceUsed."""
    line = book.find(BankLine, bank_account, bank_reference)
    if line is not None:
        raise BankReferenceUsed(f"Entry {line.booked_seq} has booked this bank reference.")


def require_past(day: date, act: Act) -> None:
    """A bank has booked it, so the day has begun somewhere on earth. Raises DateOutOfRange."""
    # East of UTC it is tomorrow already: one day of grace, no more.
    if day > act.at.date() + timedelta(days=1):
        raise DateOutOfRange(f"Value date {day} lies after the entry's own day, {act.at.date()}.")
