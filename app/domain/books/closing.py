"""Closing: up to which day the books are closed.

A closed day takes no posting; what belongs there is booked into the open period, under the date on
which it is found out. `journal.post` makes the check, so every posting passes it.
"""

from datetime import date

from app.domain.book import Book, Key, State, key
from app.domain.refusals.money import PeriodClosed
from app.domain.values import Seq


class Closing(State, table="closings", key=()):
    """The last day that is closed. The table has one row, from the first closing on."""

    through: date | None
    decided_seq: Seq


def closing_key() -> Key:
    """The key of the one row; everything that posts reads it."""
    return key(Closing)


def closed_through(book: Book) -> date | None:
    """The last closed day; None while all are open."""
    closing = book.find(Closing)
    return None if closing is None else closing.through


def require_open(book: Book, day: date) -> None:
    """Check that a posting may count for this day. Raises PeriodClosed when the day is closed."""
    through = closed_through(book)
    if through is not None and day <= through:
        raise PeriodClosed(f"The books are closed through {through}; {day} takes nothing more.")
