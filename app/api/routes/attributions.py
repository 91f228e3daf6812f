"""Attribution: each contributor's share of each disbursement."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel

from app.api.auth.policies import reader
from app.api.http.documented import reading
from app.api.http.paging import After, Limit, Page
from app.api.http.rows import listed
from app.api.routes.entries import proven
from app.api.services import ServicesHere
from app.chain.canonical import decode
from app.domain.books.positions import Position
from app.domain.outflow.attributions import Attribution
from app.domain.values import PartyId
from app.store import queries

router = APIRouter(prefix="/v1/funds/{fund}", tags=["attributions"])


class ProvenEntry(BaseModel):
    """An entry and its receipt (a tlog-proof): what `fundledger receipt` takes."""

    entry: dict[str, Any]
    receipt: str


class AttributionLine(BaseModel):
    """A contributor's share of one disbursement, and the entries that prove it.

    `entries` are the entry that reserved the money, with everybody's shares and what they were
    worked out from, and those that settled it or gave it back; each with its receipt.
    """

    attribution: Attribution
    entries: list[ProvenEntry]


class AttributionReport(BaseModel):
    """Where a contributor's money stands, and a page of what it was used for."""

    positions: list[Position]
    lines: Page[AttributionLine]


@router.get(
    "/attribution",
    summary="Where a contributor's money went",
    responses=reading(),
    dependencies=[Depends(reader)],
)
def get_attribution(
    fund: str,
    here: ServicesHere,
    request: Request,
    party: Annotated[PartyId, Query(description="The contributor.")],
    after: After = -1,
    limit: Limit = 20,
) -> AttributionReport:
    """To the minor unit, each line with the entries that prove it, and their receipts."""
    found = listed(here, fund, Attribution, request, after, limit, party=party)
    with here.database.read() as connection:
        positions = [row for row in queries.positions(connection, fund) if row.party == party]
        lines = [
            AttributionLine(
                attribution=line,
                entries=[
                    ProvenEntry(entry=decode(body), receipt=receipt)
                    for seq in (line.reserved_seq, line.settled_seq, line.ended_seq)
                    if seq is not None
                    for body, receipt in [proven(connection, fund, seq, here)]
                ],
            )
            for line in found.items
        ]
    return AttributionReport(
        positions=positions, lines=Page[AttributionLine](items=lines, next=found.next)
    )
