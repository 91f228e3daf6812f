"""Commands and who gives them, without HTTP."""

from app.domain.command import Actor
from app.domain.inflow.pledges import AnnouncePledge
from app.domain.values import Role
from tests.support.builders import (
    a_pledge,
    money,
    treasury,
)

DE = Actor("DE", treasury("DE").subject, frozenset({Role.TREASURY}))


def pledge(amount: int) -> AnnouncePledge:
    return AnnouncePledge.model_validate(a_pledge(money(amount)))
