"""Deadlines in re-signed logs: an operator closes no vote early, and tables change no verdict."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app.domain.charter import calendars
from app.domain.governance import polls
from app.domain.proposals.votes import ElapseClock
from tests.support import tampering
from tests.support.domain import Door
from tests.support.paper import LEDGER
from tests.support.proposals import proposed, voted
from tests.support.service import running, settings_in
from tests.support.tampering import Bundle
from tests.support.through import written

HOLIDAYS = ["2026-12-24", "2026-12-25", *(f"2026-12-{day}" for day in range(28, 32)), "2027-01-01"]
BRUSSELS = {"id": "bxl", "time_zone": "Europe/Brussels", "through": "2027-12-31"}
KYIV = {"id": "kyiv", "time_zone": "Europe/Kyiv", "holidays": []}
OPENED = datetime(2026, 12, 23, 9, tzinfo=UTC)
IN_AN_HOUR = datetime(2026, 12, 23, 10, tzinfo=UTC)
"""A midnight 14 hours east of Greenwich; the vote of one business day closes on 4 January."""


@pytest.fixture
def told(tmp_path: Path, sqlite_template: Path) -> Callable[..., Bundle]:
    """Makes the bundle of a fund whose motions are decided by a rule, after a story."""

    def tell(
        rule: dict[str, Any], calendar: dict[str, Any], story: Callable[[Door], None]
    ) -> Bundle:
        with written(tmp_path, sqlite_template) as paper:
            paper.now = datetime(2026, 1, 20, 9, tzinfo=UTC)
            rules = {"motion": rule, "issuers": {"rule": "unanimity"}}
            governments = ("DE", "FR", "IT")
            paper.open(governments=governments, calendars=[calendar], decision_rules=rules)
            story(paper)
        with running(settings_in(tmp_path)) as service:
            return tampering.made_by(service, tmp_path)

    return tell


def business(days: int, calendar: str, **rule: Any) -> dict[str, Any]:
    clock = {"days": days, "counts": "business", "calendar": calendar}
    return {"rule": "silence", **rule, "clock": clock}


def at(moment: datetime) -> Callable[[Door], None]:
    """Propose a motion then."""

    def story(paper: Door) -> None:
        paper.now = moment
        proposed(paper)

    return story


@pytest.mark.parametrize(
    "stated",
    [
        "2026-12-23T10:00:00Z",
        "2026-12-23T22:00:00Z",
        "2026-12-24T00:00:00Z",
        "2026-12-24T10:00:00Z",
        "2027-01-05T12:00:00Z",
        "2027-01-05T00:00:00+01:00",
        "2027-01-04T23:00:00",
        "2027-01-04T23:00:00+00:00",
    ],
)
def test_no_other_deadline_than_the_charters_is_called_good(
    told: Callable[..., Bundle], stated: str
) -> None:
    bundle = told(business(1, "bxl"), {**BRUSSELS, "holidays": HOLIDAYS}, at(OPENED))
    seq = bundle.first("proposal.opened")
    assert bundle.entry(seq)["derived"]["closes_at"] == "2027-01-04T23:00:00Z"

    bundle.change(seq, lambda entry: entry["derived"].update(closes_at=stated))
    bundle.rechain()
    bundle.resign(log=True)

    report = bundle.report()
    assert report.result != "ok"
    assert report.first is not None
    assert report.first.seq == seq


def test_silence_does_not_become_consent_within_the_hour(
    told: Callable[..., Bundle], monkeypatch: pytest.MonkeyPatch
) -> None:
    def story(paper: Door) -> None:
        paper.now = OPENED
        motion = proposed(paper).proposal_id
        paper.now = IN_AN_HOUR.replace(minute=1)
        paper.do(LEDGER, ElapseClock(matter_id=motion))

    with monkeypatch.context() as patch:
        patch.setattr(polls, "deadline", lambda *_: IN_AN_HOUR)
        patch.setattr(polls, "require_possible", lambda *_: None)
        bundle = told(business(1, "bxl"), {**BRUSSELS, "holidays": HOLIDAYS}, story)

    assert bundle.first("decision.made")
    assert bundle.report().result == "wrong"


def test_a_deadline_that_no_change_of_time_zones_explains_cannot_be_told(
    told: Callable[..., Bundle], monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = told(
        business(5, "kyiv"), {**KYIV, "through": "2026-03-31"}, at(OPENED.replace(month=2))
    )

    moved(monkeypatch, "Asia/Tokyo")

    assert bundle.report().result == "cannot_tell"


def test_false_does_not_stand_for_nought(told: Callable[..., Bundle]) -> None:
    def story(paper: Door) -> None:
        voted(paper, proposed(paper).proposal_id, "DE", "FR")

    bundle = told({"rule": "majority"}, {**KYIV, "through": "2026-03-31"}, story)
    seq = bundle.first("decision.made")
    assert bundle.entry(seq)["derived"]["tally"]["against"] == 0

    bundle.change(seq, lambda entry: entry["derived"]["tally"].update(against=False))
    bundle.assert_first_wrong_at(seq)


@pytest.mark.parametrize("other", [None, "Europe/Moscow"])
def test_a_vote_that_an_objection_calls_needs_no_time_zones(
    told: Callable[..., Bundle], monkeypatch: pytest.MonkeyPatch, other: str | None
) -> None:
    """On the last days of the calendar, where an hour more would end it."""

    def story(paper: Door) -> None:
        paper.now = datetime(2026, 1, 30, 21, 30, tzinfo=UTC)
        motion = proposed(paper).proposal_id
        paper.now = datetime(2026, 2, 1, 21, 30, tzinfo=UTC)
        voted(paper, motion, "FR", choice="against")

    clock = {"days": 5, "counts": "business", "calendar": "kyiv"}
    then = {"rule": "majority", "clock": clock}
    rule = {"rule": "silence", "clock": {"days": 2}, "on_objection": "vote", "then": then}
    bundle = told(rule, {**KYIV, "through": "2026-02-06"}, story)
    assert bundle.first("vote.called")
    assert (bundle.report().result, bundle.report().remarks) == ("ok", [])

    moved(monkeypatch, other)

    report = bundle.report()
    assert report.result == "ok"
    assert len(report.remarks) == 1


def test_a_calendar_that_ends_by_other_tables_is_a_remark(
    told: Callable[..., Bundle], monkeypatch: pytest.MonkeyPatch
) -> None:
    sunday = datetime(2026, 2, 1, 21, 30, tzinfo=UTC)
    bundle = told(business(5, "kyiv"), {**KYIV, "through": "2026-02-06"}, at(sunday))

    moved(monkeypatch, "Europe/Moscow")

    report = bundle.report()
    assert report.result == "ok"
    assert ["ends before the vote" in remark for remark in report.remarks] == [True]


def moved(patch: pytest.MonkeyPatch, other: str | None) -> None:
    """Kyiv has the time of another place from here on, or none that is known."""
    real = calendars.zone

    def zone(name: str) -> ZoneInfo:
        if name != KYIV["time_zone"]:
            return real(name)
        if other is None:
            raise LookupError(name)
        return real(other)

    patch.setattr(calendars, "zone", zone)
