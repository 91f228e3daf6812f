"""Calendars and clocks: the moment, in UTC, at which a period of days ends."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from app.domain.charter.calendars import (
    Calendar,
    Clock,
    Counts,
    deadline,
    is_zone,
    require_possible,
    require_room,
    zone,
)
from app.domain.refusals.decisions import CalendarEnds, DeadlineImpossible

FRIDAY = datetime(2026, 3, 13, 9, 0, tzinfo=UTC)


def a_calendar(*holidays: str, **changes: Any) -> Calendar:
    """Brussels, through the year 2026."""
    body = {
        "id": "brussels",
        "time_zone": "Europe/Brussels",
        "through": "2026-12-31",
        "holidays": holidays,
        **changes,
    }
    return Calendar.model_validate(body)


def business(days: int) -> Clock:
    return Clock(days=days, counts=Counts.BUSINESS, calendar="brussels")


def at(text: str) -> datetime:
    """A moment in UTC: `2026-03-14 23:00`."""
    return datetime.fromisoformat(f"{text}+00:00")


@pytest.mark.parametrize(
    ("days", "ends"), [(1, "2026-03-15 00:00"), (14, "2026-03-28 00:00"), (366, "2027-03-15 00:00")]
)
def test_without_a_calendar_days_are_those_of_utc(days: int, ends: str) -> None:
    assert deadline(Clock(days=days), None, FRIDAY) == at(ends)


def test_the_day_on_which_a_clock_begins_does_not_count() -> None:
    first, last = at("2026-03-13 00:00"), at("2026-03-13 23:59")

    assert deadline(Clock(days=1), None, first) == deadline(Clock(days=1), None, last)
    assert deadline(Clock(days=1), None, at("2026-03-14 00:00")) == at("2026-03-16 00:00")


def test_a_deadline_is_told_in_utc() -> None:
    assert deadline(business(1), a_calendar(), FRIDAY).tzinfo is UTC


def test_calendar_days_run_through_weekends_and_holidays() -> None:
    clock = Clock(days=3, calendar="brussels")

    assert deadline(clock, a_calendar("2026-03-16"), FRIDAY) == at("2026-03-16 23:00")


def test_nobody_works_at_weekends() -> None:
    assert deadline(business(1), a_calendar(), FRIDAY) == at("2026-03-16 23:00")
    assert deadline(business(5), a_calendar(), FRIDAY) == at("2026-03-20 23:00")
    assert deadline(business(6), a_calendar(), FRIDAY) == at("2026-03-23 23:00")


def test_a_clock_that_begins_at_a_weekend_counts_from_monday() -> None:
    assert deadline(business(1), a_calendar(), at("2026-03-14 12:00")) == at("2026-03-16 23:00")
    assert deadline(business(1), a_calendar(), at("2026-03-15 12:00")) == at("2026-03-16 23:00")


def test_nobody_works_on_a_holiday_of_the_charter() -> None:
    calendar = a_calendar("2026-03-16", "2026-03-18")

    assert deadline(business(1), calendar, FRIDAY) == at("2026-03-17 23:00")
    assert deadline(business(2), calendar, FRIDAY) == at("2026-03-19 23:00")


def test_a_holiday_at_a_weekend_moves_nothing() -> None:
    assert deadline(business(1), a_calendar("2026-03-14"), FRIDAY) == at("2026-03-16 23:00")


def test_a_midnight_is_an_hour_earlier_in_utc_once_clocks_have_changed() -> None:
    # In Brussels clocks go forward on 29 March 2026, at 01:00 UTC.
    calendar, since = a_calendar(), at("2026-03-26 12:00")

    assert deadline(Clock(days=1), calendar, since) == at("2026-03-27 23:00")
    assert deadline(Clock(days=2), calendar, since) == at("2026-03-28 23:00")
    assert deadline(Clock(days=3), calendar, since) == at("2026-03-29 22:00")
    assert deadline(business(2), calendar, since) == at("2026-03-30 22:00")


def test_a_midnight_is_an_hour_later_in_utc_once_clocks_have_changed_back() -> None:
    calendar, since = a_calendar(), at("2026-10-23 12:00")

    assert deadline(Clock(days=1), calendar, since) == at("2026-10-24 22:00")
    assert deadline(Clock(days=2), calendar, since) == at("2026-10-25 23:00")


def test_the_day_on_which_a_clock_begins_is_that_of_its_place() -> None:
    late = at("2026-03-13 23:30")

    assert deadline(Clock(days=1), None, late) == at("2026-03-15 00:00")
    assert deadline(Clock(days=1), a_calendar(), late) == at("2026-03-15 23:00")


def test_a_clock_counts_where_days_begin_before_those_of_utc_or_after() -> None:
    tokyo = a_calendar(time_zone="Asia/Tokyo")
    new_york = a_calendar(time_zone="America/New_York")

    assert deadline(Clock(days=1), tokyo, FRIDAY) == at("2026-03-14 15:00")
    assert deadline(Clock(days=1), new_york, FRIDAY) == at("2026-03-15 04:00")


def test_business_days_are_not_counted_beyond_the_calendar() -> None:
    calendar = a_calendar(through="2026-03-18")

    assert deadline(business(3), calendar, FRIDAY) == at("2026-03-18 23:00")
    with pytest.raises(CalendarEnds, match=r"brussels ends on 2026-03-18"):
        deadline(business(4), calendar, FRIDAY)


def test_calendar_days_need_no_list_of_holidays() -> None:
    calendar = a_calendar(through="2026-03-01")

    assert deadline(Clock(days=5), calendar, FRIDAY) == at("2026-03-18 23:00")


def test_a_business_day_is_one_on_which_somebody_works() -> None:
    calendar = a_calendar("2026-03-16")

    found = [calendar.is_business_day(date(2026, 3, day)) for day in range(13, 18)]

    assert found == [True, False, False, False, True]


@pytest.mark.parametrize("name", ["UTC", "Europe/Brussels", "America/Argentina/Buenos_Aires"])
def test_a_time_zone_is_known_by_its_name(name: str) -> None:
    assert a_calendar(time_zone=name).time_zone == name
    assert zone(name).key == name


@pytest.mark.parametrize("name", ["Europe/Nowhere", "Europe", "Mars/Olympus", "leapseconds"])
def test_a_place_that_has_no_time_zone_is_none_but_may_have_been_one(name: str) -> None:
    """A log that names it stays readable, whatever a newer table says."""
    assert not is_zone(name)
    assert a_calendar(time_zone=name).time_zone == name


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/localtime", "Europe/", "", 1])
def test_what_could_not_name_a_time_zone_is_refused(name: object) -> None:
    with pytest.raises(ValidationError):
        a_calendar(time_zone=name)


@pytest.mark.parametrize("days", [0, -1, 367, 1.0, "14", True])
def test_a_clock_runs_for_a_day_to_a_year(days: object) -> None:
    with pytest.raises(ValidationError):
        Clock.model_validate({"days": days})


def test_a_holiday_stands_once() -> None:
    with pytest.raises(ValidationError):
        a_calendar("2026-03-16", "2026-03-16")


SINCE = datetime(2026, 3, 27, 22, 30, tzinfo=UTC)
PLACES = [
    "Pacific/Kiritimati",
    "Europe/Brussels",
    "Asia/Kathmandu",
    "Pacific/Midway",
    "Asia/Tehran",
]


@pytest.mark.parametrize("counts", list(Counts))
@pytest.mark.parametrize("place", PLACES)
def test_whatever_was_worked_out_somewhere_is_possible(place: str, counts: Counts) -> None:
    calendar, clock = a_calendar(time_zone=place), Clock(days=3, counts=counts, calendar="c")
    stated = deadline(clock, calendar, SINCE)

    require_possible(clock, calendar, SINCE, stated)
    # Whatever became of the zone since: nobody's tables are asked.
    require_possible(clock, a_calendar(time_zone="Mars/Olympus"), SINCE, stated)


@pytest.mark.parametrize(
    "off",
    [timedelta(seconds=1), timedelta(minutes=7), timedelta(days=2), -timedelta(days=2)],
)
def test_a_deadline_that_no_place_on_earth_gives_is_impossible(off: timedelta) -> None:
    calendar, clock = a_calendar(), Clock(days=3, calendar="c")
    stated = deadline(clock, calendar, SINCE) + off

    with pytest.raises(DeadlineImpossible, match="no midnight after 3 days"):
        require_possible(clock, calendar, SINCE, stated)


def test_without_a_calendar_a_deadline_is_exact() -> None:
    clock = Clock(days=3)
    require_possible(clock, None, SINCE, datetime(2026, 3, 31, tzinfo=UTC))

    with pytest.raises(DeadlineImpossible):
        require_possible(clock, None, SINCE, datetime(2026, 3, 31, 1, tzinfo=UTC))


def test_a_period_that_ends_beyond_every_calendar_has_no_deadline() -> None:
    calendar = a_calendar(through=date(2026, 3, 30))
    clock = Clock(days=9, counts=Counts.BUSINESS, calendar="c")

    with pytest.raises(CalendarEnds):
        require_room(clock, calendar, SINCE)
    with pytest.raises(CalendarEnds):
        require_possible(clock, calendar, SINCE, SINCE)
