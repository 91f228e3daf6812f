"""Routes of approvals: answers to the steps of a request, revocations, conditions met."""

from fastapi import APIRouter

from app.api.command_route import records
from app.api.http.documented import TEXT_CODES
from app.api.http.examples import A_DIGEST, AN_ID, example
from app.domain.outflow.approvals import AnswerStep, RevokeApproval
from app.domain.outflow.conditions import MeetConditions
from app.domain.refusals.base import NotFound
from app.domain.refusals.decisions import (
    AlreadyDecided,
    DrawnPartyMissing,
    EvidenceRequired,
    ProposalClosed,
    QuorumLost,
    ReasonRequired,
    StaleProposal,
    StepNotOpen,
    UnknownStep,
)
from app.domain.refusals.money import (
    ExceedsMandate,
    InsufficientFunds,
    MandateRequired,
    PeriodClosed,
)
from app.domain.refusals.people import SeparationOfDuties, WrongParty

router = APIRouter(prefix="/v1/funds/{fund}/disbursements/{disbursement_id}", tags=["approvals"])

APPROVAL = example(
    "Approving the legal review",
    {
        "disbursement_id": AN_ID,
        "step": "legal_review",
        "decision": "approve",
        "digest": A_DIGEST,
    },
)

APPROVAL_REVOCATION = example(
    "New facts",
    {"disbursement_id": AN_ID, "step": "legal_review", "reason": "A court has ruled otherwise"},
)

CONDITIONS_MET = example(
    "The audit report is there",
    {"disbursement_id": AN_ID, "step": "legal_review", "note": "Read and accepted"},
)


records(
    router,
    "/approvals",
    AnswerStep,
    summary="Approve or refuse one step",
    meaning="For the role that the step names. The last missing approval reserves the money.",
    example=APPROVAL,
    refuses=(
        *(NotFound, ProposalClosed, SeparationOfDuties, UnknownStep, WrongParty, StepNotOpen),
        *(AlreadyDecided, StaleProposal, EvidenceRequired, ReasonRequired, InsufficientFunds),
        *(PeriodClosed, QuorumLost, DrawnPartyMissing, MandateRequired, ExceedsMandate),
    ),
    values=TEXT_CODES,
)


records(
    router,
    "/revocations",
    RevokeApproval,
    summary="Take an approval back",
    meaning="For the role that the step names, before the payment is settled.",
    example=APPROVAL_REVOCATION,
    refuses=(
        *(NotFound, WrongParty, ProposalClosed, SeparationOfDuties, StepNotOpen),
        PeriodClosed,
    ),
    values=TEXT_CODES,
)


records(
    router,
    "/conditions",
    MeetConditions,
    summary="Say that your conditions are met",
    meaning="For the role that the step names: what the approval depended on is there.",
    example=CONDITIONS_MET,
    refuses=(NotFound, WrongParty, ProposalClosed, StepNotOpen, SeparationOfDuties),
    values=TEXT_CODES,
)
