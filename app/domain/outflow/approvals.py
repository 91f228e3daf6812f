"""Approvals: each party's answers, one step at a time.

An approval names the digest of the request that it approves, so it counts for no other one. The
last approval that is missing decides the request and reserves the money, in the same transaction:
if the window does not hold enough, that approval is refused. An approval that has expired can be
given again; one that was revoked makes the request wait again.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from app.domain.book import Book, Key
from app.domain.charter.approval_steps import Step
from app.domain.charter.decision_rules import DecisionClass
from app.domain.command import Actor, Command
from app.domain.event import Act, Event, Terms
from app.domain.governance.charter_versions import require_current
from app.domain.governance.funds import Fund, charter_of, fund_key
from app.domain.governance.polls import vote_keys
from app.domain.governance.seats import seats_key
from app.domain.outflow.disbursements import (
    Disbursement,
    DisbursementState,
    Documents,
    disbursement_key,
)
from app.domain.outflow.outcomes import DisbursementRefused, approved_if_complete
from app.domain.outflow.reservations import (
    DisbursementUnreserved,
    drawn_account_keys,
    drawn_keys,
    reservation_keys,
)
from app.domain.outflow.steps import (
    Answer,
    Approval,
    answer_keys,
    answered,
    answers,
    approval_key,
    involved,
    involvement_key,
    label,
    require_turn,
    require_uninvolved,
)
from app.domain.refusals.decisions import (
    AlreadyDecided,
    EvidenceRequired,
    ProposalClosed,
    ReasonRequired,
    StaleProposal,
    StepNotOpen,
    UnknownStep,
)
from app.domain.refusals.people import WrongParty
from app.domain.values import Digest, Identifier, Role, StepId, Text, require_said

ANY_ROLE: Final = tuple(role for role in Role if role is not Role.LEDGER)
"""Every role, because the charter says which role takes a step: `permit` checks it."""
_WAITING: Final = (DisbursementState.REQUESTED,)
BEFORE_THE_BANK: Final = (DisbursementState.REQUESTED, DisbursementState.RESERVED)
_REVOCABLE: Final = (*BEFORE_THE_BANK, DisbursementState.INSTRUCTED)


class StepDecision(StrEnum):
    """How a party can answer a step."""

    APPROVE = "approve"
    REFUSE = "refuse"
    ABSTAIN = "abstain"


class AnswerReference(Terms):
    """Names one answer of the actor's party, by request and step."""

    disbursement_id: Identifier
    step: StepId


class ApprovalTerms(AnswerReference):
    """An answer to one step; `digest` names exactly the request that it answers.

    `conditions` are what the approver demands before the payment is made.
    """

    decision: StepDecision
    digest: Digest
    reason: Text | None = None
    documents: Documents = ()
    conditions: Annotated[tuple[Text, ...], Field(max_length=10)] = ()

    @model_validator(mode="after")
    def _conditions_are_for_a_yes(self) -> Self:
        """Check that only an approval carries conditions. Raises ValueError."""
        if self.conditions and self.decision is not StepDecision.APPROVE:
            raise ValueError("Conditions belong to an approval.")
        return self


def _asked(terms: AnswerReference, book: Book, act: Act) -> tuple[Disbursement, Step, Approval]:
    """The request, the step, and what the actor's party has answered so far.

    Raises NotFound, UnknownStep, WrongParty.
    """
    step = charter_of(book).step(terms.step)
    book.get(Disbursement, terms.disbursement_id)
    if step is None:
        raise UnknownStep("The charter names no such approval step.")
    disbursement, approval = own_answer(terms, book, act)
    return disbursement, step, approval


def own_answer(terms: AnswerReference, book: Book, act: Act) -> tuple[Disbursement, Approval]:
    """The request and the party's answer, even if the charter has no such step any more.

    Raises NotFound, WrongParty.
    """
    disbursement = book.get(Disbursement, terms.disbursement_id)
    if label(terms.step, act.party) not in disbursement.asked:
        raise WrongParty(f"Step {terms.step} is not asked of {act.party}.")
    return disbursement, book.get(Approval, terms.disbursement_id, terms.step, act.party)


def require_role(approval: Approval, act: Act) -> None:
    """Check that the actor acts in the role that the step asks for. Raises StepNotOpen."""
    step, role = approval.step, approval.role
    if act.role is not role:
        raise StepNotOpen(f"Step {step} is taken by the role {role}, not {act.role}.")


def _require_open(terms: ApprovalTerms, book: Book, act: Act) -> Step:
    """Check what every kind of answer must satisfy, and return the step.

    Raises NotFound, ProposalClosed, SeparationOfDuties, UnknownStep, WrongParty, StepNotOpen,
    AlreadyDecided, StaleProposal.
    """
    try:
        disbursement, step, approval = _asked(terms, book, act)
    except WrongParty:
        # Somebody who made the request is told that first, not that the step is another party's.
        book.get(Disbursement, terms.disbursement_id).require(*_WAITING)
        require_uninvolved(book, terms.disbursement_id, act)
        raise
    renewed = approval.doubt(book, act.at) is not None
    if approval.answer is Answer.REFUSED or (approval.answer is Answer.APPROVED and not renewed):
        raise AlreadyDecided(f"{act.party} has {approval.answer} step {step.id}.")
    disbursement.require(*(BEFORE_THE_BANK if renewed else _WAITING))
    if disbursement.state is DisbursementState.REQUESTED:
        require_current(book, DecisionClass.RELEASE, disbursement.charter_seq)
    if approval.is_overdue(act.at):
        raise ProposalClosed(f"Step {step.id} was due by {approval.due_at}.")
    if approval.subject != act.subject:
        require_uninvolved(book, terms.disbursement_id, act)
    require_role(approval, act)
    rows = answers(book, terms.disbursement_id, disbursement.asked)
    require_turn(rows, charter_of(book), approval)
    if terms.digest != disbursement.digest:
        raise StaleProposal(f"The request has digest {disbursement.digest}.")
    return step


def _put(book: Book, before: Approval, after: Approval, act: Act) -> Book:
    """The book with the new answer, the request's counters changed with it, and the person recorded
    as involved.
    """
    disbursement = book.get(Disbursement, after.disbursement_id)
    ballots = tuple(seq for seq in disbursement.ballots if seq != before.answered_seq)
    if after.answer is Answer.APPROVED:
        ballots = (*ballots, act.seq)
    outstanding = disbursement.outstanding + int(before.passes) - int(after.passes)
    book = book.put(disbursement.but(outstanding=outstanding, ballots=ballots))
    return involved(book.put(after), after.disbursement_id, act, str(after.role))


class ApprovalGiven(ApprovalTerms, Event, type="approval.given", roles=ANY_ROLE):
    """A party approves one step."""

    @model_validator(mode="after")
    def _is_a_yes(self) -> Self:
        """Check that an entry of this type states an approval. Raises ValueError."""
        require_said(self.decision, StepDecision.APPROVE)
        return self

    def permit(self, book: Book, act: Act) -> None:
        """Check that the step is open to this answer and that evidence, where the step asks for it,
        is cited. Raises EvidenceRequired and what `_require_open` raises; the last missing approval
        also reserves the money and can raise InsufficientFunds, PeriodClosed, QuorumLost,
        DrawnPartyMissing, MandateRequired, ExceedsMandate.
        """
        step = _require_open(self, book, act)
        if step.evidence and not self.documents:
            raise EvidenceRequired(f"Step {self.step} takes at least one document.")

    def fold(self, book: Book, act: Act) -> Book:
        _, step, before = _asked(self, book, act)
        after = answered(before, step, Answer.APPROVED, act).but(conditions=self.conditions)
        return _put(book, before, after, act)

    def consequences(self, book: Book, act: Act) -> tuple[Event, ...]:
        return approved_if_complete(book, self.disbursement_id, act)

    def sentence(self, act: Act) -> str:
        said = f"{act.party} approved step {self.step} of disbursement {self.disbursement_id}"
        return f"{said}, if: {'; '.join(self.conditions)}" if self.conditions else f"{said}."


class ApprovalRefused(ApprovalTerms, Event, type="approval.refused", roles=ANY_ROLE):
    """A party refuses one step, and says why."""

    @model_validator(mode="after")
    def _is_a_no(self) -> Self:
        """Check that an entry of this type states a refusal. Raises ValueError."""
        require_said(self.decision, StepDecision.REFUSE)
        return self

    def permit(self, book: Book, act: Act) -> None:
        """Check that the step is open to this answer and that a reason is stated. Raises
        ReasonRequired and what `_require_open` raises; ProposalClosed once the money is reserved,
        because an approval is then revoked instead.
        """
        _require_open(self, book, act)
        book.get(Disbursement, self.disbursement_id).require(*_WAITING)
        if self.reason is None:
            raise ReasonRequired("Whoever refuses says why.")

    def fold(self, book: Book, act: Act) -> Book:
        _, step, before = _asked(self, book, act)
        return _put(book, before, answered(before, step, Answer.REFUSED, act), act)

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


class ApprovalAbstained(ApprovalTerms, Event, type="approval.abstained", roles=ANY_ROLE):
    """A party abstains. The step says whether the request can go on with that."""

    @model_validator(mode="after")
    def _is_neither(self) -> Self:
        """Check that an entry of this type states an abstention. Raises ValueError."""
        require_said(self.decision, StepDecision.ABSTAIN)
        return self

    def permit(self, book: Book, act: Act) -> None:
        """Check that the step is open to this answer. Raises what `_require_open` raises; the last
        missing answer also reserves the money and can raise what the reservation raises.
        """
        _require_open(self, book, act)
        book.get(Disbursement, self.disbursement_id).require(*_WAITING)

    def fold(self, book: Book, act: Act) -> Book:
        _, step, before = _asked(self, book, act)
        return _put(book, before, answered(before, step, Answer.ABSTAINED, act), act)

    def consequences(self, book: Book, act: Act) -> tuple[Event, ...]:
        return approved_if_complete(book, self.disbursement_id, act)

    def sentence(self, act: Act) -> str:
        return f"{act.party} abstained in step {self.step} of {self.disbursement_id}."


_EVENTS: Final[dict[StepDecision, type[Event]]] = {
    StepDecision.APPROVE: ApprovalGiven,
    StepDecision.REFUSE: ApprovalRefused,
    StepDecision.ABSTAIN: ApprovalAbstained,
}


class AnswerStep(ApprovalTerms, Command, event=ApprovalGiven):
    """Approve or refuse one step of a disbursement for your party, or abstain."""

    def reads(self, book: Book, actor: Actor) -> Iterator[Key]:
        yield from answering_keys(book, self, actor)
        fund, disbursement = book.peek(Fund), book.peek(Disbursement, self.disbursement_id)
        if fund is not None and disbursement is not None and disbursement.outstanding <= 1:
            yield from reservation_keys(book, fund.charter, disbursement)

    def in_role(self, book: Book, actor: Actor) -> Role:
        """The role that the step asks for, where the actor's token carries it."""
        return role_of_answer(self, book, actor) or super().in_role(book, actor)

    def decide(self, book: Book, act: Act) -> Event:
        return _EVENTS[self.decision](**self.stated())


class AnswerRevocation(AnswerReference):
    """Names the approval that is taken back, and says why."""

    reason: Text


class ApprovalRevoked(AnswerRevocation, Event, type="approval.revoked", roles=ANY_ROLE):
    """A party takes its approval back.

    Until the bank was told to pay, the reserved money is free again; after that the payment must be
    recalled from the bank, which the ledger cannot do.
    """

    def permit(self, book: Book, act: Act) -> None:
        """Check that the actor's party has approved the step, that the money has not been settled,
        and that the actor may act on this request in the step's role. Raises NotFound, WrongParty,
        ProposalClosed, SeparationOfDuties, StepNotOpen, PeriodClosed.
        """
        disbursement, approval = own_answer(self, book, act)
        disbursement.require(*_REVOCABLE)
        if not approval.passes:
            raise ProposalClosed(f"{act.party} has not approved step {self.step}.")
        if approval.subject != act.subject:
            # Whoever revokes may approve again, so they must not have acted in another capacity.
            require_uninvolved(book, self.disbursement_id, act)
        require_role(approval, act)

    def fold(self, book: Book, act: Act) -> Book:
        _, before = own_answer(self, book, act)
        return _put(book, before, answered(before, None, Answer.REVOKED, act), act)

    def consequences(self, book: Book, act: Act) -> tuple[Event, ...]:
        state = book.get(Disbursement, self.disbursement_id).state
        if state is not DisbursementState.RESERVED:
            return ()
        return (DisbursementUnreserved(disbursement_id=self.disbursement_id, cause=act.seq),)

    def sentence(self, act: Act) -> str:
        return (
            f"{act.party} took its approval of step {self.step} of disbursement "
            f"{self.disbursement_id} back: {self.reason}"
        )


class RevokeApproval(AnswerRevocation, Command, event=ApprovalRevoked):
    """Take your party's approval back before the payment is settled."""

    def reads(self, book: Book, actor: Actor) -> Iterator[Key]:
        yield from answering_keys(book, self, actor)
        disbursement = book.peek(Disbursement, self.disbursement_id)
        if disbursement is not None:
            yield from drawn_keys(disbursement)
            yield from drawn_account_keys(book, disbursement)

    def in_role(self, book: Book, actor: Actor) -> Role:
        return role_of_answer(self, book, actor) or super().in_role(book, actor)

    def decide(self, book: Book, act: Act) -> Event:
        return ApprovalRevoked(**self.stated())


def role_of_answer(terms: AnswerReference, book: Book, actor: Actor) -> Role | None:
    """The role that the answer takes, if the actor has it; else any role that they have."""
    approval = book.find(Approval, terms.disbursement_id, terms.step, actor.party)
    if approval is not None and approval.role in actor.roles:
        return approval.role
    # With a role that the actor holds, `permit` can say what is wrong with it.
    return next(iter(sorted(actor.roles)), None)


def answering_keys(book: Book, terms: AnswerReference, actor: Actor) -> Iterator[Key]:
    """The rows that any answer to a step, or taking one back, reads."""
    disbursement_id, step = terms.disbursement_id, terms.step
    yield fund_key()
    yield seats_key()
    yield disbursement_key(disbursement_id)
    yield from vote_keys(book, disbursement_id)
    yield involvement_key(disbursement_id, actor.party, actor.subject)
    yield approval_key(disbursement_id, step, actor.party)
    disbursement = book.peek(Disbursement, disbursement_id)
    if disbursement is not None:
        yield from answer_keys(book, disbursement_id, disbursement.asked)
