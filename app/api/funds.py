"""Funds: opening one, reading its charter, where every contributor stands, the accounts."""

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from app.api.answers import TEXT_CODES, reading
from app.api.deps import (
    ActorHere,
    ReaderHere,
    ServicesHere,
    reader,
)
from app.api.examples import CHARTER, MEMBER, REMOVAL
from app.api.lists import Page
from app.api.writes import records
from app.domain.books.positions import Position
from app.domain.charter.charter import Charter
from app.domain.governance.funds import OpenFund
from app.domain.governance.log_keys import Log
from app.domain.governance.members import Member
from app.domain.governance.membership import AddMember, RemoveMember
from app.domain.refusals import (
    AlreadyExists,
    AttestationFalse,
    LastAdmin,
    NotFound,
    RoleNotPermitted,
    SubjectDenied,
    WrongParty,
)
from app.store import log, queries, read_tables
from app.store.log_names import access_log, is_access_log

router = APIRouter(prefix="/v1/funds", tags=["funds"])


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
    """Where every contributor stands. Five different words; none is a sum of others."""

    as_of: int
    positions: list[Position]


records(
    router,
    "",
    OpenFund,
    summary="Open a fund from its charter",
    meaning="The body is the charter. Whoever posts it must be named in it.",
    example=CHARTER,
    refuses=(AlreadyExists, WrongParty, RoleNotPermitted, AttestationFalse),
    values=("charter_invalid", "unknown_currency", *TEXT_CODES),
)


@router.get("", summary="The funds that your party belongs to", responses=reading())
def list_funds(actor: ActorHere, here: ServicesHere) -> Page[str]:
    """Their names, in order."""
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
        standing = queries.one(connection, fund, Log)
    if state is None or head is None or standing is None:
        raise NotFound("There is no such fund.")
    return FundView(
        charter=state.charter,
        charter_digest=state.charter_digest,
        charter_seq=state.charter_seq,
        log_vkey=standing.vkey,
        access_vkey=str(here.notary.verifiers(access_log(fund))[-1]),
        export_kid=standing.export_kid,
        size=head.size,
    )


records(
    router,
    "/{fund}/members",
    AddMember,
    summary="Add a person of your own party",
    meaning="For admins. Takes effect with the next entry.",
    example=MEMBER,
    refuses=(RoleNotPermitted, WrongParty, AlreadyExists, SubjectDenied),
)


records(
    router,
    "/{fund}/members/removals",
    RemoveMember,
    summary="Remove a person of your own party",
    meaning="For admins. What the person did stays on the record.",
    example=REMOVAL,
    refuses=(NotFound, WrongParty, LastAdmin),
)


@router.get(
    "/{fund}/members",
    summary="Who may act for whom",
    responses=reading(),
    dependencies=[Depends(reader)],
)
def list_members(fund: str, here: ServicesHere) -> Page[Member]:
    """All members, also those who were removed, by subject; one page."""
    with here.database.read() as connection:
        return Page[Member](items=list(read_tables.all_rows(connection, fund, Member)))


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
