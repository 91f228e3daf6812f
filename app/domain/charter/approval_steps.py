"""Approval steps: which approvals a release takes, by amount, window and source of the money."""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field, StrictBool

from app.domain.event import Terms
from app.domain.values import Amount, Distinct, Money, PartyId, Role, StepId, Text, WindowId

MAX_STEPS: Final = 20
MAX_VALID_DAYS: Final = 3_650


class Who(StrEnum):
    """Whose approval a step asks for."""

    EACH_GOVERNMENT = "each_government"
    EACH_DRAWN = "each_drawn"  # those whose money the release may draw
    SUPERVISOR = "supervisor"
    PARTY = "party"  # the one that the step names


GOVERNMENTS: Final = frozenset({Who.EACH_GOVERNMENT, Who.EACH_DRAWN})


class MoneySource(StrEnum):
    """Where a window's money comes from."""

    BUDGET = "budget"
    PROCEEDS = "proceeds"  # of immobilised assets
    PRINCIPAL = "principal"  # the assets themselves: only unanimity releases it


Band = Annotated[tuple[Amount, ...], Field(max_length=50)]
"""One amount for each currency that it names."""


class Step(Terms):
    """One approval that a disbursement needs: by whom, after which other steps, for which requests.

    It is asked for amounts of at least `at_least` and below `below`; a band without an amount in
    the request's currency exempts nothing. Days are calendar days of 24 hours. The party has
    `within_days` from the request on to answer, and its approval holds for `valid_days`.
    """

    id: StepId
    name: Text
    role: Role
    who: Who
    party: PartyId | None = None
    after: Annotated[tuple[StepId, ...], Field(max_length=MAX_STEPS), Distinct] = ()
    evidence: StrictBool = False
    windows: Annotated[tuple[WindowId, ...], Field(max_length=100), Distinct] = ()
    sources: Annotated[tuple[MoneySource, ...], Field(max_length=3), Distinct] = ()
    at_least: Band = ()
    below: Band = ()
    within_days: Annotated[int, Field(strict=True, ge=1, le=366)] | None = None
    valid_days: Annotated[int, Field(strict=True, ge=1, le=MAX_VALID_DAYS)] | None = None
    abstention_passes: StrictBool = False

    @property
    def is_for_all(self) -> bool:
        """Whether every request needs it, whatever its amount, window and source."""
        return not (self.windows or self.sources or self.at_least or self.below)

    def is_asked_for(self, amount: Money, window: str, source: MoneySource) -> bool:
        """Whether a request of this amount, window and source needs it."""
        least, most = _of(self.at_least, amount), _of(self.below, amount)
        return (
            (not self.windows or window in self.windows)
            and (not self.sources or source in self.sources)
            and (least is None or amount >= least)
            and (most is None or amount < most)
        )


def _of(band: Band, amount: Money) -> Money | None:
    """The band's amount in the currency of `amount`."""
    return next((limit for limit in band if limit.currency == amount.currency), None)
