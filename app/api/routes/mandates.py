"""Mandates: what legislatures have allowed."""

from fastapi import APIRouter, Depends, Request

from app.api.auth.policies import reader
from app.api.command_route import records
from app.api.http.documented import DATE_CODES, MONEY_CODES, TEXT_CODES, reading
from app.api.http.examples import A_DIGEST, AN_ID, SOME_MONEY, example
from app.api.http.paging import After, Limit, Page
from app.api.http.rows import listed, the_one
from app.api.services import ServicesHere
from app.domain.inflow.mandates import Mandate, RegisterMandate, WithdrawMandate
from app.domain.refusals.base import AlreadyExists, NotFound
from app.domain.refusals.decisions import ProposalClosed, TooManyOpen
from app.domain.refusals.money import CurrencyNotInCharter, DateOutOfRange, PurposeNotAllowed
from app.domain.refusals.people import WrongParty

router = APIRouter(prefix="/v1/funds/{fund}", tags=["mandates"])

MANDATE = example(
    "An act of parliament",
    {
        "citation": "Prop. 1 S (2026-2027), chapter 100",
        "document": A_DIGEST,
        "cap": SOME_MONEY,
        "purposes": ["grid"],
        "valid_from": "2026-01-01",
        "valid_through": "2030-12-31",
    },
)

MANDATE_WITHDRAWAL = example(
    "Replaced by a newer one", {"mandate_id": AN_ID, "reason": "Replaced by the revised budget"}
)


records(
    router,
    "/mandates",
    RegisterMandate,
    summary="Register an act of your legislature",
    meaning="For legislature clerks: citation, cap, purposes, validity, digest of the text.",
    example=MANDATE,
    refuses=(
        *(WrongParty, CurrencyNotInCharter, PurposeNotAllowed, DateOutOfRange, AlreadyExists),
        TooManyOpen,
    ),
    values=(*MONEY_CODES, *DATE_CODES, *TEXT_CODES),
)


@router.get("/mandates", summary="Mandates", responses=reading(), dependencies=[Depends(reader)])
def list_mandates(
    fund: str, here: ServicesHere, request: Request, after: After = -1, limit: Limit = 100
) -> Page[Mandate]:
    """In the order of registration, each with its headroom."""
    return listed(here, fund, Mandate, request, after, limit)


@router.get(
    "/mandates/{mandate_id}",
    summary="One mandate",
    responses=reading(),
    dependencies=[Depends(reader)],
)
def get_mandate(fund: str, mandate_id: str, here: ServicesHere) -> Mandate:
    """What it allows, what is agreed and released under it, and what is left."""
    return the_one(here, fund, Mandate, mandate_id)


records(
    router,
    "/mandates/{mandate_id}/withdrawal",
    WithdrawMandate,
    summary="Withdraw a mandate",
    meaning="For legislature clerks. Nothing more is agreed or released under it.",
    example=MANDATE_WITHDRAWAL,
    refuses=(NotFound, WrongParty, ProposalClosed),
    values=TEXT_CODES,
)
