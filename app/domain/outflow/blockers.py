"""Blockers: why a disbursement does not go on, as codes and in sentences.

The rules themselves are called, so that a blocker is exactly what a request would be refused for.
"""

from collections.abc import Callable, Iterator
from datetime import datetime

from pydantic import BaseModel

from app.domain.book import Book, Key
from app.domain.charter.charter import Charter
from app.domain.charter.decision_rules import DecisionClass
from app.domain.event import Act
from app.domain.governance.charter_versions import require_current
from app.domain.governance.checkpoints import require_witnessed
from app.domain.governance.funds import Fund, charter_of, fund_key
from app.domain.governance.log_keys import log_key
from app.domain.governance.polls import Poll, PollState, vote_keys
from app.domain.governance.seats import require_quorum, seats_key
from app.domain.outflow.disbursements import Disbursement, DisbursementState, disbursement_key
from app.domain.outflow.outcomes import vote_in_doubt
from app.domain.outflow.reservations import require_reservable, reservation_keys
from app.domain.outflow.steps import Answer, Approval, answer_keys, answers, comes_after
from app.domain.refusals.base import Refusal
from app.domain.values import Role

_WAITING_WORDS = {
    Answer.PENDING: "has not been given",
    Answer.ABSTAINED: "was withheld: they abstained",
    Answer.REVOKED: "was taken back",
}


class Blocker(BaseModel):
    """One reason: `since` when it holds, and `until` when it can be removed in time."""

    code: str
    sentence: str
    party: str | None = None
    step: str | None = None
    role: Role | None = None
    since: datetime | None = None
    until: datetime | None = None


def blockers(book: Book, disbursement: Disbursement, act: Act) -> list[Blocker]:
    """Everything that keeps the request from being paid, at the moment of `act`."""
    rows = answers(book, disbursement.disbursement_id, disbursement.asked)
    match disbursement.state:
        case DisbursementState.REQUESTED:
            found = [
                *_asked_of(lambda: _require_current(book, disbursement)),
                *_missing(charter_of(book), rows, act),
                *_doubts(book, rows, act),
                *_vote(book, disbursement, act),
                *_vote_in_doubt(book, disbursement),
                *_asked_of(lambda: require_quorum(book)),
                *_asked_of(
                    lambda: require_reservable(book, disbursement, disbursement.amount, act)
                ),
            ]
        case DisbursementState.RESERVED:
            found = [*_doubts(book, rows, act), *_vote_in_doubt(book, disbursement)]
            found += _asked_of(lambda: require_quorum(book))
            found += _asked_of(lambda: require_witnessed(book, disbursement.reserved_seq))
            found += (_condition(row, row.condition) for row in rows if row.condition)
        case DisbursementState.INSTRUCTED:
            found = [_recall(row) for row in rows if row.answer is Answer.REVOKED]
        case _:
            found = []
    return found


def blocker_keys(book: Book, disbursement_id: str) -> Iterator[Key]:
    """The rows that working out the blockers reads."""
    yield fund_key()
    yield log_key()
    yield seats_key()
    yield disbursement_key(disbursement_id)
    yield from vote_keys(book, disbursement_id)
    fund, disbursement = book.peek(Fund), book.peek(Disbursement, disbursement_id)
    if fund is not None and disbursement is not None:
        yield from answer_keys(book, disbursement_id, disbursement.asked)
        yield from reservation_keys(book, fund.charter, disbursement)


def _missing(charter: Charter, rows: list[Approval], act: Act) -> Iterator[Blocker]:
    for row in rows:
        if not row.waits:
            continue
        step = charter.step(row.step)
        name = step.name if step is not None else row.step
        before = comes_after(rows, charter, row) if step is not None else None
        turn = f" It comes after step {before.step} of {before.party}." if before else ""
        late = " The time for it is over." if row.is_overdue(act.at) else ""
        yield Blocker(
            code="approval_missing" if before is None else "step_not_open",
            sentence=f"{name} of {row.party} {_WAITING_WORDS[row.answer]}.{turn}{late}",
            party=row.party,
            step=row.step,
            role=row.role,
            since=row.waiting_since,
            until=row.due_at,
        )


def _doubts(book: Book, rows: list[Approval], act: Act) -> Iterator[Blocker]:
    for row in rows:
        doubt = row.doubt(book, act.at)
        if doubt is not None:
            yield Blocker(
                code="approval_expired",
                sentence=f"{doubt} It must be given again.",
                party=row.party,
                step=row.step,
                role=row.role,
                since=row.holds_until,
            )


def _vote_in_doubt(book: Book, disbursement: Disbursement) -> Iterator[Blocker]:
    if vote_in_doubt(book, disbursement.disbursement_id):
        yield Blocker(
            code="approval_expired",
            sentence="The vote counted a ballot of a key that was not trusted there any more.",
        )


def _vote(book: Book, disbursement: Disbursement, act: Act) -> Iterator[Blocker]:
    poll = book.find(Poll, disbursement.disbursement_id)
    if poll is None or poll.state is PollState.ACCEPTED:
        return
    silent = ", ".join(party for party in poll.electorate if party not in poll.cast)
    over = " Its clock has ended; the decision is about to be recorded."
    yield Blocker(
        code="vote_open",
        sentence=(
            f"The vote by {poll.vote.rule} is open; {silent or 'nobody'} has yet to vote."
            f"{over if poll.is_over(act.at) else ''}"
        ),
        role=poll.vote.role,
        since=poll.opened_at,
        until=poll.closes_at,
    )


def _require_current(book: Book, disbursement: Disbursement) -> None:
    require_current(book, DecisionClass.RELEASE, disbursement.charter_seq)


def _condition(row: Approval, sentence: str) -> Blocker:
    return Blocker(
        code="conditions_open",
        sentence=sentence,
        party=row.party,
        step=row.step,
        role=row.role,
    )


def _recall(row: Approval) -> Blocker:
    return Blocker(
        code="recall_needed",
        sentence=f"{row.party} took its approval back after the bank was told: recall it.",
        party=row.party,
        step=row.step,
        role=Role.TRUSTEE,
    )


def _asked_of(rule: Callable[[], None]) -> Iterator[Blocker]:
    """The refusal that a rule raises, as a blocker; nothing when it raises none."""
    try:
        rule()
    except Refusal as refusal:
        yield Blocker(code=refusal.code, sentence=refusal.sentence)
