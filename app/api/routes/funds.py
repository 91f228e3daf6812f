"""Funds: opening one, reading its charter, and every contributor's position."""

from typing import Any, Final

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from app.api.auth.policies import ActorHere, ReaderHere, reader
from app.api.command_route import records
from app.api.http.documented import TEXT_CODES, reading
from app.api.http.examples import example
from app.api.http.paging import Page
from app.api.services import ServicesHere
from app.domain.books.positions import Position
from app.domain.charter.charter import CHARTER_INVALID, Charter
from app.domain.governance.funds import OpenFund
from app.domain.governance.log_keys import Log
from app.domain.refusals.base import AlreadyExists, NotFound
from app.domain.refusals.decisions import UnknownTimeZone
from app.domain.refusals.people import RoleNotPermitted, WrongParty
from app.domain.refusals.record import AttestationFalse
from app.domain.value_faults import UNKNOWN_CURRENCY
from app.store import log, queries
from app.store.log_names import access_log, is_access_log

router = APIRouter(prefix="/v1/funds", tags=["funds"])

EXAMPLE_CHARTER: Final[dict[str, Any]] = {
    "fund": "example",
    "title": "Example fund",
    "parties": [
        {"id": "NO", "name": "Norway", "kind": "government"},
        {"id": "FUND", "name": "Trustee bank", "kind": "trustee"},
        {"id": "IFI", "name": "Supervising institution", "kind": "supervisor"},
        {"id": "UA", "name": "Ukraine", "kind": "recipient"},
    ],
    "members": [
        {"subject": "no-admin", "party": "NO", "roles": ["admin"]},
        {"subject": "no-1", "party": "NO", "roles": ["treasury"]},
        {"subject": "no-2", "party": "NO", "roles": ["legal_reviewer"]},
        {"subject": "no-3", "party": "NO", "roles": ["treasury_approver"]},
        {"subject": "no-5", "party": "NO", "roles": ["risk_officer"]},
        {"subject": "no-6", "party": "NO", "roles": ["legislature_clerk"]},
        {"subject": "fund-1", "party": "FUND", "roles": ["trustee"]},
        {"subject": "fund-2", "party": "FUND", "roles": ["trustee"]},
        {"subject": "ifi-1", "party": "IFI", "roles": ["supervisor"]},
        {"subject": "ua-1", "party": "UA", "roles": ["requester"]},
    ],
    "currencies": ["NOK", "EUR"],
    "holding_currency": "NOK",
    "windows": [{"id": "energy", "name": "Energy repairs", "purposes": ["grid", "heating"]}],
    "bank_accounts": [
        {"id": "FUND-NOK", "currency": "NOK"},
        {"id": "FUND-EUR", "currency": "EUR"},
    ],
    "restrictions": [
        {"id": "no-heating", "name": "Anything but heating", "excludes": ["heating"]},
    ],
    "accounts": [
        {"id": "charges", "name": "Bank charges", "kind": "expense", "currency": "NOK"},
        {"id": "charges-due", "name": "Charges due", "kind": "liability", "currency": "NOK"},
    ],
    "exchange_rates": {
        "source": "European Central Bank, reference rates",
        "base": "EUR",
        "max_age_days": 7,
        "tolerance_bp": 200,
    },
    "approval_steps": [
        {
            "id": "legal_review",
            "name": "Legal review",
            "role": "legal_reviewer",
            "who": "each_government",
        }
    ],
}

CHARTER = example("A fund of one government", EXAMPLE_CHARTER)


class FundView(BaseModel):
    """A fund: its charter in force, the keys that speak for its log, how long the log is.

    `charter_digest` is what a party acknowledges when it registers a key.
    """

    charter: Charter
    charter_digest: str
    charter_seq: int
    log_vkey: str
    access_vkey: str = Field(description="The same key under the second log's name.")
    export_kid: str
    size: int


class Summary(BaseModel):
    """The position of every contributor. The quantities are separate; none is a sum of others."""

    as_of: int
    positions: list[Position]


records(
    router,
    "",
    OpenFund,
    summary="Open a fund from its charter",
    meaning="The body is the charter. Whoever posts it must be named in it.",
    example=CHARTER,
    refuses=(UnknownTimeZone, AlreadyExists, WrongParty, RoleNotPermitted, AttestationFalse),
    values=(CHARTER_INVALID, UNKNOWN_CURRENCY, *TEXT_CODES),
)


@router.get("", summary="The funds that your party belongs to", responses=reading())
def list_funds(actor: ActorHere, here: ServicesHere) -> Page[str]:
    """The names of the funds that the caller's party belongs to, in order."""
    with here.database.read() as connection:
        names = [name for name in log.funds(connection) if not is_access_log(name)]
        known = {slug: queries.fund(connection, slug) for slug in names}
    mine = [s for s, fund in known.items() if fund and fund.charter.party(actor.party)]
    return Page[str](items=mine)


@router.get("/{fund}", summary="A fund and its charter", responses=reading())
def get_fund(fund: str, _: ReaderHere, here: ServicesHere) -> FundView:
    """The charter in force, and what a trust file needs."""
    with here.database.read() as connection:
        state, head = queries.fund(connection, fund), log.read_head(connection, fund)
        log_state = queries.one(connection, fund, Log)
    if state is None or head is None or log_state is None:
        raise NotFound("There is no such fund.")
    return FundView(
        charter=state.charter,
        charter_digest=state.charter_digest,
        charter_seq=state.charter_seq,
        log_vkey=log_state.vkey,
        access_vkey=str(here.notary.verifiers(access_log(fund))[-1]),
        export_kid=log_state.export_kid,
        size=head.size,
    )


@router.get(
    "/{fund}/summary",
    summary="Pledged, agreed, received, reserved, disbursed",
    responses=reading(),
    dependencies=[Depends(reader)],
)
def get_summary(fund: str, here: ServicesHere) -> Summary:
    """By contributor, window and currency, as of entry `as_of`."""
    with here.database.read() as connection:
        head = log.read_head(connection, fund)
        found = queries.positions(connection, fund)
    return Summary(as_of=head.size - 1 if head else -1, positions=list(found))
