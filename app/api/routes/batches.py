"""Batches: up to 10,000 commands of one person in one request, as a JSON array or as lines.

Each command has a key of its own, under which it is recorded exactly once. `mode=atomic` records
all or none; `mode=each` answers each by itself, in order. All is one transaction, its entries are
adjacent in the log, and one receipt proves them all: it proves the last one, and each names the
hash of the one before.

A batch that cannot be read whole (a line cut off, a key twice, an unknown operation) is refused
whole, in either mode, because its meaning is uncertain.
"""

import json
from asyncio import wait_for
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field, ValidationError

from app.api.auth.policies import WriterHere, is_slug, reader
from app.api.auth.request_signatures import PartyKeys, checked
from app.api.command_route import is_key
from app.api.http.codes import BODY_TOO_LARGE, INVALID_JSON, NULL_NOT_ALLOWED, EdgeCode
from app.api.http.documented import writing
from app.api.http.problems import (
    FieldError,
    Problem,
    code_of,
    details_of,
    field_errors,
    retry_of,
)
from app.api.services import Services, ServicesHere
from app.chain.canonical import NotCanonical, decode, encode, holds_null
from app.domain.catalogue import COMMANDS
from app.domain.command import Actor, Command
from app.domain.governance.funds import OpenFund
from app.domain.refusals.base import NotFound, Refusal
from app.domain.refusals.people import SignatureMismatch
from app.ledger.submission import Accepted, KeyedCommand, PartRefused, RecordedCommand, Submission
from app.runtime.threads import in_thread

MAX_COMMANDS: Final = 10_000
MAX_LINE_BYTES: Final = 65_536
MAX_BODY_S: Final = 20
"""How many seconds a body may take, once its turn has come."""
MAX_MEMBERS: Final = 100 * MAX_COMMANDS
"""About how many JSON values a batch may have: millions of empty ones take memory too."""
NDJSON: Final = "application/x-ndjson"
_MEMBERS: Final = {"op", "key", "data"}
_OPTIONAL: Final = {"jws"}

BODY_TOO_SLOW: Final = EdgeCode(
    "body_too_slow",
    408,
    "a batch whose body was not there within 20 seconds",
    "send it in one go, or in smaller batches",
)

BATCH_EMPTY: Final = EdgeCode(
    "batch_empty",
    422,
    "a batch without a command",
    "send at least one",
)

BATCH_TOO_LONG: Final = EdgeCode(
    "batch_too_long",
    422,
    "more than 10,000 commands in a batch",
    "split it: keys keep the parts from being recorded twice",
)

DUPLICATE_KEY: Final = EdgeCode(
    "duplicate_key",
    422,
    "a key stands twice in a batch",
    "give each command a key of its own",
)

INVALID_BATCH: Final = EdgeCode(
    "invalid_batch",
    422,
    "no array of objects of `op`, `key`, `data`, and maybe `jws`, or an `op` that nobody asks for",
    "`errors` names the command, from 0",
)


router = APIRouter(prefix="/v1/funds/{fund}", tags=["batches"])


class BatchItem(BaseModel):
    """One command: the event that it asks for, its idempotency key, and the body of its route.

    `jws` is its party's signature, where it has one.
    """

    op: str = Field(examples=["receipt.booked"])
    key: str = Field(examples=["statement-2026-06-30-line-1"])
    data: dict[str, Any]
    jws: str | None = None


class BatchResult(BaseModel):
    """The result of one command: its entry, or the problem that its own route would answer with."""

    key: str
    status: int
    replayed: bool | None = None
    entry: dict[str, Any] | None = None
    consequences: list[dict[str, Any]] | None = None
    problem: dict[str, Any] | None = None


class BatchAnswer(BaseModel):
    """Results in the order of the commands, and one receipt, where anything was recorded."""

    results: list[BatchResult]
    receipt: str | None = None


@cache
def _operations() -> dict[str, type[Command]]:
    """The commands by the type of the event that they ask for."""
    return {kind.event.type: kind for kind in COMMANDS.values() if kind is not OpenFund}


_ITEM: Final = BatchItem.model_json_schema()
_EXAMPLE: Final = [
    {
        "op": "pledge.announced",
        "key": f"pledges-2026-{number}",
        "data": {"window": "energy", "amount": {"amount": "1000.00", "currency": "NOK"}},
    }
    for number in (1, 2)
]
_BODY: Final = {
    "application/json": {
        "schema": {"type": "array", "maxItems": MAX_COMMANDS, "items": _ITEM},
        "examples": {"example": {"summary": "Two pledges", "value": _EXAMPLE}},
    },
    NDJSON: {"schema": _ITEM},
}


@router.post(
    "/batches",
    response_model=BatchAnswer,
    summary="Record many commands at once",
    responses={
        **writing(values=(BATCH_EMPTY, BATCH_TOO_LONG, DUPLICATE_KEY, INVALID_BATCH)),
        201: {"model": BatchAnswer, "description": "All recorded (mode=atomic)"},
    },
    openapi_extra={"requestBody": {"required": True, "content": _BODY}},
)
async def record_batch(
    fund: str,
    request: Request,
    actor: WriterHere,
    here: ServicesHere,
    mode: Annotated[
        Literal["atomic", "each"], Query(description="All or none; or each by itself.")
    ] = "atomic",
) -> Response:
    """Up to 10,000 commands of one person, as a JSON array or as lines (NDJSON), one a line.

    Every command has its own idempotency key, so the request itself needs none. Send the whole
    batch again when no answer came.
    """
    if "x-jws-signature" in request.headers:
        detail = "In a batch each command carries its own signature, as its member jws."
        raise Problem(SignatureMismatch, detail)
    if not is_slug(fund):
        raise Problem(NotFound, "There is no such fund.")
    # Before the body is read: those who wait their turn cost next to nothing. Only the fund's own
    # parties take turns, and none keeps one by never ending its body.
    await in_thread(reader, fund, actor, here)
    async with here.batches:
        try:
            raw = await wait_for(request.body(), MAX_BODY_S)
        except TimeoutError:
            detail = f"The body was not there within {MAX_BODY_S} seconds."
            raise Problem(BODY_TOO_SLOW, detail, {"Connection": "close"}) from None
        return await _recorded(fund, request, raw, actor, here, atomic=mode == "atomic")


async def _recorded(
    fund: str, request: Request, raw: bytes, actor: Actor, here: Services, *, atomic: bool
) -> Response:
    lines = request.headers["content-type"].lower().startswith(NDJSON)
    # Reading ten thousand commands takes long, so a thread does it while others are answered.
    items, read = await in_thread(_read, raw, fund, here.party_keys, lines=lines)
    if atomic:
        _require_well_formed(read)
    keyed = tuple(one for one in read if isinstance(one, KeyedCommand))
    accepted = Accepted((), None)
    if keyed:
        submission = Submission(fund, actor, keyed, single=False, atomic=atomic)
        try:
            accepted = await here.ledger.pass_through(submission)
        except PartRefused as part:
            raise _whole_refused(part) from None
    content = await in_thread(_content, items, read, accepted)
    status = 201 if atomic else 200
    return Response(content, status, {"Cache-Control": "no-store"}, "application/json")


def _read(
    raw: bytes, fund: str, keys: PartyKeys, *, lines: bool
) -> tuple[list[dict[str, Any]], list[KeyedCommand | ValidationError]]:
    """The items of a batch and their commands, or what is wrong with them. Raises Problem."""
    items = _items(raw, lines=lines)
    return items, [_asked(item, fund, keys) for item in items]


def _content(
    items: list[dict[str, Any]], read: list[KeyedCommand | ValidationError], accepted: Accepted
) -> str:
    """The answer's body."""
    outcomes = iter(accepted.outcomes)
    results = [
        _result(item["key"], next(outcomes) if isinstance(one, KeyedCommand) else one)
        for item, one in zip(items, read, strict=True)
    ]
    receipt = f',"receipt":{json.dumps(accepted.receipt)}' if accepted.receipt else ""
    return f'{{"results":[{",".join(results)}]{receipt}}}'


def _require_well_formed(read: list[KeyedCommand | ValidationError]) -> None:
    """Refuse the whole batch when one of its commands is malformed. Raises Problem (422) for the
    first such command, with its place counted from 0.
    """
    for place, one in enumerate(read):
        if isinstance(one, ValidationError):
            errors = field_errors(one, f"/{place}/data")
            detail = f"Command {place} (from 0) is malformed, so nothing was recorded."
            raise Problem(code_of(one), detail, errors=errors)


def _items(raw: bytes, *, lines: bool) -> list[dict[str, Any]]:
    """The batch's commands as JSON objects, not validated yet. Raises Problem."""
    if raw.count(b",") > MAX_MEMBERS:
        raise Problem(BATCH_TOO_LONG, f"A batch holds at most {MAX_MEMBERS} members.")
    items = list(_lines(raw)) if lines else _decoded(raw, "The body")
    if type(items) is not list:
        raise Problem(INVALID_BATCH, "A batch is an array of commands.")
    if not items:
        raise Problem(BATCH_EMPTY, "A batch holds at least one command.")
    if len(items) > MAX_COMMANDS:
        raise Problem(BATCH_TOO_LONG, f"A batch holds at most {MAX_COMMANDS} commands.")
    known, keys = _operations(), set[str]()
    for place, item in enumerate(items):
        _require_form(item, place, known)
        if item["key"] in keys:
            raise _at(place, DUPLICATE_KEY, "Its key stands twice in this batch.")
        keys.add(item["key"])
    return items


def _lines(raw: bytes) -> Iterator[Any]:
    # Counted before they are split, because millions of empty lines would take memory.
    if (count := raw.count(b"\n")) > MAX_COMMANDS:
        raise Problem(BATCH_TOO_LONG, f"A batch holds at most {MAX_COMMANDS} commands.")
    *lines, rest = raw.split(b"\n")
    if rest:
        detail = f"Line {count + 1} does not end: the batch was cut off."
        raise Problem(INVALID_JSON, detail)
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_LINE_BYTES:
            detail = f"Line {number} is longer than {MAX_LINE_BYTES} bytes."
            raise Problem(BODY_TOO_LARGE, detail)
        yield _decoded(line, f"Line {number}")


def _decoded(raw: bytes, what: str) -> Any:
    try:
        return decode(raw, floats=True)
    except NotCanonical as error:
        raise Problem(INVALID_JSON, f"{what} is refused: {error}.") from None


def _require_form(item: Any, place: int, known: dict[str, type[Command]]) -> None:
    if type(item) is not dict or item.keys() - _OPTIONAL != _MEMBERS:
        raise _at(place, INVALID_BATCH, "A command is an object of op, key, data, and maybe jws.")
    if type(item["data"]) is not dict or type(item.get("jws", "")) is not str:
        raise _at(place, INVALID_BATCH, "Its data is no object, or its jws no text.")
    if type(item["op"]) is not str or item["op"] not in known:
        raise _at(place, INVALID_BATCH, "Its op is no event that is asked for by a command.")
    if type(item["key"]) is not str or not is_key(item["key"]):
        raise _at(place, INVALID_BATCH, "Its key is not 1 to 255 visible ASCII characters.")
    if holds_null(item["data"]):
        raise _at(place, NULL_NOT_ALLOWED, "Leave a member out instead of saying null.")


def _asked(item: dict[str, Any], fund: str, keys: PartyKeys) -> KeyedCommand | ValidationError:
    """The command of an item, or what is wrong with its data."""
    kind = _operations()[item["op"]]
    try:
        command = kind.model_validate(item["data"])
    except ValidationError as error:
        return error
    digest = sha256(f"BATCH {item['op']}\n".encode() + encode(item["data"])).digest()
    jws = item.get("jws")
    signature = None if jws is None else checked(jws, fund, command, item["data"], keys)
    return KeyedCommand(command, item["key"], digest, signature)


def _at(place: int, code: EdgeCode, message: str) -> Problem:
    detail = f"Command {place} (from 0): {message} Nothing was recorded."
    error = FieldError(pointer=f"/{place}", code=code.code, message=message)
    return Problem(code, detail, errors=[error])


def _whole_refused(part: PartRefused) -> Problem:
    refusal = part.refusal
    detail = f"Command {part.position} (from 0): {refusal.sentence} Nothing was recorded."
    error = FieldError(pointer=f"/{part.position}", code=refusal.code, message=refusal.sentence)
    return Problem(type(refusal), detail, retry_of(refusal), errors=[error])


def _result(key: str, outcome: RecordedCommand | Refusal | ValidationError) -> str:
    """One result as JSON. Entries go out as the bytes that are stored."""
    name = json.dumps(key)
    if isinstance(outcome, RecordedCommand):
        first, *others = (line.decode() for line in outcome.entries)
        replayed = ',"replayed":true' if outcome.replayed else ""
        return (
            f'{{"key":{name},"status":201{replayed},"entry":{first},'
            f'"consequences":[{",".join(others)}]}}'
        )
    details = details_of(outcome)
    problem = json.dumps(details.model_dump(exclude_none=True))
    return f'{{"key":{name},"status":{details.status},"problem":{problem}}}'
