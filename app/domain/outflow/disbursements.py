"""Disbursements: from the recipient's request to money that is reserved for it.

requested -> approved -> reserved -> instructed -> settled; or refused, cancelled, returned,
expired, dropped. This module has the request; `approvals` the answers, `outcomes` what follows from
them, `reservations` the money, `payments` what the bank is told.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, computed_field

from app.domain.book import Book, Key, State, key
from app.domain.books.draws import Draw, shares_of
from app.domain.books.pools import Pool, Shares, pool_key
from app.domain.books.vote_weights import weight_keys, weights_of
from app.domain.charter.approval_steps import Step, Who
from app.domain.charter.charter import Charter
from app.domain.charter.decision_rules import DecisionClass
from app.domain.command import Actor, Command
from app.domain.event import Act, Event, Terms
from app.domain.governance.charter_versions import is_stale
from app.domain.governance.funds import (
    Fund,
    charter_of,
    fund_key,
    require_currency,
    require_kind,
    require_window,
)
from app.domain.governance.polls import OpensVote, closing, opened_poll, require_closing
from app.domain.inflow.mandates import Use
from app.domain.outflow.money_kinds import kinds_for, windows_for
from app.domain.outflow.steps import involved, label, opened
from app.domain.refusals.decisions import DeadlineImpossible, ProposalClosed
from app.domain.refusals.money import InsufficientFunds, PurposeNotAllowed
from app.domain.values import (
    Amount,
    BankAccountId,
    BankReference,
    Digest,
    Identifier,
    Money,
    PartyId,
    PartyKind,
    Purpose,
    Role,
    Seq,
    Text,
    WindowId,
)


class DisbursementState(StrEnum):
    """Where a disbursement stands."""

    REQUESTED = "requested"
    APPROVED = "approved"
    RESERVED = "reserved"
    INSTRUCTED = "instructed"
    SETTLED = "settled"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    RETURNED = "returned"
    EXPIRED = "expired"
    DROPPED = "dropped"


class Document(Terms):
    """Evidence: the SHA-256 of a document that stays outside the ledger, and how to cite it."""

    sha256: Digest
    citation: Text


Documents = Annotated[tuple[Document, ...], Field(max_length=20)]


class DisbursementTerms(Terms):
    """What the recipient asks for."""

    window: WindowId
    amount: Amount
    purpose: Purpose
    description: Text
    documents: Documents = ()


class Disbursement(
    State,
    table="disbursements",
    key=("disbursement_id",),
    listed_by="requested_seq",
    checks={"amount": "amount_minor > 0", "outstanding": "outstanding >= 0"},
    indexes=(("fund", "state", "charter_seq"),),
    is_matter=True,
):
    """A request and what became of it.

    `asked` names the approvals that it needs, `step/party`; `outstanding` counts those that are
    missing, `ballots` are the entries of those that were given. From the reservation on (entry
    `reserved_seq`), `draws` say from which pools it is taken, `mandates` under which acts of
    legislatures, and `shares` whose money it is.
    """

    disbursement_id: Identifier
    recipient: PartyId
    window: WindowId
    amount: Money
    purpose: Purpose
    description: Text
    state: DisbursementState
    digest: Digest
    requested_seq: Seq
    charter_seq: Seq
    asked: tuple[str, ...]
    outstanding: int
    ballots: tuple[Seq, ...]
    draws: tuple[Draw, ...]
    mandates: tuple[Use, ...]
    reserved_seq: Seq | None
    bank_account: BankAccountId | None
    bank_reference: BankReference | None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def shares(self) -> Shares:
        """What each contributor gives, by party code."""
        return shares_of(self.draws)

    def is_stale(self, book: Book) -> bool:
        """Whether a newer charter decides releases otherwise."""
        return is_stale(book, DecisionClass.RELEASE, self.charter_seq)

    def require(self, *states: DisbursementState) -> None:
        """Check that the disbursement is in one of `states`. Raises ProposalClosed otherwise."""
        if self.state not in states:
            wanted = " or ".join(states)
            raise ProposalClosed(f"The disbursement is {self.state}; this takes {wanted}.")


class DisbursementRequested(
    DisbursementTerms,
    OpensVote,
    type="disbursement.requested",
    roles=(Role.REQUESTER,),
    creates=Disbursement,
):
    """The recipient asks for money; every approval that the charter demands is pending."""

    disbursement_id: Identifier

    def permit(self, book: Book, act: Act) -> None:
        """Check that a recipient asks for a purpose and a currency that the window takes, that
        somebody's money could pay it, and that the vote, where the charter wants one, can be
        weighed and closes when the charter says. Raises WrongParty, UnknownWindow,
        PurposeNotAllowed, CurrencyNotInCharter, InsufficientFunds, RateMissing, CalendarEnds,
        DeadlineImpossible.
        """
        charter = charter_of(book)
        require_kind(charter, act.party, PartyKind.RECIPIENT)
        require_window(charter, self.window)
        require_currency(charter, self.amount)
        window = charter.window(self.window)
        if window is None or self.purpose not in window.purposes:
            allowed = ", ".join(window.purposes) if window else "nothing"
            raise PurposeNotAllowed(f"Window {self.window} pays for {allowed}.")
        if not any(step.is_for_all for step, _ in _asked(book, self)):
            # Only contributors whose money may be drawn are asked, and the window has no money.
            raise InsufficientFunds(f"Window {self.window} has nothing available for this purpose.")
        if DecisionClass.RELEASE in charter.decision_rules:
            weights_of(book, charter, DecisionClass.RELEASE, act.day)
            rule = charter.rule(DecisionClass.RELEASE)
            require_closing(charter, rule, act.at, self.closes_at)
        elif self.closes_at is not None:
            raise DeadlineImpossible("No vote begins with this request, so none closes.")

    def fold(self, book: Book, act: Act) -> Book:
        charter, asked = charter_of(book), _asked(book, self)
        book = opened(book, asked, self.disbursement_id, act)
        book = involved(book, self.disbursement_id, act, "requester")
        if DecisionClass.RELEASE in charter.decision_rules:
            weights = weights_of(book, charter, DecisionClass.RELEASE, act.day)
            book = opened_poll(
                book, DecisionClass.RELEASE, self, self.disbursement_id, weights, act
            )
        return book.put(
            Disbursement(
                disbursement_id=self.disbursement_id,
                recipient=act.party,
                window=self.window,
                amount=self.amount,
                purpose=self.purpose,
                description=self.description,
                state=DisbursementState.REQUESTED,
                digest=act.digest,
                requested_seq=act.seq,
                charter_seq=book.get(Fund).charter_seq,
                asked=tuple(label(step.id, party) for step, party in asked),
                outstanding=len(asked),
                ballots=(),
                draws=(),
                mandates=(),
                reserved_seq=None,
                bank_account=None,
                bank_reference=None,
            )
        )

    def sentence(self, act: Act) -> str:
        return (
            f"{act.party} asked for {self.amount} from window {self.window} "
            f"for {self.purpose}: {self.description}"
        )


class RequestDisbursement(DisbursementTerms, Command, event=DisbursementRequested):
    """Ask for money from a window, for one of its purposes."""

    def reads(self, book: Book, actor: Actor) -> Iterator[Key]:
        yield fund_key()
        fund = book.peek(Fund)
        if fund is None:
            return
        charter = fund.charter
        if any(step.who is Who.EACH_DRAWN for step in charter.approval_steps):
            for window, tie in kinds_for(charter, self.window, self.purpose):
                yield pool_key(window, tie, self.amount.currency)
        if DecisionClass.RELEASE in charter.decision_rules:
            yield from weight_keys(charter, DecisionClass.RELEASE, actor.day)

    def decide(self, book: Book, act: Act) -> Event:
        derived: dict[str, Any] = {"disbursement_id": act.new_id()}
        charter = charter_of(book)
        if DecisionClass.RELEASE in charter.decision_rules:
            rule = charter.rule(DecisionClass.RELEASE)
            derived["closes_at"] = closing(charter, rule, act.at)
        return DisbursementRequested(**self.stated(), **derived)


class DisbursementReference(Terms):
    """Names a disbursement."""

    disbursement_id: Identifier


def disbursement_key(disbursement_id: str) -> Key:
    """The key of a disbursement's row."""
    return key(Disbursement, disbursement_id)


def _asked(book: Book, terms: DisbursementTerms) -> list[tuple[Step, str]]:
    """Every approval that a request needs: its electorate, frozen when it is made."""
    charter = charter_of(book)
    windows = windows_for(charter, terms.window, terms.purpose)
    return charter.asked(terms.amount, windows, _whose_money(book, charter, terms))


def _whose_money(book: Book, charter: Charter, terms: DisbursementTerms) -> list[str]:
    """The contributors to every pool that may pay for it; empty where no step asks for them."""
    if all(step.who is not Who.EACH_DRAWN for step in charter.approval_steps):
        return []
    parties: set[str] = set()
    for window, tie in kinds_for(charter, terms.window, terms.purpose):
        pool = book.find(Pool, window, tie, terms.amount.currency)
        if pool is not None:
            parties |= {party for party, balance in pool.balances.items() if balance.minor > 0}
    return sorted(parties)
