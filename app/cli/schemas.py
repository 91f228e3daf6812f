"""What is published: `openapi.json`, the event catalogue `events.json`, `charter.schema.json`.

All are generated; a test compares the files in the repository with what the code gives. That a rule
of a released event was edited, the golden bundles show (`tests/golden`).
"""

import inspect
import json
from pathlib import Path
from typing import Any

from app.domain.catalogue import EVENTS
from app.domain.charter.charter import Charter
from app.domain.event import Event
from app.main import create_app
from app.runtime.settings import Settings


def openapi() -> dict[str, Any]:
    """The interface's description."""
    return create_app(Settings()).openapi()


def events() -> dict[str, Any]:
    """Every event: what it means, who records it, its members."""
    return {name: _event(kind) for name, kind in sorted(EVENTS.items())}


def charter_schema() -> dict[str, Any]:
    """The JSON Schema of a charter; what no schema can say, `fundledger charter check` does."""
    schema = "https://json-schema.org/draft/2020-12/schema"
    return {"$schema": schema, **Charter.model_json_schema()}


def write_files(folder: Path) -> list[Path]:
    """Write them into `folder`."""
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
    return written


def as_text(content: dict[str, Any]) -> str:
    """The one spelling that the files have."""
    return json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _event(kind: type[Event]) -> dict[str, Any]:
    return {
        "meaning": inspect.getdoc(kind),
        "roles": sorted(kind.actor_roles) or ["ledger"],
        "members": kind.model_json_schema(),
    }
