"""The witness over HTTP: C2SP tlog-witness, two addresses.

`POST /add-checkpoint` asks for a cosignature; `GET /<hex SHA-256 of the origin>/checkpoint` shows
the newest checkpoint that was cosigned, to whoever wants to compare. Nobody signs in: what counts
is the log's own signature.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from app import clock
from app.chain.checkpoint import Checkpoint
from app.chain.note import Note, NoteKey
from app.chain.policy import Policy
from app.chain.witness import (
    MAX_QUESTION_BYTES,
    Elsewhere,
    Inconsistent,
    Malformed,
    NotCosigned,
    NotSigned,
    Question,
    UnknownLog,
    View,
    opened,
    require_growth,
)
from app.witness.views import Views

SIZE_TYPE: Final = "text/x.tlog.size"
READ_S: Final = 10.0
_STATUS: Final[dict[type[NotCosigned], int]] = {
    Malformed: 400,
    NotSigned: 403,
    UnknownLog: 404,
    Elsewhere: 409,
    Inconsistent: 422,
}
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Witness:
    """One witness: its key, the logs that it watches, what it remembers."""

    key: NoteKey
    logs: Policy
    views: Views
    now: Callable[[], datetime] = clock.now

    def cosign(self, raw: bytes) -> str:
        """The signature line for a question. Raises NotCosigned."""
        question = Question.parse(raw)
        note, checkpoint = opened(question, self.logs.keys_of)

        def judged(view: View) -> bytes:
            require_growth(question, checkpoint, view)
            signed = note.cosigned_by(self.key, int(self.now().timestamp()))
            return _own(note, signed).to_bytes()

        try:
            answer = self.views.advance(checkpoint, judged)
        except Inconsistent as error:
            self._shout(checkpoint, raw, error)
            raise
        return Note.parse(answer).signatures[-1].line()

    def newest(self, digest: str) -> bytes | None:
        """The newest cosigned checkpoint of the log whose origin has this digest (hex)."""
        for origin in {log.name for log in self.logs.logs}:
            if sha256(origin.encode()).hexdigest() == digest:
                return self.views.newest(origin)
        return None

    def _shout(self, checkpoint: Checkpoint, raw: bytes, error: Inconsistent) -> None:
        """Two signed checkpoints that contradict each other are evidence: keep both in sight."""
        known = (self.views.newest(checkpoint.origin) or b"").decode()
        _logger.critical(
            "%s: %s\nasked about:\n%s\ncosigned before:\n%s",
            checkpoint.origin,
            error,
            raw.decode(errors="replace"),
            known,
        )


def create_witness(witness: Witness) -> Starlette:
    """The ASGI application of a witness."""

    async def add_checkpoint(request: Request) -> Response:
        raw = await _body(request)
        if raw is None:
            return PlainTextResponse("too large, or too slow\n", 413)
        try:
            line = await run_in_threadpool(witness.cosign, raw)
        except Elsewhere as error:
            # As a header: the type as such, to which the framework would add a character set.
            return Response(f"{error.size}\n", 409, {"Content-Type": SIZE_TYPE})
        except NotCosigned as error:
            return PlainTextResponse(f"{error}\n", _STATUS[type(error)])
        return PlainTextResponse(line)

    async def checkpoint(request: Request) -> Response:
        note = await run_in_threadpool(witness.newest, request.path_params["digest"])
        if note is None:
            return PlainTextResponse("nothing was cosigned of this log\n", 404)
        return PlainTextResponse(note, headers={"Cache-Control": "no-cache"})

    return Starlette(
        routes=[
            Route("/add-checkpoint", add_checkpoint, methods=["POST"]),
            Route("/{digest}/checkpoint", checkpoint, methods=["GET"]),
        ]
    )


def _own(note: Note, signed: Note) -> Note:
    """The log's signatures and ours: what others put on the note is not ours to pass on."""
    log = note.text.split("\n", 1)[0]
    kept = tuple(line for line in note.signatures if line.name == log)
    return Note(note.text, (*kept, signed.signatures[-1]))


async def _body(request: Request) -> bytes | None:
    """The whole body; None when it is too large, or does not come."""
    body = bytearray()
    try:
        async with asyncio.timeout(READ_S):
            async for piece in request.stream():
                body += piece
                if len(body) > MAX_QUESTION_BYTES:
                    return None
    except (TimeoutError, ClientDisconnect):
        return None
    return bytes(body)
