"""Exchange rates: what the charter's source has published."""

from fastapi import APIRouter, Depends, Request

from app.api.auth.policies import reader
from app.api.command_route import records
from app.api.http.documented import RATE_CODES, TEXT_CODES, reading
from app.api.http.examples import A_DIGEST, example
from app.api.http.paging import After, Limit, Page
from app.api.http.rows import listed
from app.api.services import ServicesHere
from app.domain.books.rates import CorrectRates, PublishRates, RateDay
from app.domain.refusals.base import AlreadyExists, NotFound
from app.domain.refusals.money import (
    CurrencyNotInCharter,
    DateOutOfRange,
    NoExchangeRates,
    RateOutOfRange,
)
from app.domain.refusals.people import SeparationOfDuties

router = APIRouter(prefix="/v1/funds/{fund}", tags=["rates"])

RATES = example(
    "Published for one day",
    {"day": "2026-07-01", "rates": {"NOK": "11.5"}, "evidence": A_DIGEST},
)

CORRECTED_RATES = example(
    "A slip of the pen",
    {
        "day": "2026-07-01",
        "rates": {"NOK": "11.45"},
        "evidence": A_DIGEST,
        "reason": "The first entry had the rate of the day before",
    },
)


records(
    router,
    "/rates",
    PublishRates,
    summary="Enter published exchange rates",
    meaning="For the trustee: what the charter's source has published for a day, once a day.",
    example=RATES,
    refuses=(NoExchangeRates, DateOutOfRange, AlreadyExists, CurrencyNotInCharter, RateOutOfRange),
    values=RATE_CODES,
)


records(
    router,
    "/rates/corrections",
    CorrectRates,
    summary="Correct the exchange rates of a day",
    meaning="For another trustee than the one who entered them. What was valued stays as it was.",
    example=CORRECTED_RATES,
    refuses=(
        *(NotFound, NoExchangeRates, CurrencyNotInCharter, RateOutOfRange),
        SeparationOfDuties,
    ),
    values=(*RATE_CODES, *TEXT_CODES),
)


@router.get("/rates", summary="Exchange rates", responses=reading(), dependencies=[Depends(reader)])
def list_rates(
    fund: str, here: ServicesHere, request: Request, after: After = -1, limit: Limit = 100
) -> Page[RateDay]:
    """In the order in which they were entered."""
    return listed(here, fund, RateDay, request, after, limit)
