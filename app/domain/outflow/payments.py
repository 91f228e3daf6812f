"""Payments: instructing the bank, its confirmation or return, and cancelling a request.

The trustee instructs what is reserved, from an account that holds the cash; the bank's answer
settles it or sends it back. Money that comes back returns to the contributors it was attributed to,
at exactly those shares.
"""

from collections.abc import Iterator

from app.domain.book import Book, Key
from app.domain.books.dates import Dated, require_dates
from app.domain.books.journal import (
    account_of,
    applied,
    cash,
    contributor,
    credit,
    debit,
    granted,
    post,
    posting_keys,
    reserved,
    transit,
)
from app.domain.books.positions import moved
from app.domain.books.valuation import (
    given_out,
    require_valuable,
    taken_in,
    valuation_keys,
)
from app.domain.command import Actor, Command
from app.domain.event import Act, Event, Terms
from app.domain.governance.checkpoints import require_witnessed
from app.domain.governance.funds import Fund, charter_of, fund_key, require_bank_account
from app.domain.governance.polls import poll_key, vote_keys
from app.domain.governance.seats import require_quorum, seats_key
from app.domain.inflow.receipts import BankLine, Direction, bank_line_key, require_unused
from app.domain.outflow.attributions import ended, settled
from app.domain.outflow.disbursements import (
    Disbursement,
    DisbursementState,
    disbursement_key,
)
from app.domain.outflow.outcomes import concluded, require_conditions_met, require_unexpired
from app.domain.outflow.reservations import drawn_keys, each, given_back, unreserved
from app.domain.outflow.steps import (
    answer_keys,
    approval_keys,
    involved,
    involvement_key,
    require_uninvolved,
)
from app.domain.refusals.money import DateOutOfRange, InsufficientFunds
from app.domain.refusals.people import WrongParty
from app.domain.values import BankAccountId, BankReference, Identifier, Role, Text


class InstructionTerms(Terms):
    """Names the disbursement, and the account that it is paid from."""

    disbursement_id: Identifier
    bank_account: BankAccountId


class DisbursementInstructed(
    InstructionTerms, Event, type="disbursement.instructed", roles=(Role.TRUSTEE,)
):
    """The trustee told the bank to pay."""

    def permit(self, book: Book, act: Act) -> None:
        """Check that the money is reserved, that whoever instructs has not acted on the request
        before, that approvals, conditions, quorum and witnesses still allow the payment, and that
        the bank account holds the amount. Raises NotFound, ProposalClosed, SeparationOfDuties,
        UnknownBankAccount, CurrencyMismatch, InsufficientFunds, PeriodClosed, QuorumLost,
        ApprovalExpired, ConditionsOpen, NotWitnessed.
        """
        disbursement = book.get(Disbursement, self.disbursement_id)
        disbursement.require(DisbursementState.RESERVED)
        require_uninvolved(book, self.disbursement_id, act)
        require_quorum(book)
        require_unexpired(book, disbursement, act)
        require_conditions_met(book, disbursement)
        require_witnessed(book, disbursement.reserved_seq)
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
            act.day,
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
        yield seats_key()
        yield disbursement_key(self.disbursement_id)
        yield involvement_key(self.disbursement_id, actor.party, actor.subject)
        disbursement = book.peek(Disbursement, self.disbursement_id)
        if disbursement is not None:
            yield from answer_keys(book, self.disbursement_id, disbursement.asked)
            yield from vote_keys(book, self.disbursement_id)
            currency = disbursement.amount.currency
            yield from posting_keys(book, cash(self.bank_account), currency)
            yield from posting_keys(book, transit(self.bank_account), currency)

    def decide(self, book: Book, act: Act) -> Event:
        return DisbursementInstructed(**self.stated())


class SettlementTerms(Dated):
    """The bank's confirmation that the money left: its reference and its date."""

    disbursement_id: Identifier
    bank_reference: BankReference


class DisbursementSettled(
    SettlementTerms, Event, type="disbursement.settled", roles=(Role.TRUSTEE,)
):
    """The money has reached the recipient."""

    def permit(self, book: Book, act: Act) -> None:
        """Check that the bank was told to pay, that its line is not booked yet, and that the dates
        are possible. Raises NotFound, ProposalClosed, BankReferenceUsed, DateOutOfRange,
        PeriodClosed, RateMissing.
        """
        disbursement = book.get(Disbursement, self.disbursement_id)
        disbursement.require(DisbursementState.INSTRUCTED)
        require_unused(book, disbursement.bank_account or "", self.bank_reference)
        require_dates(self, act)
        require_valuable(book, charter_of(book), disbursement.amount, self.effective)

    def fold(self, book: Book, act: Act) -> Book:
        disbursement = book.get(Disbursement, self.disbursement_id)
        amount, draws = disbursement.amount, disbursement.draws
        book = post(
            book,
            self.effective,
            *(debit(granted(disbursement.recipient, draw.window), draw.amount) for draw in draws),
            credit(transit(disbursement.bank_account or ""), amount),
            debit(reserved(self.disbursement_id), amount),
            *(credit(applied(party, window), share) for window, party, share in each(draws)),
        )
        for draw in draws:
            book = moved(book, draw.window, draw.shares, "-reserved", "disbursed")
        book = given_out(book, charter_of(book), amount, self.effective)
        book = settled(book, self.disbursement_id, disbursement.shares, act.seq)
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
        yield from _payment_keys(book, self.disbursement_id, self)

    def decide(self, book: Book, act: Act) -> Event:
        return DisbursementSettled(**self.stated())


class ReturnTerms(Dated):
    """The bank's notice that the money did not arrive, or came back."""

    disbursement_id: Identifier
    bank_reference: BankReference
    reason: Text


class DisbursementReturned(ReturnTerms, Event, type="disbursement.returned", roles=(Role.TRUSTEE,)):
    """The money is back in the window, at its original attribution."""

    def permit(self, book: Book, act: Act) -> None:
        """Check that the bank was told to pay or has paid, that its line is not booked yet, and
        that the money does not come back before it left. Raises NotFound, ProposalClosed,
        BankReferenceUsed, DateOutOfRange, PeriodClosed, RateMissing.
        """
        disbursement = book.get(Disbursement, self.disbursement_id)
        disbursement.require(DisbursementState.INSTRUCTED, DisbursementState.SETTLED)
        require_unused(book, disbursement.bank_account or "", self.bank_reference)
        require_dates(self, act)
        if disbursement.state is DisbursementState.SETTLED:
            paid = book.get(BankLine, *_settling_line(disbursement)).value_date
            if self.value_date < paid:
                raise DateOutOfRange(f"The money left on {paid}; {self.value_date} is before that.")
            require_valuable(book, charter_of(book), disbursement.amount, self.effective)

    def fold(self, book: Book, act: Act) -> Book:
        disbursement = book.get(Disbursement, self.disbursement_id)
        amount, draws = disbursement.amount, disbursement.draws
        bank_account = disbursement.bank_account or ""
        was_settled = disbursement.state is DisbursementState.SETTLED
        undone = (
            (
                *(credit(granted(disbursement.recipient, d.window), d.amount) for d in draws),
                *(debit(applied(party, window), share) for window, party, share in each(draws)),
            )
            if was_settled
            else (
                credit(transit(bank_account), amount),
                debit(reserved(self.disbursement_id), amount),
            )
        )
        book = post(
            book,
            self.effective,
            debit(cash(bank_account), amount),
            *undone,
            *(credit(contributor(party, window), share) for window, party, share in each(draws)),
        )
        book = given_back(book, disbursement, "-disbursed" if was_settled else "-reserved")
        if was_settled:
            book = taken_in(book, charter_of(book), amount, self.effective)
        book = ended(book, self.disbursement_id, disbursement.shares, act.seq)
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
        yield from _payment_keys(book, self.disbursement_id, self)

    def decide(self, book: Book, act: Act) -> Event:
        return DisbursementReturned(**self.stated())


class CancellationTerms(Terms):
    """Names the disbursement, and says why it is cancelled."""

    disbursement_id: Identifier
    reason: Text


class DisbursementCancelled(
    CancellationTerms, Event, type="disbursement.cancelled", roles=(Role.REQUESTER, Role.TRUSTEE)
):
    """The request is taken back before the bank was told to pay; reserved money is free again."""

    def permit(self, book: Book, act: Act) -> None:
        """Check that the bank was not told yet, and that a requester cancels their own party's
        request only. Raises NotFound, WrongParty, ProposalClosed, PeriodClosed.
        """
        disbursement = book.get(Disbursement, self.disbursement_id)
        if act.role is Role.REQUESTER and act.party != disbursement.recipient:
            raise WrongParty(f"This request is {disbursement.recipient}'s.")
        disbursement.require(DisbursementState.REQUESTED, DisbursementState.RESERVED)

    def fold(self, book: Book, act: Act) -> Book:
        disbursement = book.get(Disbursement, self.disbursement_id)
        if disbursement.state is DisbursementState.RESERVED:
            book = unreserved(book, disbursement, act)
        return concluded(book, self.disbursement_id, DisbursementState.CANCELLED)

    def sentence(self, act: Act) -> str:
        return f"{act.party} cancelled disbursement {self.disbursement_id}: {self.reason}"


class CancelDisbursement(CancellationTerms, Command, event=DisbursementCancelled):
    """Take a request back before the bank is told to pay."""

    def reads(self, book: Book, actor: Actor) -> Iterator[Key]:
        yield poll_key(self.disbursement_id)
        yield from _payment_keys(book, self.disbursement_id)
        disbursement = book.peek(Disbursement, self.disbursement_id)
        if disbursement is not None:
            yield from approval_keys(self.disbursement_id, disbursement.asked)

    def decide(self, book: Book, act: Act) -> Event:
        return DisbursementCancelled(**self.stated())


def _payment_keys(
    book: Book, disbursement_id: str, terms: SettlementTerms | ReturnTerms | None = None
) -> Iterator[Key]:
    """The rows that a payment reads when its disbursement's money leaves or comes back."""
    yield fund_key()
    yield disbursement_key(disbursement_id)
    fund, disbursement = book.peek(Fund), book.peek(Disbursement, disbursement_id)
    if fund is None or disbursement is None:
        return
    currency, bank_account = disbursement.amount.currency, disbursement.bank_account or ""
    effective = None
    if terms is not None:
        effective = terms.effective
        yield bank_line_key(bank_account, terms.bank_reference)
        yield bank_line_key(*_settling_line(disbursement))
        yield from valuation_keys(book, fund.charter, currency, effective)
    accounts = [cash(bank_account), transit(bank_account), reserved(disbursement_id)]
    yield from drawn_keys(disbursement)
    accounts += (granted(disbursement.recipient, draw.window) for draw in disbursement.draws)
    for window, party, _ in each(disbursement.draws):
        accounts += [contributor(party, window), applied(party, window)]
    for account in accounts:
        yield from posting_keys(book, account, currency, effective)


def _settling_line(disbursement: Disbursement) -> tuple[str, str]:
    """Account and reference of the bank's line that settled it; empty before it was settled."""
    return disbursement.bank_account or "", disbursement.bank_reference or ""


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
