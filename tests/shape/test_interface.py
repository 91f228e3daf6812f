"""The published interface: generated files are current, routes have policies, codes a page."""

import inspect
import json
import re
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute

from app import published
from app.api.deps import policy_of
from app.api.problems import VALUE_CODES
from app.batch import EntryTooLarge, KeyReused
from app.domain.command import COMMANDS
from app.domain.refusals import Refusal
from app.ledger import StillInFlight
from app.main import ROUTERS, create_app

ROOT = Path(__file__).resolve().parents[2]
ROUTES = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
PUBLIC = {
    "/livez",
    "/readyz",
    "/metrics",
    "/.well-known/jwks.json",
    "/v1/funds/{fund}/log/checkpoint",
    "/v1/funds/{fund}/log/consistency",
}


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    paths = published.openapi()["paths"]
    return [(path, method, item) for path, ways in paths.items() for method, item in ways.items()]


def test_openapi_json_is_what_the_code_gives() -> None:
    written = (ROOT / "openapi" / "openapi.json").read_text()

    assert written == published.as_text(published.openapi()), "run `make openapi`"


def test_events_json_is_what_the_code_gives() -> None:
    """Fails when a released event is edited: add a class with a new name instead."""
    written = (ROOT / "openapi" / "events.json").read_text()

    assert written == published.as_text(published.events()), "a released event was changed"


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.methods} {route.path}")
def test_every_route_has_a_policy(route: APIRoute) -> None:
    policy = policy_of(route)

    if route.path in PUBLIC:
        assert policy == "public"
    elif route.methods == {"POST"}:
        assert policy == "writer"
    else:
        assert policy == ("signed_in" if route.path == "/v1/funds" else "reader")


def test_the_application_has_no_routes_but_these() -> None:
    described = {(path, method.upper()) for path, method, _ in operations()}

    assert described == {(route.path, method) for route in ROUTES for method in route.methods or ()}
    assert len(create_app().routes) == len(ROUTERS)


@pytest.mark.parametrize(
    ("path", "method", "operation"), operations(), ids=lambda value: str(value)[:60]
)
def test_every_operation_explains_itself(path: str, method: str, operation: dict[str, Any]) -> None:
    assert operation["summary"]
    assert operation["description"]
    assert any(status.startswith("2") for status in operation["responses"])
    if method == "post":
        assert {"400", "401", "403", "409", "413", "415", "422", "503"} <= set(
            operation["responses"]
        )
        (content,) = operation["requestBody"]["content"].values()
        assert content["examples"]


def test_what_a_rule_may_refuse_is_published_for_its_route() -> None:
    by_summary = dict(COMMANDS)
    published_codes = {
        operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].split("/")[-1]: (
            json.dumps(operation["responses"])
        )
        for _, method, operation in operations()
        if method == "post"
    }
    refusals = {kind.__name__: kind for kind in Refusal.__subclasses__()}

    assert set(published_codes) == set(by_summary)
    for name, command in by_summary.items():
        said = inspect.getdoc(command.event.permit) or ""
        for refusal in set(re.findall(r"[A-Z][A-Za-z]+", said)) & refusals.keys():
            assert f"`{refusals[refusal].code}`" in published_codes[name], (name, refusal)


def test_every_code_is_documented() -> None:
    documented = (ROOT / "docs" / "errors.md").read_text()
    refusals = {kind.code for kind in Refusal.__subclasses__()}
    edge = set(
        re.findall(
            r'(?:Problem\(\s*\d+,\s*|_retry\(\s*request,\s*)"([a-z_]+)"',
            "".join(path.read_text() for path in (ROOT / "app" / "api").glob("*.py")),
        )
    )

    assert {KeyReused.code, StillInFlight.code, EntryTooLarge.code} <= refusals
    assert len(edge) > 10
    for code in refusals | edge | VALUE_CODES:
        assert f"`{code}`" in documented, code
