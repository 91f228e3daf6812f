"""The trustee's books: rates, conversions, revaluations, journal entries, corrections, periods."""

from fastapi import APIRouter, Depends, Request

from app.api.answers import DATE_CODES, MONEY_CODES, TEXT_CODES, reading
from app.api.deps import ServicesHere, reader
from app.api.examples import (
    CLOSING,
    CONVERSION,
    CORRECTED_RATES,
    JOURNAL,
    JOURNAL_CORRECTION,
    RATES,
    RECEIPT_CORRECTION,
    REOPENING,
    REOPENING_ANSWER,
    REVALUATION,
)
from app.api.lists import After, Limit, Page
from app.api.things import listed, rows_of, the_one
from app.api.writes import records
from app.domain.books.closing import Closing
from app.domain.books.periods import (
    AnswerReopening,
    ClosePeriod,
    ProposeReopening,
    Reopening,
)
from app.domain.books.rates import CorrectRates, PublishRates, RateDay
from app.domain.refusals import (
    AlreadyCorrected,
    AlreadyDecided,
    AlreadyExists,
    AmountOutOfRange,
    BankReferenceUsed,
    CurrencyMismatch,
    CurrencyNotInCharter,
    DateOutOfRange,
    InsufficientFunds,
    NoExchangeRates,
    NotFound,
    NothingToValue,
    PeriodClosed,
    PeriodNotClosed,
    ProposalClosed,
    RateMissing,
    RateOutOfRange,
    ReasonRequired,
    RestrictionNotUsable,
    SeparationOfDuties,
    StaleProposal,
    Unbalanced,
    UnknownAccount,
    UnknownBankAccount,
    UnknownRestriction,
    UnknownWindow,
    WrongParty,
)
from app.domain.trustee.conversions import BookConversion, Conversion
from app.domain.trustee.corrections import CorrectJournal, CorrectReceipt
from app.domain.trustee.journals import JournalEntry, PostJournal
from app.domain.trustee.revaluations import RevalueFund

router = APIRouter(prefix="/v1/funds/{fund}", tags=["treasury"])
_RATE_CODES = (*DATE_CODES, "invalid_rate", "unknown_currency")


records(
    router,
    "/rates",
    PublishRates,
    summary="Enter published exchange rates",
    meaning="For the trustee: what the charter's source has published for a day, once a day.",
    example=RATES,
    refuses=(NoExchangeRates, DateOutOfRange, AlreadyExists, CurrencyNotInCharter, RateOutOfRange),
    values=_RATE_CODES,
)
records(
    router,
    "/rates/corrections",
    CorrectRates,
    summary="Correct the exchange rates of a day",
    meaning="For another trustee than the one who entered them. What was valued stays as it was.",
    example=CORRECTED_RATES,
    refuses=(
        *(NotFound, NoExchangeRates, CurrencyNotInCharter, RateOutOfRange),
        SeparationOfDuties,
    ),
    values=(*_RATE_CODES, *TEXT_CODES),
)


@router.get("/rates", summary="Exchange rates", responses=reading(), dependencies=[Depends(reader)])
def list_rates(
    fund: str, here: ServicesHere, request: Request, after: After = -1, limit: Limit = 100
) -> Page[RateDay]:
    """In the order in which they were entered."""
    return listed(here, fund, RateDay, request, after, limit)


records(
    router,
    "/conversions",
    BookConversion,
    summary="Book a conversion",
    meaning="For the trustee: what the bank did, checked against its rate and the published one.",
    example=CONVERSION,
    refuses=(
        *(NoExchangeRates, UnknownWindow, UnknownRestriction, RestrictionNotUsable),
        *(UnknownBankAccount, CurrencyMismatch, BankReferenceUsed, DateOutOfRange),
        *(InsufficientFunds, RateMissing, RateOutOfRange, PeriodClosed, WrongParty),
        AmountOutOfRange,
    ),
    values=(*MONEY_CODES, *_RATE_CODES, *TEXT_CODES),
)


@router.get(
    "/conversions", summary="Conversions", responses=reading(), dependencies=[Depends(reader)]
)
def list_conversions(
    fund: str, here: ServicesHere, request: Request, after: After = -1, limit: Limit = 100
) -> Page[Conversion]:
    """In the order in which they were booked."""
    return listed(here, fund, Conversion, request, after, limit)


records(
    router,
    "/revaluations",
    RevalueFund,
    summary="Value the currencies that are held",
    meaning="For the trustee. Reverses the valuation before, and posts the unrealised gains.",
    example=REVALUATION,
    refuses=(
        *(NoExchangeRates, DateOutOfRange, NothingToValue, RateMissing, PeriodClosed),
        AmountOutOfRange,
    ),
    values=DATE_CODES,
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
    """The trustee's own, in the order in which they were posted."""
    return listed(here, fund, JournalEntry, request, after, limit)


records(
    router,
    "/journals/{journal_id}/correction",
    CorrectJournal,
    summary="Reverse a journal entry",
    meaning="For the trustee: a contra entry that names what it corrects, once.",
    example=JOURNAL_CORRECTION,
    refuses=(NotFound, AlreadyCorrected, DateOutOfRange, PeriodClosed, AmountOutOfRange),
    values=(*DATE_CODES, *TEXT_CODES),
)
records(
    router,
    "/receipts/{receipt_id}/correction",
    CorrectReceipt,
    summary="Take a receipt back that was booked wrongly",
    meaning="For the contributor's treasury or the trustee, while the money is still unreserved.",
    example=RECEIPT_CORRECTION,
    refuses=(
        *(NotFound, WrongParty, AlreadyCorrected, DateOutOfRange, InsufficientFunds),
        *(PeriodClosed, AmountOutOfRange),
    ),
    values=(*DATE_CODES, *TEXT_CODES),
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
    """`digest` is what an answer names."""
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
