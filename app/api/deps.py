"""What routes depend on: strict JSON, who is asking, whether they may, and the write door.

Every route names exactly one policy: `public`, `signed_in`, `reader` or `writer`.
`require_policies` refuses to build an application in which a route has none.
"""

import json
import re
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, replace
from hashlib import sha256
from threading import Lock
from typing import Annotated, Any, Final

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from starlette.routing import BaseRoute

from app.api.issuers import KeysUnavailable
from app.api.problems import Problem
from app.api.tokens import BadToken, RoleNotInRegistry, TokenVerifier
from app.batch import Accepted
from app.chain.canonical import NotCanonical, decode, holds_null
from app.domain.command import Actor, Command
from app.domain.values import FundSlug
from app.ledger import Ledger
from app.notary import Notary
from app.ops.metrics import Metrics
from app.settings import Settings
from app.store import queries
from app.store.engine import Database

_SLUG: Final[TypeAdapter[str]] = TypeAdapter(FundSlug)
_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that requests use; made once by `main`."""

    settings: Settings
    database: Database
    ledger: Ledger
    notary: Notary
    tokens: TokenVerifier
    metrics: Metrics
    exports: "ExportSlots"


class ExportSlots:
    """Exports under way: one for each party of each fund, and not more than `most` in all."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken: set[tuple[str, str]] = set()
        self._lock = Lock()

    def take(self, who: tuple[str, str]) -> bool:
        """Whether `who` (fund, party) may begin."""
        with self._lock:
            if who in self._taken or len(self._taken) >= self._most:
                return False
            self._taken.add(who)
            return True

    def give_back(self, who: tuple[str, str]) -> None:
        """The export of `who` has ended."""
        with self._lock:
            self._taken.discard(who)


def services(request: Request) -> Services:
    """The application's services."""
    found: Services = request.app.state.services
    return found


ServicesHere = Annotated[Services, Depends(services)]


class StrictRequest(Request):
    """A request whose JSON is read by the ledger's own rules."""

    async def json(self) -> Any:
        """The body. Raises Problem 400 for what is not JSON, 422 for null."""
        # Whoever does not show who they are is told so before their text is read.
        await signed_in(self, services(self))
        try:
            value = decode(await self.body(), floats=True)
        except NotCanonical as error:
            raise Problem(400, "invalid_json", f"The body is refused: {error}.") from None
        if holds_null(value):
            raise Problem(422, "null_not_allowed", "Leave a member out instead of saying null.")
        return value


class StrictRoute(APIRoute):
    """A route whose handler gets a `StrictRequest`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def strict(request: Request) -> Response:
            return await handler(StrictRequest(request.scope, request.receive))

        return strict


def _only_known_parameters(request: Request) -> None:
    """A misspelt filter must not silently widen an answer."""
    route: APIRoute = request.scope["route"]
    dependants = [route.dependant, *_all_dependencies(route.dependant)]
    known = {field.alias for dependant in dependants for field in dependant.query_params}
    if not request.query_params.keys() <= known:
        names = ", ".join(sorted(known)) or "none"
        raise Problem(422, "unknown_parameter", f"The query parameters here are: {names}.")


async def public(request: Request) -> None:
    """Anybody may ask."""
    _only_known_parameters(request)


async def signed_in(request: Request, here: ServicesHere) -> Actor:
    """Whoever shows a good token. Raises Problem 401, 403, 503."""
    _only_known_parameters(request)
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if not token:
        raise _unauthorized(here, "missing")
    if scheme.lower() != "bearer":
        raise _unauthorized(here, "scheme")
    try:
        return await here.tokens.verify(token.strip(" "))
    except BadToken as error:
        raise _unauthorized(here, error.reason) from None
    except RoleNotInRegistry:
        here.metrics.auth_failures.labels("role_not_in_registry").inc()
        detail = "The token claims a party or a role that its issuer may not hand out."
        raise Problem(403, "role_not_permitted", detail) from None
    except KeysUnavailable:
        here.metrics.auth_failures.labels("keys_unavailable").inc()
        detail = "Your identity provider's keys cannot be fetched just now."
        raise Problem(503, "keys_unavailable", detail, {"Retry-After": "5"}) from None


ActorHere = Annotated[Actor, Depends(signed_in)]


def reader(fund: str, actor: ActorHere, here: ServicesHere) -> Actor:
    """A party of the fund. To everybody else the fund does not exist. Raises Problem 404."""
    if is_slug(fund):
        with here.database.read() as connection:
            known = queries.fund(connection, fund)
        if known is not None and known.charter.party(actor.party) is not None:
            return actor
    raise Problem(404, "not_found", "There is no such fund.")


class Recorded(BaseModel):
    """What was recorded: the entry, what the ledger recorded because of it, and the receipt."""

    entry: dict[str, Any] = Field(description="The entry, as it stands in the log.")
    consequences: list[dict[str, Any]] = Field(
        description="Entries that the ledger itself recorded because of it, in order."
    )
    receipt: str = Field(description="A tlog-proof: the entry's place under a signed checkpoint.")


@dataclass(frozen=True, slots=True)
class Write:
    """The write door, for one request."""

    fund: str
    actor: Actor
    request: Request
    ledger: Ledger

    def to(self, fund: str) -> "Write":
        """The same request, written to the fund that its body names."""
        return replace(self, fund=fund)

    async def __call__(self, command: Command, **in_path: str) -> Response:
        """Record the command and answer with entry and receipt.

        `in_path` is what the path names; the body names it too, because the body is what is
        recorded and may be signed, and the two must agree. Raises Problem, Refusal and more.
        """
        if any(getattr(command, name) != value for name, value in in_path.items()):
            raise Problem(422, "path_mismatch", "Path and body name different things.")
        body = await self.request.body()
        frame = f"{self.request.method} {self.request.url.path}\n".encode()
        accepted = await self.ledger.submit(
            self.fund,
            command,
            self.actor,
            _idempotency_key(self.request),
            sha256(frame + body).digest(),
        )
        return _created(self.fund, accepted)


async def writer(request: Request, actor: ActorHere, here: ServicesHere) -> Write:
    """Somebody who may ask the write door; what they may record is for the rules to say."""
    if "x-jws-signature" in request.headers:
        detail = "This version does not take signatures yet, and does not ignore them either."
        raise Problem(422, "signature_not_supported", detail)
    _idempotency_key(request)
    fund = request.path_params.get("fund", "")
    if fund and not is_slug(fund):
        raise Problem(404, "not_found", "There is no such fund.")
    return Write(fund, actor, request, here.ledger)


WriteHere = Annotated[Write, Depends(writer)]
ReaderHere = Annotated[Actor, Depends(reader)]
POLICIES: Final[tuple[Callable[..., Any], ...]] = (public, signed_in, reader, writer)


def is_slug(text: str) -> bool:
    """Whether a fund could be named so: nothing else is even looked up."""
    try:
        _SLUG.validate_python(text)
    except ValidationError:
        return False
    return True


def policy_of(route: APIRoute) -> str | None:
    """The name of the strictest policy that a route depends on; None when there is none."""
    used = {dependency.call for dependency in _all_dependencies(route.dependant)}
    return next((policy.__name__ for policy in reversed(POLICIES) if policy in used), None)


def require_policies(routes: Iterable[BaseRoute]) -> None:
    """Deny by default: a route without a policy is a mistake of ours. Raises RuntimeError."""
    for route in routes:
        if not isinstance(route, APIRoute) or policy_of(route) is None:
            raise RuntimeError(f"{getattr(route, 'path', route)} has no policy")


def _all_dependencies(dependant: Any) -> list[Any]:
    found = list(dependant.dependencies)
    for dependency in dependant.dependencies:
        found += _all_dependencies(dependency)
    return found


def _idempotency_key(request: Request) -> str:
    key = request.headers.get("idempotency-key")
    if key is None:
        detail = "Every write carries an Idempotency-Key of your choice; retries repeat it."
        raise Problem(400, "idempotency_key_required", detail)
    if not _KEY.fullmatch(key):
        detail = "An Idempotency-Key is 1 to 255 visible ASCII characters."
        raise Problem(400, "idempotency_key_invalid", detail)
    return key


def _created(fund: str, accepted: Accepted) -> Response:
    first, *others = (line.decode() for line in accepted.entries)
    # The entries go out as the bytes that are stored, not as something parsed and written again.
    receipt = json.dumps(accepted.receipt)
    content = f'{{"entry":{first},"consequences":[{",".join(others)}],"receipt":{receipt}}}'
    seq = json.loads(first)["seq"]
    headers = {"Location": f"/v1/funds/{fund}/entries/{seq}", "Cache-Control": "no-store"}
    if accepted.replayed:
        headers["Idempotent-Replayed"] = "true"
    return Response(content, 201, headers, "application/json")


def _unauthorized(here: Services, reason: str) -> Problem:
    here.metrics.auth_failures.labels(reason).inc()
    challenge = 'Bearer realm="fundledger"'
    if reason not in ("missing", "scheme"):
        challenge += ', error="invalid_token"'
    code = "token_required" if reason in ("missing", "scheme") else "invalid_token"
    detail = "Send a bearer token of your party's identity provider, issued for this service."
    return Problem(401, code, detail, {"WWW-Authenticate": challenge})
