"""Disbursements: each step, by whom, for whom and what, whose money, and the bank's reference."""

from collections.abc import Iterator
from typing import Final

from app.audit.format.views.base import LIFE, WHO, CsvView, JournaledEntry, Row
from app.domain.event import Event
from app.domain.outflow.disbursements import Disbursement
from app.domain.outflow.reservations import DisbursementReserved

_COLUMNS: Final = (
    *("disbursement_id", "recipient", "window", "purpose", "amount", "currency", "shares"),
    *("bank_account", "bank_reference", "value_date", "effective_date", "reason"),
)


def _rows(entry: JournaledEntry) -> Iterator[Row]:
    if not entry.entry.type.startswith("disbursement."):
        return
    identifier = entry.stated("disbursement_id")
    asked = entry.row(Disbursement, identifier)
    assert asked is not None, "it is requested before anything is said of it"  # noqa: S101
    yield (
        *entry.start,
        *entry.who,
        identifier,
        asked.recipient,
        asked.window,
        asked.purpose,
        asked.amount,
        asked.amount.currency,
        _shares(entry.event),
        entry.stated("bank_account"),
        entry.stated("bank_reference"),
        *entry.dates,
        entry.stated("reason"),
    )


def _shares(event: Event) -> str:
    """Whose money was reserved: `DE 60.00; FR 40.00`."""
    if not isinstance(event, DisbursementReserved):
        return ""
    return "; ".join(f"{party} {share.amount}" for party, share in sorted(event.shares.items()))


VIEW: Final = CsvView("views/disbursements.csv", (*LIFE, *WHO, *_COLUMNS), _rows)
