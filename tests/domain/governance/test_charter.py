"""The charter: one that contradicts itself is refused as a whole, with the member that is wrong."""

from typing import Any

import pytest
from pydantic import ValidationError

from app.domain.governance.charter import ROLES_OF, Charter
from app.domain.values import PartyKind, Role
from tests.builders import a_charter


def without(rows: list[dict[str, Any]], name: str, value: str) -> list[dict[str, Any]]:
    return [row for row in rows if row[name] != value]


PARTIES = a_charter()["parties"]
MEMBERS = a_charter()["members"]
STEPS = a_charter()["approval_steps"]
LEGAL = {"id": "s", "name": "S", "role": "legal_reviewer", "who": "each_government"}
NO_OBJECTION = {"id": "n", "name": "N", "role": "supervisor", "who": "supervisor"}

WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "party twice": ({"parties": [*PARTIES, PARTIES[0]]}, "parties: a name stands twice"),
    "member twice": (
        {"members": [*MEMBERS, {**MEMBERS[0], "party": "FR"}]},
        "members: a name stands twice",
    ),
    "currency twice": ({"currencies": ["EUR", "JPY", "EUR"]}, "currencies: a name stands twice"),
    "window twice": (
        {"windows": [{"id": "w", "name": name, "purposes": ["p"]} for name in "AB"]},
        "windows: a name stands twice",
    ),
    "bank account twice": (
        {"bank_accounts": [{"id": "B", "currency": code} for code in ("EUR", "JPY")]},
        "bank_accounts: a name stands twice",
    ),
    "step twice": ({"approval_steps": [LEGAL, LEGAL]}, "approval_steps: a name stands twice"),
    "no government": (
        {"parties": PARTIES[2:]},
        "parties: a fund has 1 or more party of kind government",
    ),
    "no trustee": (
        {"parties": without(PARTIES, "kind", "trustee")},
        "parties: a fund has 1 exactly party of kind trustee",
    ),
    "two trustees": (
        {"parties": [*PARTIES, {"id": "T2", "name": "T", "kind": "trustee"}]},
        "parties: a fund has 1 exactly party of kind trustee",
    ),
    "no recipient": (
        {"parties": without(PARTIES, "kind", "recipient")},
        "parties: a fund has 1 or more party of kind recipient",
    ),
    "member of nobody": (
        {"members": [{"subject": "x", "party": "XX", "roles": ["admin"]}]},
        "members: a member belongs to a party of this charter",
    ),
    "role of another kind": (
        {"members": [{"subject": "x", "party": "DE", "roles": ["admin", "trustee"]}]},
        "members: a role does not exist in a party of kind government",
    ),
    "the ledger's role": (
        {"members": [{"subject": "x", "party": "TRUSTEE", "roles": ["ledger"]}]},
        "members: a role does not exist in a party of kind trustee",
    ),
    "foreign holding currency": (
        {"holding_currency": "USD"},
        "holding_currency: the holding currency is one of the currencies",
    ),
    "foreign bank account": (
        {"bank_accounts": [{"id": "B", "currency": "USD"}]},
        "bank_accounts: a bank account is in one of the currencies",
    ),
    "after itself": (
        {"approval_steps": [{**LEGAL, "after": ["s"]}]},
        "approval_steps: a step comes after steps that stand above it",
    ),
    "after a later one": (
        {"approval_steps": [{**LEGAL, "after": ["n"]}, NO_OBJECTION]},
        "approval_steps: a step comes after steps that stand above it",
    ),
    "after an unknown one": (
        {"approval_steps": [{**LEGAL, "after": ["nowhere"]}]},
        "approval_steps: a step comes after steps that stand above it",
    ),
    "a step for a role of others": (
        {"approval_steps": [{**LEGAL, "role": "supervisor"}]},
        "approval_steps: no member of a government could take this step",
    ),
    "a step for an admin": (
        {"approval_steps": [{**LEGAL, "role": "admin"}]},
        "approval_steps: no member of a government could take this step",
    ),
    "a supervisor's step for a lawyer": (
        {"approval_steps": [LEGAL, {**NO_OBJECTION, "role": "legal_reviewer"}]},
        "approval_steps: no member of a supervisor could take this step",
    ),
    "a supervisor's step without one": (
        {
            "parties": without(PARTIES, "kind", "supervisor"),
            "members": without(MEMBERS, "party", "IFI"),
        },
        "approval_steps: a step asks for a supervisor, and there is none",
    ),
    "no government's own step": (
        {"approval_steps": [NO_OBJECTION]},
        "approval_steps: at least one step is each government's own",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_charter_that_contradicts_itself_is_refused(name: str) -> None:
    changes, sentence = WRONG[name]

    with pytest.raises(ValidationError) as caught:
        Charter.model_validate(a_charter(**changes))

    (error,) = caught.value.errors()
    assert error["type"] == "charter_invalid"
    assert error["msg"] == f"{sentence}."
    assert error["ctx"]["member"] == sentence.partition(":")[0]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"parties": PARTIES[:2]}, "too_short"),
        ({"members": []}, "too_short"),
        ({"currencies": []}, "too_short"),
        ({"windows": []}, "too_short"),
        ({"bank_accounts": []}, "too_short"),
        ({"approval_steps": []}, "too_short"),
        ({"approval_steps": [{**LEGAL, "id": f"s{n}"} for n in range(21)]}, "too_long"),
        ({"windows": [{"id": "w", "name": "W", "purposes": []}]}, "too_short"),
        ({"decision_rule": "majority"}, "literal_error"),
        ({"currencies": ["EUR", "XXX"]}, "unknown_currency"),
        ({"title": "hidden\u200b"}, "forbidden_character"),
        ({"fund": "Not A Slug"}, "string_pattern_mismatch"),
        ({"script": "x"}, "extra_forbidden"),
    ],
)
def test_a_charter_has_its_form(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Charter.model_validate(a_charter(**changes))

    assert caught.value.errors()[0]["type"] == code


def test_what_a_charter_names_is_found() -> None:
    charter = Charter.model_validate(a_charter())

    assert [party.id for party in charter.parties_of(PartyKind.GOVERNMENT)] == ["DE", "FR"]
    for found, name in (
        (charter.party("DE"), "DE"),
        (charter.window("defence"), "defence"),
        (charter.bank_account("BANK-JPY"), "BANK-JPY"),
        (charter.step("no_objection"), "no_objection"),
    ):
        assert found is not None
        assert found.id == name


def test_what_a_charter_does_not_name_is_none() -> None:
    charter = Charter.model_validate(a_charter())

    assert charter.party("XX") is None
    assert charter.window("x") is None
    assert charter.bank_account("X") is None
    assert charter.step("x") is None


def test_a_step_asks_each_government_or_each_supervisor() -> None:
    charter = Charter.model_validate(a_charter())
    legal, supervisor = charter.step("legal_review"), charter.step("no_objection")
    assert legal is not None
    assert supervisor is not None

    assert charter.approvers(legal) == ["DE", "FR"]
    assert charter.approvers(supervisor) == ["IFI"]


def test_no_role_but_those_that_act_for_nobody_exists_in_two_kinds_of_party() -> None:
    own = [roles - {Role.ADMIN, Role.OBSERVER} for roles in ROLES_OF.values()]

    assert sum(map(len, own)) == len(frozenset[Role]().union(*own))
    assert all({Role.ADMIN, Role.OBSERVER} <= roles for roles in ROLES_OF.values())
