"""The log for its readers: entries with their meaning and proof, checkpoints, the audit export."""

from collections.abc import Generator
from contextlib import suppress
from itertools import chain
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field
from sqlalchemy import Connection
from starlette.types import Receive, Scope, Send

from app.api.answers import reading
from app.api.deps import ReaderHere, Services, ServicesHere, is_slug, public, reader
from app.api.lists import After, Limit, Page, PlainInt, page
from app.api.problems import Problem
from app.api.tagged import tagged
from app.audit.replay import act_of, read_event
from app.chain.canonical import decode
from app.chain.entry import Entry
from app.chain.proof import TlogProof
from app.chain.tree import leaf_hash
from app.domain.command import Actor
from app.domain.refusals import NotFound
from app.export.bundle import NothingSigned, NotInTheLog, Wanted, write_bundle
from app.export.served_checkpoint import covering
from app.ledger.access_log import exported
from app.ledger.submission import QueueFull
from app.runtime import clock
from app.store import checkpoints, log
from app.store.log import Head

router = APIRouter(prefix="/v1/funds/{fund}", tags=["log"])

Position = Annotated[PlainInt, Query(ge=0, le=2**53 - 1)]


class EntryView(BaseModel):
    """An entry, what it says in words, and where it stands in the log."""

    entry: dict[str, Any]
    sentence: str
    leaf_hash: str = Field(description="SHA-256 of a zero byte and the entry's canonical bytes.")
    receipt: str = Field(
        description=(
            "A tlog-proof for the first checkpoint that covers it: with the quorum's "
            "cosignatures, once there is one that has them."
        )
    )


class SignedCheckpoint(BaseModel):
    """A checkpoint of the log: how many entries it covers, and the signed note itself."""

    size: int
    note: str = Field(description="A C2SP signed note, with its cosignatures.")


class Consistency(BaseModel):
    """The proof that the log of `new` entries begins with that of `old` (RFC 9162)."""

    old: int
    new: int
    proof: list[str] = Field(description="Hashes in hex.")


@router.get("/entries", summary="Entries", responses=reading(), dependencies=[Depends(reader)])
def list_entries(  # noqa: PLR0913  each is a filter
    fund: str,
    here: ServicesHere,
    request: Request,
    *,
    after: After = -1,
    limit: Limit = 100,
    as_of: Annotated[
        PlainInt | None, Query(ge=0, le=2**53 - 1, description="Nothing beyond this entry.")
    ] = None,
    type: Annotated[  # noqa: A002  the field's own name
        str | None, Query(pattern=r"^[a-z0-9_.]{1,64}$", description="One event type.")
    ] = None,
    party: Annotated[
        str | None, Query(pattern=r"^@?[A-Za-z0-9-]{1,16}$", description="Who acted.")
    ] = None,
) -> Page[dict[str, Any]]:
    """In order. Following `next` keeps `as_of`, so that a list does not grow while it is read."""
    with here.database.read() as connection:
        head = _head(log.read_head(connection, fund))
        last = head.size - 1 if as_of is None else min(as_of, head.size - 1)
        lines = log.page(
            connection,
            fund,
            after=after,
            before=last + 1,
            limit=limit,
            filters={k: v for k, v in (("type", type), ("party", party)) if v is not None},
        )
    entries = [decode(line) for line in lines]
    cursor = {"after": entries[-1]["seq"] if entries else after, "as_of": last}
    return page(entries, limit, cursor, request)


@router.get(
    "/entries/{seq}",
    summary="One entry, in words and with its proof",
    responses=reading(),
    dependencies=[Depends(reader)],
)
def get_entry(fund: str, seq: str, here: ServicesHere) -> EntryView:
    """The receipt is the one that the write was answered with; once witnesses have cosigned, one
    that carries their quorum.
    """
    position = int(seq) if seq.isascii() and seq.isdigit() and len(seq) <= 15 else -1
    with here.database.read() as connection:
        head = _head(log.read_head(connection, fund))
        if not 0 <= position < head.size:
            raise NotFound("There is no such entry.")
        line, receipt = proven(connection, fund, position, here)
    entry = Entry.from_bytes(line)
    return EntryView(
        entry=entry.members(),
        sentence=read_event(entry).sentence(act_of(entry)),
        leaf_hash=leaf_hash(line).hex(),
        receipt=receipt,
    )


def proven(connection: Connection, fund: str, seq: int, here: Services) -> tuple[bytes, str]:
    """The bytes of an entry and its receipt, under the first checkpoint that covers it: with the
    quorum of witnesses, where one has come.

    Raises NotFound while none does.
    """
    note = covering(connection, fund, seq, here.witnesses)
    if note is None:
        raise NotFound("The entry is not signed yet.")
    (line,) = log.bodies(connection, fund, seq, seq + 1)
    path = log.hashes(connection, fund).inclusion_proof(seq, here.notary.size_of(fund, note))
    return line, TlogProof(seq, tuple(path), note).to_text()


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
    responses=reading("size_out_of_range", public=True),
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
            raise Problem(422, "size_out_of_range", detail)
        proof = log.hashes(connection, fund).consistency_proof(old, new)
    return Consistency(old=old, new=new, proof=[value.hex() for value in proof])


@router.get(
    "/exports/audit",
    summary="The audit bundle",
    response_class=StreamingResponse,
    responses={**reading("size_out_of_range"), 200: {"content": {"application/zip": {}}}},
)
def export_audit(
    fund: str,
    here: ServicesHere,
    actor: ReaderHere,
    start: Annotated[
        PlainInt, Query(ge=0, le=2**53 - 1, alias="from", description="The first entry wanted.")
    ] = 0,
    since: Annotated[
        PlainInt | None,
        Query(ge=1, le=2**53 - 1, description="A size that you know: adds the proof from there."),
    ] = None,
) -> StreamingResponse:
    """Everything under one checkpoint, as one ZIP that `fundledger verify` checks.

    The newest checkpoint that the service's quorum of witnesses has cosigned; where none has, the
    newest. `from` leaves earlier entries out: their rules then cannot be executed. One at a time
    for each party, and a few in all: an export holds a connection for as long as its reader takes.
    """
    if not here.exports.take((fund, actor.party)):
        raise QueueFull
    wanted = Wanted(start, since, here.witnesses)
    stream = _bundle(fund, actor, here, wanted)
    first = next(stream)

    headers = {
        "Content-Disposition": f'attachment; filename="{fund}-audit.zip"',
        "Cache-Control": "no-store",
    }
    return _ClosedStream(stream, first, headers)


class _ClosedStream(StreamingResponse):
    """A stream that is closed with its response, also when its reader goes away."""

    def __init__(
        self, pieces: Generator[bytes, None, None], first: bytes, headers: dict[str, str]
    ) -> None:
        super().__init__(chain([first], pieces), headers=headers, media_type="application/zip")
        self._pieces = pieces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            # While a thread still makes the next piece it cannot be closed; it ends by itself.
            with suppress(ValueError):
                self._pieces.close()


def _bundle(
    fund: str, actor: Actor, here: ServicesHere, wanted: Wanted
) -> Generator[bytes, None, None]:
    """The bundle's pieces, from one consistent view of the database."""
    try:
        with here.database.read() as connection:
            head = log.read_head(connection, fund)
        if head is not None:
            # On the record before the first byte leaves.
            here.ledger.access.try_to_record(fund, [exported(actor, head.size)])
        with here.database.read() as connection:
            yield from write_bundle(connection, fund, here.notary.keys, clock.now(), wanted)
        here.metrics.exports.labels("complete").inc()
    except NothingSigned:
        raise NotFound("Nothing of this fund is signed yet.") from None
    except NotInTheLog as error:
        detail = f"{str(error).capitalize()}: `from` lies below that, `since` from 1 up to it."
        raise Problem(422, "size_out_of_range", detail) from None
    except BaseException:
        here.metrics.exports.labels("failed").inc()
        raise
    finally:
        here.exports.give_back((fund, actor.party))


def _head(head: Head | None) -> Head:
    if head is None:
        raise NotFound("There is no such fund.")
    return head
