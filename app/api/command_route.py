"""Writing routes: each route that records something is a CommandRoute of its command.

All writes are handled alike: token, idempotency key, strict JSON, the body as the command, the
writer, the answer. That is done here once; a route states only its address, its command and its
documentation.
"""

import json
import re
from collections.abc import Sequence
from hashlib import sha256
from typing import Annotated, Any, Final

from fastapi import APIRouter, Body, Header, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field, ValidationError
from starlette.routing import Match
from starlette.types import Receive, Scope, Send

from app.api.auth.policies import WriterHere, is_slug, require_no_parameters, who_asks
from app.api.auth.request_signatures import signature_of
from app.api.http.codes import (
    IDEMPOTENCY_KEY_INVALID,
    IDEMPOTENCY_KEY_REQUIRED,
    INVALID_JSON,
    NULL_NOT_ALLOWED,
    PATH_MISMATCH,
)
from app.api.http.documented import writing
from app.api.http.problems import Code, Problem
from app.api.services import services
from app.chain.canonical import NotCanonical, decode, holds_null
from app.domain.command import Actor, Command
from app.domain.governance.funds import OpenFund
from app.domain.refusals.base import NotFound, Refusal
from app.ledger.submission import Accepted, KeyedCommand, RecordedCommand

_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")
_KEY_WORDS: Final = "1 to 255 visible ASCII characters"
IdempotencyKey = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        description=f"Of your choice, {_KEY_WORDS}; retries repeat it, nothing else ever does.",
    ),
]


class WriteAnswer(BaseModel):
    """What was recorded: the entry, what the ledger recorded because of it, and the receipt."""

    entry: dict[str, Any] = Field(description="The entry, as it stands in the log.")
    consequences: list[dict[str, Any]] = Field(
        description="Entries that the ledger itself recorded because of it, in order."
    )
    receipt: str = Field(description="A tlog-proof: the entry's place under a signed checkpoint.")


class CommandRoute(APIRoute):
    """POST: records what `command` asks for. FastAPI publishes it from the signature of its
    endpoint.

    It does not use FastAPI's reading of bodies, which is laxer than the ledger's, nor its solving
    of dependencies, which took half of a write's time: every such route needs the same ones.
    """

    def __init__(
        self,
        path: str,
        command: type[Command],
        example: dict[str, Any],
        **published: Any,  # summary, description, responses, tags: as APIRoute takes them
    ) -> None:
        self.command = command
        self.example = example

        async def endpoint(
            request: Request,
            actor: WriterHere,
            idempotency_key: IdempotencyKey,
            command: Annotated[command, Body(openapi_examples=example)],  # type: ignore[valid-type]
        ) -> Response:
            return await record(request, actor, idempotency_key, command)

        super().__init__(
            path,
            endpoint,
            name=re.sub(r"(?<!^)(?=[A-Z])", "_", command.__name__).lower(),
            methods=["POST"],
            status_code=201,
            response_model=WriteAnswer,
            openapi_extra={"parameters": [_path_parameter(name) for name in _names_in(path)]},
            **published,
        )
        self.app = self._answer

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether a request is for this route; kept fast, because each write asks many routes."""
        found = self.path_regex.fullmatch(scope["path"]) if scope["type"] == "http" else None
        if found is None:
            return Match.NONE, {}
        match = Match.FULL if scope["method"] == "POST" else Match.PARTIAL
        named = {"route": self, "endpoint": self.endpoint, "path_params": found.groupdict()}
        return match, named

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        require_no_parameters(request)
        actor = await who_asks(request, services(request))
        key = _idempotency_key(request)
        command = self._read(await request.body())
        response = await self.endpoint(request, actor, key, command)
        await response(scope, receive, send)

    def _read(self, raw: bytes) -> Command:
        """The command in a body, by the ledger's own strict rules.

        Raises Problem 400 (no JSON), 422 (null); RequestValidationError.
        """
        try:
            stated = decode(raw, floats=True)
        except NotCanonical as error:
            raise Problem(INVALID_JSON, f"The body is refused: {error}.") from None
        if holds_null(stated):
            raise Problem(NULL_NOT_ALLOWED, "Leave a member out instead of saying null.")
        try:
            return self.command.model_validate(stated)
        except ValidationError as error:
            raise RequestValidationError(
                [
                    {**item, "loc": ("body", *item["loc"])}
                    for item in error.errors(include_url=False)
                ]
            ) from None


def records(  # noqa: PLR0913  what is a route's own
    router: APIRouter,
    path: str,
    command: type[Command],
    *,
    summary: str,
    meaning: str,
    example: dict[str, Any],
    refuses: Sequence[type[Refusal]] = (),
    values: Sequence[Code] = (),
) -> None:
    """Add the route under which `command` is asked for.

    `meaning` says for whom it is and what it does; `refuses` are its rules' refusals, `values` the
    codes that its values can cause. What the path names besides the fund is a field of the command
    too, because the body is what is recorded and may be signed; the two must agree.
    """
    router.routes.append(
        CommandRoute(
            router.prefix + path,
            command,
            example,
            summary=summary,
            description=meaning,
            responses=writing(*refuses, values=values),
            tags=router.tags,
        )
    )


async def record(request: Request, actor: Actor, key: str, command: Command) -> Response:
    """Record what `command` asks for. Raises Problem, Refusal, and what the writer raises."""
    here = services(request)
    named = dict(request.path_params)
    fund = named.pop("fund", None) or (command.fund if isinstance(command, OpenFund) else "")
    if not is_slug(fund):
        raise Problem(NotFound, "There is no such fund.")
    if any(getattr(command, name) != value for name, value in named.items()):
        raise Problem(PATH_MISMATCH, "Path and body name different things.")
    frame = f"{request.method} {request.scope['path']}\n".encode()
    digest = sha256(frame + await request.body()).digest()
    signature = await signature_of(request, fund, command, here.party_keys)
    keyed = KeyedCommand(command, key, digest, signature)
    return _created(fund, await here.ledger.submit(fund, actor, keyed))


def is_key(text: str) -> bool:
    """Whether it is a possible idempotency key: 1 to 255 visible ASCII characters."""
    return _KEY.fullmatch(text) is not None


def _idempotency_key(request: Request) -> str:
    key = request.headers.get("idempotency-key")
    if key is None:
        detail = "Every write carries an Idempotency-Key of your choice; retries repeat it."
        raise Problem(IDEMPOTENCY_KEY_REQUIRED, detail)
    if not is_key(key):
        detail = f"An Idempotency-Key is {_KEY_WORDS}."
        raise Problem(IDEMPOTENCY_KEY_INVALID, detail)
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


def _names_in(path: str) -> list[str]:
    return re.findall(r"{(\w+)}", path)


def _path_parameter(name: str) -> dict[str, Any]:
    title = name.replace("_", " ").title()
    schema = {"type": "string", "title": title}
    return {"name": name, "in": "path", "required": True, "schema": schema}
