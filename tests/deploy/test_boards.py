"""Boards: the files are what the script gives, and every panel asks for metrics that exist."""

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.metrics_catalogue import asked_for, declared

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "grafana"


def boards() -> Any:
    """The script, as a module."""
    spec = importlib.util.spec_from_file_location("boards", FOLDER / "boards.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["boards"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["operator.json", "treasury.json"])
def test_a_board_is_what_the_script_gives(name: str) -> None:
    assert (FOLDER / name).read_text() == boards().files()[name]


@pytest.mark.parametrize("name", ["operator.json", "treasury.json"])
def test_panels_lie_beside_each_other_and_ask_for_what_exists(name: str) -> None:
    board = json.loads((FOLDER / name).read_text())
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert max(x for x, _ in cells) < 24
        assert not cells & taken
        taken |= cells
        for target in panel.get("targets", []):
            assert asked_for(target["expr"]) <= declared()
            assert target["datasource"]["uid"] == "${source}"
    identifiers = [panel["id"] for panel in board["panels"]]
    assert len(set(identifiers)) == len(identifiers)
