"""Dates: a bank's value date, the day that a movement counts for, and when both may be.

Usually they are one day. A later day may be stated, as where the bank's day is closed: corrections
and late news go into the open period, and both dates stay on the record.
"""

from datetime import date, timedelta

from app.domain.event import Act, Terms
from app.domain.refusals.money import DateOutOfRange
from app.domain.values import Day


class Dated(Terms):
    """The bank's date, and the day for which the books count the movement where that is later."""

    value_date: Day
    effective_date: Day | None = None

    @property
    def effective(self) -> date:
        """The day for which the books count the movement."""
        return self.effective_date or self.value_date


def require_past(day: date, act: Act) -> None:
    """Check that the day has begun somewhere on earth when the entry is made. Raises
    DateOutOfRange.
    """
    # East of UTC the next day may have begun already, so one day later is allowed.
    if day - timedelta(days=1) > act.day:
        raise DateOutOfRange(f"{day} lies after the entry's own day, {act.day}.")


def require_dates(terms: Dated, act: Act) -> None:
    """Check that both dates are past and that the movement counts from no earlier day than the
    bank's date. Raises DateOutOfRange.
    """
    require_past(terms.value_date, act)
    require_past(terms.effective, act)
    if terms.effective < terms.value_date:
        raise DateOutOfRange(f"{terms.effective} lies before the value date, {terms.value_date}.")
