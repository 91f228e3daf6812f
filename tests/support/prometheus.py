"""A Prometheus for tests: it scrapes what it is told to, with the project's own alerts."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

from app.runtime.outbound import trusted
from tests.support.ports import free_port
from tests.support.waiting import until

RULES = Path(__file__).resolve().parents[2] / "deploy" / "prometheus" / "rules.yml"


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
        """Alerts that fire, or would if they lasted."""
        alerts = self._client.get("/api/v1/alerts").json()["data"]["alerts"]
        return {one["labels"]["alertname"] for one in alerts}

    def close(self) -> None:
        self._client.close()


@contextmanager
def serving(folder: Path, config: dict[str, Any]) -> Iterator[str]:
    """A Prometheus with this configuration; its address."""
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
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


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
    with serving(folder, config) as address:
        asked = Prometheus(address)
        try:
            until(asked.ready)
            yield asked
        finally:
            asked.close()
