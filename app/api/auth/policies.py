"""Policies: who is asking, and whether they may.

Every route has exactly one policy: `public`, `signed_in`, `reader` or `writer`.
`require_policies` refuses to build an application in which a route has none.
"""

from collections.abc import Callable, Iterable
from typing import Annotated, Any, Final

from fastapi import Depends, Request
from fastapi.routing import APIRoute
from prometheus_client import CollectorRegistry, Counter
from pydantic import TypeAdapter, ValidationError
from starlette.routing import BaseRoute

from app.api.auth.key_sets import KeysUnavailable
from app.api.auth.tokens import BadToken, RoleNotInRegistry
from app.api.http.codes import INVALID_TOKEN, KEYS_UNAVAILABLE, TOKEN_REQUIRED, UNKNOWN_PARAMETER
from app.api.http.problems import Problem
from app.api.services import Services, ServicesHere
from app.domain.command import Actor
from app.domain.governance.funds import Fund, require_issuer
from app.domain.governance.members import Member
from app.domain.refusals.base import NotFound
from app.domain.refusals.people import NotAMember, RoleNotPermitted
from app.domain.values import FundSlug
from app.runtime import logs
from app.store import queries

_SLUG: Final[TypeAdapter[str]] = TypeAdapter(FundSlug)
_log = logs.get(__name__)


class SignInMetrics:
    """Tokens that were refused."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.auth_failures = Counter(
            "ledger_auth_failures", "Refused tokens by reason.", ["reason"], registry=registry
        )


def require_no_parameters(request: Request) -> None:
    """Check that a write has no query parameters. Raises Problem 422."""
    if request.scope["query_string"]:
        raise Problem(UNKNOWN_PARAMETER, "The query parameters here are: none.")


def _only_known_parameters(request: Request) -> None:
    """Refuse unknown query parameters: a misspelt filter must not widen the answer."""
    if not request.scope["query_string"]:
        return
    route: APIRoute = request.scope["route"]
    dependants = [route.dependant, *_all_dependencies(route.dependant)]
    known = {field.alias for dependant in dependants for field in dependant.query_params}
    if not request.query_params.keys() <= known:
        names = ", ".join(sorted(known)) or "none"
        raise Problem(UNKNOWN_PARAMETER, f"The query parameters here are: {names}.")


async def public(request: Request) -> None:
    """Anybody may call the route."""
    _only_known_parameters(request)


async def signed_in(request: Request, here: ServicesHere) -> Actor:
    """Anybody with a valid token. Raises Problem 401, 403, 422, 503."""
    _only_known_parameters(request)
    return await who_asks(request, here)


async def who_asks(request: Request, here: Services) -> Actor:
    """The person and party for whom the request's token is valid. Raises Problem 401, 403, 503."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if not token:
        raise _unauthorized(here, "missing")
    if scheme.lower() != "bearer":
        raise _unauthorized(here, "scheme")
    try:
        actor = await here.tokens.verify(token.strip(" "))
    except BadToken as error:
        raise _unauthorized(here, error.reason, issuer=error.issuer, claim=error.claim) from None
    except RoleNotInRegistry as error:
        _log.warning("token_refused", reason="role_not_in_registry", issuer=str(error))
        here.metrics.of(SignInMetrics).auth_failures.labels("role_not_in_registry").inc()
        detail = "The token claims a party or a role that its issuer may not hand out."
        raise Problem(RoleNotPermitted, detail) from None
    except KeysUnavailable as error:
        _log.warning("token_refused", reason="keys_unavailable", issuer=str(error))
        here.metrics.of(SignInMetrics).auth_failures.labels("keys_unavailable").inc()
        detail = "Your identity provider's keys cannot be fetched just now."
        raise Problem(KEYS_UNAVAILABLE, detail, {"Retry-After": "5"}) from None
    request.scope["party"] = actor.party
    return actor


ActorHere = Annotated[Actor, Depends(signed_in)]


def reader(fund: str, actor: ActorHere, here: ServicesHere) -> Actor:
    """A party of the fund. All others get the answer for a fund that does not exist. Raises Problem
    404.
    """
    if is_slug(fund):
        with here.database.read() as connection:
            known = queries.fund(connection, fund)
            member = queries.one(connection, fund, Member, actor.subject)
        if known is not None and known.charter.party(actor.party) is not None:
            _require_welcome(known, member, actor)
            return actor
    raise Problem(NotFound, "There is no such fund.")


def _require_welcome(fund: Fund, member: Member | None, actor: Actor) -> None:
    """Refuse a person whom their own party has shut out (NotAMember), and a token of an issuer that
    the fund does not take from this party (IssuerNotRegistered).
    """
    if member is not None and member.denied and member.party == actor.party:
        raise NotAMember("Your party has shut you out of this fund.")
    require_issuer(fund, actor)


async def writer(actor: ActorHere) -> Actor:
    """Anybody with a valid token; the rules decide what they may record."""
    return actor


ReaderHere = Annotated[Actor, Depends(reader)]
WriterHere = Annotated[Actor, Depends(writer)]
POLICIES: Final[tuple[Callable[..., Any], ...]] = (public, signed_in, reader, writer)


def is_slug(text: str) -> bool:
    """Whether a fund can have this name; other names are not looked up."""
    try:
        _SLUG.validate_python(text)
    except ValidationError:
        return False
    return True


def policy_of(route: APIRoute) -> str | None:
    """The name of the strictest policy that a route has; None when there is none."""
    used = {dependency.call for dependency in _all_dependencies(route.dependant)}
    return next((policy.__name__ for policy in reversed(POLICIES) if policy in used), None)


def require_policies(routes: Iterable[BaseRoute]) -> None:
    """Check that every route has a policy. Raises RuntimeError for one that has none."""
    for route in routes:
        if not isinstance(route, APIRoute) or policy_of(route) is None:
            raise RuntimeError(f"{getattr(route, 'path', route)} has no policy")


def _all_dependencies(dependant: Any) -> list[Any]:
    found = list(dependant.dependencies)
    for dependency in dependant.dependencies:
        found += _all_dependencies(dependency)
    return found


def _unauthorized(here: Services, reason: str, **known: str | None) -> Problem:
    said = {name: value for name, value in known.items() if value is not None}
    _log.warning("token_refused", reason=reason, **said)
    here.metrics.of(SignInMetrics).auth_failures.labels(reason).inc()
    challenge = 'Bearer realm="fundledger"'
    if reason not in ("missing", "scheme"):
        challenge += ', error="invalid_token"'
    code = TOKEN_REQUIRED if reason in ("missing", "scheme") else INVALID_TOKEN
    detail = "Send a bearer token of your party's identity provider, issued for this service."
    return Problem(code, detail, {"WWW-Authenticate": challenge})
