"""Mandates on paper: what the tests of them and of agreements under them share."""

from typing import Any

from app.domain.inflow.agreements import Agreement
from app.domain.inflow.mandates import Mandate, RegisterMandate
from app.domain.values import Role
from tests.support.builders import Person, a_charter, a_mandate, money
from tests.support.domain import Door

CLERK = Person("DE", Role.LEGISLATURE_CLERK)


def mandated(party: str = "DE", currency: str = "EUR") -> Door:
    """A fund in which this government agrees and releases under a mandate only; FR does not."""
    charter = a_charter((party, "FR"))
    parties = [{**one, "mandated": one["id"] == party} for one in charter["parties"]]
    currencies = list(dict.fromkeys([*charter["currencies"], currency]))
    return Door().open(
        governments=(party, "FR"),
        parties=parties,
        currencies=currencies,
        bank_accounts=[{"id": f"BANK-{code}", "currency": code} for code in currencies],
    )


def registered(
    paper: Door, cap: int | str, party: str = "DE", currency: str = "EUR", **changes: Any
) -> Mandate:
    """A mandate of this party, up to a cap."""
    body = a_mandate(money(cap, currency), **changes)
    who = Person(party, Role.LEGISLATURE_CLERK)
    paper.do(who, RegisterMandate.model_validate(body))
    mandate: Mandate = paper.newest(Mandate)
    return mandate


def under(paper: Door, mandate: Mandate, amount: int | str) -> Agreement:
    """An agreement under this mandate, paid in full."""
    wire = money(amount, mandate.cap.currency)
    agreement = paper.agreed(mandate.party, wire, mandate_id=mandate.mandate_id)
    paper.paid(agreement, wire)
    return agreement
