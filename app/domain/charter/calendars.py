"""Calendars and clocks: when a period of days that is counted somewhere ends, in UTC.

Deadlines must come out the same in every replay, so the days on which nobody works are dates in
the charter, which the partners signed, not the opinion of a library; `fundledger charter holidays`
draws them up. Time zones come from the `tzdata` package, not from the machine.
"""

from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from importlib.resources import files
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from app.domain.event import Terms
from app.domain.refusals.decisions import CalendarEnds
from app.domain.values import CalendarId, Day, Distinct

MAX_CLOCK_DAYS: Final = 366
_SATURDAY: Final = 5


@lru_cache(maxsize=64)
def zone(name: str) -> ZoneInfo:
    """The time zone of this IANA name. Raises LookupError."""
    place = files("tzdata").joinpath("zoneinfo", *name.split("/"))
    if not place.is_file():
        raise LookupError(name)
    with place.open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


def _known_zone(name: str) -> str:
    try:
        zone(name)
    except (LookupError, ValueError):
        raise PydanticCustomError("unknown_time_zone", "No time zone of this name.") from None
    return name


TimeZone = Annotated[
    str,
    Field(
        strict=True,
        pattern="^[A-Za-z_]{1,20}(/[A-Za-z_-]{1,30}){0,2}$",
        examples=["Europe/Brussels"],
    ),
    AfterValidator(_known_zone),
]
"""An IANA name, such as Europe/Brussels."""


class Calendar(Terms):
    """Where days begin, and on which of them nobody works besides Saturdays and Sundays.

    `through` is the last day that the list of holidays covers: business days are not counted
    beyond it.
    """

    id: CalendarId
    time_zone: TimeZone
    through: Day
    holidays: Annotated[tuple[Day, ...], Field(max_length=2_000), Distinct] = ()

    def is_business_day(self, day: date) -> bool:
        """Monday to Friday, and no holiday."""
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

    The day of `since` does not count. What arrives at this very moment is in time. Raises
    CalendarEnds.
    """
    place = zone(calendar.time_zone) if calendar is not None else UTC
    day, left = since.astimezone(place).date(), clock.days
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
    return datetime.combine(day + timedelta(days=1), time(), place).astimezone(UTC)
