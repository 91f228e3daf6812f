"""Requests on paper: what the tests of their answers share."""

from datetime import timedelta
from typing import Any

from app.domain.book import Book
from app.domain.event import Act, Event
from app.domain.outflow.approvals import AnswerStep, RevokeApproval
from app.domain.outflow.blockers import Blocker, blocker_keys, blockers
from app.domain.outflow.conditions import MeetConditions
from app.domain.outflow.disbursements import Disbursement
from app.domain.outflow.steps import Approval
from app.domain.values import LEDGER_PARTY, LEDGER_SUBJECT, Role
from tests.support.builders import Person, a_charter, an_approval, money
from tests.support.domain import Door

LAWYER = Person("DE", Role.LEGAL_REVIEWER)
RELEASER = Person("DE", Role.TREASURY_APPROVER)


def steps_with(**changes: dict[str, Any]) -> list[dict[str, Any]]:
    """The five steps of `a_charter`, some of them changed."""
    return [{**step, **changes.get(step["id"], {})} for step in a_charter()["approval_steps"]]


def paid_by(paper: Door, **amounts: int) -> Door:
    """A fund into whose budget window each named party has paid this much EUR more."""
    for party, amount in amounts.items():
        paper.paid(paper.agreed(party, money(amount)), money(amount))
    return paper


def stepped(**changes: dict[str, Any]) -> Door:
    """A fund with such steps; DE has paid 60 EUR, FR 40 EUR."""
    return paid_by(Door().open(approval_steps=steps_with(**changes)), DE=60, FR=40)


def answers(
    paper: Door,
    who: Person,
    request: Disbursement,
    step: str = "legal_review",
    *,
    kid: str = "",
    **changes: Any,
) -> Event:
    body = an_approval(request.disbursement_id, step, request.digest, **changes)
    return paper.do(who, AnswerStep.model_validate(body), kid=kid)


def takes_back(
    paper: Door, who: Person, request: Disbursement, step: str = "legal_review"
) -> Event:
    identifier = request.disbursement_id
    return paper.do(who, RevokeApproval(disbursement_id=identifier, step=step, reason="News"))


def meets(paper: Door, who: Person, request: Disbursement, step: str = "legal_review") -> Event:
    return paper.do(who, MeetConditions(disbursement_id=request.disbursement_id, step=step))


def later(paper: Door, **period: int) -> None:
    """Some time passes."""
    paper.now += timedelta(**period)


def now(paper: Door, request: Disbursement) -> Disbursement:
    """The request as it stands."""
    return paper.book.get(Disbursement, request.disbursement_id)


def answer_of(
    paper: Door, request: Disbursement, step: str = "legal_review", party: str = "DE"
) -> Approval:
    return paper.book.get(Approval, request.disbursement_id, step, party)


def blocked(paper: Door, request: Disbursement) -> list[Blocker]:
    """The request's blockers, worked out on exactly the rows that are named for them."""
    book, named = Book(), list(blocker_keys(Book(), request.disbursement_id))
    while any(not book.knows(row) for row in named):
        book = book.loaded((row, paper.book.peek(row[0], *row[1])) for row in named)
        named = list(blocker_keys(book, request.disbursement_id))
    act = Act(
        seq=len(paper.log),
        at=paper.now,
        party=LEDGER_PARTY,
        subject=LEDGER_SUBJECT,
        role=Role.LEDGER,
        digest="",
        new_id=str,
    )
    return blockers(book, now(paper, request), act)


def reasons(paper: Door, request: Disbursement) -> set[str]:
    """The codes of the request's blockers."""
    return {blocker.code for blocker in blocked(paper, request)}
