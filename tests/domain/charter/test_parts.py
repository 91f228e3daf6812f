"""The parts of a charter: who may be what, and what money may be used for."""

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from app.domain.charter.approval_steps import MoneySource
from app.domain.charter.chart import AccountKind
from app.domain.charter.parts import (
    ANY_PARTY,
    GOVERNMENT_ROLES,
    ROLES_OF,
    BankAccount,
    ChartAccount,
    CharterMember,
    CharterParty,
    ExchangeRates,
    Restriction,
    Window,
)
from app.domain.values import PartyKind, Role

DE = {"id": "DE", "name": "Germany", "kind": "government"}
MEMBER = {"subject": "de-1", "party": "DE", "roles": ["admin"]}
WINDOW = {"id": "budget", "name": "Budget", "purposes": ["pensions"]}
TIE = {"id": "t", "name": "T"}
ACCOUNT = {"id": "charges", "name": "C", "kind": "expense", "currency": "EUR"}
RATES = {"source": "ECB", "base": "EUR", "max_age_days": 5, "tolerance_bp": 100}


@pytest.mark.parametrize(
    ("tie", "allowed"),
    [
        ({"only": ["drones"]}, {"drones"}),
        ({"only": ["drones", "salaries"]}, {"drones", "salaries"}),
        ({"excludes": ["drones"]}, {"pensions", "salaries"}),
        ({"excludes": ["drones", "pensions", "salaries"]}, set[str]()),
    ],
)
def test_a_restriction_allows_only_what_it_names_or_all_but_that(
    tie: dict[str, Any], allowed: set[str]
) -> None:
    restriction = Restriction.model_validate({**TIE, **tie})

    found = {name for name in ("drones", "pensions", "salaries") if restriction.allows(name)}

    assert found == allowed


def test_a_restriction_that_names_what_is_allowed_forbids_what_comes_later() -> None:
    only = Restriction.model_validate({**TIE, "only": ["drones"]})
    but = Restriction.model_validate({**TIE, "excludes": ["drones"]})

    assert not only.allows("hospitals")
    assert but.allows("hospitals")


def test_a_party_has_no_weight_and_needs_no_mandate_unless_the_charter_says_so() -> None:
    party = CharterParty.model_validate(DE)

    assert (party.weight_bp, party.mandated) == (None, False)


@pytest.mark.parametrize("weight", [0, 1, 10_000])
def test_a_weight_is_a_part_of_the_whole_in_hundredths_of_a_percent(weight: int) -> None:
    party = CharterParty.model_validate({**DE, "weight_bp": weight, "mandated": True})

    assert (party.weight_bp, party.mandated) == (weight, True)


def test_every_kind_of_party_has_its_roles() -> None:
    assert ROLES_OF.keys() == set(PartyKind)
    assert all(roles >= ANY_PARTY for roles in ROLES_OF.values())
    assert ROLES_OF[PartyKind.GOVERNMENT] == GOVERNMENT_ROLES | ANY_PARTY
    assert ROLES_OF[PartyKind.CUSTODIAN] == ANY_PARTY


def test_nobody_but_the_ledger_holds_its_role() -> None:
    every = frozenset[Role]().union(*ROLES_OF.values())

    assert every == set(Role) - {Role.LEDGER}


@pytest.mark.parametrize(
    ("kind", "role"),
    [
        (PartyKind.RECIPIENT, Role.REQUESTER),
        (PartyKind.SUPERVISOR, Role.SUPERVISOR),
        (PartyKind.TRUSTEE, Role.TRUSTEE),
        (PartyKind.AUDITOR, Role.AUDITOR),
    ],
)
def test_a_role_of_its_own_exists_in_one_kind_of_party(kind: PartyKind, role: Role) -> None:
    assert [found for found, roles in ROLES_OF.items() if role in roles] == [kind]
    assert ROLES_OF[kind] - ANY_PARTY == {role}


def test_a_window_holds_budget_money_that_pays_for_nothing_else_unless_it_says_so() -> None:
    window = Window.model_validate(WINDOW)

    assert (window.source, window.unrestricted) == (MoneySource.BUDGET, False)


def test_the_parts_are_read_as_they_are_written() -> None:
    assert BankAccount.model_validate({"id": "BANK-EUR", "currency": "EUR"}).currency == "EUR"
    assert ChartAccount.model_validate(ACCOUNT).kind is AccountKind.EXPENSE
    assert ExchangeRates.model_validate(RATES).tolerance_bp == 100
    assert CharterMember.model_validate(MEMBER).roles == (Role.ADMIN,)


@pytest.mark.parametrize(
    ("part", "body", "code"),
    [
        (CharterParty, {**DE, "weight_bp": -1}, "greater_than_equal"),
        (CharterParty, {**DE, "weight_bp": 10_001}, "less_than_equal"),
        (CharterParty, {**DE, "weight_bp": 0.5}, "int_type"),
        (CharterParty, {**DE, "mandated": "yes"}, "bool_type"),
        (CharterParty, {**DE, "kind": "bank"}, "enum"),
        (CharterParty, {**DE, "id": "@ledger"}, "string_pattern_mismatch"),
        (CharterMember, {**MEMBER, "roles": []}, "too_short"),
        (CharterMember, {**MEMBER, "roles": ["admin", "admin"]}, "stands_twice"),
        (CharterMember, {**MEMBER, "subject": "a@example.org"}, "string_pattern_mismatch"),
        (Window, {**WINDOW, "source": "taxes"}, "enum"),
        (Window, {**WINDOW, "purposes": ["a", "a"]}, "stands_twice"),
        (Window, {**WINDOW, "purposes": [f"p{n}" for n in range(51)]}, "too_long"),
        (Restriction, {**TIE, "only": [f"p{n}" for n in range(51)]}, "too_long"),
        (Restriction, {**TIE, "excludes": ["a", "a"]}, "stands_twice"),
        (ExchangeRates, {**RATES, "source": ""}, "string_too_short"),
        (BankAccount, {"id": "bank", "currency": "EUR"}, "string_pattern_mismatch"),
        (ChartAccount, {**ACCOUNT, "currency": "XXX"}, "unknown_currency"),
    ],
)
def test_a_part_has_its_form(part: type[BaseModel], body: dict[str, Any], code: str) -> None:
    with pytest.raises(ValidationError) as caught:
        part.model_validate(body)

    assert caught.value.errors()[0]["type"] == code
