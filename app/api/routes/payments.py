"""Payments: instructions to the bank, its confirmations and returns."""

from fastapi import APIRouter

from app.api.command_route import records
from app.api.http.documented import DATE_CODES, TEXT_CODES
from app.api.http.examples import AN_ID, example
from app.domain.outflow.payments import (
    CancelDisbursement,
    InstructDisbursement,
    ReturnDisbursement,
    SettleDisbursement,
)
from app.domain.refusals.base import NotFound
from app.domain.refusals.decisions import (
    ApprovalExpired,
    ConditionsOpen,
    ProposalClosed,
    QuorumLost,
)
from app.domain.refusals.money import (
    BankReferenceUsed,
    CurrencyMismatch,
    DateOutOfRange,
    InsufficientFunds,
    PeriodClosed,
    RateMissing,
    UnknownBankAccount,
)
from app.domain.refusals.people import SeparationOfDuties, WrongParty
from app.domain.refusals.record import NotWitnessed

router = APIRouter(prefix="/v1/funds/{fund}/disbursements/{disbursement_id}", tags=["payments"])

INSTRUCTION = example(
    "Paying from the kroner account", {"disbursement_id": AN_ID, "bank_account": "FUND-NOK"}
)

SETTLEMENT = example(
    "The bank has paid",
    {"disbursement_id": AN_ID, "bank_reference": "NB-2026-0002", "value_date": "2026-07-10"},
)

RETURN = example(
    "The bank sent it back",
    {
        "disbursement_id": AN_ID,
        "bank_reference": "NB-2026-0003",
        "value_date": "2026-07-12",
        "reason": "Account of the beneficiary closed",
    },
)

CANCELLATION = example(
    "Not needed any more", {"disbursement_id": AN_ID, "reason": "Repaired from another source"}
)


records(
    router,
    "/instruction",
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
    "/settlement",
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
    "/return",
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
    "/cancellation",
    CancelDisbursement,
    summary="Take a request back",
    meaning="For the recipient or the trustee, before the bank was told.",
    example=CANCELLATION,
    refuses=(NotFound, WrongParty, ProposalClosed, PeriodClosed),
    values=TEXT_CODES,
)
