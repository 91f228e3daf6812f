"""Writes: every route that records something, made from its command.

A write is the same for all of them: who is asking, the idempotency key, strict JSON, the body is
the command, through the write door, the answer. It stands here once; a route only says what is
its own. FastAPI publishes these routes; `Writes` stands before it and answers them, because all
want the same, and working out for each request what its handler wants took half of its time.
"""

import inspect
import json
import re
from collections.abc import Callable, Coroutine, Iterable, Sequence
from hashlib import sha256
from typing import Annotated, Any, Final

from fastapi import APIRouter, Body, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field, ValidationError
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.answers import writing
from app.api.deps import is_slug, require_no_parameters, services, who_asks
from app.api.problems import Problem
from app.api.signing import signature_of
from app.chain.canonical import NotCanonical, decode, holds_null
from app.domain.command import Command
from app.domain.governance.funds import OpenFund
from app.domain.refusals import Refusal
from app.ledger.submission import Accepted, KeyedCommand, RecordedCommand

_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")


class WriteAnswer(BaseModel):
    """What was recorded: the entry, what the ledger recorded because of it, and the receipt."""

    entry: dict[str, Any] = Field(description="The entry, as it stands in the log.")
    consequences: list[dict[str, Any]] = Field(
        description="Entries that the ledger itself recorded because of it, in order."
    )
    receipt: str = Field(description="A tlog-proof: the entry's place under a signed checkpoint.")


class WriteRoute(APIRoute):
    """A route that records what its command asks for."""

    policy = "writer"
    """Whoever shows a good token may ask; what they may record is for the rules to say."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        command: type[Command] = self.endpoint.command  # type: ignore[attr-defined]

        async def handle(request: Request) -> Response:
            return await _record(request, command)

        return handle


class Writes:
    """An ASGI layer: answers the routes that record something, passes everything else on."""

    def __init__(self, app: ASGIApp, routes: Iterable[BaseRoute]) -> None:
        self._app = app
        self._routes = [
            (route, route.get_route_handler()) for route in routes if isinstance(route, WriteRoute)
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST":
            for route, handle in self._routes:
                if found := route.path_regex.fullmatch(scope["path"]):
                    scope["route"], scope["path_params"] = route, found.groupdict()
                    response = await handle(Request(scope, receive))
                    await response(scope, receive, send)
                    return
        await self._app(scope, receive, send)


def records(  # noqa: PLR0913  what is a route's own
    router: APIRouter,
    path: str,
    command: type[Command],
    *,
    summary: str,
    meaning: str,
    example: dict[str, Any],
    refuses: Sequence[type[Refusal]] = (),
    values: Sequence[str] = (),
) -> None:
    """Add the route under which `command` is asked for.

    `meaning` says for whom it is and what it does; `refuses` are its rules' refusals, `values`
    the codes that its values can earn. What the path names besides the fund is a field of the
    command too: the body is what is recorded and may be signed, and the two must agree.
    """

    async def endpoint() -> None:
        raise AssertionError("a write is answered by WriteRoute")

    names = re.findall(r"{(\w+)}", (router.prefix or "") + path)
    kinds = inspect.Parameter
    body = Annotated[command, Body(openapi_examples=example)]  # type: ignore[valid-type]
    endpoint.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            *(kinds(name, kinds.KEYWORD_ONLY, annotation=str) for name in names),
            kinds("command", kinds.KEYWORD_ONLY, annotation=body),
        ]
    )
    endpoint.command = command  # type: ignore[attr-defined]
    router.add_api_route(
        path,
        endpoint,
        name=re.sub(r"(?<!^)(?=[A-Z])", "_", command.__name__).lower(),
        methods=["POST"],
        status_code=201,
        response_model=WriteAnswer,
        summary=summary,
        description=meaning,
        responses=writing(*refuses, values=values),
        route_class_override=WriteRoute,
    )


async def _record(request: Request, kind: type[Command]) -> Response:
    """One write. Raises Problem, RequestValidationError, Refusal, and what the door raises."""
    here = services(request)
    require_no_parameters(request)
    actor = await who_asks(request, here)
    key = _idempotency_key(request)
    raw = await request.body()
    body = read_json(raw)
    command = _command(kind, body)
    named = dict(request.path_params)
    fund = named.pop("fund", None) or (command.fund if isinstance(command, OpenFund) else "")
    if not is_slug(fund):
        raise Problem(404, "not_found", "There is no such fund.")
    if any(getattr(command, name) != value for name, value in named.items()):
        raise Problem(422, "path_mismatch", "Path and body name different things.")
    frame = f"{request.method} {request.url.path}\n".encode()
    digest = sha256(frame + raw).digest()
    signature = await signature_of(request, fund, command, body, here.party_keys)
    asked = KeyedCommand(command, key, digest, signature)
    return _created(fund, await here.ledger.submit(fund, actor, asked))


def read_json(raw: bytes) -> Any:
    """A body, by the ledger's own rules. Raises Problem 400 for what is not JSON, 422 for null."""
    try:
        value = decode(raw, floats=True)
    except NotCanonical as error:
        raise Problem(400, "invalid_json", f"The body is refused: {error}.") from None
    if holds_null(value):
        raise Problem(422, "null_not_allowed", "Leave a member out instead of saying null.")
    return value


def is_key(text: str) -> bool:
    """Whether it may be an idempotency key: 1 to 255 visible ASCII characters."""
    return _KEY.fullmatch(text) is not None


def _command(kind: type[Command], body: Any) -> Command:
    try:
        return kind.model_validate(body)
    except ValidationError as error:
        raise RequestValidationError(
            [{**item, "loc": ("body", *item["loc"])} for item in error.errors(include_url=False)]
        ) from None


def _idempotency_key(request: Request) -> str:
    key = request.headers.get("idempotency-key")
    if key is None:
        detail = "Every write carries an Idempotency-Key of your choice; retries repeat it."
        raise Problem(400, "idempotency_key_required", detail)
    if not is_key(key):
        detail = "An Idempotency-Key is 1 to 255 visible ASCII characters."
        raise Problem(400, "idempotency_key_invalid", detail)
    return key


def _created(fund: str, accepted: Accepted) -> Response:
    (outcome,) = accepted.outcomes
    assert isinstance(outcome, RecordedCommand), "what was refused was raised"  # noqa: S101
    first, *others = (line.decode() for line in outcome.entries)
    # The entries go out as the bytes that are stored, not as something parsed and written again.
    receipt = json.dumps(accepted.receipt)
    content = f'{{"entry":{first},"consequences":[{",".join(others)}],"receipt":{receipt}}}'
    headers = {"Location": f"/v1/funds/{fund}/entries/{outcome.seq}", "Cache-Control": "no-store"}
    if outcome.replayed:
        headers["Idempotent-Replayed"] = "true"
    return Response(content, 201, headers, "application/json")
