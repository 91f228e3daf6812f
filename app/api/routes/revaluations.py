"""Revaluations of currencies that the fund holds."""

from fastapi import APIRouter

from app.api.command_route import records
from app.api.http.documented import DATE_CODES
from app.api.http.examples import example
from app.domain.refusals.money import (
    AmountOutOfRange,
    DateOutOfRange,
    NoExchangeRates,
    NothingToValue,
    PeriodClosed,
    RateMissing,
)
from app.domain.trustee.revaluations import RevalueFund

router = APIRouter(prefix="/v1/funds/{fund}", tags=["revaluations"])

REVALUATION = example("At the end of a week", {"day": "2026-07-03"})


records(
    router,
    "/revaluations",
    RevalueFund,
    summary="Value the currencies that are held",
    meaning="For the trustee. Reverses the valuation before, and posts the unrealised gains.",
    example=REVALUATION,
    refuses=(
        *(NoExchangeRates, DateOutOfRange, NothingToValue, RateMissing, PeriodClosed),
        AmountOutOfRange,
    ),
    values=DATE_CODES,
)
