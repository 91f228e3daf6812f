"""Where the published test vectors lie: beside the repository, never in it.

A test that needs a file which is absent is skipped with a reason that names it.
"""

import json
from pathlib import Path
from typing import Any, NoReturn

import pytest

VECTORS = Path(__file__).resolve().parents[3] / "shared" / "vectors"


def path(name: str) -> Path:
    """The file or folder `name` of the vectors; skips the caller where it is absent."""
    found = VECTORS / name
    if not found.exists():
        _skip(f"no conformance vectors at {found}")
    return found


def read_json(name: str) -> Any:
    return json.loads(path(name).read_bytes())


def files(folder: str) -> list[str]:
    """The names of all JSON files below `folder`, relative to the vectors."""
    return sorted(str(file.relative_to(VECTORS)) for file in path(folder).rglob("*.json"))


def _skip(reason: str) -> NoReturn:
    pytest.skip(reason, allow_module_level=True)
