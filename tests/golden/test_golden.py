"""What verified once verifies for ever: bundles of every released format, and of this one.

A failure here means that a rule, a sentence, a codelist or a view of a recorded entry was edited.
Add a class, a view, a format beside the old one instead. Before a format is released its bundles
may be made anew (`make golden`), and the commit says why.
"""

import json
import zipfile
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from app.audit.format.versions import NEWEST, OLDEST
from app.audit.replay import read_event
from app.audit.report import Report
from app.audit.verify import verify
from app.chain.entry import Entry
from app.chain.policy import Policy
from app.domain import currencies
from app.domain.catalogue import EVENTS
from app.domain.charter.decision_rules import RuleKind, Verdict
from app.domain.event import Event
from app.domain.proposals.votes import DecisionMade

HERE = Path(__file__).parent
FORMATS = range(OLDEST, NEWEST + 1)
BUNDLES = sorted(HERE.glob("format-*/*/bundle.zip"))


def name_of(bundle: Path) -> str:
    return f"{bundle.parent.parent.name}/{bundle.parent.name}"


def judged(bundle: Path) -> Report:
    return verify(bundle, Policy.parse((bundle.parent / "trust.policy").read_bytes()))


def entries(bundle: Path) -> Iterator[Entry]:
    with zipfile.ZipFile(bundle) as archive:
        for line in archive.read("entries/00000000.jsonl").splitlines():
            yield Entry.from_bytes(line)


@cache
def events(number: int) -> tuple[Event, ...]:
    folders = [one for one in BUNDLES if one.parent.parent.name == f"format-{number}"]
    return tuple(read_event(entry) for bundle in folders for entry in entries(bundle))


def timeless(report: dict[str, Any]) -> dict[str, Any]:
    """Without what this machine's tables of time zones say of it."""
    return {name: value for name, value in report.items() if name != "remarks"}


def test_every_format_has_its_bundles() -> None:
    folders = {bundle.parent.parent.name for bundle in BUNDLES}

    assert folders == {f"format-{number}" for number in FORMATS}
    assert len(BUNDLES) >= 5 * len(FORMATS)


@pytest.mark.parametrize("bundle", BUNDLES, ids=name_of)
def test_a_golden_bundle_gives_the_report_that_it_always_gave(bundle: Path) -> None:
    expected = json.loads((bundle.parent / "report.json").read_text())

    report = judged(bundle)

    assert report.result == "ok", report.first
    assert timeless(report.as_json()) == timeless(expected)


def test_the_newest_format_uses_every_event() -> None:
    used = {event.type for event in events(NEWEST)}

    assert EVENTS.keys() - used == set()


def test_it_uses_every_decision_rule_and_every_verdict() -> None:
    decided = [event for event in events(NEWEST) if isinstance(event, DecisionMade)]

    assert {event.rule for event in decided} == set(RuleKind)
    assert {event.verdict for event in decided} == set(Verdict)


def test_it_uses_every_way_in_which_a_request_or_a_matter_ends() -> None:
    ends = Counter(event.type for event in events(NEWEST))

    for kind in (
        *("disbursement.refused", "disbursement.expired", "disbursement.cancelled"),
        *("disbursement.returned", "disbursement.unreserved", "disbursement.settled"),
        *("matter.dropped", "quorum.lost", "quorum.regained", "vote.called", "clock.elapsed"),
    ):
        assert ends[kind] > 0, kind


def test_time_zones_of_another_year_change_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if Kyiv had given up summer time, or were not a place any more."""
    bundle = HERE / f"format-{NEWEST}" / "rules" / "bundle.zip"
    real = judged(bundle)

    def shifted(*arguments: Any) -> datetime:
        return _deadline(*arguments) - timedelta(hours=1)

    from app.domain.charter.calendars import deadline as _deadline

    monkeypatch.setattr("app.domain.governance.polls.deadline", shifted)
    other = judged(bundle)
    monkeypatch.setattr("app.domain.governance.polls.is_zone", lambda _: False)
    unknown = judged(bundle)

    assert (real.remarks, real.result) == ([], "ok")
    assert other.result == unknown.result == "ok"
    assert "by the time zones installed here it would at" in other.remarks[0]
    assert "Europe/Kyiv is not known here" in unknown.remarks[0]


def test_a_currency_that_this_table_lacks_is_not_wrong_but_cannot_be_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(currencies.MINOR_DIGITS, "JPY")

    report = judged(HERE / f"format-{NEWEST}" / "rules" / "bundle.zip")

    assert report.result == "cannot_tell"


def test_a_currency_that_was_once_counted_is_counted_for_ever() -> None:
    """The table only grows: `counted.txt` holds what stood in it when a format was released."""
    counted = dict(line.split() for line in (HERE / "counted.txt").read_text().splitlines())

    assert len(counted) > 150
    assert {code: str(currencies.MINOR_DIGITS.get(code)) for code in counted} == counted
