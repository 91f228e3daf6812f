"""Compatibility: what a new charter keeps, and what it would decide otherwise."""

from typing import Any

import pytest

from app.domain.charter.charter import Charter
from app.domain.charter.decision_rules import DecisionClass
from app.domain.proposals.compatibility import require_compatible, reread
from app.domain.refusals.decisions import CharterIncompatible
from tests.support.builders import a_charter, a_charter_change, valued
from tests.support.domain import Door, refused
from tests.support.proposals import proposed

EVERY_CLASS = set(DecisionClass)
CHARTER = {DecisionClass.CHARTER}
"""Charters that wait are always dropped: what they were compared with is not in force any more."""
RULED = {"motion": {"rule": "majority"}}


def a_rich_charter(**changes: Any) -> Charter:
    """Currencies, rates, restrictions and accounts of the trustee's own; members of nobody new."""
    charter = a_charter(**valued(**changes))
    charter.pop("members")
    return Charter.model_validate(charter)


def without(name: str, position: int = 0) -> dict[str, Any]:
    """The change that takes one part out."""
    parts = list(a_charter(**valued())[name])
    del parts[position]
    return {name: parts}


def changed(name: str, position: int = 0, /, **fields: Any) -> dict[str, Any]:
    """The change that gives one part other fields."""
    parts = [dict(part) for part in a_charter(**valued())[name]]
    parts[position] |= fields
    return {name: parts}


def added(name: str, part: dict[str, Any] | str) -> dict[str, Any]:
    """The change that adds a part."""
    return {name: [*a_charter(**valued())[name], part]}


def weighed(charter: dict[str, Any], **shares: int) -> list[dict[str, Any]]:
    """Its parties, with these weights."""
    return [
        {**party, "weight_bp": shares[party["id"]]} if party["id"] in shares else party
        for party in charter["parties"]
    ]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"fund": "other-fund"}, "test-fund"),
        ({"holding_currency": "USD"}, "EUR"),
        (without("currencies", 4) | without("bank_accounts", 4), "currency"),
        (without("parties", 1), "party FR"),
        (without("parties", 5), "party AUDIT"),
        (changed("parties", 5, kind="custodian"), "party AUDIT"),
        (without("windows", 2), "window general"),
        (changed("windows", 0, source="proceeds"), "window budget"),
        (without("bank_accounts", 1), "bank account BANK-USD"),
        (changed("bank_accounts", 1, currency="GBP"), "bank account BANK-USD"),
        (without("restrictions", 1), "restriction not-defence"),
        (changed("restrictions", 0, only=["drones", "pensions"]), "restriction defence-only"),
        (changed("restrictions", 1, excludes=["salaries"]), "restriction not-defence"),
        (without("accounts", 0), "account bank-charges"),
        (changed("accounts", 0, kind="liability"), "account bank-charges"),
        (changed("accounts", 0, currency="USD"), "account bank-charges"),
        ({"exchange_rates": None}, "Exchange rates"),
        (
            {
                "exchange_rates": {
                    "source": "ECB",
                    "base": "USD",
                    "max_age_days": 5,
                    "tolerance_bp": 100,
                }
            },
            "base",
        ),
    ],
)
def test_what_money_or_obligations_hang_on_cannot_be_taken_out(
    changes: dict[str, Any], named: str
) -> None:
    with pytest.raises(CharterIncompatible, match=named):
        require_compatible(a_rich_charter(), a_rich_charter(**changes))


def test_the_members_of_a_party_that_is_there_are_not_the_charters_to_list() -> None:
    listed = a_charter(**valued())["members"][:1]
    new = Charter.model_validate({**a_charter(**valued()), "members": listed})

    with pytest.raises(CharterIncompatible, match="admins"):
        require_compatible(a_rich_charter(), new)


@pytest.mark.parametrize(
    "changes",
    [
        {"title": "Another title", "notice": "Read this."},
        {"governments": ("DE", "FR", "IT")},
        changed("parties", 0, name="Germany", mandated=True),
        changed("windows", 0, name="The budget", purposes=["pensions", "salaries", "schools"]),
        added("windows", {"id": "energy", "name": "Energy", "purposes": ["grids"]}),
        added("bank_accounts", {"id": "BANK-2", "currency": "EUR"}),
        added("restrictions", {"id": "new", "name": "New", "only": ["pensions"]}),
        added("currencies", "CHF"),
        {"quorum": 2},
        {"signed": ["pledge.announced"]},
        {"decision_rules": RULED},
        {"draw_order": ["window", "tied", "unrestricted"]},
        {
            "exchange_rates": {
                "source": "Another bank",
                "base": "EUR",
                "max_age_days": 1,
                "tolerance_bp": 10,
            }
        },
    ],
)
def test_what_nothing_hangs_on_may_change(changes: dict[str, Any]) -> None:
    require_compatible(a_rich_charter(), a_rich_charter(**changes))


def test_rates_may_come_to_a_fund_that_takes_its_holding_currency_alone() -> None:
    alone = {
        "currencies": ["EUR"],
        "bank_accounts": a_charter()["bank_accounts"][:1],
        "accounts": [],
    }

    require_compatible(a_rich_charter(**alone, exchange_rates=None), a_rich_charter())


def test_rates_do_not_come_to_a_fund_that_may_hold_what_nobody_knows_the_cost_of() -> None:
    with pytest.raises(CharterIncompatible, match="takes GBP without exchange rates"):
        require_compatible(a_rich_charter(exchange_rates=None), a_rich_charter())


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"governments": ("DE",)}, "party FR"),
        ({"windows": a_charter()["windows"][:1]}, "window defence"),
        ({"currencies": ["EUR"], "bank_accounts": a_charter()["bank_accounts"][:1]}, "currency"),
        ({"holding_currency": "JPY"}, "holding currency"),
    ],
)
def test_an_incompatible_charter_is_not_even_voted_on(changes: dict[str, Any], named: str) -> None:
    paper = Door().open()

    with refused(paper, "charter_incompatible", named):
        proposed(paper, a_charter_change(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"title": "Another title"},
        {"quorum": 2},
        changed("parties", 0, name="Germany"),
        changed("windows", 0, name="The budget"),
    ],
)
def test_what_no_decision_rests_on_is_not_read_again(changes: dict[str, Any]) -> None:
    assert reread(a_rich_charter(), a_rich_charter(**changes)) == CHARTER


def test_whether_answers_are_signed_is_another_decision_on_everything() -> None:
    signed = a_rich_charter(signed=["pledge.announced"])

    assert reread(a_rich_charter(), signed) == EVERY_CLASS


def test_a_new_rule_is_another_decision_of_its_class_only() -> None:
    assert reread(a_rich_charter(), a_rich_charter(decision_rules=RULED)) == CHARTER | {
        DecisionClass.MOTION
    }


def test_a_rule_that_goes_is_another_decision_of_its_class_only() -> None:
    assert reread(a_rich_charter(decision_rules=RULED), a_rich_charter()) == CHARTER | {
        DecisionClass.MOTION
    }


def test_a_vote_on_releases_is_another_decision_even_where_it_is_the_rule_by_default() -> None:
    asked = a_rich_charter(decision_rules={"release": {"rule": "unanimity"}})

    assert reread(a_rich_charter(), asked) == CHARTER | {DecisionClass.RELEASE}


def test_other_steps_are_another_decision_on_releases_only() -> None:
    renamed = changed("approval_steps", 0, name="The lawyers")

    assert reread(a_rich_charter(), a_rich_charter(**renamed)) == CHARTER | {DecisionClass.RELEASE}


def test_another_window_is_another_decision_on_releases_only() -> None:
    energy = {"id": "energy", "name": "Energy", "purposes": ["grids"]}
    wider = a_rich_charter(**added("windows", energy))

    assert reread(a_rich_charter(), wider) == CHARTER | {DecisionClass.RELEASE}


def test_another_government_is_another_decision_on_everything() -> None:
    assert reread(a_rich_charter(), a_rich_charter(governments=("DE", "FR", "IT"))) == EVERY_CLASS


def test_other_weights_are_another_decision_on_everything() -> None:
    charter = a_charter(**valued())
    halves = a_rich_charter(parties=weighed(charter, DE=5_000, FR=5_000))
    parts = a_rich_charter(parties=weighed(charter, DE=6_000, FR=4_000))

    assert reread(halves, parts) == EVERY_CLASS


def test_another_calendar_is_another_decision_on_everything() -> None:
    brussels = {"id": "brussels", "time_zone": "Europe/Brussels", "through": "2026-12-31"}

    assert reread(a_rich_charter(), a_rich_charter(calendars=[brussels])) == EVERY_CLASS
