"""Alerts: each has a page, a test that it fires and one that it is silent, and asks what exists."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.metrics_catalogue import asked_for, declared

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy" / "prometheus"
RULES: list[dict[str, Any]] = yaml.safe_load((FOLDER / "rules.yml").read_text())["groups"][0][
    "rules"
]
TESTS: list[dict[str, Any]] = yaml.safe_load((FOLDER / "rules-test.yml").read_text())["tests"]
PARTS = ("Signal", "Impact", "Confirm", "Act", "Verify", "Tell")
EVENTS = re.compile(
    r'(?:_log|log)\.(?:debug|info|warning|error|critical|log)\(\s*(?:level,\s*)?"([a-z_]+)"'
)
SELDOM = re.compile(r'seldom\(\s*_?log, "([a-z_]+)"')


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_asks_for_metrics_that_exist(rule: dict[str, Any]) -> None:
    assert asked_for(rule["expr"]) <= declared()
    assert rule["labels"]["severity"] in ("page", "ticket", "watchdog")
    assert {"summary", "action", "runbook_url"} == set(rule["annotations"])


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_has_a_page_that_says_what_to_do(rule: dict[str, Any]) -> None:
    page = (ROOT / rule["annotations"]["runbook_url"]).read_text()

    assert [part for part in PARTS if f"**{part}.**" not in page] == []
    assert f"`{rule['alert']}`" in page
    assert f"`{rule['alert']}`" in (ROOT / "docs" / "runbooks" / "README.md").read_text()


def test_every_alert_is_made_to_fire_and_shown_to_be_silent() -> None:
    named = {test["name"] for test in TESTS}
    wanted = {f"{rule['alert']} fires" for rule in RULES}
    wanted |= {f"{rule['alert']} is silent" for rule in RULES if rule["alert"] != "Watchdog"}

    assert named == wanted


def test_the_tests_of_alerts_feed_series_that_exist() -> None:
    fed = {one["series"] for test in TESTS for one in test["input_series"]}

    assert asked_for(" ".join(fed)) <= declared()


def test_every_page_is_of_an_alert() -> None:
    pages = {path.stem for path in (ROOT / "docs" / "runbooks").glob("*.md")} - {"README"}

    assert pages == {Path(rule["annotations"]["runbook_url"]).stem for rule in RULES}


def test_every_event_of_the_log_is_listed_for_operators() -> None:
    said = set[str]()
    for path in (ROOT / "app").rglob("*.py"):
        said |= set(EVENTS.findall(path.read_text())) | set(SELDOM.findall(path.read_text()))
    listed = set(
        re.findall(r"^\| `([a-z_]+)` \|", (ROOT / "docs" / "logs.md").read_text(), re.MULTILINE)
    )

    assert len(said) > 25
    assert said == listed
