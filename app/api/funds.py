"""Funds: opening one, reading its charter, where every contributor stands, the accounts."""

from typing import Annotated

from fastapi import APIRouter, Body, Depends, Query, Request, Response
from pydantic import BaseModel

from app.api.answers import TEXT_CODES, reading, writing
from app.api.deps import (
    ActorHere,
    ReaderHere,
    Recorded,
    ServicesHere,
    StrictRoute,
    WriteHere,
    reader,
)
from app.api.examples import CHARTER, MEMBER, REMOVAL
from app.api.lists import Limit, Page, page
from app.domain.books.journal import Account
from app.domain.books.positions import Position
from app.domain.governance.charter import Charter
from app.domain.governance.funds import OpenFund
from app.domain.governance.members import Member
from app.domain.governance.membership import AddMember, RemoveMember
from app.domain.refusals import (
    AlreadyExists,
    LastAdmin,
    NotFound,
    RoleNotPermitted,
    WrongParty,
)
from app.store import log, queries, readtables

router = APIRouter(route_class=StrictRoute, prefix="/v1/funds", tags=["funds"])


class FundView(BaseModel):
    """A fund: its charter in force, the keys that speak for its log, how long the log is."""

    charter: Charter
    log_vkey: str
    export_kid: str
    size: int


class Summary(BaseModel):
    """Where every contributor stands. Five different words; none is a sum of others."""

    as_of: int
    positions: list[Position]


@router.post(
    "",
    status_code=201,
    response_model=Recorded,
    summary="Open a fund from its charter",
    responses=writing(
        AlreadyExists,
        WrongParty,
        RoleNotPermitted,
        values=("charter_invalid", "unknown_currency", *TEXT_CODES),
    ),
)
async def open_fund(
    command: Annotated[OpenFund, Body(openapi_examples=CHARTER)], write: WriteHere
) -> Response:
    """The body is the charter. Whoever posts it must be named in it."""
    return await write.to(command.fund)(command)


@router.get("", summary="The funds that your party belongs to", responses=reading())
def list_funds(actor: ActorHere, here: ServicesHere) -> Page[str]:
    """Their names, in order."""
    with here.database.read() as connection:
        known = {slug: queries.fund(connection, slug) for slug in log.funds(connection)}
    mine = [s for s, fund in known.items() if fund and fund.charter.party(actor.party)]
    return Page[str](items=mine)


@router.get("/{fund}", summary="A fund and its charter", responses=reading())
def get_fund(fund: str, _: ReaderHere, here: ServicesHere) -> FundView:
    """The charter in force, and what a trust file needs."""
    with here.database.read() as connection:
        state, head = queries.fund(connection, fund), log.read_head(connection, fund)
    if state is None or head is None:
        raise NotFound("There is no such fund.")
    keys = here.notary.keys
    return FundView(
        charter=state.charter,
        log_vkey=str(keys.of_log(fund).verifier),
        export_kid=keys.export_kid,
        size=head.size,
    )


@router.post(
    "/{fund}/members",
    status_code=201,
    response_model=Recorded,
    summary="Add a person of your own party",
    responses=writing(RoleNotPermitted, WrongParty, AlreadyExists),
)
async def add_member(
    command: Annotated[AddMember, Body(openapi_examples=MEMBER)], write: WriteHere
) -> Response:
    """For admins. Takes effect with the next entry."""
    return await write(command)


@router.post(
    "/{fund}/members/removals",
    status_code=201,
    response_model=Recorded,
    summary="Remove a person of your own party",
    responses=writing(NotFound, WrongParty, LastAdmin),
)
async def remove_member(
    command: Annotated[RemoveMember, Body(openapi_examples=REMOVAL)], write: WriteHere
) -> Response:
    """For admins. What the person did stays on the record."""
    return await write(command)


@router.get(
    "/{fund}/members",
    summary="Who may act for whom",
    responses=reading(),
    dependencies=[Depends(reader)],
)
def list_members(fund: str, here: ServicesHere) -> Page[Member]:
    """All members, also those who were removed, by subject; one page."""
    with here.database.read() as connection:
        return Page[Member](items=list(readtables.all_rows(connection, fund, Member)))


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


@router.get(
    "/{fund}/balances",
    summary="The accounts and their totals",
    responses=reading(),
    dependencies=[Depends(reader)],
)
def list_balances(
    fund: str,
    here: ServicesHere,
    request: Request,
    after: Annotated[
        str, Query(max_length=300, pattern=r"^[\x21-\x7e]*$", description="The cursor of `next`.")
    ] = "",
    limit: Limit = 100,
) -> Page[Account]:
    """Debits, credits and their difference by account and currency, in order of the paths."""
    path, _, currency = after.rpartition("|")
    with here.database.read() as connection:
        found = queries.accounts(connection, fund, (path, currency), limit)
    cursor = f"{found[-1].account}|{found[-1].currency}" if found else ""
    return page(found, limit, {"after": cursor}, request)
