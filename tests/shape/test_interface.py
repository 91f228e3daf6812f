"""The published interface: generated files are current, routes have policies, codes a page."""

import ast
import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute

from app.api import application
from app.api.auth.policies import policy_of
from app.api.http.problems import VALUE_CODES
from app.cli import schemas
from app.domain.catalogue import COMMANDS
from app.domain.refusals import Refusal
from app.ledger.batch import EntryTooLarge, KeyReused
from app.ledger.submission import StillInFlight
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
PLACE_OF_CODE = {"Problem": 1, "problem_response": 1, "_details": 1, "_retry": 1, "_at": 1}
"""What makes a problem, and which of its arguments is the code."""
RELAYED = {"code", "_code_of(found)", "str(item['type'])"}
"""Codes that others made; as is what stands in an attribute `code`. Where they are made they are
found too.
"""


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
    assert described == routes
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
    refusals = {kind.__name__: kind for kind in Refusal.__subclasses__()}

    assert set(said_of) == set(COMMANDS)
    assert len(writes) == len(COMMANDS)
    silent = {
        (name, refusals[refusal].code)
        for name, command in COMMANDS.items()
        for refusal in re.findall(r"[A-Z][A-Za-z]+", inspect.getdoc(command.event.permit) or "")
        if refusal in refusals and f"`{refusals[refusal].code}`" not in said_of[name]
    }
    assert silent == set()


def test_every_code_is_documented() -> None:
    documented = set(re.findall(r"`([a-z_]+)`", (ROOT / "docs" / "errors.md").read_text()))
    refusals = {kind.code for kind in Refusal.__subclasses__()}
    edge, listed = codes_of_the_edge(), published_codes()

    assert {KeyReused.code, StillInFlight.code, EntryTooLarge.code} <= refusals
    assert {"method_not_allowed", "invalid_body", "duplicate_key", "busy"} <= edge
    assert len(listed) > 50
    assert refusals | edge | listed | VALUE_CODES <= documented


def published_codes() -> set[str]:
    """The codes that `openapi.json` names for any operation."""
    said = [json.dumps(operation["responses"]) for _, _, operation in operations()]
    return set(re.findall(r"`([a-z_]+)`", "".join(said)))


def codes_of_the_edge() -> set[str]:
    """The codes that app/api itself spells. Fails on a spelling that cannot be read."""
    found = set[str]()
    for path in sorted((ROOT / "app" / "api").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            for value in code_values(node):
                attribute = isinstance(value, ast.Attribute) and value.attr == "code"
                if not attribute and ast.unparse(value) not in RELAYED:
                    spelled = set(texts_in(value))
                    assert spelled, f"{path.name}:{value.lineno} names a code in a new way"
                    found |= spelled
    return found


def code_values(node: ast.AST) -> Iterator[ast.expr]:
    """Expressions whose value becomes a problem's code: arguments, `code = …`, `_code_of`."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        named = [keyword.value for keyword in node.keywords if keyword.arg == "code"]
        place = PLACE_OF_CODE.get(node.func.id)
        yield from named or ([] if place is None else [node.args[place]])
    elif isinstance(node, ast.Assign):
        for target in node.targets:
            pairs = [(target, node.value)]
            if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                pairs = list(zip(target.elts, node.value.elts, strict=True))
            yield from (value for name, value in pairs if ast.unparse(name) == "code")
    elif isinstance(node, ast.FunctionDef) and node.name == "_code_of":
        yield from (
            each.value for each in ast.walk(node) if isinstance(each, ast.Return) if each.value
        )


def texts_in(value: ast.expr) -> Iterator[str]:
    """Every text that the expression may be; what it only compares with is none of them."""
    if isinstance(value, ast.IfExp):
        yield from (*texts_in(value.body), *texts_in(value.orelse))
    elif isinstance(value, ast.Constant):
        yield from [value.value] if isinstance(value.value, str) else []
    else:
        for each in ast.iter_child_nodes(value):
            yield from texts_in(each) if isinstance(each, ast.expr) else ()
