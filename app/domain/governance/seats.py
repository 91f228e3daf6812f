"""Seats: which governments have somebody who can decide for them."""

from collections.abc import Iterable
from typing import Final

from app.domain.book import Book, Key, State, key
from app.domain.refusals.decisions import QuorumLost
from app.domain.values import PartyId, Role, Seq

DECIDER: Final = Role.TREASURY_APPROVER


class Seats(State, table="seats", key=()):
    """How many active members of each government can decide for it. One row.

    `lost_seq` is the entry that found too few governments able to; None while enough are.
    """

    deciders: dict[PartyId, int]
    lost_seq: Seq | None

    @property
    def able(self) -> int:
        """The number of governments that can decide."""
        return sum(1 for count in self.deciders.values() if count)


def seats_key() -> Key:
    """The key of the one row."""
    return key(Seats)


def seated(book: Book, party: str, roles: Iterable[Role], change: int) -> Book:
    """The book after a person with these roles came to a party (+1) or left it (-1)."""
    seats = book.get(Seats)
    if DECIDER not in roles or party not in seats.deciders:
        return book
    count = seats.deciders[party] + change
    return book.put(seats.but(deciders={**seats.deciders, party: count}))


def require_quorum(book: Book) -> None:
    """Check that enough governments have somebody who can decide. Raises QuorumLost while too few
    do.
    """
    seats = book.get(Seats)
    if seats.lost_seq is not None:
        raise QuorumLost(
            f"Only {seats.able} governments have anybody who can decide, since entry "
            f"{seats.lost_seq}: releases are halted."
        )
