"""Random lives of a fund, for the laws: who does what, and how often."""

from collections.abc import Callable
from random import Random
from typing import Final

from tests.support.lives import inflow, outflow, trustee
from tests.support.lives.life import Life
from tests.support.paper import Paper

DEEDS: Final[dict[Callable[[Life], None], int]] = {
    inflow.pledge: 2,
    inflow.draft: 3,
    inflow.sign: 3,
    inflow.pay: 6,
    inflow.lose: 3,
    inflow.place: 3,
    inflow.send_back: 3,
    outflow.request: 6,
    outflow.approve: 3,
    outflow.refuse: 3,
    outflow.abstain: 2,
    outflow.revoke: 6,
    outflow.attach: 4,
    outflow.instruct: 2,
    outflow.settle: 2,
    outflow.advance: 12,
    outflow.give_back: 3,
    outflow.cancel: 4,
    trustee.publish_late: 3,
    trustee.correct_rates: 3,
    trustee.convert: 5,
    trustee.revalue: 3,
    trustee.journal: 2,
    trustee.correct_journal: 2,
    trustee.correct_receipt: 2,
    trustee.close: 2,
    trustee.reopen: 4,
    trustee.answer_reopening: 8,
}
"""Everything that anybody can do, by how often it is tried."""


def lived(seed: int, steps: int, paper: Paper | None = None) -> Life:
    """A life of so many steps, on `paper` where there is some; the seed decides all of it."""
    life = Life(Random(seed), paper)  # noqa: S311  a seed makes a failure come back
    for _ in range(6):
        life.wait(5)
        life.step(trustee.publish)
    life.step(lambda begun: inflow.begin(begun, 14))
    deeds, often = list(DEEDS), list(DEEDS.values())
    for _ in range(steps):
        if life.random.random() < 0.4:
            life.wait(0, 1, 1, 2, 5, 9, 33)
            life.step(trustee.publish)
        if life.random.random() < 0.01:
            life.wait(410)
        life.step(life.random.choices(deeds, often)[0])
    return life
