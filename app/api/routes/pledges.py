"""Pledges: what governments intend to contribute."""

from fastapi import APIRouter, Depends, Request

from app.api.auth.policies import reader
from app.api.command_route import records
from app.api.http.documented import MONEY_CODES, TEXT_CODES, reading
from app.api.http.examples import SOME_MONEY, example
from app.api.http.paging import After, Limit, Page
from app.api.http.rows import listed, the_one
from app.api.services import ServicesHere
from app.domain.inflow.pledges import AnnouncePledge, Pledge
from app.domain.refusals.money import CurrencyNotInCharter, UnknownWindow
from app.domain.refusals.people import WrongParty

router = APIRouter(prefix="/v1/funds/{fund}", tags=["pledges"])

PLEDGE = example("One million kroner", {"window": "energy", "amount": SOME_MONEY})


records(
    router,
    "/pledges",
    AnnouncePledge,
    summary="Announce a pledge",
    meaning="For a government's treasury. A pledge never counts as resources.",
    example=PLEDGE,
    refuses=(WrongParty, UnknownWindow, CurrencyNotInCharter),
    values=(*MONEY_CODES, *TEXT_CODES),
)


@router.get("/pledges", summary="Pledges", responses=reading(), dependencies=[Depends(reader)])
def list_pledges(
    fund: str, here: ServicesHere, request: Request, after: After = -1, limit: Limit = 100
) -> Page[Pledge]:
    """In the order in which they were announced."""
    return listed(here, fund, Pledge, request, after, limit)


@router.get(
    "/pledges/{pledge_id}",
    summary="One pledge",
    responses=reading(),
    dependencies=[Depends(reader)],
)
def get_pledge(fund: str, pledge_id: str, here: ServicesHere) -> Pledge:
    """The pledge's present state."""
    return the_one(here, fund, Pledge, pledge_id)
