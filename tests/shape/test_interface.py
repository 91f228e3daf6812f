"""The published interface: generated files are current, routes have policies, codes a page."""

import inspect
import json
import re
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute

from app.api import application
from app.api.auth.policies import policy_of
from app.api.http.codes import EDGE_CODES
from app.cli import schemas
from app.domain.catalogue import COMMANDS
from app.domain.refusals.base import REFUSALS
from app.domain.value_faults import VALUE_FAULTS
from app.main import create_app

ROOT = Path(__file__).resolve().parents[2]
ROUTES = [route for route in application.ROUTES if isinstance(route, APIRoute)]
PUBLIC = {
    "/livez",
    "/readyz",
    "/metrics",
    "/.well-known/jwks.json",
    "/v1/funds/{fund}/log/checkpoint",
    "/v1/funds/{fund}/log/checkpoints",
    "/v1/funds/{fund}/log/consistency",
    "/v1/funds/{fund}/access/checkpoint",
    "/v1/funds/{fund}/log/tile/{level}/{number:path}",
}
BATCHES = "/v1/funds/{fund}/batches"
"""The one write that takes many commands instead of being one."""
MEDIA_TYPES = {BATCHES: {"application/json", "application/x-ndjson"}}


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    paths = schemas.openapi()["paths"]
    return [(path, method, item) for path, ways in paths.items() for method, item in ways.items()]


def test_openapi_json_is_what_the_code_gives() -> None:
    written = (ROOT / "openapi" / "openapi.json").read_text()

    assert written == schemas.as_text(schemas.openapi()), "run `make openapi`"


def test_events_json_is_what_the_code_gives() -> None:
    written = (ROOT / "openapi" / "events.json").read_text()

    assert written == schemas.as_text(schemas.events()), "run `make openapi`"


def test_the_charters_schema_is_what_the_code_gives() -> None:
    written = (ROOT / "openapi" / "charter.schema.json").read_text()

    assert written == schemas.as_text(schemas.charter_schema()), "run `make openapi`"


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

    routes = {(route.path_format, method) for route in ROUTES for method in route.methods or ()}
    # HEAD is GET without the body; the description need not say it twice.
    heads = {(path, method) for path, method in routes if method == "HEAD"}
    assert {(path, "GET") for path, _ in heads} <= described == routes - heads
    assert create_app().routes == ROUTES


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
        contents = operation["requestBody"]["content"]
        assert set(contents) == MEDIA_TYPES.get(path, {"application/json"})
        assert contents["application/json"]["examples"]


def test_what_a_rule_may_refuse_is_published_for_its_route() -> None:
    writes = {path: item for path, method, item in operations() if method == "post"}
    assert writes.pop(BATCHES)["tags"] == ["batches"]
    said_of = {
        operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].split("/")[-1]: (
            json.dumps(operation["responses"])
        )
        for operation in writes.values()
    }
    refusals = {kind.__name__: kind for kind in REFUSALS.values()}

    assert set(said_of) == set(COMMANDS)
    assert len(writes) == len(COMMANDS)
    silent = {
        (name, refusals[refusal].code)
        for name, command in COMMANDS.items()
        for refusal in re.findall(r"[A-Z][A-Za-z]+", inspect.getdoc(command.event.permit) or "")
        if refusal in refusals and f"`{refusals[refusal].code}`" not in said_of[name]
    }
    assert silent == set()


def test_the_page_of_errors_is_what_the_code_gives() -> None:
    written = (ROOT / "docs" / "errors.md").read_text()

    assert written == schemas.errors_page(written), "run `make openapi`"


def test_every_code_is_published_for_some_operation_and_documented() -> None:
    said = "".join(json.dumps(operation["responses"]) for _, _, operation in operations())
    published = set(re.findall(r"`([a-z_]+)`", said))
    declared = {*REFUSALS, *VALUE_FAULTS, *EDGE_CODES}

    assert len(published) > 50
    assert published <= declared
    assert {"method_not_allowed", "internal_error", "body_too_slow", "batch_too_slow"} <= declared
    assert all(kind.remedy and inspect.getdoc(kind) for kind in REFUSALS.values())
    assert all(fault.remedy and fault.cause for fault in VALUE_FAULTS.values())
    assert all(code.remedy and code.cause for code in EDGE_CODES.values())
