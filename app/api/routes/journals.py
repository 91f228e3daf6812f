"""The trustee's own journal entries."""

from fastapi import APIRouter, Depends, Request

from app.api.auth.policies import reader
from app.api.command_route import records
from app.api.http.documented import DATE_CODES, MONEY_CODES, TEXT_CODES, reading
from app.api.http.examples import example
from app.api.http.paging import After, Limit, Page
from app.api.http.rows import listed
from app.api.services import ServicesHere
from app.domain.refusals.money import (
    AmountOutOfRange,
    CurrencyMismatch,
    DateOutOfRange,
    PeriodClosed,
    Unbalanced,
    UnknownAccount,
)
from app.domain.trustee.journals import JournalEntry, PostJournal

router = APIRouter(prefix="/v1/funds/{fund}", tags=["journals"])

JOURNAL = example(
    "Bank charges of a month",
    {
        "effective_date": "2026-07-03",
        "memo": "Account fees for June",
        "lines": [
            {
                "account": "charges",
                "side": "debit",
                "amount": {"amount": "250.00", "currency": "NOK"},
            },
            {
                "account": "charges-due",
                "side": "credit",
                "amount": {"amount": "250.00", "currency": "NOK"},
            },
        ],
    },
)


records(
    router,
    "/journals",
    PostJournal,
    summary="Post a journal entry",
    meaning="For the trustee, on accounts that the charter declares: never on the fund's money.",
    example=JOURNAL,
    refuses=(
        *(UnknownAccount, CurrencyMismatch, Unbalanced, DateOutOfRange, PeriodClosed),
        AmountOutOfRange,
    ),
    values=(*MONEY_CODES, *DATE_CODES, *TEXT_CODES),
)


@router.get(
    "/journals", summary="Journal entries", responses=reading(), dependencies=[Depends(reader)]
)
def list_journals(
    fund: str, here: ServicesHere, request: Request, after: After = -1, limit: Limit = 100
) -> Page[JournalEntry]:
    """The trustee's own journal entries, in the order in which they were posted."""
    return listed(here, fund, JournalEntry, request, after, limit)
