"""What is published of the interface: `openapi.json` and the event catalogue `events.json`.

Both are generated; a test compares the files in the repository with what the code gives. For the
catalogue that comparison is what makes an edit to a released event fail.
"""

import inspect
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

from app.domain.admission import ROOTS
from app.domain.event import EVENTS, Event
from app.main import create_app
from app.settings import Settings


def openapi() -> dict[str, Any]:
    """The interface's description."""
    return create_app(Settings()).openapi()


def events() -> dict[str, Any]:
    """Every event: what it means, who records it, its members, and a digest of its rules."""
    assert ROOTS, "importing it loads every subject"  # noqa: S101
    return {name: _event(kind) for name, kind in sorted(EVENTS.items())}


def write_files(folder: Path) -> list[Path]:
    """Write both files into `folder`."""
    written = []
    for name, content in (("openapi.json", openapi()), ("events.json", events())):
        path = folder / name
        path.write_text(as_text(content))
        written.append(path)
    return written


def as_text(content: dict[str, Any]) -> str:
    """The one spelling that the files have."""
    return json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _event(kind: type[Event]) -> dict[str, Any]:
    rules = (kind.permit, kind.fold, kind.consequences)
    source = "".join(inspect.getsource(rule) for rule in rules)
    return {
        "meaning": inspect.getdoc(kind),
        "roles": sorted(kind.actor_roles) or ["ledger"],
        "members": kind.model_json_schema(),
        "rules_sha256": sha256(source.encode()).hexdigest(),
    }
