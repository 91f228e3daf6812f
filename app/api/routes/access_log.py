"""The fund's second log for its readers: what was refused, and what was read."""

from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from app.api.auth.policies import is_slug, public, reader
from app.api.http.documented import reading
from app.api.http.paging import After, Limit, Page, page
from app.api.routes.entries import decoded
from app.api.services import ServicesHere
from app.domain.refusals.base import NotFound
from app.store import checkpoints, log
from app.store.log_names import access_log

router = APIRouter(prefix="/v1/funds/{fund}/access", tags=["access"])


@router.get("", summary="Refusals and exports", responses=reading(), dependencies=[Depends(reader)])
def list_access(
    fund: str, here: ServicesHere, request: Request, after: After = -1, limit: Limit = 100
) -> Page[dict[str, Any]]:
    """The entries of the second log, in order: who, what, the code, the request's digest."""
    name = access_log(fund)
    with here.database.read() as connection:
        head = log.read_head(connection, name)
        size = head.size if head is not None else 0
        lines = log.page(connection, name, after=after, before=size, limit=limit, filters={})
    entries = decoded(lines, name, here)
    last = entries[-1]["seq"] if entries else after
    return page(entries, limit, {"after": last}, request)


@router.get(
    "/checkpoint",
    summary="The second log's newest checkpoint",
    response_class=Response,
    responses={**reading(public=True), 200: {"content": {"text/plain": {}}}},
    dependencies=[Depends(public)],
)
def get_access_checkpoint(fund: str, here: ServicesHere) -> Response:
    """A C2SP tlog-checkpoint in a signed note, of origin `<log origin>/<fund>/access`."""
    with here.database.read() as connection:
        note = (
            checkpoints.newest_checkpoint(connection, access_log(fund)) if is_slug(fund) else None
        )
    if note is None:
        raise NotFound("Nothing was refused or read in this fund so far.")
    headers = {"Cache-Control": "no-cache"}
    return Response(note, headers=headers, media_type="text/plain; charset=utf-8")
