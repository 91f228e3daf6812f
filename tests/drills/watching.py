"""A real Prometheus beside the drills, with the project's own alerts and no patience."""

import json
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import yaml

from tests.support.prometheus import RULES, serving

ALWAYS = {"Watchdog"}
LOOK_S = 0.25


class Watching:
    """Which alerts fired, for the service that is looked at."""

    def __init__(self, folder: Path, address: str) -> None:
        self._targets = folder / "targets.json"
        self._address = address
        self._seen: set[str] = set()
        self._before: set[str] = set()
        """What fired already when the row began: windows of minutes end after it."""
        self._firing: set[str] = set()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()

    def look_at(self, port: int) -> None:
        """Scrape this process from now on."""
        content = json.dumps([{"targets": [f"127.0.0.1:{port}"], "labels": {}}])
        self._targets.write_text(content)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and not self._scraped(port):
            time.sleep(LOOK_S)
        self.forget()

    def forget(self) -> None:
        """Begin anew."""
        self._before = set(self._firing)
        self._seen.clear()

    def seen(self) -> set[str]:
        """Everything that has fired since."""
        time.sleep(4 * LOOK_S)
        return self._seen - self._before - ALWAYS

    def _scraped(self, port: int) -> bool:
        with suppress(httpx.HTTPError, ValueError, KeyError):
            query = {"query": f'up{{instance="127.0.0.1:{port}"}} == 1'}
            answer = httpx.get(f"{self._address}/api/v1/query", params=query, timeout=5)
            return bool(answer.json()["data"]["result"])
        return False

    def _run(self) -> None:
        while not self._over.wait(LOOK_S):
            with suppress(httpx.HTTPError, ValueError, KeyError):
                answer = httpx.get(f"{self._address}/api/v1/alerts", timeout=5).json()
                firing = [one for one in answer["data"]["alerts"] if one["state"] == "firing"]
                self._firing = {one["labels"]["alertname"] for one in firing}
                self._before &= self._firing
                self._seen |= self._firing


@contextmanager
def watching(folder: Path) -> Iterator[Watching | None]:
    """A Prometheus; None where there is none."""
    if shutil.which("prometheus") is None:
        yield None
        return
    folder.mkdir(parents=True)
    rules = yaml.safe_load(RULES.read_text())
    for rule in rules["groups"][0]["rules"]:
        rule["for"] = "0s"
    (folder / "rules.yml").write_text(yaml.safe_dump(rules))
    (folder / "targets.json").write_text("[]")
    config = {
        "global": {"scrape_interval": "250ms", "evaluation_interval": "250ms"},
        "rule_files": [str(folder / "rules.yml")],
        "scrape_configs": [
            {
                "job_name": "fundledger",
                "scrape_timeout": "250ms",
                "file_sd_configs": [
                    {"files": [str(folder / "targets.json")], "refresh_interval": "1s"}
                ],
            }
        ],
    }
    with serving(folder, config) as address:
        here = Watching(folder, address)
        here.start()
        try:
            yield here
        finally:
            here.stop()
