"""Payments: telling the bank, hearing from it, and taking a request back.

The trustee instructs what is reserved, from an account that holds the cash; the bank's answer
settles it or sends it back. Money that comes back returns to the contributors it was attributed
to, at exactly those shares.
"""

from collections.abc import Iterator

from app.domain.book import Book, Key
from app.domain.books.journal import (
    account_key,
    account_of,
    applied,
    cash,
    contributor,
    credit,
    debit,
    granted,
    post,
    reserved,
    transit,
)
from app.domain.books.pools import paid_in, pool_key, pool_of
from app.domain.books.positions import moved, position_key
from app.domain.command import Actor, Command
from app.domain.event import Act, Event, Terms
from app.domain.governance.funds import Fund, charter_of, fund_key, require_bank_account
from app.domain.inflow.receipts import (
    BankLine,
    Direction,
    bank_line_key,
    require_past,
    require_unused,
)
from app.domain.outflow.disbursements import (
    Disbursement,
    DisbursementState,
    disbursement_key,
)
from app.domain.outflow.steps import (
    approval_keys,
    closed,
    involved,
    involvement_key,
    require_uninvolved,
)
from app.domain.refusals import InsufficientFunds, WrongParty
from app.domain.values import BankAccountId, BankReference, Day, Identifier, Role, Text


class InstructionTerms(Terms):
    """Which disbursement, and the account that it is paid from."""

    disbursement_id: Identifier
    bank_account: BankAccountId


class DisbursementInstructed(
    InstructionTerms, Event, type="disbursement.instructed", roles=(Role.TRUSTEE,)
):
    """The trustee told the bank to pay."""

    def permit(self, book: Book, act: Act) -> None:
        """Raises NotFound, ProposalClosed, SeparationOfDuties, UnknownBankAccount,
        CurrencyMismatch, InsufficientFunds.
        """
        disbursement = book.get(Disbursement, self.disbursement_id)
        disbursement.require(DisbursementState.RESERVED)
        require_uninvolved(book, self.disbursement_id, act)
        amount = disbursement.amount
        require_bank_account(charter_of(book), self.bank_account, amount.currency)
        held = account_of(book, cash(self.bank_account), amount.currency).balance
        if amount > held:
            raise InsufficientFunds(f"{amount} is due, but {self.bank_account} holds {held}.")

    def fold(self, book: Book, act: Act) -> Book:
        disbursement = book.get(Disbursement, self.disbursement_id)
        book = involved(book, self.disbursement_id, act, "releaser")
        book = post(
            book,
            debit(transit(self.bank_account), disbursement.amount),
            credit(cash(self.bank_account), disbursement.amount),
        )
        return book.put(
            disbursement.but(state=DisbursementState.INSTRUCTED, bank_account=self.bank_account)
        )

    def sentence(self, act: Act) -> str:
        return (
            f"{act.party} instructed the bank to pay disbursement {self.disbursement_id} "
            f"from {self.bank_account}."
        )


class InstructDisbursement(InstructionTerms, Command, event=DisbursementInstructed):
    """Instruct the bank to pay a reserved disbursement."""

    def reads(self, book: Book, actor: Actor) -> Iterator[Key]:
        yield fund_key()
        yield disbursement_key(self.disbursement_id)
        yield involvement_key(self.disbursement_id, actor.party, actor.subject)
        disbursement = book.peek(Disbursement, self.disbursement_id)
        if disbursement is not None:
            currency = disbursement.amount.currency
            yield account_key(cash(self.bank_account), currency)
            yield account_key(transit(self.bank_account), currency)

    def decide(self, book: Book, act: Act) -> Event:
        return DisbursementInstructed(**self.stated())


class SettlementTerms(Terms):
    """The bank's word that the money left: its reference and its date."""

    disbursement_id: Identifier
    bank_reference: BankReference
    value_date: Day


class DisbursementSettled(
    SettlementTerms, Event, type="disbursement.settled", roles=(Role.TRUSTEE,)
):
    """The money has reached the recipient."""

    def permit(self, book: Book, act: Act) -> None:
        """Raises NotFound, ProposalClosed, BankReferenceUsed, DateOutOfRange."""
        disbursement = book.get(Disbursement, self.disbursement_id)
        disbursement.require(DisbursementState.INSTRUCTED)
        require_unused(book, disbursement.bank_account or "", self.bank_reference)
        require_past(self.value_date, act)

    def fold(self, book: Book, act: Act) -> Book:
        disbursement = book.get(Disbursement, self.disbursement_id)
        amount, window, shares = disbursement.amount, disbursement.window, disbursement.shares
        bank_account = disbursement.bank_account or ""
        book = post(
            book,
            debit(granted(disbursement.recipient, window), amount),
            credit(transit(bank_account), amount),
            debit(reserved(self.disbursement_id), amount),
            *(credit(applied(party, window), share) for party, share in shares.items()),
        )
        book = moved(book, window, shares, "-reserved", "disbursed")
        book = book.put(_bank_line(self, disbursement, act, Direction.OUT))
        return book.put(
            disbursement.but(state=DisbursementState.SETTLED, bank_reference=self.bank_reference)
        )

    def sentence(self, act: Act) -> str:
        return (
            f"Disbursement {self.disbursement_id} was settled (bank reference "
            f"{self.bank_reference}, value {self.value_date})."
        )


class SettleDisbursement(SettlementTerms, Command, event=DisbursementSettled):
    """Record the bank's confirmation that an instructed disbursement was paid."""

    def reads(self, book: Book, actor: Actor) -> Iterator[Key]:
        yield from _payment_keys(book, self.disbursement_id, self.bank_reference)

    def decide(self, book: Book, act: Act) -> Event:
        return DisbursementSettled(**self.stated())


class ReturnTerms(Terms):
    """The bank's word that the money did not arrive, or came back."""

    disbursement_id: Identifier
    bank_reference: BankReference
    value_date: Day
    reason: Text


class DisbursementReturned(ReturnTerms, Event, type="disbursement.returned", roles=(Role.TRUSTEE,)):
    """The money is back in the window, at its original attribution."""

    def permit(self, book: Book, act: Act) -> None:
        """Raises NotFound, ProposalClosed, BankReferenceUsed, DateOutOfRange."""
        disbursement = book.get(Disbursement, self.disbursement_id)
        disbursement.require(DisbursementState.INSTRUCTED, DisbursementState.SETTLED)
        require_unused(book, disbursement.bank_account or "", self.bank_reference)
        require_past(self.value_date, act)

    def fold(self, book: Book, act: Act) -> Book:
        disbursement = book.get(Disbursement, self.disbursement_id)
        amount, window, shares = disbursement.amount, disbursement.window, disbursement.shares
        bank_account = disbursement.bank_account or ""
        if disbursement.state is DisbursementState.SETTLED:
            undone = (
                credit(granted(disbursement.recipient, window), amount),
                *(debit(applied(party, window), share) for party, share in shares.items()),
            )
            change = "-disbursed"
        else:
            undone = (
                credit(transit(bank_account), amount),
                debit(reserved(self.disbursement_id), amount),
            )
            change = "-reserved"
        book = post(
            book,
            debit(cash(bank_account), amount),
            *undone,
            *(credit(contributor(party, window), share) for party, share in shares.items()),
        )
        book = moved(book, window, shares, change)
        book = book.put(paid_in(pool_of(book, window, amount.currency), shares))
        book = book.put(_bank_line(self, disbursement, act, Direction.IN))
        return book.put(disbursement.but(state=DisbursementState.RETURNED))

    def sentence(self, act: Act) -> str:
        return (
            f"Disbursement {self.disbursement_id} came back from the bank (reference "
            f"{self.bank_reference}): {self.reason}"
        )


class ReturnDisbursement(ReturnTerms, Command, event=DisbursementReturned):
    """Record that the bank rejected or returned a payment."""

    def reads(self, book: Book, actor: Actor) -> Iterator[Key]:
        yield from _payment_keys(book, self.disbursement_id, self.bank_reference)

    def decide(self, book: Book, act: Act) -> Event:
        return DisbursementReturned(**self.stated())


class CancellationTerms(Terms):
    """Which disbursement, and why."""

    disbursement_id: Identifier
    reason: Text


class DisbursementCancelled(
    CancellationTerms, Event, type="disbursement.cancelled", roles=(Role.REQUESTER, Role.TRUSTEE)
):
    """The request is taken back before the bank was told; what was reserved is free again."""

    def permit(self, book: Book, act: Act) -> None:
        """Raises NotFound, WrongParty, ProposalClosed."""
        disbursement = book.get(Disbursement, self.disbursement_id)
        if act.role is Role.REQUESTER and act.party != disbursement.recipient:
            raise WrongParty(f"This request is {disbursement.recipient}'s.")
        disbursement.require(DisbursementState.REQUESTED, DisbursementState.RESERVED)

    def fold(self, book: Book, act: Act) -> Book:
        disbursement = book.get(Disbursement, self.disbursement_id)
        if disbursement.state is DisbursementState.RESERVED:
            amount, window, shares = disbursement.amount, disbursement.window, disbursement.shares
            book = post(
                book,
                debit(reserved(self.disbursement_id), amount),
                *(credit(contributor(party, window), share) for party, share in shares.items()),
            )
            book = moved(book, window, shares, "-reserved")
            book = book.put(paid_in(pool_of(book, window, amount.currency), shares))
        book = closed(book, charter_of(book), self.disbursement_id)
        return book.put(disbursement.but(state=DisbursementState.CANCELLED))

    def sentence(self, act: Act) -> str:
        return f"{act.party} cancelled disbursement {self.disbursement_id}: {self.reason}"


class CancelDisbursement(CancellationTerms, Command, event=DisbursementCancelled):
    """Take a request back before the bank is told."""

    def reads(self, book: Book, actor: Actor) -> Iterator[Key]:
        yield from _payment_keys(book, self.disbursement_id, None)
        fund = book.peek(Fund)
        if fund is not None and book.peek(Disbursement, self.disbursement_id) is not None:
            yield from approval_keys(fund.charter, self.disbursement_id)

    def decide(self, book: Book, act: Act) -> Event:
        return DisbursementCancelled(**self.stated())


def _payment_keys(book: Book, disbursement_id: str, bank_reference: str | None) -> Iterator[Key]:
    """The rows behind a disbursement whose money moves on or back."""
    yield fund_key()
    yield disbursement_key(disbursement_id)
    disbursement = book.peek(Disbursement, disbursement_id)
    if disbursement is None:
        return
    window, currency = disbursement.window, disbursement.amount.currency
    bank_account = disbursement.bank_account or ""
    if bank_reference is not None:
        yield bank_line_key(bank_account, bank_reference)
    yield pool_key(window, currency)
    yield account_key(cash(bank_account), currency)
    yield account_key(transit(bank_account), currency)
    yield account_key(reserved(disbursement_id), currency)
    yield account_key(granted(disbursement.recipient, window), currency)
    for party in disbursement.shares:
        yield position_key(party, window, currency)
        yield account_key(contributor(party, window), currency)
        yield account_key(applied(party, window), currency)


def _bank_line(
    terms: SettlementTerms | ReturnTerms,
    disbursement: Disbursement,
    act: Act,
    direction: Direction,
) -> BankLine:
    return BankLine(
        bank_account=disbursement.bank_account or "",
        bank_reference=terms.bank_reference,
        direction=direction,
        amount=disbursement.amount,
        value_date=terms.value_date,
        booked_seq=act.seq,
    )
