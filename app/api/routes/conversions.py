"""Conversions of one currency into another."""

from fastapi import APIRouter, Depends, Request

from app.api.auth.policies import reader
from app.api.command_route import records
from app.api.http.documented import MONEY_CODES, RATE_CODES, TEXT_CODES, reading
from app.api.http.examples import A_DIGEST, example
from app.api.http.paging import After, Limit, Page
from app.api.http.rows import listed
from app.api.services import ServicesHere
from app.domain.refusals.money import (
    AmountOutOfRange,
    BankReferenceUsed,
    CurrencyMismatch,
    DateOutOfRange,
    InsufficientFunds,
    NoExchangeRates,
    PeriodClosed,
    RateMissing,
    RateOutOfRange,
    RestrictionNotUsable,
    UnknownBankAccount,
    UnknownRestriction,
    UnknownWindow,
)
from app.domain.refusals.people import WrongParty
from app.domain.trustee.conversions import BookConversion, Conversion

router = APIRouter(prefix="/v1/funds/{fund}", tags=["conversions"])

CONVERSION = example(
    "Kroner into euro",
    {
        "window": "energy",
        "sold": {"amount": "114500.00", "currency": "NOK"},
        "bought": {"amount": "10000.00", "currency": "EUR"},
        "from_account": "FUND-NOK",
        "to_account": "FUND-EUR",
        "out_reference": "NB-2026-0004",
        "in_reference": "NB-2026-0005",
        "rate": "0.087336245",
        "rate_source": "The bank's confirmation",
        "evidence": A_DIGEST,
        "value_date": "2026-07-02",
    },
)


records(
    router,
    "/conversions",
    BookConversion,
    summary="Book a conversion",
    meaning="For the trustee: what the bank did, checked against its rate and the published one.",
    example=CONVERSION,
    refuses=(
        *(NoExchangeRates, UnknownWindow, UnknownRestriction, RestrictionNotUsable),
        *(UnknownBankAccount, CurrencyMismatch, BankReferenceUsed, DateOutOfRange),
        *(InsufficientFunds, RateMissing, RateOutOfRange, PeriodClosed, WrongParty),
        AmountOutOfRange,
    ),
    values=(*MONEY_CODES, *RATE_CODES, *TEXT_CODES),
)


@router.get(
    "/conversions", summary="Conversions", responses=reading(), dependencies=[Depends(reader)]
)
def list_conversions(
    fund: str, here: ServicesHere, request: Request, after: After = -1, limit: Limit = 100
) -> Page[Conversion]:
    """In the order in which they were booked."""
    return listed(here, fund, Conversion, request, after, limit)
