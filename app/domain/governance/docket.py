"""The docket: everything in the fund that waits for a decision.

Kept so that a new charter can drop what it would read otherwise, without looking through rows.
"""

from typing import Final

from app.domain.book import Book, Key, State, key
from app.domain.governance.rules import DecisionClass
from app.domain.refusals import TooManyOpen
from app.domain.values import Identifier

MAX_OPEN: Final = 1_000


class Docket(State, table="docket", key=()):
    """The class of decision of every matter that is open, by its id. One row."""

    open: dict[Identifier, DecisionClass]


def docket_key() -> Key:
    """The key of the one row."""
    return key(Docket)


def require_room(book: Book) -> None:
    """Raises TooManyOpen."""
    docket = book.find(Docket)
    if docket is not None and len(docket.open) >= MAX_OPEN:
        raise TooManyOpen(f"{MAX_OPEN} requests and proposals are open: decide some first.")


def entered(book: Book, matter_id: str, decision: DecisionClass) -> Book:
    """The book in which this matter waits for a decision."""
    docket = book.find(Docket)
    known = docket.open if docket is not None else {}
    return book.put(Docket(open={**known, matter_id: decision}))


def struck(book: Book, matter_id: str) -> Book:
    """The book in which it does not wait any more."""
    docket = book.get(Docket)
    left = {matter: decision for matter, decision in docket.open.items() if matter != matter_id}
    return book.put(docket.but(open=left))
