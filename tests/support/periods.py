"""Reopenings on paper."""

from typing import Any

from app.domain.books.periods import (
    AnswerReopening,
    ProposeReopening,
    Reopening,
)
from app.domain.event import Event
from app.domain.values import Role
from tests.support.builders import TRUSTEE, Person
from tests.support.domain import (
    Door,
)


def approver(party: str) -> Person:
    return Person(party, Role.TREASURY_APPROVER)


def proposed(
    paper: Door, from_day: str = "2026-01-01", who: Person = TRUSTEE, reason: str = "A late fee"
) -> Reopening:
    body = {"from_day": from_day, "reason": reason}
    paper.do(who, ProposeReopening.model_validate(body))
    reopening: Reopening = paper.newest(Reopening)
    return reopening


def answered(paper: Door, proposal: Reopening, who: Person, **changes: Any) -> Event:
    body = {
        "reopening_id": proposal.reopening_id,
        "decision": "approve",
        "digest": proposal.digest,
        **changes,
    }
    return paper.do(who, AnswerReopening.model_validate(body))
