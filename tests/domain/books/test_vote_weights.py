"""Standing: what a government's vote weighs, by what it has paid in or by the charter."""

from datetime import date
from typing import Any

import pytest

from app.domain.books.positions import Position, position_key
from app.domain.books.vote_weights import weight_keys, weights_of
from app.domain.charter.charter import Charter
from app.domain.charter.decision_rules import DecisionClass
from app.domain.governance.funds import charter_of
from app.domain.governance.polls import Poll
from app.domain.proposals.proposals import ReviseProposal
from tests.support.builders import TRUSTEE, a_charter, a_motion, money, valued
from tests.support.domain import Door, refused, replayed, returned
from tests.support.proposals import issuers, proposed, voted

TODAY = date(2026, 2, 1)
PUBLISHED = "2026-01-30"
ROUND = {"USD": "1.25", "JPY": "200", "GBP": "0.8", "KWD": "0.5"}
IN_EUR: dict[str, Any] = {
    "currencies": ["EUR"],
    "bank_accounts": [{"id": "BANK-EUR", "currency": "EUR"}],
}
BY_RECEIPTS = {"motion": {"rule": "weighted"}}


def received(paper: Door, party: str, amount: dict[str, str], window: str = "budget") -> None:
    day = {"value_date": PUBLISHED}
    paper.paid(paper.agreed(party, amount, window), amount, **day)


def weights(paper: Door, body: dict[str, Any] | None = None) -> dict[str, int]:
    """What the votes on something proposed now weigh."""
    proposal = proposed(paper, body)
    return paper.book.get(Poll, proposal.proposal_id).weights


def shared(*governments: str, **shares: int) -> list[dict[str, Any]]:
    """The parties, with these weights in the charter."""
    parties: list[dict[str, Any]] = a_charter(governments)["parties"]
    return [
        {**party, "weight_bp": shares[party["id"]]} if party["id"] in shares else party
        for party in parties
    ]


def test_everybody_weighs_the_same_where_nothing_is_weighed() -> None:
    paper = Door().open(**IN_EUR)
    received(paper, "DE", money(70))

    assert weights(paper) == {"DE": 1, "FR": 1}


def test_what_weighs_is_what_was_received_in_minor_units() -> None:
    paper = Door().open(**IN_EUR, decision_rules=BY_RECEIPTS)
    received(paper, "DE", money("70.01"))
    received(paper, "FR", money("29.99"))

    assert weights(paper) == {"DE": 7_001, "FR": 2_999}
    assert paper.book.get(Poll, paper.newest(Poll).matter_id).electorate == {
        "DE": "7001",
        "FR": "2999",
    }
    assert replayed(paper) == paper.book


def test_what_was_received_in_every_window_is_added_up() -> None:
    paper = Door().open(**IN_EUR, decision_rules=BY_RECEIPTS)
    received(paper, "DE", money(70))
    received(paper, "DE", money(5), "defence")
    received(paper, "DE", money(2))

    assert weights(paper) == {"DE": 7_700, "FR": 0}


def test_promises_do_not_weigh_and_what_was_spent_does() -> None:
    paper = Door().open(**IN_EUR, decision_rules=BY_RECEIPTS)
    paper.pledged("FR", money(1_000))
    paper.agreed("FR", money(500))
    received(paper, "DE", money(70))
    paper.settled(paper.instructed(paper.approved(paper.requested(money(40)))), day=PUBLISHED)

    assert weights(paper) == {"DE": 7_000, "FR": 0}


def test_money_that_came_back_was_received_once() -> None:
    paper = Door().open(**IN_EUR, decision_rules=BY_RECEIPTS)
    received(paper, "DE", money(70))
    request = paper.instructed(paper.approved(paper.requested(money(40))))
    returned(paper, request, day=PUBLISHED)

    assert weights(paper) == {"DE": 7_000, "FR": 0}


def test_several_currencies_weigh_at_the_rates_of_the_day() -> None:
    paper = Door().open(**valued(decision_rules=BY_RECEIPTS))
    paper.published(PUBLISHED, **ROUND)
    received(paper, "DE", money(10))
    received(paper, "DE", money(125, "USD"))
    received(paper, "FR", money(2_000, "JPY"), "general")
    received(paper, "FR", money("1.000", "KWD"), "defence")

    assert weights(paper) == {"DE": 1_000 + 10_000, "FR": 1_000 + 200}
    assert replayed(paper) == paper.book


def test_weights_follow_the_rates_until_the_vote_opens_and_not_beyond() -> None:
    paper = Door().open(**valued(decision_rules=BY_RECEIPTS))
    paper.published(PUBLISHED, **ROUND)
    received(paper, "DE", money(125, "USD"))
    before = proposed(paper)

    paper.published("2026-02-01", **{**ROUND, "USD": "1"})
    received(paper, "FR", money(50))

    assert paper.book.get(Poll, before.proposal_id).weights == {"DE": 10_000, "FR": 0}
    assert weights(paper) == {"DE": 12_500, "FR": 5_000}


def test_a_vote_does_not_open_without_the_rates_that_it_is_weighed_by() -> None:
    paper = Door().open(**valued(decision_rules=BY_RECEIPTS))
    paper.published(PUBLISHED, **ROUND)
    received(paper, "DE", money(125, "USD"))
    paper.now = paper.now.replace(day=5)

    with refused(paper, "rate_missing", "USD"):
        proposed(paper)

    paper.published("2026-02-05", **ROUND)
    assert weights(paper) == {"DE": 10_000, "FR": 0}


def test_a_request_that_is_voted_on_does_not_open_without_the_rates_either() -> None:
    paper = Door().open(**valued(decision_rules={"release": {"rule": "weighted"}}))
    paper.published(PUBLISHED, **ROUND)
    received(paper, "DE", money(125, "USD"))
    paper.now = paper.now.replace(day=5)

    with refused(paper, "rate_missing", "USD"):
        paper.requested(money(50, "USD"))


def test_a_proposal_is_not_changed_without_the_rates_either() -> None:
    paper = Door().open(**valued(decision_rules=BY_RECEIPTS))
    paper.published(PUBLISHED, **ROUND)
    received(paper, "DE", money(125, "USD"))
    motion = proposed(paper)
    paper.now = paper.now.replace(day=5)
    named = {"proposal_id": motion.proposal_id, "replaces": motion.digest}

    with refused(paper, "rate_missing", "USD"):
        paper.do(TRUSTEE, ReviseProposal.model_validate({**a_motion("Other."), **named}))


def test_no_rate_is_needed_where_nothing_foreign_was_received() -> None:
    paper = Door().open(**valued(decision_rules=BY_RECEIPTS))
    received(paper, "DE", money(10))

    assert weights(paper) == {"DE": 1_000, "FR": 0}


def test_what_weighs_may_stand_in_the_charter() -> None:
    rule = {"rule": "weighted", "weights": "charter"}
    parties = shared("DE", "FR", DE=9_999, FR=1)
    paper = Door().open(parties=parties, decision_rules={"motion": rule})
    received(paper, "FR", money(70))

    assert weights(paper) == {"DE": 9_999, "FR": 1}


def test_each_class_of_decisions_is_weighed_by_its_own_rule() -> None:
    paper = Door().open(**IN_EUR, decision_rules=BY_RECEIPTS)
    received(paper, "DE", money(70))

    assert weights(paper) == {"DE": 7_000, "FR": 0}
    assert weights(paper, issuers("DE")) == {"DE": 1, "FR": 1}


@pytest.mark.parametrize(
    "rule",
    [
        {"rule": "weighted"},
        {"rule": "double_majority"},
        {"rule": "majority", "weight_quorum": "1/2"},
        {
            "rule": "silence",
            "clock": {"days": 14},
            "on_objection": "vote",
            "then": {"rule": "double_majority"},
        },
    ],
)
def test_whatever_looks_at_weights_now_or_after_an_objection_is_weighed(
    rule: dict[str, Any],
) -> None:
    paper = Door().open(**IN_EUR, decision_rules={"motion": rule})
    received(paper, "DE", money(70))

    assert weights(paper) == {"DE": 7_000, "FR": 0}


def test_the_vote_after_an_objection_is_weighed_as_of_the_opening() -> None:
    then = {"rule": "weighted"}
    rule = {"rule": "silence", "clock": {"days": 14}, "on_objection": "vote", "then": then}
    paper = Door().open(**IN_EUR, decision_rules={"motion": rule})
    received(paper, "DE", money(70))
    motion = proposed(paper)
    received(paper, "FR", money(500))

    voted(paper, motion.proposal_id, "FR", choice="against")

    assert paper.book.get(Poll, motion.proposal_id).weights == {"DE": 7_000, "FR": 0}


def test_weighing_reads_every_position_that_there_can_be() -> None:
    paper = Door().open(**IN_EUR, decision_rules=BY_RECEIPTS)
    charter = charter_of(paper.book)

    named = set(weight_keys(charter, DecisionClass.MOTION, TODAY))

    assert named == {
        position_key(party, window, "EUR")
        for party in ("DE", "FR")
        for window in ("budget", "defence")
    }
    assert set(weight_keys(charter, DecisionClass.ISSUERS, TODAY)) == set()


def test_weighing_reads_rates_once_the_day_is_known() -> None:
    charter = Charter.model_validate(a_charter(**valued(decision_rules=BY_RECEIPTS)))

    without = set(weight_keys(charter, DecisionClass.MOTION, None))
    with_rates = set(weight_keys(charter, DecisionClass.MOTION, TODAY))

    assert {kind for kind, _ in without} == {Position}
    assert without < with_rates


def test_a_fund_that_nobody_has_paid_into_weighs_nothing() -> None:
    paper = Door().open(**IN_EUR, decision_rules=BY_RECEIPTS)

    assert weights_of(paper.book, charter_of(paper.book), DecisionClass.MOTION, TODAY) == {
        "DE": 0,
        "FR": 0,
    }
