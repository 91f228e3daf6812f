"""Mandates: what a legislature has allowed, and how it is registered and withdrawn."""

from typing import Any

import pytest
from pydantic import ValidationError

from app.domain.inflow.mandates import (
    MAX_MANDATES,
    Mandate,
    Mandates,
    MandateState,
    RegisterMandate,
    WithdrawMandate,
)
from app.domain.values import Role
from tests.support.builders import TRUSTEE, Person, a_mandate, money, treasury
from tests.support.domain import (
    DIGEST,
    UNKNOWN_ID,
    Door,
    eur,
    lines,
    refused,
    said,
)
from tests.support.inflow import CLERK, mandated, registered

ONE, TWO, THREE = (digit * 64 for digit in "123")


def the(paper: Door, mandate: Mandate) -> Mandate:
    return paper.book.get(Mandate, mandate.mandate_id)


def withdraws(paper: Door, mandate: Mandate, who: Person = CLERK) -> None:
    paper.do(who, WithdrawMandate(mandate_id=mandate.mandate_id, reason="Repealed"))


def test_a_mandate_is_kept_as_it_was_registered() -> None:
    paper = mandated()
    mandate = registered(paper, 100)

    assert (mandate.party, mandate.cap, mandate.headroom) == ("DE", eur(100), eur(100))
    assert (mandate.agreed, mandate.released) == (eur(0), eur(0))
    assert (mandate.purposes, mandate.document) == (("pensions",), ONE)
    assert (mandate.state, mandate.registered_seq) == (MandateState.IN_FORCE, 1)
    assert paper.book.get(Mandates, "DE").mandate_ids == (mandate.mandate_id,)
    assert lines(paper, "mandate.registered") == {}
    assert said(paper, "mandate.registered") == (
        "DE registered a mandate of up to 100.00 EUR, valid from 2026-01-01 through 2030-12-31: "
        "Budget Act 2026, chapter 60"
    )


def test_only_a_clerk_of_a_legislature_registers_and_withdraws() -> None:
    paper = mandated()
    mandate = registered(paper, 100)

    for who in (treasury("DE"), TRUSTEE):
        with refused(paper, "role_not_permitted", "legislature_clerk"):
            paper.do(who, RegisterMandate.model_validate(a_mandate(money(5), document=TWO)))
        with refused(paper, "role_not_permitted", "legislature_clerk"):
            withdraws(paper, mandate, who)


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"cap": money(5, "USD")}, "currency_not_in_charter", ("EUR, JPY", "USD")),
        ({"purposes": ["pensions", "roads"]}, "purpose_not_allowed", ("windows",)),
        ({"valid_from": "2030-12-31", "valid_through": "2030-12-30"}, "date_out_of_range", ()),
        ({"valid_through": "2026-01-31"}, "date_out_of_range", ("not over yet",)),
        ({"document": ONE}, "already_exists", ("document",)),
    ],
)
def test_a_mandate_that_makes_no_sense_is_not_registered(
    changes: dict[str, Any], code: str, words: tuple[str, ...]
) -> None:
    paper = mandated()
    registered(paper, 100)
    body = a_mandate(money(5), document=TWO)

    with refused(paper, code, *words):
        paper.do(CLERK, RegisterMandate.model_validate({**body, **changes}))


def test_a_mandate_may_be_valid_for_one_day_that_is_today() -> None:
    paper = mandated()

    mandate = registered(paper, 100, valid_from="2026-02-01", valid_through="2026-02-01")

    assert mandate.is_valid(paper.now.date())


def test_two_governments_may_register_the_same_document() -> None:
    paper = mandated()
    registered(paper, 100)

    other = registered(paper, 100, party="FR")

    assert (other.party, other.document) == ("FR", ONE)


def test_a_document_that_was_withdrawn_is_not_registered_again() -> None:
    paper = mandated()
    mandate = registered(paper, 100)
    withdraws(paper, mandate)

    with refused(paper, "already_exists", "before"):
        registered(paper, 100)

    assert paper.book.get(Mandates, "DE").mandate_ids == (mandate.mandate_id,)


def test_a_party_registers_so_many_mandates_and_withdrawing_makes_no_room() -> None:
    paper = mandated()
    first, *_ = [registered(paper, 1, document=f"{n:064x}") for n in range(MAX_MANDATES)]
    withdraws(paper, first)

    with refused(paper, "too_many_open", "at most 100"):
        registered(paper, 1, document=DIGEST.replace("0", "f"))


def test_what_is_withdrawn_says_so_and_is_withdrawn_once_by_its_own_party() -> None:
    paper = mandated()
    mandate = registered(paper, 100)
    with refused(paper, "wrong_party", "DE"):
        withdraws(paper, mandate, Person("FR", Role.LEGISLATURE_CLERK))
    withdraws(paper, mandate)

    assert the(paper, mandate).state is MandateState.WITHDRAWN
    assert lines(paper, "mandate.withdrawn") == {}
    assert said(paper, "mandate.withdrawn") == (
        f"DE withdrew mandate {mandate.mandate_id}: Repealed"
    )
    with refused(paper, "proposal_closed", "withdrawn before"):
        withdraws(paper, mandate)
    with refused(paper, "not_found", "mandates"):
        paper.do(CLERK, WithdrawMandate(mandate_id=UNKNOWN_ID, reason="R"))


@pytest.mark.parametrize(
    "changes",
    [
        {"cap": money("0.00")},
        {"purposes": []},
        {"purposes": ["pensions", "pensions"]},
        {"document": "x"},
        {"citation": ""},
        {"valid_from": "1.1.2026"},
        {"released": money(1)},
    ],
)
def test_a_mandate_has_its_form(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        RegisterMandate.model_validate({**a_mandate(money(5)), **changes})
