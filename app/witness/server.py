"""The witness over HTTP: C2SP tlog-witness, two addresses.

`POST /add-checkpoint` asks for a cosignature; `GET /<hex SHA-256 of the origin>/checkpoint` gives
the newest checkpoint that was cosigned, for comparison. There are no tokens: the log's own
signature on the checkpoint is what is verified.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Final, NamedTuple

from app.chain.checkpoint import Checkpoint
from app.chain.note import Note, NoteKey
from app.chain.policy import Policy
from app.chain.witness import (
    MAX_QUESTION_BYTES,
    CosignedHead,
    Elsewhere,
    Inconsistent,
    Malformed,
    NotCosigned,
    NotSigned,
    Question,
    UnknownLog,
    opened,
    require_growth,
)
from app.runtime import clock, logs
from app.runtime.threads import in_thread
from app.witness.cosigned_heads import CosignedHeads

SIZE_TYPE: Final = "text/x.tlog.size"
TEXT: Final = "text/plain; charset=utf-8"
READ_S: Final = 10.0
_STATUS: Final[dict[type[NotCosigned], int]] = {
    Malformed: 400,
    NotSigned: 403,
    UnknownLog: 404,
    Elsewhere: 409,
    Inconsistent: 422,
}
_NEWEST: Final = re.compile(r"/([^/]+)/checkpoint")
_log = logs.get(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
ASGIApplication = Callable[[Scope, Receive, Send], Awaitable[None]]
"""The type of an ASGI 3 application."""


@dataclass(frozen=True, slots=True)
class Witness:
    """One witness: its key, the logs that it watches, and the checkpoints that it cosigned."""

    key: NoteKey
    logs: Policy
    views: CosignedHeads
    now: Callable[[], datetime] = clock.now

    def cosign(self, raw: bytes) -> str:
        """The signature line for a request. Raises NotCosigned."""
        question = Question.parse(raw)
        note, checkpoint = opened(question, self.logs.keys_of)

        def judged(view: CosignedHead) -> bytes:
            require_growth(question, checkpoint, view)
            signed = note.cosigned_by(self.key, int(self.now().timestamp()))
            return _own(note, signed).to_bytes()

        try:
            answer = self.views.advance(checkpoint, judged)
        except Inconsistent as error:
            self._tell(note, checkpoint, error)
            raise
        return Note.parse(answer).signatures[-1].line()

    def newest(self, digest: str) -> bytes | None:
        """The newest cosigned checkpoint of the log whose origin has this digest (hex)."""
        for origin in {log.name for log in self.logs.logs}:
            if sha256(origin.encode()).hexdigest() == digest:
                return self.views.newest(origin)
        return None

    def _tell(self, note: Note, checkpoint: Checkpoint, error: Inconsistent) -> None:
        """Keep both of two signed checkpoints that contradict each other, and say where.

        Anybody can send a signed checkpoint with a wrong proof: that proves nothing against the
        log, and nothing of it is kept.
        """
        origin = checkpoint.origin
        known = self.views.newest(origin) or b""
        if known and _contradict(checkpoint, Checkpoint.parse(Note.parse(known).text)):
            kept = self.views.keep_evidence(note.to_bytes(), known)
            _log.critical("shown_two_histories", log=origin, why=str(error), evidence=str(kept))
        else:
            logs.seldom(_log, "growth_not_proven", origin, log=origin, why=str(error))


class WitnessReply(NamedTuple):
    """The answer of a witness to a request; plain text unless `media_type` says otherwise."""

    status: int
    body: bytes
    media_type: str = TEXT


def create_witness(witness: Witness) -> ASGIApplication:
    """The ASGI application of a witness. It uses no framework for its two addresses."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        await _send(send, await _answer(witness, scope, receive))

    return application


async def _answer(witness: Witness, scope: Scope, receive: Receive) -> WitnessReply:
    path, method = scope["path"], scope["method"]
    if path == "/add-checkpoint":
        if method != "POST":
            return WitnessReply(405, b"POST only\n")
        return await _add_checkpoint(witness, receive)
    found = _NEWEST.fullmatch(path)
    if found is None:
        return WitnessReply(404, b"there is nothing here\n")
    if method not in ("GET", "HEAD"):
        return WitnessReply(405, b"GET only\n")
    note = await in_thread(witness.newest, found[1])
    if note is None:
        return WitnessReply(404, b"nothing was cosigned of this log\n")
    return WitnessReply(200, note)


async def _add_checkpoint(witness: Witness, receive: Receive) -> WitnessReply:
    raw = await _body(receive)
    if raw is None:
        return WitnessReply(413, b"too large, or too slow\n")
    try:
        line = await in_thread(witness.cosign, raw)
    except Elsewhere as error:
        return WitnessReply(409, f"{error.size}\n".encode(), SIZE_TYPE)
    except NotCosigned as error:
        return WitnessReply(_STATUS[type(error)], f"{error}\n".encode())
    return WitnessReply(200, line.encode())


async def _send(send: Send, answer: WitnessReply) -> None:
    headers = [
        (b"content-type", answer.media_type.encode()),
        (b"content-length", str(len(answer.body)).encode()),
        (b"cache-control", b"no-cache"),
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


async def _lifespan(receive: Receive, send: Send) -> None:
    """Answer the server's start and stop; there is nothing to open or close."""
    while True:
        event = (await receive())["type"]
        await send({"type": f"{event}.complete"})
        if event == "lifespan.shutdown":
            return


def _contradict(one: Checkpoint, other: Checkpoint) -> bool:
    """Whether the two need no proof to contradict each other."""
    return one.size == other.size and one.root != other.root


def _own(note: Note, signed: Note) -> Note:
    """The note with the signatures of the log and of this witness only."""
    log = note.text.split("\n", 1)[0]
    kept = tuple(line for line in note.signatures if line.name == log)
    return Note(note.text, (*kept, signed.signatures[-1]))


async def _body(receive: Receive) -> bytes | None:
    """The whole body; None when it is too large, or does not arrive in time."""
    body = bytearray()
    try:
        async with asyncio.timeout(READ_S):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return None
                body += message.get("body", b"")
                if len(body) > MAX_QUESTION_BYTES:
                    return None
                if not message.get("more_body", False):
                    return bytes(body)
    except TimeoutError:
        return None
