"""Votes: on requests and on proposals."""

from fastapi import APIRouter, Depends

from app.api.auth.policies import reader
from app.api.command_route import records
from app.api.http.documented import TEXT_CODES, reading
from app.api.http.examples import A_DIGEST, AN_ID, example
from app.api.http.rows import the_one
from app.api.services import ServicesHere
from app.domain.governance.polls import Poll
from app.domain.proposals.votes import CastBallot
from app.domain.refusals.base import NotFound
from app.domain.refusals.decisions import (
    AlreadyDecided,
    CalendarEnds,
    CharterIncompatible,
    DeadlineImpossible,
    DrawnPartyMissing,
    NotInElectorate,
    ProposalClosed,
    QuorumLost,
    ReasonRequired,
    StaleProposal,
)
from app.domain.refusals.money import (
    ExceedsMandate,
    InsufficientFunds,
    MandateRequired,
    PeriodClosed,
)
from app.domain.refusals.people import RoleNotPermitted, SeparationOfDuties

router = APIRouter(prefix="/v1/funds/{fund}", tags=["votes"])

BALLOT = example("In favour", {"matter_id": AN_ID, "choice": "in_favour", "digest": A_DIGEST})


@router.get(
    "/votes/{matter_id}",
    summary="The vote on a request or a proposal",
    responses=reading(),
    dependencies=[Depends(reader)],
)
def get_vote(fund: str, matter_id: str, here: ServicesHere) -> Poll:
    """The rule, the frozen electorate, the ballots, and when it closes."""
    return the_one(here, fund, Poll, matter_id)


records(
    router,
    "/votes/{matter_id}/ballots",
    CastBallot,
    summary="Vote",
    meaning="For the role that the rule names, once for each government of the electorate.",
    example=BALLOT,
    refuses=(
        DeadlineImpossible,
        *(NotFound, ProposalClosed, NotInElectorate, AlreadyDecided, RoleNotPermitted),
        *(SeparationOfDuties, StaleProposal, ReasonRequired, CalendarEnds, InsufficientFunds),
        *(PeriodClosed, QuorumLost, DrawnPartyMissing, MandateRequired, ExceedsMandate),
        CharterIncompatible,
    ),
    values=TEXT_CODES,
)
