"""Proposals: what the governments are asked to decide together."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel

from app.api.auth.policies import reader
from app.api.command_route import records
from app.api.http.documented import TEXT_CODES, reading
from app.api.http.examples import A_DIGEST, AN_ID, example
from app.api.http.paging import After, Limit, Page
from app.api.http.rows import listed, the_one
from app.api.services import ServicesHere
from app.domain.charter.charter import CHARTER_INVALID
from app.domain.governance.polls import Poll
from app.domain.proposals.custody import LOG_KEY_CHANGE
from app.domain.proposals.proposals import (
    OpenProposal,
    Proposal,
    ProposalState,
    ReviseProposal,
    WithdrawProposal,
)
from app.domain.refusals.base import AlreadyExists, NotFound
from app.domain.refusals.decisions import (
    CalendarEnds,
    CharterIncompatible,
    DeadlineImpossible,
    ProposalClosed,
    StaleProposal,
    UnknownTimeZone,
)
from app.domain.refusals.money import RateMissing
from app.domain.refusals.people import WrongParty
from app.domain.refusals.record import AttestationFalse

router = APIRouter(prefix="/v1/funds/{fund}", tags=["proposals"])

_PROPOSED: Final = {
    "title": "A word of thanks",
    "subject": {"kind": "motion", "text": "The fund thanks the crews of the grid."},
}

PROPOSAL = example("A motion", _PROPOSED)

REVISION = example(
    "Better words",
    {
        "proposal_id": AN_ID,
        "replaces": A_DIGEST,
        "title": "A word of thanks",
        "subject": {"kind": "motion", "text": "The fund thanks everybody at the grid."},
    },
)

PROPOSAL_WITHDRAWAL = example("Said already", {"proposal_id": AN_ID, "reason": "Said"})


class ProposalView(BaseModel):
    """A proposal and its vote."""

    proposal: Proposal
    vote: Poll


records(
    router,
    "/proposals",
    OpenProposal,
    summary="Ask the governments to decide",
    meaning="For governments and the trustee: a charter, issuers, the log's keys, a motion.",
    example=PROPOSAL,
    refuses=(
        UnknownTimeZone,
        DeadlineImpossible,
        *(WrongParty, RateMissing, CalendarEnds, CharterIncompatible, AlreadyExists),
        *(AttestationFalse, StaleProposal),
    ),
    values=(CHARTER_INVALID, LOG_KEY_CHANGE, *TEXT_CODES),
)


@router.get("/proposals", summary="Proposals", responses=reading(), dependencies=[Depends(reader)])
def list_proposals(
    fund: str,
    here: ServicesHere,
    request: Request,
    *,
    state: Annotated[ProposalState | None, Query(description="Only those that stand so.")] = None,
    after: After = -1,
    limit: Limit = 100,
) -> Page[Proposal]:
    """In the order in which they were opened."""
    only = {} if state is None else {"state": str(state)}
    return listed(here, fund, Proposal, request, after, limit, **only)


@router.get(
    "/proposals/{proposal_id}",
    summary="One proposal and its vote",
    responses=reading(),
    dependencies=[Depends(reader)],
)
def get_proposal(fund: str, proposal_id: str, here: ServicesHere) -> ProposalView:
    """Its content, the rule, who may vote with which weight, and every ballot."""
    return ProposalView(
        proposal=the_one(here, fund, Proposal, proposal_id),
        vote=the_one(here, fund, Poll, proposal_id),
    )


records(
    router,
    "/proposals/{proposal_id}/revision",
    ReviseProposal,
    summary="Change what your party proposed",
    meaning="New content, new clock: everybody votes anew.",
    example=REVISION,
    refuses=(
        UnknownTimeZone,
        DeadlineImpossible,
        *(NotFound, WrongParty, ProposalClosed, StaleProposal, RateMissing, CalendarEnds),
        *(CharterIncompatible, AlreadyExists),
    ),
    values=(CHARTER_INVALID, *TEXT_CODES),
)


records(
    router,
    "/proposals/{proposal_id}/withdrawal",
    WithdrawProposal,
    summary="Take your party's proposal back",
    meaning="While it is open.",
    example=PROPOSAL_WITHDRAWAL,
    refuses=(UnknownTimeZone, DeadlineImpossible, NotFound, WrongParty, ProposalClosed),
    values=TEXT_CODES,
)
