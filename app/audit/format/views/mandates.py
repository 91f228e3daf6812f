"""Mandates: what legislatures allowed, and every use of a mandate."""

from collections.abc import Iterator
from typing import Final

from app.audit.format.views.base import LIFE, WHO, CsvView, JournaledEntry, Row
from app.domain.inflow.agreements import Agreement, AgreementCovered
from app.domain.inflow.mandates import MandateRegistered, MandateWithdrawn
from app.domain.outflow.reservations import DisbursementReserved


def _rows(entry: JournaledEntry) -> Iterator[Row]:
    event = entry.event
    start = (*entry.start, *entry.who)
    match event:
        case MandateRegistered():
            cap = event.cap
            yield (*start, event.mandate_id, event.citation, "", cap, cap.currency)
        case MandateWithdrawn():
            yield (*start, event.mandate_id, "", "", "", "")
        case AgreementCovered():
            covered = entry.row(Agreement, event.agreement_id)
            assert covered is not None, "what is covered was drafted"  # noqa: S101
            amount = covered.amount
            yield (*start, event.mandate_id, "", event.agreement_id, amount, amount.currency)
        case DisbursementReserved():
            for use in event.mandates:
                amount = use.amount
                used_by = event.disbursement_id
                yield (*start, use.mandate_id, "", used_by, amount, amount.currency)


VIEW: Final = CsvView(
    "views/mandates.csv",
    (*LIFE, *WHO, "mandate_id", "citation", "used_by", "amount", "currency"),
    _rows,
)
