"""The parts of docs/wire-format.md that are not written by hand: examples and two tables.

A comment `<!-- example: FILE MEMBER -->` stands above a fenced block with that member of a file in
docs/vectors, `<!-- table: NAME -->` above a table that the code gives. `make vectors` fills both
in, and a test compares.
"""

import json
import re
import zipfile
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from app.api import application
from app.api.command_route import CommandRoute
from app.audit.format.versions import newest
from app.domain.catalogue import EVENTS
from app.domain.event import Event, LedgerEvent, TimedEvent
from app.domain.values import Role
from tests.support.contract_vectors import ROOT, VECTORS

PAGE: Final = ROOT / "docs" / "wire-format.md"
EXAMPLE: Final = re.compile(
    r"(<!-- example: (?P<file>[a-z./-]+) (?P<member>\S+) -->\n```[a-z]*\n)(.*?)(\n```\n)", re.DOTALL
)
TABLE: Final = re.compile(r"(<!-- table: (?P<name>[a-z]+) -->\n)((?:\|.*\n)*)")
_PEOPLE: Final = frozenset(Role) - {Role.LEDGER}


def filled(page: str) -> str:
    """The page with the examples and tables of today."""
    page = EXAMPLE.sub(
        lambda found: found[1] + example(found["file"], found["member"]) + found[5], page
    )
    return TABLE.sub(lambda found: found[1] + TABLES[found["name"]](), page)


def example(file: str, member: str) -> str:
    """A member of a JSON file (`a/b`), a file of an archive, or one line of it (`file:3`)."""
    path = VECTORS / file
    if path.suffix == ".zip":
        name, _, line = member.partition(":")
        with zipfile.ZipFile(path) as archive:
            text = archive.read(name).decode().removesuffix("\n")
        return text.split("\n")[int(line)] if line else text
    if path.suffix != ".json":
        return path.read_text().removesuffix("\n")
    value: Any = json.loads(path.read_text())
    for step in member.split("/"):
        value = value[step]
    if isinstance(value, str):
        return value.removesuffix("\n")
    return json.dumps(value, indent=2, ensure_ascii=False)


def events() -> str:
    """Every event type: who records it, at which address, and the two halves of the entry."""
    rows = [
        (
            f"`{name}`",
            _recorder(kind),
            _address(kind),
            _members(kind, stated=True),
            _members(kind, stated=False),
        )
        for name, kind in sorted(EVENTS.items())
    ]
    return _table(("type", "recorded by", "`POST …`", "`data`", "`derived`"), rows)


def views() -> str:
    """Every view of the newest format and its columns."""
    rows = [
        (f"`{view.path}`", ", ".join(f"`{name}`" for name in view.header))
        for view in newest().views
    ]
    return _table(("file", "columns"), rows)


TABLES: Final[dict[str, Callable[[], str]]] = {"events": events, "views": views}


@cache
def _addresses() -> dict[str, str]:
    """Below `/v1/funds/{fund}`, by the event that is asked for there."""
    routes = [route for route in application.ROUTES if isinstance(route, CommandRoute)]
    return {
        route.command.event.type: route.path.removeprefix("/v1/funds").removeprefix("/{fund}")
        for route in routes
    }


def _address(kind: type[Event]) -> str:
    """Where it is asked for; an answer by another word stands where its siblings do."""
    if issubclass(kind, LedgerEvent | TimedEvent):
        return "-"
    room = kind.type.partition(".")[0]
    found = [
        path
        for name, path in _addresses().items()
        if name == kind.type
        or ("decision" in kind._stated() and EVENTS[name]._stated() == kind._stated())
        if name.startswith(room)
    ]
    (address,) = found
    return f"`{address or '/v1/funds'}`"


def _recorder(kind: type[Event]) -> str:
    if issubclass(kind, LedgerEvent):
        return "ledger, as a consequence"
    if issubclass(kind, TimedEvent):
        return "ledger, by itself"
    if kind.actor_roles == _PEOPLE:
        return "the role that is asked"
    return ", ".join(sorted(kind.actor_roles))


def _members(kind: type[Event], *, stated: bool) -> str:
    names = sorted(name for name in kind.model_fields if (name in kind._stated()) is stated)
    fields = kind.model_fields
    marked = [f"`{name}`" if fields[name].is_required() else f"`{name}`?" for name in names]
    return ", ".join(marked) or "-"


def _table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [header, tuple("---" for _ in header), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def write(page: Path = PAGE) -> None:
    """Fill the page in."""
    page.write_text(filled(page.read_text()))
