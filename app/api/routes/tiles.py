"""The log as tiles (C2SP tlog-tiles), so that any client can mirror and check a fund.

A full tile never changes, so it may be cached for ever; a partial one is an earlier state of a
tile. Only what a checkpoint covers is served. The tree is public, as the checkpoint is: its hashes
show no content. Entries are for the fund's parties.
"""

import re
from typing import Final

from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy import Connection

from app.api.auth.policies import is_slug, public, reader
from app.api.http.documented import reading
from app.api.http.etag import tagged
from app.api.services import ServicesHere
from app.chain.tiles import TILE_WIDTH, tile_width
from app.domain.refusals.base import NotFound
from app.ledger.notary import Notary
from app.store import checkpoints, log

router = APIRouter(prefix="/v1/funds/{fund}/log/tile", tags=["log"])

_NUMBER: Final = re.compile(r"((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")
_LEVEL: Final = re.compile(r"[0-9]|[1-5][0-9]|6[0-3]")
_CACHED: Final = "public, max-age=31536000, immutable"
_CACHED_PRIVATELY: Final = "private, max-age=31536000, immutable"
_BYTES: Final = "application/octet-stream"


@router.get(
    "/entries/{number:path}",
    summary="A bundle of entries",
    response_class=Response,
    responses={**reading(), 200: {"content": {"application/octet-stream": {}}}},
    dependencies=[Depends(reader)],
)
def get_entries(fund: str, number: str, here: ServicesHere, request: Request) -> Response:
    """Up to 256 entries, each after its length in two bytes, most significant first."""
    place, width = _read(number)
    with here.database.read() as connection:
        _require(connection, fund, 0, place, width, here.notary)
        first = place * TILE_WIDTH
        here.ledger.damages.require_whole(fund, first, first + width)
        lines = log.bodies(connection, fund, first, first + width)
        content = b"".join(len(line).to_bytes(2, "big") + line for line in lines)
    return tagged(request, content, _BYTES, _CACHED_PRIVATELY)


@router.get(
    "/{level}/{number:path}",
    summary="A tile of the tree",
    response_class=Response,
    responses={**reading(public=True), 200: {"content": {"application/octet-stream": {}}}},
    dependencies=[Depends(public)],
)
def get_tile(fund: str, level: str, number: str, here: ServicesHere, request: Request) -> Response:
    """Up to 256 hashes of 32 bytes each, left to right."""
    if not is_slug(fund) or not _LEVEL.fullmatch(level):
        raise NotFound("There is no such tile.")
    place, width = _read(number)
    with here.database.read() as connection:
        _require(connection, fund, int(level), place, width, here.notary)
        hashes = log.tile(connection, fund, int(level), place)[:width]
    return tagged(request, b"".join(hashes), _BYTES, _CACHED)


def _read(number: str) -> tuple[int, int]:
    """Number and width, in the only spelling that the specification allows. Raises NotFound."""
    found = _NUMBER.fullmatch(number)
    if found is None:
        raise NotFound("There is no such tile.")
    digits = found[1].replace("x", "").replace("/", "")
    width = int(found[2]) if found[2] else TILE_WIDTH
    # A group of three zeros in front would be a second spelling.
    if width > TILE_WIDTH or (found[2] and width == TILE_WIDTH) or digits[:3] == "000" != digits:
        raise NotFound("There is no such tile.")
    return int(digits), width


def _require(
    connection: Connection, fund: str, level: int, place: int, width: int, notary: Notary
) -> None:
    """Check that the newest checkpoint covers this much of the tile. Raises NotFound otherwise."""
    note = checkpoints.newest_checkpoint(connection, fund)
    size = notary.size_of(fund, note) if note is not None else 0
    if not 0 < width <= tile_width(size, level, place):
        raise NotFound("There is no such tile.")
