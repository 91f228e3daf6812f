"""Holdings: the currencies that the fund has, and what they cost."""

from fastapi import APIRouter, Depends

from app.api.auth.policies import reader
from app.api.http.documented import reading
from app.api.http.paging import Page
from app.api.http.rows import rows_of
from app.api.services import ServicesHere
from app.domain.books.valuation import Holding

router = APIRouter(prefix="/v1/funds/{fund}", tags=["holdings"])


@router.get(
    "/holdings",
    summary="Currencies held, and what they cost",
    responses=reading(),
    dependencies=[Depends(reader)],
)
def list_holdings(fund: str, here: ServicesHere) -> Page[Holding]:
    """Cost, realised and unrealised gains are minor units of the holding currency; one page."""
    return Page[Holding](items=rows_of(here, fund, Holding))
