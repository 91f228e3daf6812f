"""Kinds of money: which of it may pay for a purpose, in the order that the charter declares."""

from itertools import permutations

import pytest

from app.domain.charter.charter import Charter
from app.domain.outflow.money_kinds import kinds_for
from tests.support.builders import a_charter, valued

ORDER = ("tied", "window", "unrestricted")


def kinds(window: str, purpose: str, order: tuple[str, ...] = ORDER) -> list[tuple[str, str]]:
    charter = Charter.model_validate(a_charter(**valued(draw_order=order)))
    return list(kinds_for(charter, window, purpose))


def test_a_pension_is_paid_by_anything_but_money_for_defence() -> None:
    assert kinds("budget", "pensions") == [
        ("budget", "not-defence"),
        ("general", "not-defence"),
        ("budget", ""),
        ("general", ""),
    ]


def test_a_drone_is_paid_by_anything_but_money_that_excludes_defence() -> None:
    assert kinds("defence", "drones") == [
        ("defence", "defence-only"),
        ("general", "defence-only"),
        ("defence", ""),
        ("general", ""),
    ]


def test_an_unrestricted_window_pays_for_the_purposes_that_it_names_only() -> None:
    assert kinds("budget", "salaries") == [("budget", "not-defence"), ("budget", "")]


def test_what_is_asked_of_the_unrestricted_window_comes_from_there_once() -> None:
    assert kinds("general", "drones") == [("general", "defence-only"), ("general", "")]


@pytest.mark.parametrize("order", list(permutations(ORDER)))
def test_money_is_drawn_in_the_order_that_the_charter_declares(order: tuple[str, ...]) -> None:
    by_kind = {
        "tied": [("budget", "not-defence"), ("general", "not-defence")],
        "window": [("budget", "")],
        "unrestricted": [("general", "")],
    }

    assert kinds("budget", "pensions", order) == [pair for kind in order for pair in by_kind[kind]]


def test_a_fund_without_ties_and_unrestricted_windows_has_one_kind_a_window() -> None:
    charter = Charter.model_validate(a_charter())

    assert list(kinds_for(charter, "budget", "pensions")) == [("budget", "")]
