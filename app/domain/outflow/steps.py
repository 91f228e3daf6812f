"""Approval steps of a request: which answers it needs before money is reserved, and from whom.

When a disbursement is requested, every answer that the charter demands becomes a pending row: the
electorate is frozen then, and everybody can see what is still missing.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from enum import StrEnum

from app.domain.book import Book, Key, State, key
from app.domain.charter.approval_steps import GOVERNMENTS, Step
from app.domain.charter.charter import Charter
from app.domain.event import Act
from app.domain.governance.party_keys import is_trusted, party_key
from app.domain.refusals.decisions import StepNotOpen
from app.domain.refusals.people import SeparationOfDuties
from app.domain.values import Identifier, KeyId, PartyId, Role, Seq, StepId, Subject, Text


class Answer(StrEnum):
    """pending -> approved | refused | abstained; approved -> revoked, which is pending again.

    It is closed when the request ended without this answer.
    """

    PENDING = "pending"
    APPROVED = "approved"
    REFUSED = "refused"
    ABSTAINED = "abstained"
    REVOKED = "revoked"
    CLOSED = "closed"


class Approval(
    State,
    table="approvals",
    key=("disbursement_id", "step", "party"),
    indexes=(("fund", "answer", "party"), ("answer", "due_at")),
):
    """One party's answer to one step of one request.

    It is due by `due_at`, where the step has a deadline; an approval holds until `holds_until`,
    where the step says for how long. The payment waits until `conditions` are met, by entry
    `conditions_met_seq`. `kid` is the key that signed the answer.
    """

    disbursement_id: Identifier
    step: StepId
    party: PartyId
    role: Role
    answer: Answer
    passes: bool
    waiting_since: datetime
    due_at: datetime | None
    subject: Subject | None
    answered_seq: Seq | None
    holds_until: datetime | None
    conditions: tuple[Text, ...]
    conditions_met_seq: Seq | None
    kid: KeyId | None

    @property
    def waits(self) -> bool:
        """Whether the request goes no further before this party answers, or answers again."""
        return not self.passes and self.answer is not Answer.REFUSED

    @property
    def condition(self) -> str | None:
        """The conditions that are not met yet, in words; None where none is open."""
        if not self.conditions or self.conditions_met_seq is not None:
            return None
        asked = "; ".join(self.conditions)
        return f"{self.party} approved step {self.step} on conditions: {asked}"

    def is_overdue(self, at: datetime) -> bool:
        """Whether the deadline passed without an answer that lets the request go on. A revoked
        approval was given in time, so the deadline does not apply to it again.
        """
        answers = (Answer.PENDING, Answer.ABSTAINED)
        late = self.due_at is not None and at > self.due_at
        return late and self.waits and self.answer in answers

    def doubt(self, book: Book, at: datetime) -> str | None:
        """Why an approval does not count any more, in words; None where it counts."""
        if not self.passes:
            return None
        if self.holds_until is not None and at > self.holds_until:
            return f"{self.party}'s approval of step {self.step} held until {self.holds_until}."
        if not is_trusted(book, self.kid, self.answered_seq or 0):
            return (
                f"{self.party}'s approval of step {self.step} was signed by a key that was "
                f"not trusted there any more."
            )
        return None


class Involvement(State, table="involvements", key=("disbursement_id", "party", "subject")):
    """A person who has acted on a request, and in which capacity; nobody acts in two."""

    disbursement_id: Identifier
    party: PartyId
    subject: Subject
    capacity: str


def label(step: str, party: str) -> str:
    """The name of an answer within its request, by step and party: `legal_review/DE`."""
    return f"{step}/{party}"


def approval_key(disbursement_id: str, step: str, party: str) -> Key:
    """The key of one answer's row."""
    return key(Approval, disbursement_id, step, party)


def approval_keys(disbursement_id: str, asked: Iterable[str]) -> Iterator[Key]:
    """The keys of all answers that a request needs."""
    for name in asked:
        step, _, party = name.partition("/")
        yield approval_key(disbursement_id, step, party)


def answer_keys(book: Book, disbursement_id: str, asked: Iterable[str]) -> Iterator[Key]:
    """The keys of all answers of a request, and of the party keys that they were signed with."""
    for row in approval_keys(disbursement_id, asked):
        yield row
        approval = book.peek(Approval, *row[1])
        if approval is not None and approval.kid is not None:
            yield party_key(approval.kid)


def answers(book: Book, disbursement_id: str, asked: Iterable[str]) -> list[Approval]:
    """All answers of a request, in the charter's order."""
    return [book.get(Approval, *identity) for _, identity in approval_keys(disbursement_id, asked)]


def involvement_key(disbursement_id: str, party: str, subject: str) -> Key:
    """The key of one person's row."""
    return key(Involvement, disbursement_id, party, subject)


def opened(book: Book, asked: Iterable[tuple[Step, str]], disbursement_id: str, act: Act) -> Book:
    """The book with every answer that this request needs, pending."""
    for step, party in asked:
        book = book.put(
            Approval(
                disbursement_id=disbursement_id,
                step=step.id,
                party=party,
                role=step.role,
                answer=Answer.PENDING,
                passes=False,
                waiting_since=act.at,
                due_at=_days_after(act.at, step.within_days),
                subject=None,
                answered_seq=None,
                holds_until=None,
                conditions=(),
                conditions_met_seq=None,
                kid=None,
            )
        )
    return book


def closed(book: Book, disbursement_id: str, asked: Iterable[str]) -> Book:
    """The book with every pending answer closed, because the request has ended."""
    for approval in answers(book, disbursement_id, asked):
        if approval.waits:
            book = book.put(approval.but(answer=Answer.CLOSED))
    return book


def answered(approval: Approval, step: Step | None, answer: Answer, act: Act) -> Approval:
    """The row after an answer; an approval holds for as long as the step says."""
    approved = answer is Answer.APPROVED
    abstaining = step is not None and step.abstention_passes and answer is Answer.ABSTAINED
    valid_days = step.valid_days if step is not None and approved else None
    return approval.but(
        answer=answer,
        passes=approved or abstaining,
        subject=act.subject,
        answered_seq=act.seq,
        holds_until=_days_after(act.at, valid_days),
        conditions=(),
        conditions_met_seq=None,
        kid=act.kid or None,
    )


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
    """Check that the person has not acted on this request before: requester, approvers and payer
    are different people. Raises SeparationOfDuties.
    """
    before = book.find(Involvement, disbursement_id, act.party, act.subject)
    if before is not None:
        raise SeparationOfDuties(
            f"This person has acted on the request as {before.capacity}; another one must do this."
        )


def require_turn(rows: Iterable[Approval], charter: Charter, approval: Approval) -> None:
    """Check that every step that comes before this one was answered so that the request goes on.
    Raises StepNotOpen.
    """
    before = comes_after(rows, charter, approval)
    if before is not None:
        raise StepNotOpen(f"Step {approval.step} comes after {before.step} of {before.party}.")


def comes_after(rows: Iterable[Approval], charter: Charter, approval: Approval) -> Approval | None:
    """The first answer that must be given before this one and is not; None if none.

    A step that this request does not need has no row and is not waited for.
    """
    step = charter.step(approval.step)
    for row in rows:
        if step is not None and row.step in step.after and not row.passes:
            earlier = charter.step(row.step)
            if earlier is not None and not _is_anothers(earlier, step, row, approval):
                return row
    return None


def _is_anothers(earlier: Step, step: Step, row: Approval, approval: Approval) -> bool:
    """Whether both steps are governments' and the row is another government's: it is not waited
    for.
    """
    own = earlier.who in GOVERNMENTS and step.who in GOVERNMENTS
    return own and row.party != approval.party


def _days_after(since: datetime, days: int | None) -> datetime | None:
    return None if days is None else since + timedelta(days=days)
