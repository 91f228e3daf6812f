"""Calendars and clocks: when a period of days that is counted in a time zone ends, in UTC.

Deadlines must come out the same in every replay. So holidays are dates in the charter and are not
taken from a library. Governments change time zones, so a deadline is worked out once, with the
`tzdata` of that day, and written into the entry. A replay needs no time zones: it checks that the
deadline is one that some offset from UTC gives, and the verifier remarks where its own tables give
another.
"""

from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from importlib.resources import files
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from pydantic import Field

from app.domain.event import Terms
from app.domain.refusals.decisions import CalendarEnds, DeadlineImpossible
from app.domain.values import CalendarId, Day, Distinct

MAX_CLOCK_DAYS: Final = 366
_SATURDAY: Final = 5
WESTERNMOST: Final = timedelta(hours=12)
EASTERNMOST: Final = timedelta(hours=14)
"""How far local time is ahead of UTC at most; WESTERNMOST is how far it is behind."""
CHANGE_OF_CLOCKS: Final = timedelta(hours=2)
"""How far the offset at the end of a period may be from the one at its beginning."""
QUARTER_S: Final = 15 * 60


@lru_cache(maxsize=64)
def zone(name: str) -> ZoneInfo:
    """The time zone of this IANA name. Raises LookupError."""
    place = files("tzdata").joinpath("zoneinfo", *name.split("/"))
    if not place.is_file():
        raise LookupError(name)
    with place.open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


def is_zone(name: str) -> bool:
    """Whether the time zones that are installed here know this name."""
    try:
        zone(name)
    except (LookupError, ValueError):
        return False
    return True


TimeZone = Annotated[
    str,
    Field(
        strict=True,
        pattern="^[A-Za-z_]{1,20}(/[A-Za-z_-]{1,30}){0,2}$",
        examples=["Europe/Brussels"],
    ),
]
"""An IANA name, such as Europe/Brussels.

Whether the zone exists is checked when a charter is stated and not when one is read, because the
tables of time zones change.
"""


class Calendar(Terms):
    """A time zone, and the holidays on which nobody works besides Saturdays and Sundays.

    `through` is the last day that the list of holidays covers: business days are not counted beyond
    it.
    """

    id: CalendarId
    time_zone: TimeZone
    through: Day
    holidays: Annotated[tuple[Day, ...], Field(max_length=2_000), Distinct] = ()

    def is_business_day(self, day: date) -> bool:
        """Whether the day is a Monday to Friday and no holiday."""
        return day.weekday() < _SATURDAY and day not in self.holidays


class Counts(StrEnum):
    """Which days a clock counts."""

    CALENDAR = "calendar"
    BUSINESS = "business"


class Clock(Terms):
    """A period of whole days. Without a calendar the days are those of UTC."""

    days: Annotated[int, Field(strict=True, ge=1, le=MAX_CLOCK_DAYS)]
    counts: Counts = Counts.CALENDAR
    calendar: CalendarId | None = None


def deadline(clock: Clock, calendar: Calendar | None, since: datetime) -> datetime:
    """The last moment of a period that begins at `since` (aware): a midnight, in UTC.

    The day of `since` does not count. What arrives at this very moment is in time. The time zones
    installed here are used. Raises CalendarEnds.
    """
    place = zone(calendar.time_zone) if calendar is not None else UTC
    last = _last_day(clock, calendar, since.astimezone(place).date())
    return datetime.combine(last + timedelta(days=1), time(), place).astimezone(UTC)


def require_possible(
    clock: Clock, calendar: Calendar | None, since: datetime, stated: datetime
) -> None:
    """Check a deadline that was worked out elsewhere, without any time zones.

    The deadline must be a midnight by some offset from UTC, -12 to +14 hours in quarters of an
    hour, after the days that begin with the one of `since` by that offset, or by one that differs
    by a change of the clocks at most. Without a calendar days are those of UTC, and the deadline is
    exact. Raises DeadlineImpossible, CalendarEnds.
    """
    if calendar is None:
        possible = stated == deadline(clock, None, since)
    else:
        possible = stated.timestamp() % QUARTER_S == 0 and any(
            _is_midnight(stated, end, since, day)
            for day, end in _possible_ends(clock, calendar, since)
        )
    if not possible:
        raise DeadlineImpossible(
            f"{stated.isoformat()} is no midnight after {clock.days} days from "
            f"{since.isoformat()}, wherever they are counted."
        )


def require_room(clock: Clock, calendar: Calendar | None, since: datetime) -> None:
    """Check that the calendar reaches as far as the period. Raises CalendarEnds."""
    if calendar is not None:
        _possible_ends(clock, calendar, since)


def _is_midnight(stated: datetime, end: date, since: datetime, day: date) -> bool:
    """Whether `stated` is the midnight before `end` where `since` lies on `day`."""
    offset = datetime.combine(end, time(), UTC) - stated
    nearby = (offset - CHANGE_OF_CLOCKS, offset + CHANGE_OF_CLOCKS)
    return -WESTERNMOST <= offset <= EASTERNMOST and any(
        (since + min(max(one, -WESTERNMOST), EASTERNMOST)).date() == day for one in nearby
    )


def _possible_ends(clock: Clock, calendar: Calendar, since: datetime) -> list[tuple[date, date]]:
    """The days on which `since` may lie by some offset from UTC, each with the day after the last
    day of the period. Raises CalendarEnds when the calendar reaches far enough for none.
    """
    first, last = (since - WESTERNMOST).date(), (since + EASTERNMOST).date()
    days = [first + timedelta(days=more) for more in range((last - first).days + 1)]
    ends, beyond = list[tuple[date, date]](), None
    for day in days:
        try:
            ends.append((day, _last_day(clock, calendar, day) + timedelta(days=1)))
        except CalendarEnds as error:
            beyond = error
    if beyond is not None and not ends:
        raise beyond
    return ends


def _last_day(clock: Clock, calendar: Calendar | None, day: date) -> date:
    """The last day of a period that begins on `day`, which does not count. Raises CalendarEnds."""
    left = clock.days
    while left:
        day += timedelta(days=1)
        if calendar is not None and clock.counts is Counts.BUSINESS:
            if day > calendar.through:
                raise CalendarEnds(
                    f"Calendar {calendar.id} ends on {calendar.through}: the charter must be "
                    f"given a longer one first."
                )
            if not calendar.is_business_day(day):
                continue
        left -= 1
    return day
