"""The charter's decision rules: a rule that could not be followed is refused with the charter."""

from typing import Any

import pytest
from pydantic import ValidationError

from app.domain.catalogue import EVENTS
from app.domain.charter.approval_steps import Step
from app.domain.charter.charter import UNANIMITY, Charter
from app.domain.charter.decision_rules import DecisionClass, RuleKind
from app.domain.currencies import MINOR_DIGITS
from app.domain.governance.funds import charter_of
from tests.support.builders import a_charter, valued
from tests.support.domain import Door

CALENDAR = {"id": "brussels", "time_zone": "Europe/Brussels", "through": "2027-12-31"}
CLOCK = {"days": 14}
SILENCE = {"rule": "silence", "clock": CLOCK}
MAJORITY = {"rule": "majority"}
RISK = {"rule": "majority", "role": "risk_officer"}
WEIGHTED = {"rule": "weighted", "weights": "charter"}
RECEIVED = {"rule": "weighted", "weights": "received"}
MANY = sorted(MINOR_DIGITS)[:50]
RATES = valued()["exchange_rates"]


def weighed() -> list[dict[str, Any]]:
    """The parties, where DE weighs three fifths and FR two."""
    weights = {"DE": {"weight_bp": 6000}, "FR": {"weight_bp": 4000}}
    return [{**party, **weights.get(party["id"], {})} for party in a_charter()["parties"]]


def crowd(count: int) -> dict[str, Any]:
    """A fund of so many governments in fifty currencies, with two windows."""
    charter = a_charter(tuple(f"G{n}" for n in range(count)))
    return {
        "parties": charter["parties"],
        "members": [],
        "currencies": MANY,
        "holding_currency": MANY[0],
        "bank_accounts": [{"id": "BANK", "currency": MANY[0]}],
        "exchange_rates": {**RATES, "base": MANY[0]},
        "approval_steps": charter["approval_steps"][:1],
    }


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "consensus without a clock": ({"rule": "consensus"}, "consensus takes a clock"),
    "silence without a clock": ({"rule": "silence"}, "silence takes a clock"),
    "a clock of an unknown calendar": (
        {**SILENCE, "clock": {**CLOCK, "calendar": "paris"}},
        "a clock names a calendar that does not exist",
    ),
    "a majority's clock of an unknown calendar": (
        {**MAJORITY, "clock": {**CLOCK, "calendar": "paris"}},
        "a clock names a calendar that does not exist",
    ),
    "business days without a calendar": (
        {**SILENCE, "clock": {**CLOCK, "counts": "business"}},
        "business days take a calendar",
    ),
    "a vote after an objection that is not said": (
        {**SILENCE, "on_objection": "vote"},
        "what an objection leads to stands in then",
    ),
    "a vote that nothing leads to": (
        {**SILENCE, "then": MAJORITY},
        "what an objection leads to stands in then",
    ),
    "an objection where votes are counted": (
        {**MAJORITY, "on_objection": "vote", "then": MAJORITY},
        "what an objection leads to stands in then",
    ),
    "an escalation to the same role": (
        {**SILENCE, "on_objection": "escalate", "then": MAJORITY},
        "an escalation asks another role, a vote the same",
    ),
    "a vote of another role": (
        {**SILENCE, "on_objection": "vote", "then": RISK},
        "an escalation asks another role, a vote the same",
    ),
    "unanimity of those who come": (
        {"rule": "unanimity", "share_of": "votes_cast"},
        "unanimity is of the whole electorate",
    ),
    "unanimity by a threshold": (
        {"rule": "unanimity", "threshold": "2/3"},
        "unanimity is of the whole electorate",
    ),
    "silence after silence": (
        {**SILENCE, "on_objection": "vote", "then": SILENCE},
        "an objection leads to a vote",
    ),
    "a vote of the supervisor's": (
        {**MAJORITY, "role": "supervisor"},
        "no member of a government has this role",
    ),
    "a vote of admins": ({**MAJORITY, "role": "admin"}, "no member of a government has this role"),
    "an escalation to the trustee": (
        {**SILENCE, "on_objection": "escalate", "then": {**MAJORITY, "role": "trustee"}},
        "no member of a government has this role",
    ),
    "a threshold of weights where none count": (
        {**MAJORITY, "weight_threshold": "2/3"},
        "majority has no threshold of weights",
    ),
    "weights that the charter does not give": (
        WEIGHTED,
        "the parties have no weights in the charter",
    ),
    "a quorum of weights that the charter does not give": (
        {**MAJORITY, "weight_quorum": "1/2", "weights": "charter"},
        "the parties have no weights in the charter",
    ),
    "several currencies weighed without rates": (
        RECEIVED,
        "weighing several currencies takes exchange rates",
    ),
    "several currencies weighed after an objection": (
        {**SILENCE, "on_objection": "vote", "then": {"rule": "double_majority"}},
        "weighing several currencies takes exchange rates",
    ),
    "a clock of an unknown calendar after an objection": (
        {
            **SILENCE,
            "on_objection": "vote",
            "then": {**MAJORITY, "clock": {**CLOCK, "calendar": "paris"}},
        },
        "a clock names a calendar that does not exist",
    ),
}


def sentence_of(changes: dict[str, Any]) -> str:
    """Why a charter with these changes is refused."""
    with pytest.raises(ValidationError) as caught:
        Charter.model_validate(a_charter(**changes))

    (error,) = caught.value.errors()
    assert error["type"] == "charter_invalid"
    return error["msg"]


@pytest.mark.parametrize("decision", ["release", "charter", "motion"])
@pytest.mark.parametrize("name", WRONG)
def test_a_rule_that_could_not_be_followed_is_refused(name: str, decision: str) -> None:
    rule, sentence = WRONG[name]

    found = sentence_of({"decision_rules": {decision: rule}, "calendars": [CALENDAR]})

    assert found == f"decision_rules: {sentence}."


def test_more_positions_are_not_weighed_than_one_transaction_reads() -> None:
    rules: dict[str, Any] = {"decision_rules": {"motion": RECEIVED}}

    Charter.model_validate(a_charter(**crowd(50), **rules))

    assert sentence_of({**crowd(51), **rules}) == (
        "decision_rules: more than 5000 positions would be weighed."
    )


def test_many_governments_may_vote_by_weights_of_the_charter() -> None:
    fund = crowd(60)
    for number, party in enumerate(fund["parties"][:60]):
        party["weight_bp"] = 10_000 - 59 if number == 0 else 1

    charter = Charter.model_validate(a_charter(**fund, decision_rules={"motion": WEIGHTED}))

    assert len(charter.governments) == 60


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({}, MAJORITY),
        ({}, SILENCE),
        ({}, {**MAJORITY, "role": "legislature_clerk", "threshold": "2/3", "clock": CLOCK}),
        ({}, {**SILENCE, "on_objection": "vote", "then": MAJORITY}),
        ({}, {**SILENCE, "on_objection": "escalate", "then": RISK}),
        ({"parties": weighed()}, WEIGHTED),
        ({"parties": weighed()}, {**WEIGHTED, "rule": "double_majority"}),
        ({"parties": weighed()}, {**WEIGHTED, "weight_threshold": "13/20"}),
        ({"exchange_rates": RATES}, RECEIVED),
        ({"currencies": ["EUR"], "bank_accounts": [{"id": "B", "currency": "EUR"}]}, RECEIVED),
        (
            {"calendars": [CALENDAR]},
            {**SILENCE, "clock": {"days": 10, "counts": "business", "calendar": "brussels"}},
        ),
    ],
)
def test_a_rule_that_can_be_followed_is_agreed_on(
    changes: dict[str, Any], rule: dict[str, Any]
) -> None:
    charter = Charter.model_validate(a_charter(**changes, decision_rules={"motion": rule}))

    assert charter.rule(DecisionClass.MOTION).rule == rule["rule"]


def test_what_has_no_rule_is_decided_unanimously() -> None:
    charter = Charter.model_validate(a_charter(decision_rules={"motion": MAJORITY}))

    assert charter.rule(DecisionClass.MOTION).rule is RuleKind.MAJORITY
    assert charter.rule(DecisionClass.CHARTER) is UNANIMITY


def test_principal_is_agreed_on_where_a_unanimous_vote_releases_it() -> None:
    windows = [*a_charter()["windows"], {"id": "p", "name": "P", "purposes": ["p"]}]
    windows[-1]["source"] = "principal"

    charter = Charter.model_validate(
        a_charter(windows=windows, decision_rules={"release": {"rule": "unanimity"}})
    )

    assert charter.window("p") is not None


def test_a_calendar_is_found_by_its_name() -> None:
    charter = Charter.model_validate(a_charter(calendars=[CALENDAR]))
    found = charter.calendar("brussels")

    assert found is not None
    assert found.time_zone == "Europe/Brussels"
    assert charter.calendar("paris") is None
    assert charter.calendar(None) is None


@pytest.mark.parametrize(
    ("changes", "drawn", "approvers"),
    [
        ({"who": "each_government"}, ["FR"], ["DE", "FR"]),
        ({"who": "each_drawn"}, None, ["DE", "FR"]),
        ({"who": "each_drawn"}, ["FR", "XX"], ["FR"]),
        ({"who": "each_drawn"}, [], []),
        ({"who": "party", "party": "FR"}, [], ["FR"]),
        ({"who": "supervisor"}, [], ["IFI"]),
    ],
)
def test_a_step_asks_whom_it_says(
    changes: dict[str, Any], drawn: list[str] | None, approvers: list[str]
) -> None:
    charter = Charter.model_validate(a_charter())
    step = Step.model_validate({"id": "s", "name": "S", "role": "legal_reviewer", **changes})

    assert charter.approvers(step, drawn) == approvers


def test_everything_that_a_party_states_may_take_its_signature() -> None:
    names = [
        name
        for name, kind in EVENTS.items()
        if kind.actor_roles and not name.startswith(("key.", "fund."))
    ]

    paper = Door().open(signed=names)

    assert charter_of(paper.book).signed == tuple(names)
    assert "approval.given" in names
