"""Agreements: what a government owes the fund, once both sides have signed.

Drafted by the contributor's treasury, signed by the contributor and by the trustee; with the
second signature it is in force, if its party needs no mandate or has named one that covers it;
else it is `qualified` until then. Signatures name the digest of what was drafted.
"""

from collections.abc import Iterator
from enum import StrEnum
from itertools import pairwise
from typing import Annotated

from pydantic import Field, computed_field

from app.domain.book import Book, Key, State, key
from app.domain.books.journal import credit, debit, deferred, post, posting_keys, receivable
from app.domain.books.positions import moved, position_key
from app.domain.command import Actor, Command
from app.domain.event import Act, Event, LedgerEvent, Terms
from app.domain.governance.funds import (
    charter_of,
    fund_key,
    require_currency,
    require_kind,
    require_restriction,
    require_window,
)
from app.domain.inflow.mandates import Mandate, mandate_key, require_covered
from app.domain.inflow.pledges import Pledge, pledge_key
from app.domain.refusals.decisions import ProposalClosed, StaleProposal
from app.domain.refusals.money import (
    AgreementNotInForce,
    AlreadySigned,
    ExceedsAgreement,
    InstalmentsDoNotAddUp,
    MandateRequired,
)
from app.domain.refusals.people import WrongParty
from app.domain.values import (
    Amount,
    Day,
    Digest,
    Identifier,
    Money,
    PartyId,
    PartyKind,
    RestrictionId,
    Role,
    Seq,
    WindowId,
    total,
)


class Instrument(StrEnum):
    """In which form the contributor gives the money."""

    GRANT = "grant"
    LOAN = "loan"


class AgreementState(StrEnum):
    """draft -> in_force -> fulfilled; qualified while a signed one awaits its party's mandate."""

    DRAFT = "draft"
    QUALIFIED = "qualified"
    IN_FORCE = "in_force"
    FULFILLED = "fulfilled"


class Instalment(Terms):
    """A part of an agreement that falls due on a day."""

    due: Day
    amount: Amount


class AgreementTerms(Terms):
    """What a contributor, the actor's party, will pay into which window, and when."""

    window: WindowId
    instrument: Instrument
    amount: Amount
    instalments: Annotated[tuple[Instalment, ...], Field(min_length=1, max_length=100)]
    pledge_id: Identifier | None = None
    restriction: RestrictionId | None = None
    mandate_id: Identifier | None = None


class Agreement(
    State,
    table="agreements",
    key=("agreement_id",),
    listed_by="drafted_seq",
    checks={"received": "received_minor BETWEEN 0 AND amount_minor"},
):
    """A contribution agreement. Receipts pay its instalments in the order of their due dates."""

    agreement_id: Identifier
    party: PartyId
    window: WindowId
    instrument: Instrument
    amount: Money
    received: Money
    instalments: tuple[Instalment, ...]
    pledge_id: Identifier | None
    restriction: RestrictionId | None
    mandate_id: Identifier | None
    state: AgreementState
    digest: Digest
    signed_by: tuple[PartyId, ...]
    drafted_seq: Seq

    @computed_field  # type: ignore[prop-decorator]
    @property
    def outstanding(self) -> Money:
        """What is still owed, once it is in force."""
        return self.amount - self.received

    def require_in_force(self) -> None:
        """Check that it is signed and awaits no mandate. Raises AgreementNotInForce."""
        if self.state is AgreementState.DRAFT:
            raise AgreementNotInForce("The agreement is a draft; both sides must sign it first.")
        if self.state is AgreementState.QUALIFIED:
            raise AgreementNotInForce("The agreement awaits a mandate that covers it.")

    def require_room_for(self, amount: Money) -> None:
        """Check that at least `amount` is still owed. Raises ExceedsAgreement, CurrencyMismatch."""
        if amount > self.outstanding:
            owed = self.outstanding
            raise ExceedsAgreement(f"{amount} would be received, but {owed} is still owed.")

    def with_received(self, amount: Money) -> "Agreement":
        """The agreement after `amount` was received; a negative amount takes a receipt back."""
        received = self.received + amount
        whole = received == self.amount
        state = AgreementState.FULFILLED if whole else AgreementState.IN_FORCE
        return self.but(received=received, state=state)


class AgreementDrafted(
    AgreementTerms, Event, type="agreement.drafted", roles=(Role.TREASURY,), creates=Agreement
):
    """The text of an agreement is on record; nobody is bound by it yet."""

    agreement_id: Identifier

    def permit(self, book: Book, act: Act) -> None:
        """Check that a government drafts it, that the charter knows what it names, that the
        instalments sum to the amount in the order of their days, and that its pledge and its
        mandate, where it names them, cover it. Raises WrongParty, UnknownWindow,
        CurrencyNotInCharter, UnknownRestriction, RestrictionNotUsable, InstalmentsDoNotAddUp,
        NotFound, ExceedsPledge, CurrencyMismatch, MandateRequired, ExceedsMandate.
        """
        charter = charter_of(book)
        require_kind(charter, act.party, PartyKind.GOVERNMENT)
        require_window(charter, self.window)
        require_currency(charter, self.amount)
        if self.restriction is not None:
            require_restriction(charter, self.window, self.restriction)
        scheduled = total((part.amount for part in self.instalments), self.amount.currency)
        if scheduled != self.amount:
            raise InstalmentsDoNotAddUp(f"Instalments sum to {scheduled}, not to {self.amount}.")
        if any(later.due < earlier.due for earlier, later in pairwise(self.instalments)):
            raise InstalmentsDoNotAddUp("Instalments must stand in the order of their due dates.")
        if self.pledge_id is not None:
            pledge = book.get(Pledge, self.pledge_id)
            if (pledge.party, pledge.window) != (act.party, self.window):
                raise WrongParty("The pledge is another party's, or for another window.")
            pledge.require_room_for(self.amount)
        if self.mandate_id is not None:
            mandate = book.get(Mandate, self.mandate_id)
            require_covered(mandate, act.party, self.amount, act)

    def fold(self, book: Book, act: Act) -> Book:
        return book.put(
            Agreement(
                agreement_id=self.agreement_id,
                party=act.party,
                window=self.window,
                instrument=self.instrument,
                amount=self.amount,
                received=Money.zero(self.amount.currency),
                instalments=self.instalments,
                pledge_id=self.pledge_id,
                restriction=self.restriction,
                mandate_id=self.mandate_id,
                state=AgreementState.DRAFT,
                digest=act.digest,
                signed_by=(),
                drafted_seq=act.seq,
            )
        )

    def sentence(self, act: Act) -> str:
        return (
            f"{act.party} drafted an agreement on a {self.instrument} of {self.amount} "
            f"to window {self.window} in {len(self.instalments)} instalment(s)."
        )


class DraftAgreement(AgreementTerms, Command, event=AgreementDrafted):
    """Draft your government's contribution agreement."""

    def reads(self, book: Book, actor: Actor) -> Iterator[Key]:
        yield fund_key()
        if self.pledge_id is not None:
            yield pledge_key(self.pledge_id)
        if self.mandate_id is not None:
            yield mandate_key(self.mandate_id)

    def decide(self, book: Book, act: Act) -> Event:
        return AgreementDrafted(**self.stated(), agreement_id=act.new_id())


class SignatureTerms(Terms):
    """Which agreement, and the digest of exactly the text that is signed."""

    agreement_id: Identifier
    digest: Digest


class AgreementSigned(
    SignatureTerms, Event, type="agreement.signed", roles=(Role.TREASURY, Role.TRUSTEE)
):
    """One side has signed."""

    def permit(self, book: Book, act: Act) -> None:
        """Check that the contributor or the trustee signs a draft, once, over the digest of its
        text, and that its pledge and its mandate still cover it. Raises NotFound, ProposalClosed,
        StaleProposal, WrongParty, AlreadySigned, ExceedsPledge, MandateRequired, ExceedsMandate.
        """
        agreement = book.get(Agreement, self.agreement_id)
        if act.party not in _sides(book, agreement):
            raise WrongParty("An agreement is signed by its contributor and by the trustee.")
        if act.party in agreement.signed_by:
            raise AlreadySigned(f"{act.party} has signed this agreement.")
        if agreement.state is not AgreementState.DRAFT:
            raise ProposalClosed("The agreement is in force.")
        if self.digest != agreement.digest:
            raise StaleProposal(f"The drafted text has digest {agreement.digest}.")
        if agreement.pledge_id is not None:
            # Two drafts may name the same pledge; the one that is signed first uses it.
            book.get(Pledge, agreement.pledge_id).require_room_for(agreement.amount)
        if agreement.mandate_id is not None:
            mandate = book.get(Mandate, agreement.mandate_id)
            require_covered(mandate, agreement.party, agreement.amount, act)

    def fold(self, book: Book, act: Act) -> Book:
        agreement = book.get(Agreement, self.agreement_id)
        agreement = agreement.but(signed_by=(*agreement.signed_by, act.party))
        if set(agreement.signed_by) == _sides(book, agreement) and _awaits(book, agreement):
            agreement = agreement.but(state=AgreementState.QUALIFIED)
        return book.put(agreement)

    def consequences(self, book: Book, act: Act) -> tuple[Event, ...]:
        return _in_force(book, self.agreement_id, act)

    def sentence(self, act: Act) -> str:
        return f"{act.party} signed agreement {self.agreement_id}."


class SignAgreement(SignatureTerms, Command, event=AgreementSigned):
    """Sign an agreement for the contributor or for the trustee."""

    def reads(self, book: Book, actor: Actor) -> Iterator[Key]:
        yield from _keys(book, self.agreement_id)

    def decide(self, book: Book, act: Act) -> Event:
        return AgreementSigned(**self.stated())


class AgreementReference(Terms):
    """Names an agreement."""

    agreement_id: Identifier


class CoverTerms(AgreementReference):
    """An agreement, and the mandate that shall cover it."""

    mandate_id: Identifier


class AgreementCovered(CoverTerms, Event, type="agreement.covered", roles=(Role.TREASURY,)):
    """A mandate covers an agreement that waited for one."""

    def permit(self, book: Book, act: Act) -> None:
        """Check that the party's own agreement has no mandate and is not in force, and that the
        mandate and its pledge cover it. Raises NotFound, WrongParty, ProposalClosed,
        MandateRequired, CurrencyMismatch, ExceedsMandate, ExceedsPledge.
        """
        agreement = book.get(Agreement, self.agreement_id)
        if agreement.party != act.party:
            raise WrongParty(f"This agreement is {agreement.party}'s.")
        waits = agreement.state in (AgreementState.DRAFT, AgreementState.QUALIFIED)
        if not waits or agreement.mandate_id is not None:
            raise ProposalClosed("The agreement does not wait for a mandate.")
        require_covered(book.get(Mandate, self.mandate_id), act.party, agreement.amount, act)
        if agreement.pledge_id is not None:
            # Another agreement may have used the pledge up while this one waited.
            book.get(Pledge, agreement.pledge_id).require_room_for(agreement.amount)

    def fold(self, book: Book, act: Act) -> Book:
        return book.put(book.get(Agreement, self.agreement_id).but(mandate_id=self.mandate_id))

    def consequences(self, book: Book, act: Act) -> tuple[Event, ...]:
        return _in_force(book, self.agreement_id, act)

    def sentence(self, act: Act) -> str:
        return f"{act.party} put agreement {self.agreement_id} under mandate {self.mandate_id}."


class CoverAgreement(CoverTerms, Command, event=AgreementCovered):
    """Name the mandate that an agreement of your government waits for."""

    def reads(self, book: Book, actor: Actor) -> Iterator[Key]:
        yield mandate_key(self.mandate_id)
        yield from _keys(book, self.agreement_id)

    def decide(self, book: Book, act: Act) -> Event:
        return AgreementCovered(**self.stated())


class AgreementEnteredIntoForce(
    AgreementReference, LedgerEvent, type="agreement.entered_into_force"
):
    """Both sides have signed: the contributor owes the amount."""

    def permit(self, book: Book, act: Act) -> None:
        """Check that the agreement is not in force yet (ProposalClosed) and that its party needs no
        mandate or has named one (MandateRequired).
        """
        agreement = book.get(Agreement, self.agreement_id)
        if agreement.state not in (AgreementState.DRAFT, AgreementState.QUALIFIED):
            raise ProposalClosed("The agreement is in force already.")
        if _awaits(book, agreement):
            raise MandateRequired(f"{agreement.party} agrees under a mandate only.")

    def fold(self, book: Book, act: Act) -> Book:
        agreement = book.get(Agreement, self.agreement_id)
        amount = agreement.amount
        if agreement.pledge_id is not None:
            pledge = book.get(Pledge, agreement.pledge_id)
            book = book.put(pledge.with_converted(amount))
        if agreement.mandate_id is not None:
            mandate = book.get(Mandate, agreement.mandate_id)
            book = book.put(mandate.but(agreed=mandate.agreed + amount))
        book = post(
            book,
            act.day,
            debit(receivable(self.agreement_id), amount),
            credit(deferred(agreement.party, agreement.window), amount),
        )
        book = moved(book, agreement.window, {agreement.party: amount}, "agreed")
        return book.put(agreement.but(state=AgreementState.IN_FORCE))

    def sentence(self, act: Act) -> str:
        return f"Agreement {self.agreement_id} entered into force: both sides have signed."


def agreement_key(agreement_id: str) -> Key:
    """The key of an agreement's row."""
    return key(Agreement, agreement_id)


def _keys(book: Book, agreement_id: str) -> Iterator[Key]:
    """The rows that an agreement's entry into force reads."""
    yield fund_key()
    yield agreement_key(agreement_id)
    agreement = book.peek(Agreement, agreement_id)
    if agreement is None:
        return
    currency = agreement.amount.currency
    yield position_key(agreement.party, agreement.window, currency)
    for account in (receivable(agreement_id), deferred(agreement.party, agreement.window)):
        yield from posting_keys(book, account, currency)
    if agreement.pledge_id is not None:
        yield pledge_key(agreement.pledge_id)
    if agreement.mandate_id is not None:
        yield mandate_key(agreement.mandate_id)


def _in_force(book: Book, agreement_id: str, act: Act) -> tuple[Event, ...]:
    """What follows once both sides have signed and a mandate, where one is needed, covers it."""
    agreement = book.get(Agreement, agreement_id)
    if set(agreement.signed_by) != _sides(book, agreement) or _awaits(book, agreement):
        return ()
    return (AgreementEnteredIntoForce(agreement_id=agreement_id, cause=act.seq),)


def _awaits(book: Book, agreement: Agreement) -> bool:
    """Whether it still needs a mandate."""
    party = charter_of(book).party(agreement.party)
    return party is not None and party.mandated and agreement.mandate_id is None


def _sides(book: Book, agreement: Agreement) -> set[str]:
    trustees = charter_of(book).parties_of(PartyKind.TRUSTEE)
    return {agreement.party, *(party.id for party in trustees)}
