"""Approvals and votes: who answered what, with which key, on which conditions and documents."""

from collections.abc import Iterator
from typing import Final

from app.audit.format.views.base import LIFE, WHO, CsvView, JournaledEntry, Row
from app.domain.outflow.approvals import (
    ApprovalAbstained,
    ApprovalGiven,
    ApprovalRefused,
    ApprovalRevoked,
)
from app.domain.outflow.conditions import ConditionsMet
from app.domain.outflow.disbursements import Document
from app.domain.proposals.votes import BallotCast

_VOTE: Final = "vote"


def _rows(entry: JournaledEntry) -> Iterator[Row]:
    event = entry.event
    match event:
        case ApprovalGiven() | ApprovalRefused() | ApprovalAbstained():
            yield _row(
                entry,
                (event.disbursement_id, event.step, str(event.decision), event.reason or ""),
                event.conditions,
                event.documents,
            )
        case ApprovalRevoked():
            yield _row(entry, (event.disbursement_id, event.step, "revoke", event.reason))
        case ConditionsMet():
            what = (event.disbursement_id, event.step, "conditions_met", event.note or "")
            yield _row(entry, what, (), event.documents)
        case BallotCast():
            yield _row(entry, (event.matter_id, _VOTE, str(event.choice), event.reason or ""))


def _row(
    entry: JournaledEntry,
    what: tuple[str, str, str, str],
    conditions: tuple[str, ...] = (),
    documents: tuple[Document, ...] = (),
) -> Row:
    """A row of the table; `what` is the matter, the step, the decision and the reason."""
    signed = "yes" if entry.key_id else "no"
    named = "; ".join(f"{one.sha256} {one.citation}" for one in documents)
    return (*entry.start, *entry.who, *what, "; ".join(conditions), named, signed, entry.key_id)


VIEW: Final = CsvView(
    "views/approvals.csv",
    (
        *LIFE,
        *WHO,
        *("matter_id", "step", "decision", "reason", "conditions", "documents"),
        *("signed", "key_id"),
    ),
    _rows,
)
