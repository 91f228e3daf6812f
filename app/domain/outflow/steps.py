"""Approval steps: what must be answered before money is set aside, and by whom.

When a disbursement is requested, every answer that the charter asks for becomes a row that waits:
the electorate is frozen then, and what is still missing can be seen by everybody.
"""

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum

from app.domain.book import Book, Key, State, key
from app.domain.event import Act
from app.domain.governance.charter import Charter, Step, Who
from app.domain.refusals import SeparationOfDuties, StepNotOpen
from app.domain.values import Identifier, PartyId, Role, Seq, StepId, Subject


class Answer(StrEnum):
    """pending -> approved | refused; closed when the request ended without this answer."""

    PENDING = "pending"
    APPROVED = "approved"
    REFUSED = "refused"
    CLOSED = "closed"


class Approval(State, table="approvals", key=("disbursement_id", "step", "party")):
    """One party's answer to one step of one request."""

    disbursement_id: Identifier
    step: StepId
    party: PartyId
    role: Role
    answer: Answer
    waiting_since: datetime
    subject: Subject | None
    answered_seq: Seq | None


class Involvement(State, table="involvements", key=("disbursement_id", "party", "subject")):
    """A person who has acted on a request, and as what. Nobody acts twice."""

    disbursement_id: Identifier
    party: PartyId
    subject: Subject
    capacity: str


def approval_key(disbursement_id: str, step: str, party: str) -> Key:
    """The key of one answer's row."""
    return key(Approval, disbursement_id, step, party)


def approval_keys(charter: Charter, disbursement_id: str) -> Iterator[Key]:
    """The keys of all answers that the charter asks for."""
    for step in charter.approval_steps:
        for party in charter.approvers(step):
            yield approval_key(disbursement_id, step.id, party)


def involvement_key(disbursement_id: str, party: str, subject: str) -> Key:
    """The key of one person's row."""
    return key(Involvement, disbursement_id, party, subject)


def opened(book: Book, charter: Charter, disbursement_id: str, act: Act) -> Book:
    """The book with every answer that this request needs, waiting."""
    for step in charter.approval_steps:
        for party in charter.approvers(step):
            book = book.put(
                Approval(
                    disbursement_id=disbursement_id,
                    step=step.id,
                    party=party,
                    role=step.role,
                    answer=Answer.PENDING,
                    waiting_since=act.at,
                    subject=None,
                    answered_seq=None,
                )
            )
    return book


def closed(book: Book, charter: Charter, disbursement_id: str) -> Book:
    """The book with every answer that still waits closed: the request has ended."""
    for _, identity in approval_keys(charter, disbursement_id):
        approval = book.get(Approval, *identity)
        if approval.answer is Answer.PENDING:
            book = book.put(approval.but(answer=Answer.CLOSED))
    return book


def involved(book: Book, disbursement_id: str, act: Act, capacity: str) -> Book:
    """The book that remembers who acted on the request."""
    return book.put(
        Involvement(
            disbursement_id=disbursement_id,
            party=act.party,
            subject=act.subject,
            capacity=capacity,
        )
    )


def require_uninvolved(book: Book, disbursement_id: str, act: Act) -> None:
    """Maker, checkers and releaser are different people. Raises SeparationOfDuties."""
    before = book.find(Involvement, disbursement_id, act.party, act.subject)
    if before is not None:
        raise SeparationOfDuties(
            f"This person has acted on the request as {before.capacity}; another one must do this."
        )


def require_turn(book: Book, charter: Charter, disbursement_id: str, step: Step, act: Act) -> None:
    """Check that every step that comes before this one was approved. Raises StepNotOpen."""
    for earlier_id in step.after:
        earlier = charter.step(earlier_id)
        assert earlier is not None, "the charter was checked when it came into force"  # noqa: S101
        for party in _parties_before(charter, earlier, step, act):
            if book.get(Approval, disbursement_id, earlier_id, party).answer is not Answer.APPROVED:
                raise StepNotOpen(f"Step {step.id} comes after {earlier_id} of {party}.")


def _parties_before(charter: Charter, earlier: Step, step: Step, act: Act) -> list[str]:
    """A government waits for its own earlier steps only; everybody else for all of them."""
    own = earlier.who is Who.EACH_GOVERNMENT and step.who is Who.EACH_GOVERNMENT
    return [act.party] if own else charter.approvers(earlier)
