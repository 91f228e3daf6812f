"""Checkpoints of the log, and the proof that one contains another."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field

from app.api.auth.policies import is_slug, public
from app.api.http.codes import SIZE_OUT_OF_RANGE
from app.api.http.documented import reading
from app.api.http.etag import tagged
from app.api.http.paging import After, Limit, Page, PlainInt, page
from app.api.http.problems import Problem
from app.api.services import ServicesHere
from app.domain.refusals.base import NotFound
from app.store import checkpoints, log

router = APIRouter(prefix="/v1/funds/{fund}", tags=["checkpoints"])


Position = Annotated[PlainInt, Query(ge=0, le=2**53 - 1)]


class SignedCheckpoint(BaseModel):
    """A checkpoint of the log: how many entries it covers, and the signed note itself."""

    size: int
    note: str = Field(description="A C2SP signed note, with its cosignatures.")


class Consistency(BaseModel):
    """The proof that the log of `new` entries begins with that of `old` (RFC 9162)."""

    old: int
    new: int
    proof: list[str] = Field(description="Hashes in hex.")


@router.get(
    "/log/checkpoint",
    summary="The newest signed checkpoint",
    response_class=Response,
    responses={**reading(public=True), 200: {"content": {"text/plain": {}}}},
    dependencies=[Depends(public)],
)
def get_checkpoint(fund: str, here: ServicesHere, request: Request) -> Response:
    """A C2SP tlog-checkpoint in a signed note. Public: it shows a size and a hash."""
    with here.database.read() as connection:
        note = checkpoints.newest_checkpoint(connection, fund) if is_slug(fund) else None
    if note is None:
        raise NotFound("There is no such fund.")
    return tagged(request, note, "text/plain; charset=utf-8", "no-cache")


@router.get(
    "/log/checkpoints",
    summary="Every checkpoint that was signed",
    responses=reading(public=True),
    dependencies=[Depends(public)],
)
def list_checkpoints(
    fund: str, here: ServicesHere, request: Request, after: After = -1, limit: Limit = 100
) -> Page[SignedCheckpoint]:
    """By size, each with the cosignatures that have come. `after` is a size."""
    with here.database.read() as connection:
        found = checkpoints.listed(connection, fund, max(after, 0), limit) if is_slug(fund) else []
        if not found and not (is_slug(fund) and log.read_head(connection, fund)):
            raise NotFound("There is no such fund.")
    items = [SignedCheckpoint(size=size, note=note.decode()) for size, note in found]
    return page(items, limit, {"after": items[-1].size if items else after}, request)


@router.get(
    "/log/consistency",
    summary="Proof that the log only grew",
    responses=reading(SIZE_OUT_OF_RANGE, public=True),
    dependencies=[Depends(public)],
)
def get_consistency(fund: str, here: ServicesHere, old: Position, new: Position) -> Consistency:
    """For two sizes with 1 <= old <= new <= the newest checkpoint's."""
    with here.database.read() as connection:
        note = checkpoints.newest_checkpoint(connection, fund) if is_slug(fund) else None
        if note is None:
            raise NotFound("There is no such fund.")
        if not 1 <= old <= new <= here.notary.size_of(fund, note):
            detail = "Sizes must be 1 <= old <= new <= the newest checkpoint's size."
            raise Problem(SIZE_OUT_OF_RANGE, detail)
        proof = log.hashes(connection, fund).consistency_proof(old, new)
    return Consistency(old=old, new=new, proof=[value.hex() for value in proof])
