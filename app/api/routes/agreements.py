"""Agreements: what governments owe, once both sides have signed."""

from fastapi import APIRouter, Depends, Request

from app.api.auth.policies import reader
from app.api.command_route import records
from app.api.http.documented import DATE_CODES, MONEY_CODES, reading
from app.api.http.examples import A_DIGEST, AN_ID, SOME_MONEY, example
from app.api.http.paging import After, Limit, Page
from app.api.http.rows import listed, the_one
from app.api.services import ServicesHere
from app.domain.inflow.agreements import Agreement, CoverAgreement, DraftAgreement, SignAgreement
from app.domain.refusals.base import NotFound
from app.domain.refusals.decisions import ProposalClosed, StaleProposal
from app.domain.refusals.money import (
    AlreadySigned,
    CurrencyMismatch,
    CurrencyNotInCharter,
    ExceedsMandate,
    ExceedsPledge,
    InstalmentsDoNotAddUp,
    MandateRequired,
    RestrictionNotUsable,
    UnknownRestriction,
    UnknownWindow,
)
from app.domain.refusals.people import WrongParty

router = APIRouter(prefix="/v1/funds/{fund}", tags=["agreements"])

AGREEMENT = example(
    "A grant in one instalment",
    {
        "window": "energy",
        "instrument": "grant",
        "amount": SOME_MONEY,
        "instalments": [{"due": "2026-06-30", "amount": SOME_MONEY}],
    },
)

SIGNATURE = example("Signing what was drafted", {"agreement_id": AN_ID, "digest": A_DIGEST})

COVER = example("Parliament has consented", {"agreement_id": AN_ID, "mandate_id": AN_ID})


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
    """The agreement's present state; a signature names `digest`."""
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
