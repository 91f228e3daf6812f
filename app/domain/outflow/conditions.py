"""Conditions: what an approver demands before the payment, and that it has been met."""

from collections.abc import Iterator

from app.domain.book import Book, Key
from app.domain.command import Actor, Command
from app.domain.event import Act, Event
from app.domain.outflow.approvals import (
    ANY_ROLE,
    BEFORE_THE_BANK,
    AnswerReference,
    answering_keys,
    own_answer,
    require_role,
    role_of_answer,
)
from app.domain.outflow.disbursements import Documents
from app.domain.outflow.steps import Answer, Approval, involved, require_uninvolved
from app.domain.refusals.decisions import ProposalClosed
from app.domain.values import Role, Text


class ConditionsTerms(AnswerReference):
    """Names the approval whose conditions are met, and how the approver knows."""

    documents: Documents = ()
    note: Text | None = None


class ConditionsMet(ConditionsTerms, Event, type="approval.conditions_met", roles=ANY_ROLE):
    """The conditions of a party's approval are met."""

    def permit(self, book: Book, act: Act) -> None:
        """Check that the party's approval has an open condition, that the bank was not told to pay
        yet, and that the actor may act on this request in the step's role. Raises NotFound,
        WrongParty, ProposalClosed, StepNotOpen, SeparationOfDuties.
        """
        disbursement, approval = own_answer(self, book, act)
        disbursement.require(*BEFORE_THE_BANK)
        if approval.answer is not Answer.APPROVED or approval.condition is None:
            raise ProposalClosed("No condition is open here.")
        require_role(approval, act)
        if approval.subject != act.subject:
            require_uninvolved(book, self.disbursement_id, act)

    def fold(self, book: Book, act: Act) -> Book:
        approval = book.get(Approval, self.disbursement_id, self.step, act.party)
        book = involved(book, self.disbursement_id, act, str(approval.role))
        return book.put(approval.but(conditions_met_seq=act.seq))

    def sentence(self, act: Act) -> str:
        return (
            f"{act.party}'s conditions at step {self.step} of disbursement "
            f"{self.disbursement_id} are met."
        )


class MeetConditions(ConditionsTerms, Command, event=ConditionsMet):
    """Say that the conditions of your party's approval are met."""

    def reads(self, book: Book, actor: Actor) -> Iterator[Key]:
        yield from answering_keys(book, self, actor)

    def in_role(self, book: Book, actor: Actor) -> Role:
        return role_of_answer(self, book, actor) or super().in_role(book, actor)

    def decide(self, book: Book, act: Act) -> Event:
        return ConditionsMet(**self.stated())
