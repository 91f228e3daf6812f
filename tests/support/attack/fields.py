"""Where commands hold amounts, rates and dates, and bodies to put other values into.

All of it is read from the commands' JSON schemas: a new command is attacked like the others.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from app.domain.catalogue import COMMANDS
from app.domain.command import Command
from app.domain.governance.funds import OpenFund
from app.domain.proposals.proposals import OpenProposal, ReviseProposal
from tests.support.builders import money
from tests.support.steps import day

Place = tuple[str | int, ...]
_NAME: Final = "JPY"
"""What stands for a name where names are free: rates are the only such place."""


@dataclass(frozen=True)
class Field:
    """A member of a command that holds an amount, a rate or a date."""

    command: type[Command]
    place: Place

    @property
    def name(self) -> str:
        return f"{self.command.__name__}{self.pointer}"

    @property
    def pointer(self) -> str:
        return "".join(f"/{part}" for part in self.place)

    def with_value(self, value: Any, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """A body of the command in which this member has that value."""
        body = copy.deepcopy(body or sample_of(self.command))
        inside: Any = body
        for part in self.place[:-1]:
            inside = inside[part]
        inside[self.place[-1]] = value
        return body


def fields(kind: str) -> list[Field]:
    """Every member of every command that holds a value of this kind: Money, Rate or date."""
    found = []
    for command in COMMANDS.values():
        # A charter has tests of its own, wherever it stands.
        if command not in (OpenFund, OpenProposal, ReviseProposal):
            schema = command.model_json_schema()
            where = dict.fromkeys(_places(schema, schema.get("$defs", {}), kind))
            found += [Field(command, place) for place in where]
    return found


def sample_of(command: type[Command]) -> dict[str, Any]:
    """A well-formed body of the command; what it refers to need not exist."""
    schema = command.model_json_schema()
    body: dict[str, Any] = _sample(schema, schema.get("$defs", {}))
    return body


def _kind(schema: dict[str, Any]) -> str | None:
    if schema.get("title") == "Money":
        return "Money"
    if schema.get("examples") == ["1.0825"]:
        return "Rate"
    return "date" if schema.get("format") == "date" else None


def _parts(schema: dict[str, Any]) -> dict[str | int, dict[str, Any]]:
    """The schemas of what stands inside, by the names or the position under which it does."""
    named: dict[str | int, dict[str, Any]] = {**schema.get("properties", {})}
    for inside in schema.get("patternProperties", {}).values():
        named[_NAME] = inside
    if "items" in schema:
        named[0] = schema["items"]
    return named


def _sample(schema: dict[str, Any], definitions: dict[str, Any]) -> Any:
    """A value as the schema wants it: examples, first choices, as little as is allowed."""
    schema = _resolved(schema, definitions)
    choices = schema.get("examples") or schema.get("enum") or ["A text"]
    parts = _parts(schema)
    known = {"Money": money(1), "date": day(3)}.get(_kind(schema) or "")
    if known is not None or not parts:
        return known or choices[0]
    if schema.get("type") == "array":
        return [_sample(parts[0], definitions) for _ in range(max(schema.get("minItems", 0), 1))]
    required = schema.get("required", [_NAME])
    return {name: _sample(parts[name], definitions) for name in required}


def _places(schema: dict[str, Any], definitions: dict[str, Any], kind: str) -> Iterator[Place]:
    schema = _resolved(schema, definitions)
    found = _kind(schema)
    if found == kind:
        yield ()
    if found is None:
        for name, inside in _parts(schema).items():
            yield from ((name, *place) for place in _places(inside, definitions, kind))


def _resolved(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """The schema behind a reference, and what an optional member is when it is there."""
    if "$ref" in schema:
        found: dict[str, Any] = definitions[schema["$ref"].rpartition("/")[2]]
        return _resolved(found, definitions)
    return _resolved(schema["anyOf"][0], definitions) if "anyOf" in schema else schema
