"""Suspense: payments that could not be matched, how old they are, and what became of them."""

from datetime import date
from typing import Self

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from app.api.auth.policies import reader
from app.api.command_route import records
from app.api.http.documented import DATE_CODES, MONEY_CODES, TEXT_CODES, reading
from app.api.http.examples import AN_ID, example
from app.api.http.paging import After, Limit, Page
from app.api.http.rows import listed
from app.api.services import ServicesHere
from app.domain.inflow.suspense import (
    BookUnidentified,
    ResolveSuspense,
    ReturnSuspense,
    SuspenseItem,
    SuspenseState,
)
from app.domain.refusals.base import NotFound
from app.domain.refusals.money import (
    AgreementNotInForce,
    AmountOutOfRange,
    BankReferenceUsed,
    CurrencyMismatch,
    DateOutOfRange,
    ExceedsAgreement,
    InsufficientFunds,
    PeriodClosed,
    RateMissing,
    SuspenseClosed,
    UnknownBankAccount,
)
from app.domain.refusals.people import SeparationOfDuties, WrongParty
from app.runtime import clock

router = APIRouter(prefix="/v1/funds/{fund}/suspense", tags=["suspense"])

UNIDENTIFIED = example(
    "A payment without a reference",
    {
        "amount": {"amount": "5000.00", "currency": "NOK"},
        "bank_account": "FUND-NOK",
        "bank_reference": "NB-2026-0006",
        "note": "No remittance text",
        "value_date": "2026-07-02",
    },
)

RESOLUTION = example(
    "It was an instalment",
    {"suspense_id": AN_ID, "agreement_id": AN_ID, "effective_date": "2026-07-03"},
)

SUSPENSE_RETURN = example(
    "Nobody knows of it",
    {
        "suspense_id": AN_ID,
        "bank_reference": "NB-2026-0008",
        "value_date": "2026-07-05",
        "reason": "The sender asked for it",
    },
)


class AgedItem(BaseModel):
    """A payment, and for how many days it has waited; None once it is closed."""

    item: SuspenseItem
    age_days: int | None = Field(description="Days since the bank's value date.")

    @classmethod
    def of(cls, item: SuspenseItem, today: date) -> Self:
        """The item with its age on that day."""
        waits = item.state is SuspenseState.UNIDENTIFIED
        return cls(item=item, age_days=(today - item.value_date).days if waits else None)


records(
    router,
    "",
    BookUnidentified,
    summary="Book a payment that nobody can place",
    meaning="For the trustee: the bank has it, so the books have it; it pays for nothing.",
    example=UNIDENTIFIED,
    refuses=(
        *(UnknownBankAccount, CurrencyMismatch, BankReferenceUsed, DateOutOfRange),
        *(PeriodClosed, RateMissing, AmountOutOfRange),
    ),
    values=(*MONEY_CODES, *DATE_CODES, *TEXT_CODES),
)


@router.get(
    "", summary="Unidentified payments", responses=reading(), dependencies=[Depends(reader)]
)
def list_suspense(
    fund: str, here: ServicesHere, request: Request, after: After = -1, limit: Limit = 100
) -> Page[AgedItem]:
    """In the order in which they were booked, each with its age."""
    found = listed(here, fund, SuspenseItem, request, after, limit)
    today = clock.now().date()
    return Page[AgedItem](items=[AgedItem.of(item, today) for item in found.items], next=found.next)


records(
    router,
    "/{suspense_id}/resolution",
    ResolveSuspense,
    summary="Say whose payment it was",
    meaning="For the trustee: from here on it is a receipt on an agreement.",
    example=RESOLUTION,
    refuses=(
        *(NotFound, SuspenseClosed, WrongParty, AgreementNotInForce, ExceedsAgreement),
        *(CurrencyMismatch, DateOutOfRange, PeriodClosed, AmountOutOfRange),
    ),
    values=DATE_CODES,
)
records(
    router,
    "/{suspense_id}/return",
    ReturnSuspense,
    summary="Record that it was sent back",
    meaning="For another trustee than the one who booked it.",
    example=SUSPENSE_RETURN,
    refuses=(
        *(NotFound, SuspenseClosed, SeparationOfDuties, BankReferenceUsed, DateOutOfRange),
        *(InsufficientFunds, PeriodClosed, RateMissing, AmountOutOfRange),
    ),
    values=(*DATE_CODES, *TEXT_CODES),
)
