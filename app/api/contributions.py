"""Contributions: pledges, agreements and their signatures, receipts."""

from typing import Annotated

from fastapi import APIRouter, Body, Depends, Request, Response

from app.api.answers import DATE_CODES, MONEY_CODES, TEXT_CODES, reading, writing
from app.api.deps import Recorded, ServicesHere, StrictRoute, WriteHere, reader
from app.api.examples import AGREEMENT, PLEDGE, RECEIPT, SIGNATURE
from app.api.lists import After, Limit, Page
from app.api.things import listed, the_one
from app.domain.inflow.agreements import Agreement, DraftAgreement, SignAgreement
from app.domain.inflow.pledges import AnnouncePledge, Pledge
from app.domain.inflow.receipts import BookReceipt, Receipt
from app.domain.refusals import (
    AgreementNotInForce,
    AlreadySigned,
    BankReferenceUsed,
    CurrencyMismatch,
    CurrencyNotInCharter,
    DateOutOfRange,
    ExceedsAgreement,
    ExceedsPledge,
    InstalmentsDoNotAddUp,
    NotFound,
    ProposalClosed,
    StaleProposal,
    UnknownBankAccount,
    UnknownWindow,
    WrongParty,
)

router = APIRouter(route_class=StrictRoute, prefix="/v1/funds/{fund}", tags=["contributions"])


@router.post(
    "/pledges",
    status_code=201,
    response_model=Recorded,
    summary="Announce a pledge",
    responses=writing(
        WrongParty, UnknownWindow, CurrencyNotInCharter, values=(*MONEY_CODES, *TEXT_CODES)
    ),
)
async def announce_pledge(
    command: Annotated[AnnouncePledge, Body(openapi_examples=PLEDGE)], write: WriteHere
) -> Response:
    """For a government's treasury. A pledge never counts as resources."""
    return await write(command)


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
    """The pledge as it stands."""
    return the_one(here, fund, Pledge, pledge_id)


@router.post(
    "/agreements",
    status_code=201,
    response_model=Recorded,
    summary="Draft an agreement",
    responses=writing(
        NotFound,
        WrongParty,
        UnknownWindow,
        CurrencyNotInCharter,
        CurrencyMismatch,
        InstalmentsDoNotAddUp,
        ExceedsPledge,
        values=(*MONEY_CODES, *DATE_CODES),
    ),
)
async def draft_agreement(
    command: Annotated[DraftAgreement, Body(openapi_examples=AGREEMENT)], write: WriteHere
) -> Response:
    """For a government's treasury. Binds nobody before both sides have signed."""
    return await write(command)


@router.get(
    "/agreements", summary="Agreements", responses=reading(), dependencies=[Depends(reader)]
)
def list_agreements(
    fund: str, here: ServicesHere, request: Request, after: After = -1, limit: Limit = 100
) -> Page[Agreement]:
    """In the order in which they were drafted."""
    return listed(here, fund, Agreement, request, after, limit)


@router.get(
    "/agreements/{agreement_id}",
    summary="One agreement",
    responses=reading(),
    dependencies=[Depends(reader)],
)
def get_agreement(fund: str, agreement_id: str, here: ServicesHere) -> Agreement:
    """The agreement as it stands; `digest` is what a signature names."""
    return the_one(here, fund, Agreement, agreement_id)


@router.post(
    "/agreements/{agreement_id}/signatures",
    status_code=201,
    response_model=Recorded,
    summary="Sign an agreement",
    responses=writing(
        NotFound, ProposalClosed, StaleProposal, WrongParty, AlreadySigned, ExceedsPledge
    ),
)
async def sign_agreement(
    agreement_id: str,
    command: Annotated[SignAgreement, Body(openapi_examples=SIGNATURE)],
    write: WriteHere,
) -> Response:
    """For the contributor's treasury and for the trustee. The second signature puts it in force."""
    return await write(command, agreement_id=agreement_id)


@router.post(
    "/receipts",
    status_code=201,
    response_model=Recorded,
    summary="Book money that has arrived",
    responses=writing(
        NotFound,
        WrongParty,
        AgreementNotInForce,
        ExceedsAgreement,
        UnknownBankAccount,
        CurrencyMismatch,
        BankReferenceUsed,
        DateOutOfRange,
        values=(*MONEY_CODES, *DATE_CODES),
    ),
)
async def book_receipt(
    command: Annotated[BookReceipt, Body(openapi_examples=RECEIPT)], write: WriteHere
) -> Response:
    """For the contributor's treasury or the trustee, once for each line of the bank's statement."""
    return await write(command)


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
    """The receipt."""
    return the_one(here, fund, Receipt, receipt_id)
