"""Charters as files: YAML or JSON, checked with the line that is wrong, and compared.

YAML is read as the JSON that it means: `yes`, `NO` and 2026-01-01 are texts, a number is a whole
one, nothing is executed, and no member stands twice.
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
    """The file is not YAML, or not the kind of YAML that a charter is written in."""


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong with a charter, at which line (from 1) and member."""

    line: int
    member: str
    why: str

    def __str__(self) -> str:
        return f"line {self.line}, {self.member or 'the charter'}: {self.why}"


class _Json(yaml.SafeLoader):  # type: ignore[misc]  # the library has no types
    """YAML without what it reads into plain words: only true, false, null and whole numbers."""


_Json.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("tag:yaml.org,2002:bool", r"^(?:true|false)$", "tf"),
    ("tag:yaml.org,2002:null", r"^null$", "n"),
    ("tag:yaml.org,2002:int", r"^(?:0|-?[1-9][0-9]*)$", "-0123456789"),
):
    _Json.add_implicit_resolver(_tag, re.compile(_pattern), list(_first))


def read_charter(raw: bytes) -> tuple[dict[str, Any], list[Wrong]]:
    """The charter's JSON, and what is wrong with it: nothing, where it may be posted.

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
    """What one charter says and the other does not, member by member, in words.

    Things in lists are compared by id; that they only stand in another order is said too, since
    that can decide whose money goes first.
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

    Raises CharterUnreadable for a country that nobody has a list for.
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
    """Where an error stands in the file: at the innermost part of its place that is there."""
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
    """The labels of every list, in its order."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _orders(inner, f"{path}/{name}")
    elif isinstance(value, list):
        yield path, [_label(inner, place) for place, inner in enumerate(value)]
        for place, inner in enumerate(value):
            yield from _orders(inner, f"{path}/{_label(inner, place)}")


def _label(item: Any, place: int) -> str:
    """What a thing in a list is known by."""
    if isinstance(item, str):
        return item
    named = item if isinstance(item, dict) else {}
    return str(named.get("id", named.get("subject", place)))
