"""Disbursements: requests, approvals, and what the bank is told and says."""

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel

from app.api.answers import DATE_CODES, MONEY_CODES, TEXT_CODES, reading
from app.api.deps import ServicesHere, reader
from app.api.examples import (
    APPROVAL,
    APPROVAL_REVOCATION,
    CANCELLATION,
    CONDITIONS_MET,
    DISBURSEMENT,
    INSTRUCTION,
    RETURN,
    SETTLEMENT,
)
from app.api.lists import After, Limit, Page
from app.api.things import listed, the_one
from app.api.writes import records
from app.domain.governance.polls import Poll
from app.domain.outflow.approvals import AnswerStep, RevokeApproval
from app.domain.outflow.conditions import MeetConditions
from app.domain.outflow.disbursements import Disbursement, RequestDisbursement
from app.domain.outflow.payments import (
    CancelDisbursement,
    InstructDisbursement,
    ReturnDisbursement,
    SettleDisbursement,
)
from app.domain.outflow.steps import Approval
from app.domain.refusals import (
    AlreadyDecided,
    ApprovalExpired,
    BankReferenceUsed,
    CalendarEnds,
    ConditionsOpen,
    CurrencyMismatch,
    CurrencyNotInCharter,
    DateOutOfRange,
    DrawnPartyMissing,
    EvidenceRequired,
    ExceedsMandate,
    InsufficientFunds,
    MandateRequired,
    NotFound,
    NotWitnessed,
    PeriodClosed,
    ProposalClosed,
    PurposeNotAllowed,
    QuorumLost,
    RateMissing,
    ReasonRequired,
    SeparationOfDuties,
    StaleProposal,
    StepNotOpen,
    UnknownBankAccount,
    UnknownStep,
    UnknownWindow,
    WrongParty,
)
from app.store import queries

router = APIRouter(prefix="/v1/funds/{fund}/disbursements", tags=["disbursements"])


class DisbursementView(BaseModel):
    """A disbursement, every approval that it has or waits for, and the vote, if it takes one."""

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
        *(InsufficientFunds, RateMissing, CalendarEnds),
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
    """What was decided, what still waits, and since when; `digest` is what an approval names."""
    found = the_one(here, fund, Disbursement, disbursement_id)
    with here.database.read() as connection:
        answers = queries.approvals(connection, fund, disbursement_id)
        vote = queries.one(connection, fund, Poll, disbursement_id)
    return DisbursementView(disbursement=found, approvals=answers, vote=vote)


records(
    router,
    "/{disbursement_id}/approvals",
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
    "/{disbursement_id}/revocations",
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
    "/{disbursement_id}/conditions",
    MeetConditions,
    summary="Say that your conditions are met",
    meaning="For the role that the step names: what the approval depended on is there.",
    example=CONDITIONS_MET,
    refuses=(NotFound, WrongParty, ProposalClosed, StepNotOpen, SeparationOfDuties),
    values=TEXT_CODES,
)


records(
    router,
    "/{disbursement_id}/instruction",
    InstructDisbursement,
    summary="Instruct the bank",
    meaning="For the trustee, once the money is reserved.",
    example=INSTRUCTION,
    refuses=(
        *(NotFound, ProposalClosed, SeparationOfDuties, UnknownBankAccount, CurrencyMismatch),
        *(InsufficientFunds, PeriodClosed, QuorumLost, ApprovalExpired, ConditionsOpen),
        NotWitnessed,
    ),
)


records(
    router,
    "/{disbursement_id}/settlement",
    SettleDisbursement,
    summary="Record that the bank has paid",
    meaning="For the trustee, with the bank's reference.",
    example=SETTLEMENT,
    refuses=(
        *(NotFound, ProposalClosed, BankReferenceUsed, DateOutOfRange, PeriodClosed),
        RateMissing,
    ),
    values=DATE_CODES,
)


records(
    router,
    "/{disbursement_id}/return",
    ReturnDisbursement,
    summary="Record that the bank rejected or returned it",
    meaning="For the trustee. The money goes back to the contributors it was attributed to.",
    example=RETURN,
    refuses=(
        *(NotFound, ProposalClosed, BankReferenceUsed, DateOutOfRange, PeriodClosed),
        RateMissing,
    ),
    values=(*DATE_CODES, *TEXT_CODES),
)


records(
    router,
    "/{disbursement_id}/cancellation",
    CancelDisbursement,
    summary="Take a request back",
    meaning="For the recipient or the trustee, before the bank was told.",
    example=CANCELLATION,
    refuses=(NotFound, WrongParty, ProposalClosed, PeriodClosed),
    values=TEXT_CODES,
)
