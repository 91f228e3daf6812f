"""The published files: the interface, the event catalogue, the charter's schema, the errors.

All are generated; a test compares the files in the repository with what the code gives. Whether a
rule of a released event was changed, the golden bundles show (`tests/golden`).
"""

import inspect
import json
from pathlib import Path
from typing import Any, Final

from app.api.http.codes import EDGE_CODES, EdgeCode
from app.api.http.problems import status_of
from app.domain.catalogue import EVENTS
from app.domain.charter.charter import Charter
from app.domain.event import Event
from app.domain.refusals.base import REFUSALS
from app.domain.value_faults import VALUE_FAULTS, ValueFault
from app.main import create_app
from app.runtime.settings import Settings

CODES_HEADING: Final = "## Codes\n"


def openapi() -> dict[str, Any]:
    """The description of the interface (OpenAPI)."""
    return create_app(Settings()).openapi()


def events() -> dict[str, Any]:
    """Every event: what it means, who records it, its members."""
    return {name: _event(kind) for name, kind in sorted(EVENTS.items())}


def charter_schema() -> dict[str, Any]:
    """The JSON Schema of a charter; `fundledger charter check` also checks what no schema can
    express.
    """
    schema = "https://json-schema.org/draft/2020-12/schema"
    return {"$schema": schema, **Charter.model_json_schema()}


def errors() -> str:
    """The table of all codes: cause, and what to do."""
    others: list[EdgeCode | ValueFault] = [*EDGE_CODES.values(), *VALUE_FAULTS.values()]
    rows = [(code.code, status_of(code), code.cause, code.remedy) for code in others]
    rows += [
        (kind.code, status_of(kind), (inspect.getdoc(kind) or "").removesuffix("."), kind.remedy)
        for kind in REFUSALS.values()
        # A value may be out of range by itself, or a sum of such values.
        if kind.code not in VALUE_FAULTS
    ]
    lines = ["| code | status | cause | what to do |", "| --- | --- | --- | --- |"]
    lines += [f"| `{code}` | {status} | {why} | {do} |" for code, status, why, do in sorted(rows)]
    return "\n".join(lines) + "\n"


def errors_page(page: str) -> str:
    """The page of errors with the present table; the text above the table is kept."""
    above, heading, _ = page.partition(CODES_HEADING)
    return f"{above}{heading}\n{errors()}"


def write_files(folder: Path) -> list[Path]:
    """Write all of them into `folder`, and, where `docs/errors.md` stands beside it, its table of
    codes.
    """
    written = []
    contents = {
        "openapi.json": openapi(),
        "events.json": events(),
        "charter.schema.json": charter_schema(),
    }
    for name, content in contents.items():
        path = folder / name
        path.write_text(as_text(content))
        written.append(path)
    page = folder.parent / "docs" / "errors.md"
    if page.exists():
        page.write_text(errors_page(page.read_text()))
        written.append(page)
    return written


def as_text(content: dict[str, Any]) -> str:
    """JSON in the spelling of the published files: sorted, indented by two."""
    return json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _event(kind: type[Event]) -> dict[str, Any]:
    return {
        "meaning": inspect.getdoc(kind),
        "roles": sorted(kind.actor_roles) or ["ledger"],
        "members": kind.model_json_schema(),
    }
