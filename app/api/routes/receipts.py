"""Receipts: money that has arrived."""

from fastapi import APIRouter, Depends, Request

from app.api.auth.policies import reader
from app.api.command_route import records
from app.api.http.documented import DATE_CODES, MONEY_CODES, reading
from app.api.http.examples import AN_ID, SOME_MONEY, example
from app.api.http.paging import After, Limit, Page
from app.api.http.rows import listed, the_one
from app.api.services import ServicesHere
from app.domain.inflow.receipts import BookReceipt, Receipt
from app.domain.refusals.base import NotFound
from app.domain.refusals.money import (
    AgreementNotInForce,
    AmountOutOfRange,
    BankReferenceUsed,
    CurrencyMismatch,
    DateOutOfRange,
    ExceedsAgreement,
    PeriodClosed,
    RateMissing,
    UnknownBankAccount,
)
from app.domain.refusals.people import WrongParty

router = APIRouter(prefix="/v1/funds/{fund}", tags=["receipts"])

RECEIPT = example(
    "The whole amount",
    {
        "agreement_id": AN_ID,
        "amount": SOME_MONEY,
        "bank_account": "FUND-NOK",
        "bank_reference": "NB-2026-0001",
        "value_date": "2026-06-30",
    },
)


records(
    router,
    "/receipts",
    BookReceipt,
    summary="Book money that has arrived",
    meaning="For the contributor's treasury or the trustee, once a line of the bank's statement.",
    example=RECEIPT,
    refuses=(
        *(NotFound, WrongParty, AgreementNotInForce, ExceedsAgreement, UnknownBankAccount),
        *(CurrencyMismatch, BankReferenceUsed, DateOutOfRange, PeriodClosed, RateMissing),
        AmountOutOfRange,
    ),
    values=(*MONEY_CODES, *DATE_CODES),
)


@router.get("/receipts", summary="Receipts", responses=reading(), dependencies=[Depends(reader)])
def list_receipts(
    fund: str, here: ServicesHere, request: Request, after: After = -1, limit: Limit = 100
) -> Page[Receipt]:
    """In the order in which they were booked."""
    return listed(here, fund, Receipt, request, after, limit)


@router.get(
    "/receipts/{receipt_id}",
    summary="One receipt",
    responses=reading(),
    dependencies=[Depends(reader)],
)
def get_receipt(fund: str, receipt_id: str, here: ServicesHere) -> Receipt:
    """The receipt, and whether it was corrected."""
    return the_one(here, fund, Receipt, receipt_id)
