"""Disbursements: requests, approvals, and what the bank is told and says."""

from typing import Annotated

from fastapi import APIRouter, Body, Depends, Request, Response
from pydantic import BaseModel

from app.api.answers import DATE_CODES, MONEY_CODES, TEXT_CODES, reading, writing
from app.api.deps import Recorded, ServicesHere, StrictRoute, WriteHere, reader
from app.api.examples import (
    APPROVAL,
    CANCELLATION,
    DISBURSEMENT,
    INSTRUCTION,
    RETURN,
    SETTLEMENT,
)
from app.api.lists import After, Limit, Page
from app.api.things import listed, the_one
from app.domain.outflow.approvals import AnswerStep
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
    BankReferenceUsed,
    CurrencyMismatch,
    CurrencyNotInCharter,
    DateOutOfRange,
    EvidenceRequired,
    InsufficientFunds,
    NotFound,
    ProposalClosed,
    PurposeNotAllowed,
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

router = APIRouter(
    route_class=StrictRoute, prefix="/v1/funds/{fund}/disbursements", tags=["disbursements"]
)


class DisbursementView(BaseModel):
    """A disbursement, and every approval that it has or waits for."""

    disbursement: Disbursement
    approvals: list[Approval]


@router.post(
    "",
    status_code=201,
    response_model=Recorded,
    summary="Ask for money",
    responses=writing(
        WrongParty,
        UnknownWindow,
        CurrencyNotInCharter,
        PurposeNotAllowed,
        values=(*MONEY_CODES, *TEXT_CODES),
    ),
)
async def request_disbursement(
    command: Annotated[RequestDisbursement, Body(openapi_examples=DISBURSEMENT)], write: WriteHere
) -> Response:
    """For the recipient. Every approval that the charter asks for begins to wait."""
    return await write(command)


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
    return DisbursementView(disbursement=found, approvals=answers)


@router.post(
    "/{disbursement_id}/approvals",
    status_code=201,
    response_model=Recorded,
    summary="Approve or refuse one step",
    responses=writing(
        NotFound,
        ProposalClosed,
        SeparationOfDuties,
        UnknownStep,
        WrongParty,
        StepNotOpen,
        AlreadyDecided,
        StaleProposal,
        EvidenceRequired,
        ReasonRequired,
        InsufficientFunds,
        values=TEXT_CODES,
    ),
)
async def answer_step(
    disbursement_id: str,
    command: Annotated[AnswerStep, Body(openapi_examples=APPROVAL)],
    write: WriteHere,
) -> Response:
    """For the role that the step names. The last approval that is missing reserves the money."""
    return await write(command, disbursement_id=disbursement_id)


@router.post(
    "/{disbursement_id}/instruction",
    status_code=201,
    response_model=Recorded,
    summary="Instruct the bank",
    responses=writing(
        NotFound,
        ProposalClosed,
        SeparationOfDuties,
        UnknownBankAccount,
        CurrencyMismatch,
        InsufficientFunds,
    ),
)
async def instruct(
    disbursement_id: str,
    command: Annotated[InstructDisbursement, Body(openapi_examples=INSTRUCTION)],
    write: WriteHere,
) -> Response:
    """For the trustee, once the money is reserved."""
    return await write(command, disbursement_id=disbursement_id)


@router.post(
    "/{disbursement_id}/settlement",
    status_code=201,
    response_model=Recorded,
    summary="Record that the bank has paid",
    responses=writing(
        NotFound, ProposalClosed, BankReferenceUsed, DateOutOfRange, values=DATE_CODES
    ),
)
async def settle(
    disbursement_id: str,
    command: Annotated[SettleDisbursement, Body(openapi_examples=SETTLEMENT)],
    write: WriteHere,
) -> Response:
    """For the trustee, with the bank's reference."""
    return await write(command, disbursement_id=disbursement_id)


@router.post(
    "/{disbursement_id}/return",
    status_code=201,
    response_model=Recorded,
    summary="Record that the bank rejected or returned it",
    responses=writing(
        NotFound,
        ProposalClosed,
        BankReferenceUsed,
        DateOutOfRange,
        values=(*DATE_CODES, *TEXT_CODES),
    ),
)
async def give_back(
    disbursement_id: str,
    command: Annotated[ReturnDisbursement, Body(openapi_examples=RETURN)],
    write: WriteHere,
) -> Response:
    """For the trustee. The money goes back to the contributors it was attributed to."""
    return await write(command, disbursement_id=disbursement_id)


@router.post(
    "/{disbursement_id}/cancellation",
    status_code=201,
    response_model=Recorded,
    summary="Take a request back",
    responses=writing(NotFound, WrongParty, ProposalClosed, values=TEXT_CODES),
)
async def cancel(
    disbursement_id: str,
    command: Annotated[CancelDisbursement, Body(openapi_examples=CANCELLATION)],
    write: WriteHere,
) -> Response:
    """For the recipient or the trustee, before the bank was told."""
    return await write(command, disbursement_id=disbursement_id)
