"""A real Prometheus scrapes the service, and is asked every question of alerts and boards."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from app.runtime.outbound import trusted
from tests.support.builders import a_pledge, money, treasury
from tests.support.ports import free_port
from tests.support.service import Service
from tests.support.tables import without_guards
from tests.support.waiting import until

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "deploy" / "prometheus" / "rules.yml"

pytestmark = [
    pytest.mark.skipif(shutil.which("prometheus") is None, reason="there is no Prometheus here"),
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
]


class Prometheus:
    """One that runs, and what it is asked."""

    def __init__(self, address: str) -> None:
        self._client = httpx.Client(base_url=address, verify=trusted(), timeout=10)

    def ready(self) -> bool:
        try:
            return self._client.get("/-/ready").is_success
        except httpx.TransportError:
            return False

    def ask(self, expression: str) -> list[dict[str, Any]]:
        answer = self._client.get("/api/v1/query", params={"query": expression}).json()
        assert answer["status"] == "success", (expression, answer)
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found

    def firing(self) -> set[str]:
        alerts = self._client.get("/api/v1/alerts").json()["data"]["alerts"]
        return {one["labels"]["alertname"] for one in alerts}

    def close(self) -> None:
        self._client.close()


@contextmanager
def prometheus(folder: Path, *targets: str) -> Iterator[Prometheus]:
    """Scrapes these targets every half second, with the project's own rules."""
    config = {
        "global": {"scrape_interval": "500ms", "evaluation_interval": "500ms"},
        "scrape_configs": [
            {"job_name": "fundledger", "static_configs": [{"targets": list(targets)}]}
        ],
        "rule_files": [str(RULES)],
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    port = free_port()
    process = subprocess.Popen(
        [
            "prometheus",
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    asked = Prometheus(f"http://127.0.0.1:{port}")
    try:
        until(asked.ready)
        yield asked
    finally:
        asked.close()
        process.terminate()
        process.wait(20)


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
    assert "NobodyServes" not in watched.firing()
    assert "EntryDamaged" not in watched.firing()

    without_guards(alone.settings, "UPDATE entries SET body = replace(body, '1.00', '9.00')")

    until(lambda: "EntryDamaged" in watched.firing())
    assert "GuardsMissing" not in watched.firing()
