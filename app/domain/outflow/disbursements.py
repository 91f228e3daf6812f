"""Disbursements: from the recipient's request to money that is set aside for it.

requested -> approved -> reserved -> instructed -> settled; or refused, cancelled, returned.
This file decides up to the reservation; `payments` what follows.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated

from pydantic import Field, computed_field

from app.domain.book import Book, Key, State, key
from app.domain.books.attribution import RULE
from app.domain.books.draws import Draw, drawn, reserved_from, shares_of
from app.domain.books.journal import contributor, credit, debit, post, reserved
from app.domain.books.pools import Shares
from app.domain.books.positions import moved
from app.domain.command import Actor, Command
from app.domain.event import Act, Event, LedgerEvent, Terms
from app.domain.governance.funds import (
    Fund,
    charter_of,
    fund_key,
    require_currency,
    require_kind,
    require_window,
)
from app.domain.outflow.attributions import attributed
from app.domain.outflow.kinds import kinds_for
from app.domain.outflow.steps import approval_keys, closed, involved, opened
from app.domain.refusals import ProposalClosed, PurposeNotAllowed
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

UNANIMITY = "unanimity"


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
    State, table="disbursements", key=("disbursement_id",), listed_by="requested_seq"
):
    """A request and what became of it.

    `outstanding` counts the approvals that are still missing; `ballots` are the entries of those
    that were given. `draws` say from which pools it is taken, from the reservation on, and
    `shares` whose money it is.
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
    outstanding: int
    ballots: tuple[Seq, ...]
    draws: tuple[Draw, ...]
    bank_account: BankAccountId | None
    bank_reference: BankReference | None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def shares(self) -> Shares:
        """What each contributor gives, by party code."""
        return shares_of(self.draws)

    def require(self, *states: DisbursementState) -> None:
        """Raises ProposalClosed unless it stands in one of `states`."""
        if self.state not in states:
            wanted = " or ".join(states)
            raise ProposalClosed(f"The disbursement is {self.state}; this takes {wanted}.")


class DisbursementRequested(
    DisbursementTerms, Event, type="disbursement.requested", roles=(Role.REQUESTER,)
):
    """The recipient asks for money; every approval that the charter wants begins to wait."""

    disbursement_id: Identifier

    def permit(self, book: Book, act: Act) -> None:
        """Raises WrongParty, UnknownWindow, PurposeNotAllowed, CurrencyNotInCharter."""
        charter = charter_of(book)
        require_kind(charter, act.party, PartyKind.RECIPIENT)
        require_window(charter, self.window)
        require_currency(charter, self.amount)
        window = charter.window(self.window)
        if window is None or self.purpose not in window.purposes:
            allowed = ", ".join(window.purposes) if window else "nothing"
            raise PurposeNotAllowed(f"Window {self.window} pays for {allowed}.")

    def fold(self, book: Book, act: Act) -> Book:
        charter = charter_of(book)
        book = opened(book, charter, self.disbursement_id, act)
        book = involved(book, self.disbursement_id, act, "requester")
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
                outstanding=sum(1 for _ in approval_keys(charter, self.disbursement_id)),
                ballots=(),
                draws=(),
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

    def decide(self, book: Book, act: Act) -> Event:
        return DisbursementRequested(**self.stated(), disbursement_id=act.new_id())


class DisbursementReference(Terms):
    """Which disbursement."""

    disbursement_id: Identifier


class DisbursementApproved(DisbursementReference, LedgerEvent, type="disbursement.approved"):
    """The decision rule is met. Names the ballots it counted and the charter it followed."""

    rule: str
    charter_seq: Seq
    ballots: tuple[Seq, ...]

    @classmethod
    def of(cls, book: Book, disbursement_id: str, cause: int) -> "DisbursementApproved":
        """The decision as it follows from the book."""
        return cls(
            disbursement_id=disbursement_id,
            cause=cause,
            rule=UNANIMITY,
            charter_seq=book.get(Fund).charter_seq,
            ballots=book.get(Disbursement, disbursement_id).ballots,
        )

    def permit(self, book: Book, act: Act) -> None:
        """Raises ProposalClosed."""
        disbursement = book.get(Disbursement, self.disbursement_id)
        disbursement.require(DisbursementState.REQUESTED)
        if disbursement.outstanding:
            raise ProposalClosed(f"{disbursement.outstanding} approvals are still missing.")

    def fold(self, book: Book, act: Act) -> Book:
        disbursement = book.get(Disbursement, self.disbursement_id)
        return book.put(disbursement.but(state=DisbursementState.APPROVED))

    def consequences(self, book: Book, act: Act) -> tuple[Event, ...]:
        return (DisbursementReserved.of(book, self.disbursement_id, act.seq),)

    def sentence(self, act: Act) -> str:
        return (
            f"Disbursement {self.disbursement_id} was approved by {self.rule}, "
            f"on {len(self.ballots)} approvals."
        )


class DisbursementReserved(DisbursementReference, LedgerEvent, type="disbursement.reserved"):
    """The money is set aside, and it is known whose it is. Never more than is available."""

    amount: Money
    rule: str
    draws: tuple[Draw, ...]

    @property
    def shares(self) -> Shares:
        """What each contributor gives, by party code."""
        return shares_of(self.draws)

    @classmethod
    def of(cls, book: Book, disbursement_id: str, cause: int) -> "DisbursementReserved":
        """The reservation as it follows from the book. Raises InsufficientFunds."""
        disbursement = book.get(Disbursement, disbursement_id)
        return cls(
            disbursement_id=disbursement_id,
            cause=cause,
            amount=disbursement.amount,
            rule=RULE,
            draws=_draws(book, disbursement, disbursement.amount),
        )

    def permit(self, book: Book, act: Act) -> None:
        """Raises ProposalClosed, InsufficientFunds."""
        disbursement = book.get(Disbursement, self.disbursement_id)
        disbursement.require(DisbursementState.APPROVED)
        _draws(book, disbursement, self.amount)

    def fold(self, book: Book, act: Act) -> Book:
        disbursement = book.get(Disbursement, self.disbursement_id)
        book = reserved_from(book, self.draws)
        book = post(
            book,
            act.day,
            *(
                debit(contributor(party, draw.window), share)
                for draw in self.draws
                for party, share in draw.shares.items()
            ),
            credit(reserved(self.disbursement_id), self.amount),
        )
        for draw in self.draws:
            book = moved(book, draw.window, draw.shares, "reserved")
        book = attributed(book, disbursement, self.shares, act.seq)
        return book.put(disbursement.but(state=DisbursementState.RESERVED, draws=self.draws))

    def sentence(self, act: Act) -> str:
        parts = ", ".join(f"{party} {share}" for party, share in self.shares.items())
        return f"{self.amount} was reserved for disbursement {self.disbursement_id}: {parts}."


class DisbursementRefused(DisbursementReference, LedgerEvent, type="disbursement.refused"):
    """A party refused its approval; by unanimity that ends the request."""

    party: PartyId

    def permit(self, book: Book, act: Act) -> None:
        """Raises ProposalClosed."""
        disbursement = book.get(Disbursement, self.disbursement_id)
        disbursement.require(DisbursementState.REQUESTED)

    def fold(self, book: Book, act: Act) -> Book:
        disbursement = book.get(Disbursement, self.disbursement_id)
        book = closed(book, charter_of(book), self.disbursement_id)
        return book.put(disbursement.but(state=DisbursementState.REFUSED))

    def sentence(self, act: Act) -> str:
        return f"Disbursement {self.disbursement_id} is refused: {self.party} did not approve."


def _draws(book: Book, disbursement: Disbursement, amount: Money) -> tuple[Draw, ...]:
    """What an amount would be drawn from now. Raises InsufficientFunds."""
    kinds = kinds_for(charter_of(book), disbursement.window, disbursement.purpose)
    return drawn(book, kinds, amount, disbursement.window)


def disbursement_key(disbursement_id: str) -> Key:
    """The key of a disbursement's row."""
    return key(Disbursement, disbursement_id)
