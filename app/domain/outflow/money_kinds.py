"""Kinds of money: which of it may pay for a purpose, and in which order it is drawn.

The charter's restrictions apply at the reservation: a release is offered only pools whose money may
pay for it.
"""

from collections.abc import Iterator

from app.domain.books.draws import Kind
from app.domain.books.pools import FREE
from app.domain.charter.charter import Charter
from app.domain.charter.parts import MoneyKind


def kinds_for(charter: Charter, window: str, purpose: str) -> Iterator[Kind]:
    """Every kind of money that may pay for `purpose` when it is asked of `window`, in order.

    Tied: money under a restriction that allows the purpose, of the window or of an unrestricted
    one. Window: the window's own free money. Unrestricted: free money of unrestricted windows.
    """
    others = [
        other.id
        for other in charter.windows
        if other.unrestricted and other.id != window and purpose in other.purposes
    ]
    ties = [tie.id for tie in charter.restrictions if tie.allows(purpose)]
    for kind in charter.draw_order:
        if kind is MoneyKind.TIED:
            yield from ((place, tie) for place in (window, *others) for tie in ties)
        elif kind is MoneyKind.WINDOW:
            yield window, FREE
        else:
            yield from ((other, FREE) for other in others)


def windows_for(charter: Charter, window: str, purpose: str) -> list[str]:
    """Every window whose money may pay for `purpose` when `window` is asked; `window` included."""
    return list(
        dict.fromkeys([window, *(place for place, _ in kinds_for(charter, window, purpose))])
    )
