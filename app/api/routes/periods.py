"""Periods: closing the books, and opening them again."""

from fastapi import APIRouter, Depends, Request

from app.api.auth.policies import reader
from app.api.command_route import records
from app.api.http.documented import DATE_CODES, TEXT_CODES, reading
from app.api.http.examples import A_DIGEST, AN_ID, example
from app.api.http.paging import After, Limit, Page
from app.api.http.rows import listed, rows_of, the_one
from app.api.services import ServicesHere
from app.domain.books.closing import Closing
from app.domain.books.periods import (
    AnswerReopening,
    ClosePeriod,
    ProposeReopening,
    Reopening,
)
from app.domain.refusals.base import NotFound
from app.domain.refusals.decisions import (
    AlreadyDecided,
    ProposalClosed,
    ReasonRequired,
    StaleProposal,
)
from app.domain.refusals.money import DateOutOfRange, PeriodNotClosed
from app.domain.refusals.people import WrongParty

router = APIRouter(prefix="/v1/funds/{fund}", tags=["periods"])

CLOSING = example("The first half of 2026", {"through": "2026-06-30"})

REOPENING = example(
    "A late invoice", {"from_day": "2026-06-01", "reason": "An invoice of June came in July"}
)

REOPENING_ANSWER = example(
    "Agreed", {"reopening_id": AN_ID, "decision": "approve", "digest": A_DIGEST}
)


records(
    router,
    "/periods",
    ClosePeriod,
    summary="Close the books through a day",
    meaning="For the trustee: nothing is posted for a closed day any more.",
    example=CLOSING,
    refuses=(DateOutOfRange, PeriodNotClosed),
    values=DATE_CODES,
)


@router.get(
    "/periods",
    summary="Through which day the books are closed",
    responses=reading(),
    dependencies=[Depends(reader)],
)
def get_closing(fund: str, here: ServicesHere) -> Page[Closing]:
    """One row once a period was closed; none while all days are open."""
    return Page[Closing](items=rows_of(here, fund, Closing))


records(
    router,
    "/periods/reopenings",
    ProposeReopening,
    summary="Propose to open closed books again",
    meaning="For the trustee. Every government must approve it.",
    example=REOPENING,
    refuses=(PeriodNotClosed,),
    values=(*DATE_CODES, *TEXT_CODES),
)


@router.get(
    "/periods/reopenings",
    summary="Proposals to open closed books again",
    responses=reading(),
    dependencies=[Depends(reader)],
)
def list_reopenings(
    fund: str, here: ServicesHere, request: Request, after: After = -1, limit: Limit = 100
) -> Page[Reopening]:
    """In the order in which they were made, with who has yet to answer."""
    return listed(here, fund, Reopening, request, after, limit)


@router.get(
    "/periods/reopenings/{reopening_id}",
    summary="One proposal to open closed books again",
    responses=reading(),
    dependencies=[Depends(reader)],
)
def get_reopening(fund: str, reopening_id: str, here: ServicesHere) -> Reopening:
    """The proposal and who has yet to answer; an answer names `digest`."""
    return the_one(here, fund, Reopening, reopening_id)


records(
    router,
    "/periods/reopenings/{reopening_id}/answers",
    AnswerReopening,
    summary="Answer a proposal to open closed books again",
    meaning="For a government's treasury approver. The last approval opens the books.",
    example=REOPENING_ANSWER,
    refuses=(
        *(NotFound, WrongParty, ProposalClosed, AlreadyDecided, StaleProposal),
        ReasonRequired,
    ),
    values=TEXT_CODES,
)
