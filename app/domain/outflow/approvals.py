"""Approvals: each party's answers, one step at a time.

An approval binds the digest of exactly the request it approves, so it can never be pointed at
another one. The last one that is missing decides the request and sets the money aside, in the
same transaction: if the window does not hold enough, that last approval is refused.
"""

from collections.abc import Iterator
from typing import Self

from pydantic import model_validator

from app.domain.book import Book, Key
from app.domain.books.journal import contributor, posting_keys, reserved
from app.domain.books.pools import Pool, pool_key
from app.domain.books.positions import position_key
from app.domain.command import Actor, Command
from app.domain.event import Act, Event, Terms
from app.domain.governance.charter import Charter
from app.domain.governance.funds import Fund, charter_of, fund_key
from app.domain.outflow.attributions import attribution_key
from app.domain.outflow.disbursements import (
    Disbursement,
    DisbursementApproved,
    DisbursementRefused,
    DisbursementState,
    Documents,
    disbursement_key,
)
from app.domain.outflow.kinds import kinds_for
from app.domain.outflow.steps import (
    Answer,
    Approval,
    approval_key,
    approval_keys,
    involved,
    involvement_key,
    require_turn,
    require_uninvolved,
)
from app.domain.refusals import (
    AlreadyDecided,
    EvidenceRequired,
    ReasonRequired,
    StaleProposal,
    StepNotOpen,
    UnknownStep,
    WrongParty,
)
from app.domain.values import Decision, Digest, Identifier, Role, StepId, Text, require_said

ANY_ROLE = tuple(role for role in Role if role is not Role.LEDGER)
"""Which role takes a step is the charter's to say, so it is `permit` that asks."""


class ApprovalTerms(Terms):
    """An answer to one step; `digest` names exactly the request that was read."""

    disbursement_id: Identifier
    step: StepId
    decision: Decision
    digest: Digest
    reason: Text | None = None
    documents: Documents = ()


def _require_open(terms: ApprovalTerms, book: Book, act: Act) -> Disbursement:
    """What holds for every answer. Returns the request.

    Raises NotFound, ProposalClosed, SeparationOfDuties, UnknownStep, WrongParty, StepNotOpen,
    AlreadyDecided, StaleProposal.
    """
    charter = charter_of(book)
    disbursement = book.get(Disbursement, terms.disbursement_id)
    step = charter.step(terms.step)
    if step is None:
        raise UnknownStep("The charter names no such approval step.")
    if act.party in charter.approvers(step):
        answered = book.get(Approval, terms.disbursement_id, step.id, act.party)
        if answered.answer in (Answer.APPROVED, Answer.REFUSED):
            raise AlreadyDecided(f"{act.party} has {answered.answer} step {step.id}.")
    disbursement.require(DisbursementState.REQUESTED)
    require_uninvolved(book, terms.disbursement_id, act)
    if act.party not in charter.approvers(step):
        raise WrongParty(f"Step {step.id} is not asked of {act.party}.")
    if act.role is not step.role:
        raise StepNotOpen(f"Step {step.id} is taken by the role {step.role}, not {act.role}.")
    require_turn(book, charter, terms.disbursement_id, step, act)
    if terms.digest != disbursement.digest:
        raise StaleProposal(f"The request has digest {disbursement.digest}.")
    return disbursement


def _answered(terms: ApprovalTerms, book: Book, act: Act, answer: Answer) -> Book:
    """The book with the answer in its place and the person remembered."""
    approval = book.get(Approval, terms.disbursement_id, terms.step, act.party)
    approval = approval.but(answer=answer, subject=act.subject, answered_seq=act.seq)
    return involved(book.put(approval), terms.disbursement_id, act, str(approval.role))


class ApprovalGiven(ApprovalTerms, Event, type="approval.given", roles=ANY_ROLE):
    """A party approves one step."""

    @model_validator(mode="after")
    def _is_a_yes(self) -> Self:
        """A log cannot turn a no into a yes. Raises ValueError."""
        require_said(self.decision, Decision.APPROVE)
        return self

    def permit(self, book: Book, act: Act) -> None:
        """Raises EvidenceRequired and what `_require_open` raises; as the last one, what the
        reservation raises: InsufficientFunds, PeriodClosed.
        """
        _require_open(self, book, act)
        step = charter_of(book).step(self.step)
        if step is not None and step.evidence and not self.documents:
            raise EvidenceRequired(f"Step {self.step} takes at least one document.")

    def fold(self, book: Book, act: Act) -> Book:
        book = _answered(self, book, act, Answer.APPROVED)
        disbursement = book.get(Disbursement, self.disbursement_id)
        return book.put(
            disbursement.but(
                outstanding=disbursement.outstanding - 1,
                ballots=(*disbursement.ballots, act.seq),
            )
        )

    def consequences(self, book: Book, act: Act) -> tuple[Event, ...]:
        if book.get(Disbursement, self.disbursement_id).outstanding:
            return ()
        return (DisbursementApproved.of(book, self.disbursement_id, act.seq),)

    def sentence(self, act: Act) -> str:
        return f"{act.party} approved step {self.step} of disbursement {self.disbursement_id}."


class ApprovalRefused(ApprovalTerms, Event, type="approval.refused", roles=ANY_ROLE):
    """A party refuses one step, and says why."""

    @model_validator(mode="after")
    def _is_a_no(self) -> Self:
        """Nor a yes into a no. Raises ValueError."""
        require_said(self.decision, Decision.REFUSE)
        return self

    def permit(self, book: Book, act: Act) -> None:
        """Raises ReasonRequired and what `_require_open` raises."""
        _require_open(self, book, act)
        if self.reason is None:
            raise ReasonRequired("Whoever refuses says why.")

    def fold(self, book: Book, act: Act) -> Book:
        return _answered(self, book, act, Answer.REFUSED)

    def consequences(self, book: Book, act: Act) -> tuple[Event, ...]:
        return (
            DisbursementRefused(
                disbursement_id=self.disbursement_id, cause=act.seq, party=act.party
            ),
        )

    def sentence(self, act: Act) -> str:
        return (
            f"{act.party} refused step {self.step} of disbursement {self.disbursement_id}: "
            f"{self.reason}"
        )


class AnswerStep(ApprovalTerms, Command, event=ApprovalGiven):
    """Approve or refuse one step of a disbursement for your party."""

    def reads(self, book: Book, actor: Actor) -> Iterator[Key]:
        yield fund_key()
        yield disbursement_key(self.disbursement_id)
        yield approval_key(self.disbursement_id, self.step, actor.party)
        yield involvement_key(self.disbursement_id, actor.party, actor.subject)
        fund, disbursement = book.peek(Fund), book.peek(Disbursement, self.disbursement_id)
        if fund is None or disbursement is None:
            return
        yield from approval_keys(fund.charter, self.disbursement_id)
        if disbursement.outstanding == 1:
            yield from _reservation_keys(book, fund.charter, disbursement)

    def role(self, book: Book, actor: Actor) -> Role:
        """The role that the step asks for, where the actor's token carries it."""
        step = charter_of(book).step(self.step)
        if step is not None and step.role in actor.roles:
            return step.role
        # Any role that they do hold: `permit` says what is wrong with it.
        return next(iter(sorted(actor.roles)), super().role(book, actor))

    def decide(self, book: Book, act: Act) -> Event:
        kind = ApprovalGiven if self.decision is Decision.APPROVE else ApprovalRefused
        return kind(**self.stated())


def _reservation_keys(book: Book, charter: Charter, disbursement: Disbursement) -> Iterator[Key]:
    """What setting the money aside reads, when this may be the last approval."""
    currency, identifier = disbursement.amount.currency, disbursement.disbursement_id
    yield from posting_keys(book, reserved(identifier), currency)
    for window, tie in kinds_for(charter, disbursement.window, disbursement.purpose):
        yield pool_key(window, tie, currency)
        pool = book.peek(Pool, window, tie, currency)
        for party in pool.balances if pool is not None else ():
            yield position_key(party, window, currency)
            yield attribution_key(party, identifier)
            yield from posting_keys(book, contributor(party, window), currency)
