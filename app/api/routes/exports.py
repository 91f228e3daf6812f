"""The audit export: a bundle of the log for auditors."""

from collections.abc import Generator
from contextlib import suppress
from itertools import chain
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from prometheus_client import CollectorRegistry, Counter
from starlette.types import Receive, Scope, Send

from app.api.auth.policies import ReaderHere
from app.api.http.codes import SIZE_OUT_OF_RANGE
from app.api.http.documented import reading
from app.api.http.paging import PlainInt
from app.api.http.problems import Problem
from app.api.services import ServicesHere
from app.domain.command import Actor
from app.domain.refusals.base import NotFound
from app.export.bundle import NothingSigned, NotInTheLog, Wanted, write_bundle
from app.ledger.access_log import exported
from app.ledger.submission import QueueFull
from app.runtime import clock
from app.store import log
from app.store.engine import LONG_S

router = APIRouter(prefix="/v1/funds/{fund}", tags=["exports"])


class ExportMetrics:
    """Metrics of audit exports."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.exports = Counter(
            "ledger_exports", "Audit exports by result.", ["result"], registry=registry
        )


@router.get(
    "/exports/audit",
    summary="The audit bundle",
    response_class=StreamingResponse,
    responses={**reading(SIZE_OUT_OF_RANGE), 200: {"content": {"application/zip": {}}}},
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
    """A stream that is closed with its response, also when the client disconnects."""

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
            here.ledger.damages.require_undamaged(fund)
            # The export is recorded before the first byte is sent.
            attempt = exported(actor, head.size, wanted.start, wanted.since)
            here.ledger.access.try_to_record(fund, [attempt])
        with here.database.read(LONG_S) as connection:
            yield from write_bundle(connection, fund, here.notary.keys, clock.now(), wanted)
        here.metrics.of(ExportMetrics).exports.labels("complete").inc()
    except NothingSigned:
        raise NotFound("Nothing of this fund is signed yet.") from None
    except NotInTheLog as error:
        detail = f"{str(error).capitalize()}: `from` lies below that, `since` from 1 up to it."
        raise Problem(SIZE_OUT_OF_RANGE, detail) from None
    except BaseException:
        here.metrics.of(ExportMetrics).exports.labels("failed").inc()
        raise
    finally:
        here.exports.give_back((fund, actor.party))
