"""A real Prometheus scrapes the service, and is asked every question of alerts and boards."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.support.builders import a_pledge, money, treasury
from tests.support.ports import free_port
from tests.support.prometheus import RULES, Prometheus, prometheus
from tests.support.service import Service
from tests.support.tables import without_guards
from tests.support.waiting import until

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [
    pytest.mark.skipif(shutil.which("prometheus") is None, reason="there is no Prometheus here"),
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
]


@pytest.fixture
def watched(alone: Service, tmp_path: Path) -> Iterator[Prometheus]:
    alone.post(treasury("DE"), "/pledges", a_pledge(money(1)))
    target = alone.address.removeprefix("http://")
    with prometheus(tmp_path, target, f"127.0.0.1:{free_port()}") as running:
        until(lambda: running.ask('up{job="fundledger"} == 1'))
        yield running


def expressions() -> list[str]:
    rules = yaml.safe_load(RULES.read_text())["groups"][0]["rules"]
    found = [rule["expr"] for rule in rules]
    for name in ("operator", "treasury"):
        board = json.loads((ROOT / "deploy" / "grafana" / f"{name}.json").read_text())
        found += [one["expr"] for panel in board["panels"] for one in panel.get("targets", [])]
    return found


def test_every_question_of_alerts_and_boards_has_an_answer(watched: Prometheus) -> None:
    for expression in expressions():
        watched.ask(expression)

    assert watched.ask("ledger_chain_head_seq")[0]["value"][1] == "1"
    assert watched.ask("ledger_ready")


def test_what_happens_is_what_alerts(watched: Prometheus, alone: Service) -> None:
    """A process of two that is gone, and a row that somebody edits, guards and all."""
    until(lambda: "ProcessDown" in watched.firing())
    until(lambda: "NobodyServes" not in watched.firing())
    assert "EntryDamaged" not in watched.firing()

    without_guards(alone.settings, "UPDATE entries SET body = replace(body, '1.00', '9.00')")

    until(lambda: "EntryDamaged" in watched.firing())
    assert "GuardsMissing" not in watched.firing()
