"""Entries of the log, with their meaning and proof."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from app.api.auth.policies import reader
from app.api.http.documented import reading
from app.api.http.paging import After, Limit, Page, PlainInt, page
from app.api.services import Services, ServicesHere
from app.audit.replay import act_of, read_event
from app.chain.canonical import NotCanonical, decode
from app.chain.entry import Entry
from app.chain.proof import TlogProof
from app.chain.tiles import TILE_WIDTH
from app.chain.tree import ProofError, leaf_hash, verify_inclusion
from app.domain.refusals.base import NotFound
from app.export.served_checkpoint import covering
from app.ledger.damage_watch import EntryDamaged
from app.ledger.integrity import SOMEWHERE, SignedTree
from app.store import log
from app.store.log import Head

router = APIRouter(prefix="/v1/funds/{fund}", tags=["entries"])


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
    entries = decoded(lines, fund, here)
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


def decoded(lines: list[bytes], log_name: str, here: Services) -> list[dict[str, Any]]:
    """Entries of a log that are known to be whole, in order. Raises EntryDamaged."""
    try:
        entries: list[dict[str, Any]] = [decode(line) for line in lines]
    except NotCanonical:
        # No ledger has recorded such bytes. Which entry it is, the scrub will say.
        raise EntryDamaged(SOMEWHERE, "") from None
    for entry in entries:
        here.ledger.damages.require_whole(log_name, entry["seq"], entry["seq"] + 1)
    return entries


def proven(connection: Connection, fund: str, seq: int, here: Services) -> tuple[bytes, str]:
    """The bytes of an entry and its receipt, under the first checkpoint that covers it: with the
    quorum of witnesses, where one has come.

    Raises NotFound while none does.
    """
    note = covering(connection, fund, seq, here.witnesses)
    if note is None:
        raise NotFound("The entry is not signed yet.")
    here.ledger.damages.require_whole(fund, seq, seq + 1)
    (line,) = log.bodies(connection, fund, seq, seq + 1)
    signed = here.notary.opened(fund, note)
    path = log.hashes(connection, fund).inclusion_proof(seq, signed.size)
    try:
        verify_inclusion(seq, signed.size, leaf_hash(line), path, signed.root)
    except ProofError:
        path = _past_damage(SignedTree(connection, fund, signed), fund, seq, here)
    return line, TlogProof(seq, tuple(path), note).to_text()


def _past_damage(tree: SignedTree, fund: str, seq: int, here: Services) -> list[bytes]:
    """The proof of an entry beside which something was changed. Raises EntryDamaged where it was
    the entry itself.
    """
    here.ledger.damages.found(fund, tree.damages(seq // TILE_WIDTH))
    here.ledger.damages.require_whole(fund, seq, seq + 1)
    path = tree.proof(seq)
    if path is None:
        raise EntryDamaged(seq, "")
    return path


def _head(head: Head | None) -> Head:
    if head is None:
        raise NotFound("There is no such fund.")
    return head
