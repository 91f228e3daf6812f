"""Corrections: contra entries to receipts and journal entries."""

from fastapi import APIRouter

from app.api.command_route import records
from app.api.http.documented import DATE_CODES, TEXT_CODES
from app.api.http.examples import AN_ID, example
from app.domain.refusals.base import NotFound
from app.domain.refusals.money import (
    AlreadyCorrected,
    AmountOutOfRange,
    DateOutOfRange,
    InsufficientFunds,
    PeriodClosed,
)
from app.domain.refusals.people import WrongParty
from app.domain.trustee.corrections import CorrectJournal, CorrectReceipt

router = APIRouter(prefix="/v1/funds/{fund}", tags=["corrections"])

JOURNAL_CORRECTION = example(
    "They were waived",
    {"journal_id": AN_ID, "effective_date": "2026-07-03", "reason": "Waived by the bank"},
)

RECEIPT_CORRECTION = example(
    "Booked on the wrong agreement",
    {"receipt_id": AN_ID, "effective_date": "2026-07-01", "reason": "Meant for another agreement"},
)


records(
    router,
    "/journals/{journal_id}/correction",
    CorrectJournal,
    summary="Reverse a journal entry",
    meaning="For the trustee: a contra entry that names what it corrects, once.",
    example=JOURNAL_CORRECTION,
    refuses=(NotFound, AlreadyCorrected, DateOutOfRange, PeriodClosed, AmountOutOfRange),
    values=(*DATE_CODES, *TEXT_CODES),
)


records(
    router,
    "/receipts/{receipt_id}/correction",
    CorrectReceipt,
    summary="Take a receipt back that was booked wrongly",
    meaning="For the contributor's treasury or the trustee, while the money is still unreserved.",
    example=RECEIPT_CORRECTION,
    refuses=(
        *(NotFound, WrongParty, AlreadyCorrected, DateOutOfRange, InsufficientFunds),
        *(PeriodClosed, AmountOutOfRange),
    ),
    values=(*DATE_CODES, *TEXT_CODES),
)
