"""Governance: delegations, denials, parties' keys, mandates, proposals and votes."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel

from app.api.answers import DATE_CODES, MONEY_CODES, TEXT_CODES, reading
from app.api.deps import ServicesHere, reader
from app.api.examples import (
    BALLOT,
    DELEGATION,
    DELEGATION_END,
    DENIAL,
    ENDORSEMENT,
    KEY,
    MANDATE,
    MANDATE_WITHDRAWAL,
    PROPOSAL,
    PROPOSAL_WITHDRAWAL,
    REVISION,
    REVOCATION,
)
from app.api.lists import After, Limit, Page
from app.api.things import listed, the_one
from app.api.writes import records
from app.domain.governance.delegations import EndDelegation, GrantDelegation
from app.domain.governance.membership import DenyMember
from app.domain.governance.party_keys import EndorseKey, PartyKey, RegisterKey, RevokeKey
from app.domain.governance.polls import Poll
from app.domain.inflow.mandates import Mandate, RegisterMandate, WithdrawMandate
from app.domain.proposals.proposals import (
    OpenProposal,
    Proposal,
    ProposalState,
    ReviseProposal,
    WithdrawProposal,
)
from app.domain.proposals.votes import CastBallot
from app.domain.refusals import (
    AlreadyDecided,
    AlreadyExists,
    AttestationFalse,
    CalendarEnds,
    CharterIncompatible,
    CurrencyNotInCharter,
    DateOutOfRange,
    DrawnPartyMissing,
    ExceedsMandate,
    InsufficientFunds,
    KeyNotValid,
    LastAdmin,
    MandateRequired,
    NotAMember,
    NotFound,
    NotInElectorate,
    PeriodClosed,
    ProposalClosed,
    PurposeNotAllowed,
    QuorumLost,
    RateMissing,
    ReasonRequired,
    RoleNotPermitted,
    SeparationOfDuties,
    SignatureRequired,
    StaleProposal,
    SubjectDenied,
    TooManyOpen,
    WrongParty,
)

router = APIRouter(prefix="/v1/funds/{fund}", tags=["governance"])


class ProposalView(BaseModel):
    """A proposal and its vote."""

    proposal: Proposal
    vote: Poll


records(
    router,
    "/members/denials",
    DenyMember,
    summary="Shut a person of your own party out",
    meaning="For admins. At once and for good, whatever token they show.",
    example=DENIAL,
    refuses=(NotFound, WrongParty, LastAdmin, SubjectDenied),
    values=TEXT_CODES,
)
records(
    router,
    "/members/delegations",
    GrantDelegation,
    summary="Let a member stand in for another",
    meaning="For admins: one more role for a member of their own party, for some days.",
    example=DELEGATION,
    refuses=(
        *(NotAMember, WrongParty, SeparationOfDuties, RoleNotPermitted, AlreadyExists),
        DateOutOfRange,
    ),
    values=DATE_CODES,
)
records(
    router,
    "/members/delegations/ends",
    EndDelegation,
    summary="End a delegation",
    meaning="For admins, before its last day.",
    example=DELEGATION_END,
    refuses=(NotAMember, WrongParty, NotFound),
)
records(
    router,
    "/keys",
    RegisterKey,
    summary="Register a key of your party",
    meaning=(
        "For admins. Signed with the key that it registers, over the digest of the charter and a "
        "checkpoint. A party's first key counts at once; later ones are endorsed."
    ),
    example=KEY,
    refuses=(SignatureRequired, KeyNotValid, AlreadyExists, StaleProposal),
)


@router.get("/keys", summary="Parties' keys", responses=reading(), dependencies=[Depends(reader)])
def list_keys(
    fund: str, here: ServicesHere, request: Request, after: After = -1, limit: Limit = 100
) -> Page[PartyKey]:
    """All of them, also revoked ones, in the order of registration."""
    return listed(here, fund, PartyKey, request, after, limit)


records(
    router,
    "/keys/endorsements",
    EndorseKey,
    summary="Endorse a key that waits",
    meaning=(
        "For admins: of its own party, signed with a key that it has; or, where those are lost, "
        "of another party, and then the old ones end."
    ),
    example=ENDORSEMENT,
    refuses=(NotFound, ProposalClosed, SignatureRequired),
)
records(
    router,
    "/keys/revocations",
    RevokeKey,
    summary="Revoke a key of your party",
    meaning="For admins. What it signed behind entry `trusted_through` is not trusted.",
    example=REVOCATION,
    refuses=(NotFound, WrongParty, ProposalClosed),
    values=TEXT_CODES,
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
records(
    router,
    "/proposals",
    OpenProposal,
    summary="Ask the governments to decide",
    meaning="For governments and the trustee: a charter, issuers, the log's keys, a motion.",
    example=PROPOSAL,
    refuses=(
        *(WrongParty, RateMissing, CalendarEnds, CharterIncompatible, AlreadyExists),
        *(AttestationFalse, StaleProposal),
    ),
    values=("charter_invalid", "log_key_change", *TEXT_CODES),
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
        *(NotFound, WrongParty, ProposalClosed, StaleProposal, RateMissing, CalendarEnds),
        *(CharterIncompatible, AlreadyExists),
    ),
    values=("charter_invalid", *TEXT_CODES),
)
records(
    router,
    "/proposals/{proposal_id}/withdrawal",
    WithdrawProposal,
    summary="Take your party's proposal back",
    meaning="While it is open.",
    example=PROPOSAL_WITHDRAWAL,
    refuses=(NotFound, WrongParty, ProposalClosed),
    values=TEXT_CODES,
)


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
        *(NotFound, ProposalClosed, NotInElectorate, AlreadyDecided, RoleNotPermitted),
        *(SeparationOfDuties, StaleProposal, ReasonRequired, CalendarEnds, InsufficientFunds),
        *(PeriodClosed, QuorumLost, DrawnPartyMissing, MandateRequired, ExceedsMandate),
        CharterIncompatible,
    ),
    values=TEXT_CODES,
)
