"""Charters as files: YAML or JSON, checked with the line of each fault, and compared.

YAML is read with JSON's types only: `yes`, `NO` and 2026-01-01 are texts, numbers are integers,
nothing is executed, and a name occurs once in each mapping.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import holidays
import yaml
from pydantic import ValidationError

import app.domain.catalogue  # noqa: F401  a charter may name any event
from app.domain.charter.calendars import is_zone
from app.domain.charter.charter import Charter
from app.runtime.faults import Fault

MAX_CHARTER_BYTES: Final = 1_000_000
MAX_DEPTH: Final = 20


class CharterUnreadable(Fault):
    """The file is not YAML, or uses parts of YAML that charters may not use."""


@dataclass(frozen=True, slots=True)
class Wrong:
    """A fault of a charter, with its line (from 1) and member."""

    line: int
    member: str
    why: str

    def __str__(self) -> str:
        return f"line {self.line}, {self.member or 'the charter'}: {self.why}"


class _Json(yaml.SafeLoader):  # type: ignore[misc]  # the library has no types
    """A YAML loader for which only true, false, null and integers are no texts."""


_Json.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("tag:yaml.org,2002:bool", r"^(?:true|false)$", "tf"),
    ("tag:yaml.org,2002:null", r"^null$", "n"),
    ("tag:yaml.org,2002:int", r"^(?:0|-?[1-9][0-9]*)$", "-0123456789"),
):
    _Json.add_implicit_resolver(_tag, re.compile(_pattern), list(_first))


def read_charter(raw: bytes) -> tuple[dict[str, Any], list[Wrong]]:
    """The charter's JSON, and its faults; without a fault it may be posted.

    Raises CharterUnreadable.
    """
    if len(raw) > MAX_CHARTER_BYTES:
        raise CharterUnreadable(f"a charter has at most {MAX_CHARTER_BYTES} bytes")
    try:
        _require_no_references(raw)
        root = yaml.compose(raw, Loader=_Json)
        _require_plain(root)
        members = yaml.load(raw, Loader=_Json)  # noqa: S506  a SafeLoader with less
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise CharterUnreadable(f"not a charter in YAML: {' '.join(str(error).split())}") from None
    if not isinstance(members, dict):
        raise CharterUnreadable("a charter is a mapping")
    try:
        charter = Charter.model_validate(members)
    except ValidationError as error:
        return members, [_wrong(root, item) for item in error.errors(include_url=False)]
    return members, [_wrong(root, item) for item in _unknown_zones(charter)]


def _unknown_zones(charter: Charter) -> Iterator[dict[str, Any]]:
    """Calendars whose time zone is not installed here, in the form of a validation error."""
    for place, calendar in enumerate(charter.calendars):
        if not is_zone(calendar.time_zone):
            where = ("calendars", place, "time_zone")
            yield {"loc": where, "msg": "No time zone of this name."}


def differences(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    """The differences between two charters, member by member, in words.

    Items of lists are compared by id; a change of their order alone is named too, because it can
    decide whose money is drawn first.
    """
    before, after = dict(_leaves(old)), dict(_leaves(new))
    orders = dict(_orders(old))
    for path, order in sorted(dict(_orders(new)).items()):
        was = orders.get(path, order)
        if was != order and sorted(was) == sorted(order):
            yield f"~ {path}, in order: {', '.join(was)} -> {', '.join(order)}"
    for path in sorted(before.keys() | after.keys()):
        if path not in after:
            yield f"- {path}: {before[path]}"
        elif path not in before:
            yield f"+ {path}: {after[path]}"
        elif before[path] != after[path]:
            yield f"~ {path}: {before[path]} -> {after[path]}"


def calendar(name: str, time_zone: str, places: list[str], years: range) -> dict[str, Any]:
    """A calendar for a charter: the public holidays of these countries (`BE`, `US-NY`).

    Raises CharterUnreadable for a country without a known list.
    """
    days: set[date] = set()
    for place in places:
        country, _, part = place.partition("-")
        try:
            days |= holidays.country_holidays(country, subdiv=part or None, years=years).keys()
        except NotImplementedError:
            raise CharterUnreadable(f"no holidays are known for {place}") from None
    return {
        "id": name,
        "time_zone": time_zone,
        "through": f"{years[-1]}-12-31",
        "holidays": sorted(str(day) for day in days if day.weekday() < 5),
    }


def _require_no_references(raw: bytes) -> None:
    """Refuse YAML aliases, by which a small file can expand to a huge one, and tags. Raises
    ValueError with the line.
    """
    for event in yaml.parse(raw, Loader=_Json):
        if getattr(event, "anchor", None) or getattr(event, "tag", None):
            raise ValueError(f"line {event.start_mark.line + 1}: no aliases, no tags")


def _require_plain(node: Any, depth: int = 0) -> None:
    """Refuse what JSON cannot hold: a name that is not a scalar, a name given twice, and nesting
    deeper than MAX_DEPTH. Raises ValueError.
    """
    if depth > MAX_DEPTH:
        raise ValueError("too deep")
    if isinstance(node, yaml.MappingNode):
        names: set[str] = set()
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.value in names:
                raise ValueError(f"line {key.start_mark.line + 1}: a name is a word, once")
            names.add(key.value)
            _require_plain(value, depth + 1)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _require_plain(value, depth + 1)


def _wrong(root: Any, item: Any) -> Wrong:
    """A fault with its place in the file: the innermost part of its path that exists there."""
    places = list(item["loc"])
    member = str(item.get("ctx", {}).get("member", ""))
    if not places and member:
        places = [member]
    node, line = root, root.start_mark.line
    for place in places:
        found = _child(node, place)
        if found is None:
            break
        line, node = found
    return Wrong(line + 1, "/".join(map(str, places)), str(item["msg"]))


def _child(node: Any, place: str | int) -> tuple[int, Any] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == place:
                return key.start_mark.line, value
    if isinstance(node, yaml.SequenceNode) and type(place) is int and place < len(node.value):
        return node.value[place].start_mark.line, node.value[place]
    return None


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, f"{path}/{name}")
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            if isinstance(inner, str):
                yield f"{path}/{inner}", "listed"
                continue
            yield from _leaves(inner, f"{path}/{_label(inner, place)}")
    else:
        yield path, str(value)


def _orders(value: Any, path: str = "") -> Iterator[tuple[str, list[str]]]:
    """The path and the labels of every list, in the list's order."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _orders(inner, f"{path}/{name}")
    elif isinstance(value, list):
        yield path, [_label(inner, place) for place, inner in enumerate(value)]
        for place, inner in enumerate(value):
            yield from _orders(inner, f"{path}/{_label(inner, place)}")


def _label(item: Any, place: int) -> str:
    """The name by which an item of a list is compared: its id or its position."""
    if isinstance(item, str):
        return item
    named = item if isinstance(item, dict) else {}
    return str(named.get("id", named.get("subject", place)))
