"""Requirements: which requests take a step, by amount, window and source of the money."""

from typing import Any

import pytest
from pydantic import ValidationError

from app.domain.charter.approval_steps import MoneySource, Step
from app.domain.charter.charter import Charter
from app.domain.values import Money
from tests.support.builders import a_charter, money
from tests.support.domain import eur, jpy

BUDGET = MoneySource.BUDGET


def a_step(**changes: Any) -> Step:
    body = {"id": "s", "name": "S", "role": "legal_reviewer", "who": "each_government"}
    return Step.model_validate({**body, **changes})


def asked(step: Step, amount: Money, window: str = "budget", source: MoneySource = BUDGET) -> bool:
    return step.is_asked_for(amount, window, source)


def test_a_step_that_says_nothing_is_asked_for_always() -> None:
    step = a_step()

    assert step.is_for_all
    assert asked(step, eur("0.01"))
    assert asked(step, jpy(10**9), "defence", MoneySource.PRINCIPAL)


@pytest.mark.parametrize(
    "changes",
    [
        {"windows": ["budget"]},
        {"sources": ["budget"]},
        {"at_least": [money(1)]},
        {"below": [money(1)]},
    ],
)
def test_a_step_with_any_limit_is_not_for_all(changes: dict[str, Any]) -> None:
    assert not a_step(**changes).is_for_all


@pytest.mark.parametrize("changes", [{"within_days": 1}, {"valid_days": 1}, {"evidence": True}])
def test_deadlines_and_evidence_are_no_limits(changes: dict[str, Any]) -> None:
    assert a_step(**changes).is_for_all


@pytest.mark.parametrize(
    ("amount", "is_asked"), [("49.99", False), ("50.00", True), ("50.01", True)]
)
def test_a_step_is_asked_for_from_its_least_amount_on(amount: str, is_asked: bool) -> None:
    assert asked(a_step(at_least=[money(50)]), eur(amount)) is is_asked


@pytest.mark.parametrize(
    ("amount", "is_asked"), [("49.99", True), ("50.00", False), ("50.01", False)]
)
def test_a_step_is_asked_for_below_its_end(amount: str, is_asked: bool) -> None:
    assert asked(a_step(below=[money(50)]), eur(amount)) is is_asked


@pytest.mark.parametrize(
    ("amount", "is_asked"), [("9.99", False), ("10.00", True), ("49.99", True), ("50.00", False)]
)
def test_a_band_has_two_ends(amount: str, is_asked: bool) -> None:
    step = a_step(at_least=[money(10)], below=[money(50)])

    assert asked(step, eur(amount)) is is_asked


def test_each_currency_has_limits_of_its_own() -> None:
    step = a_step(at_least=[money(50), money(8000, "JPY")])

    assert [asked(step, eur(49)), asked(step, eur(50))] == [False, True]
    assert [asked(step, jpy(7999)), asked(step, jpy(8000))] == [False, True]


@pytest.mark.parametrize("end", ["at_least", "below"])
def test_a_currency_that_is_not_named_takes_the_step(end: str) -> None:
    step = a_step(**{end: [money(50)]})

    assert asked(step, jpy(1))
    assert asked(step, jpy(10**9))


def test_a_band_may_end_in_one_currency_and_begin_in_another() -> None:
    step = a_step(at_least=[money(50)], below=[money(8000, "JPY")])

    assert [asked(step, eur(49)), asked(step, eur(10**6))] == [False, True]
    assert [asked(step, jpy(1)), asked(step, jpy(8000))] == [True, False]


def test_a_step_is_asked_for_its_windows_and_sources_only() -> None:
    windows, sources = a_step(windows=["defence"]), a_step(sources=["proceeds", "principal"])

    assert not asked(windows, eur(1), "budget")
    assert asked(windows, eur(1), "defence")
    assert not asked(sources, eur(1), source=MoneySource.BUDGET)
    assert asked(sources, eur(1), source=MoneySource.PRINCIPAL)


def test_all_limits_must_hold_together() -> None:
    step = a_step(windows=["budget"], sources=["budget"], at_least=[money(50)])

    assert asked(step, eur(50))
    assert not asked(step, eur(49))
    assert not asked(step, eur(50), "defence")
    assert not asked(step, eur(50), source=MoneySource.PROCEEDS)


def test_a_request_is_asked_by_the_source_of_its_window() -> None:
    budget, defence = a_charter()["windows"]
    own = {"id": "always", "name": "A", "role": "legal_reviewer", "who": "each_government"}
    step = {**own, "id": "principal", "sources": ["principal"]}
    charter = Charter.model_validate(
        a_charter(
            windows=[budget, {**defence, "source": "principal"}],
            approval_steps=[own, step],
            decision_rules={"release": {"rule": "unanimity"}},
        )
    )

    def steps_of(window: str) -> list[tuple[str, str]]:
        return [(step.id, party) for step, party in charter.asked(eur(1), [window], [])]

    assert steps_of("budget") == [("always", "DE"), ("always", "FR")]
    assert steps_of("defence")[2:] == [("principal", "DE"), ("principal", "FR")]
    # What may pay is what counts, not only the window that the request names.
    either = charter.asked(eur(1), ["budget", "defence"], [])
    assert [(step.id, party) for step, party in either] == steps_of("defence")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"who": "everybody"}, "enum"),
        ({"role": "king"}, "enum"),
        ({"sources": ["taxes"]}, "enum"),
        ({"windows": ["budget", "budget"]}, "stands_twice"),
        ({"sources": ["budget", "budget"]}, "stands_twice"),
        ({"after": ["a", "a"]}, "stands_twice"),
        ({"at_least": [money("0.00")]}, "amount_not_positive"),
        ({"below": [{"amount": "50", "currency": "EUR"}]}, "currency_precision"),
        ({"at_least": [money(1)] * 51}, "too_long"),
        ({"within_days": 0}, "greater_than_equal"),
        ({"within_days": 367}, "less_than_equal"),
        ({"within_days": "10"}, "int_type"),
        ({"valid_days": 0}, "greater_than_equal"),
        ({"valid_days": 3651}, "less_than_equal"),
        ({"abstention_passes": 1}, "bool_type"),
        ({"evidence": "yes"}, "bool_type"),
        ({"script": "x"}, "extra_forbidden"),
    ],
)
def test_a_step_has_its_form(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(ValidationError) as caught:
        a_step(**changes)

    assert caught.value.errors()[0]["type"] == code
