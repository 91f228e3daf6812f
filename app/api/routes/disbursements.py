"""Disbursements: requests for money, and where each stands."""

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel

from app.api.auth.policies import reader
from app.api.command_route import records
from app.api.http.documented import MONEY_CODES, TEXT_CODES, reading
from app.api.http.examples import example
from app.api.http.paging import After, Limit, Page
from app.api.http.rows import listed, the_one
from app.api.services import ServicesHere
from app.domain.governance.polls import Poll
from app.domain.outflow.disbursements import Disbursement, RequestDisbursement
from app.domain.outflow.steps import Approval
from app.domain.refusals.decisions import CalendarEnds, DeadlineImpossible
from app.domain.refusals.money import (
    CurrencyNotInCharter,
    InsufficientFunds,
    PurposeNotAllowed,
    RateMissing,
    UnknownWindow,
)
from app.domain.refusals.people import WrongParty
from app.store import queries

router = APIRouter(prefix="/v1/funds/{fund}/disbursements", tags=["disbursements"])

DISBURSEMENT = example(
    "Repairs of the grid",
    {
        "window": "energy",
        "amount": {"amount": "400000.00", "currency": "NOK"},
        "purpose": "grid",
        "description": "Transformers for two substations",
    },
)


class DisbursementView(BaseModel):
    """A disbursement, every approval that it has or waits for, and its vote, if it has one."""

    disbursement: Disbursement
    approvals: list[Approval]
    vote: Poll | None


records(
    router,
    "",
    RequestDisbursement,
    summary="Ask for money",
    meaning="For the recipient. Every approval that the charter asks for begins to wait.",
    example=DISBURSEMENT,
    refuses=(
        *(WrongParty, UnknownWindow, CurrencyNotInCharter, PurposeNotAllowed),
        *(InsufficientFunds, RateMissing, CalendarEnds, DeadlineImpossible),
    ),
    values=(*MONEY_CODES, *TEXT_CODES),
)


@router.get("", summary="Disbursements", responses=reading(), dependencies=[Depends(reader)])
def list_disbursements(
    fund: str, here: ServicesHere, request: Request, after: After = -1, limit: Limit = 100
) -> Page[Disbursement]:
    """In the order in which they were requested."""
    return listed(here, fund, Disbursement, request, after, limit)


@router.get(
    "/{disbursement_id}",
    summary="One disbursement and its approvals",
    responses=reading(),
    dependencies=[Depends(reader)],
)
def get_disbursement(fund: str, disbursement_id: str, here: ServicesHere) -> DisbursementView:
    """What was decided, what is pending and since when; an approval names `digest`."""
    found = the_one(here, fund, Disbursement, disbursement_id)
    with here.database.read() as connection:
        answers = queries.approvals(connection, fund, disbursement_id)
        vote = queries.one(connection, fund, Poll, disbursement_id)
    return DisbursementView(disbursement=found, approvals=answers, vote=vote)
