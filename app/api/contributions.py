"""Contributions: pledges, agreements and their signatures, receipts."""

from fastapi import APIRouter, Depends, Request

from app.api.answers import DATE_CODES, MONEY_CODES, TEXT_CODES, reading
from app.api.deps import ServicesHere, reader
from app.api.examples import AGREEMENT, COVER, PLEDGE, RECEIPT, SIGNATURE
from app.api.lists import After, Limit, Page
from app.api.things import listed, the_one
from app.api.writes import records
from app.domain.inflow.agreements import Agreement, CoverAgreement, DraftAgreement, SignAgreement
from app.domain.inflow.pledges import AnnouncePledge, Pledge
from app.domain.inflow.receipts import BookReceipt, Receipt
from app.domain.refusals import (
    AgreementNotInForce,
    AlreadySigned,
    AmountOutOfRange,
    BankReferenceUsed,
    CurrencyMismatch,
    CurrencyNotInCharter,
    DateOutOfRange,
    ExceedsAgreement,
    ExceedsMandate,
    ExceedsPledge,
    InstalmentsDoNotAddUp,
    MandateRequired,
    NotFound,
    PeriodClosed,
    ProposalClosed,
    RateMissing,
    RestrictionNotUsable,
    StaleProposal,
    UnknownBankAccount,
    UnknownRestriction,
    UnknownWindow,
    WrongParty,
)

router = APIRouter(prefix="/v1/funds/{fund}", tags=["contributions"])


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
    """The pledge as it stands."""
    return the_one(here, fund, Pledge, pledge_id)


records(
    router,
    "/agreements",
    DraftAgreement,
    summary="Draft an agreement",
    meaning="For a government's treasury. Binds nobody before both sides have signed.",
    example=AGREEMENT,
    refuses=(
        *(NotFound, WrongParty, UnknownWindow, CurrencyNotInCharter, CurrencyMismatch),
        *(UnknownRestriction, RestrictionNotUsable, InstalmentsDoNotAddUp, ExceedsPledge),
        *(MandateRequired, ExceedsMandate),
    ),
    values=(*MONEY_CODES, *DATE_CODES),
)


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


records(
    router,
    "/agreements/{agreement_id}/signatures",
    SignAgreement,
    summary="Sign an agreement",
    meaning="For the contributor's treasury and the trustee. The second one puts it in force.",
    example=SIGNATURE,
    refuses=(
        *(NotFound, ProposalClosed, StaleProposal, WrongParty, AlreadySigned, ExceedsPledge),
        *(MandateRequired, ExceedsMandate),
    ),
)


records(
    router,
    "/agreements/{agreement_id}/cover",
    CoverAgreement,
    summary="Put an agreement under a mandate",
    meaning="For the contributor's treasury, where the agreement waits for its legislature.",
    example=COVER,
    refuses=(
        *(NotFound, WrongParty, ProposalClosed, MandateRequired, CurrencyMismatch),
        *(ExceedsMandate, ExceedsPledge),
    ),
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
    """The receipt."""
    return the_one(here, fund, Receipt, receipt_id)
