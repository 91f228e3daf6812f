"""The charter: one that contradicts itself is refused as a whole, with the member that is wrong."""

from typing import Any

import pytest
from pydantic import ValidationError

from app.domain.charter.chart import AccountKind
from app.domain.charter.charter import Charter
from app.domain.charter.parts import ROLES_OF, ExchangeRates, MoneyKind, Restriction
from app.domain.values import PartyKind, Role
from tests.support.builders import a_charter, money, valued


def without(rows: list[dict[str, Any]], name: str, value: str) -> list[dict[str, Any]]:
    return [row for row in rows if row[name] != value]


def weighing(**weights: int) -> list[dict[str, Any]]:
    """The parties, some of them with a weight."""
    weight = {party: {"weight_bp": share} for party, share in weights.items()}
    return [{**party, **weight.get(party["id"], {})} for party in a_charter()["parties"]]


PARTIES = a_charter()["parties"]
MEMBERS = a_charter()["members"]
STEPS = a_charter()["approval_steps"]
TIE = {"id": "t", "name": "T", "only": ["drones"]}
ACCOUNT = {"id": "a", "name": "A", "kind": "expense", "currency": "EUR"}
SOURCE = {"source": "ECB", "base": "EUR", "max_age_days": 5, "tolerance_bp": 100}
WINDOW = {"id": "w", "name": "W", "purposes": ["p"]}
LEGAL = {"id": "s", "name": "S", "role": "legal_reviewer", "who": "each_government"}
MAJORITY = {"rule": "majority"}
CALENDAR = {"id": "brussels", "time_zone": "Europe/Brussels", "through": "2027-12-31"}
PRINCIPAL = [*a_charter()["windows"], {**WINDOW, "source": "principal"}]
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
    "restriction twice": ({"restrictions": [TIE, TIE]}, "restrictions: a name stands twice"),
    "own account twice": ({"accounts": [ACCOUNT, ACCOUNT]}, "accounts: a name stands twice"),
    "foreign own account": (
        {"accounts": [{**ACCOUNT, "currency": "USD"}]},
        "accounts: an account is in one of the currencies",
    ),
    "a restriction of both kinds": (
        {"restrictions": [{**TIE, "excludes": ["pensions"]}]},
        "restrictions: a restriction names either only or excludes",
    ),
    "a restriction of neither kind": (
        {"restrictions": [{"id": "t", "name": "T"}]},
        "restrictions: a restriction names either only or excludes",
    ),
    "only a purpose that no window has": (
        {"restrictions": [{**TIE, "only": ["drones", "dornes"]}]},
        "restrictions: a restriction names purposes of the windows",
    ),
    "excludes a purpose that no window has": (
        {"restrictions": [{"id": "t", "name": "T", "excludes": ["defence"]}]},
        "restrictions: a restriction names purposes of the windows",
    ),
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
        "approval_steps: at least one step is each government's own, always",
    ),
    "calendar twice": ({"calendars": [CALENDAR, CALENDAR]}, "calendars: a name stands twice"),
    "weights that miss the whole": (
        {"parties": weighing(DE=6000, FR=3999)},
        "parties: the governments' weights sum to 10000",
    ),
    "weights beyond the whole": (
        {"parties": weighing(DE=6000, FR=4001)},
        "parties: the governments' weights sum to 10000",
    ),
    "a government without a weight": (
        {"parties": weighing(DE=10000)},
        "parties: the governments' weights sum to 10000",
    ),
    "the weight of a trustee": (
        {"parties": weighing(DE=6000, FR=4000, TRUSTEE=1)},
        "parties: only a government has a weight",
    ),
    "a quorum of more than there are": (
        {"quorum": 3},
        "quorum: no more governments can be there than there are",
    ),
    "a step of a party that it does not name": (
        {"approval_steps": [LEGAL, {**LEGAL, "id": "s2", "who": "party"}]},
        "approval_steps: a step names a party when it asks one, and only then",
    ),
    "a step of everybody that names one": (
        {"approval_steps": [{**LEGAL, "party": "DE"}]},
        "approval_steps: a step names a party when it asks one, and only then",
    ),
    "a step of a party that does not exist": (
        {"approval_steps": [LEGAL, {**LEGAL, "id": "s2", "who": "party", "party": "XX"}]},
        "approval_steps: a step asks a party that does not exist",
    ),
    "a party's step in a role of others": (
        {"approval_steps": [LEGAL, {**LEGAL, "id": "s2", "who": "party", "party": "TRUSTEE"}]},
        "approval_steps: no member of a trustee could take this step",
    ),
    "a step for an unknown window": (
        {"approval_steps": [LEGAL, {**LEGAL, "id": "s2", "windows": ["energy"]}]},
        "approval_steps: a step is for a window that does not exist",
    ),
    "two limits in one currency": (
        {"approval_steps": [LEGAL, {**LEGAL, "id": "s2", "at_least": [money(1), money(2)]}]},
        "approval_steps: a band has one amount for each currency",
    ),
    "two ends in one currency": (
        {"approval_steps": [LEGAL, {**LEGAL, "id": "s2", "below": [money(1), money(1)]}]},
        "approval_steps: a band has one amount for each currency",
    ),
    "a band of nothing": (
        {
            "approval_steps": [
                LEGAL,
                {**LEGAL, "id": "s2", "at_least": [money(5)], "below": [money(5)]},
            ]
        },
        "approval_steps: a band ends above where it begins",
    ),
    "governments asked for large amounts only": (
        {"approval_steps": [{**LEGAL, "at_least": [money(5)]}]},
        "approval_steps: at least one step is each government's own, always",
    ),
    "more answers than one request may need": (
        {
            "parties": [*PARTIES[2:], *({**PARTIES[0], "id": f"G{n}"} for n in range(26))],
            "members": [],
            "approval_steps": [{**LEGAL, "id": f"s{n}"} for n in range(20)],
        },
        "approval_steps: a request would need more than 500",
    ),
    "principal without a vote": (
        {"windows": PRINCIPAL},
        "decision_rules: principal is released by a unanimous vote only",
    ),
    "principal by majority": (
        {"windows": PRINCIPAL, "decision_rules": {"release": MAJORITY}},
        "decision_rules: principal is released by a unanimous vote only",
    ),
    **{
        f"a signature on {name}": (
            {"signed": [name]},
            "signed: no such event can carry its party's signature",
        )
        for name in (
            "approval.granted",  # unknown
            "disbursement.approved",  # the ledger's
            "clock.elapsed",
            "fund.opened",  # there is no key yet
            "key.registered",
            "key.revoked",
        )
    },
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
        ({"currencies": []}, "too_short"),
        ({"windows": []}, "too_short"),
        ({"bank_accounts": []}, "too_short"),
        ({"approval_steps": []}, "too_short"),
        ({"approval_steps": [{**LEGAL, "id": f"s{n}"} for n in range(21)]}, "too_long"),
        ({"windows": [{"id": "w", "name": "W", "purposes": []}]}, "too_short"),
        ({"decision_rules": {"motion": {"rule": "lottery"}}}, "enum"),
        ({"decision_rules": {"weather": {"rule": "majority"}}}, "enum"),
        (
            {"decision_rules": {"motion": {"rule": "majority", "quorum": "3/2"}}},
            "share_out_of_range",
        ),
        (
            {"decision_rules": {"motion": {"rule": "majority", "quorum": "0/2"}}},
            "string_pattern_mismatch",
        ),
        ({"decision_rules": {"motion": {"rule": "majority", "quorum": 0.5}}}, "string_type"),
        ({"quorum": 0}, "greater_than_equal"),
        ({"quorum": 101}, "less_than_equal"),
        ({"approval_steps": [{**LEGAL, "id": f"s{n}"} for n in range(10_000)]}, "too_long"),
        ({"parties": [{**PARTIES[0], "id": f"G{n}"} for n in range(101)]}, "too_long"),
        ({"members": [{**MEMBERS[0], "subject": f"s{n}"} for n in range(2_001)]}, "too_long"),
        ({"calendars": [{**CALENDAR, "id": f"c{n}"} for n in range(21)]}, "too_long"),
        ({"signed": ["approval.given", "approval.given"]}, "stands_twice"),
        ({"signed": ["approval"]}, "string_pattern_mismatch"),
        ({"currencies": ["EUR", "XXX"]}, "unknown_currency"),
        ({"title": "hidden\u200b"}, "forbidden_character"),
        ({"fund": "Not A Slug"}, "string_pattern_mismatch"),
        ({"script": "x"}, "extra_forbidden"),
        ({"draw_order": ["tied", "window"]}, "too_short"),
        ({"draw_order": ["tied", "window", "window"]}, "stands_twice"),
        ({"draw_order": ["tied", "window", "anything"]}, "enum"),
        ({"restrictions": [{**TIE, "only": ["drones", "drones"]}]}, "stands_twice"),
        ({"restrictions": [{**TIE, "only": ["Drones"]}]}, "string_pattern_mismatch"),
        ({"restrictions": [{**TIE, "id": f"t{n}"} for n in range(21)]}, "too_long"),
        ({"accounts": [{**ACCOUNT, "id": "cash/BANK-EUR"}]}, "string_pattern_mismatch"),
        ({"accounts": [{**ACCOUNT, "kind": "money"}]}, "enum"),
        ({"accounts": [{**ACCOUNT, "id": f"a{n}"} for n in range(201)]}, "too_long"),
        ({"exchange_rates": {**SOURCE, "base": "XDR"}}, "unknown_currency"),
        ({"exchange_rates": {**SOURCE, "max_age_days": -1}}, "greater_than_equal"),
        ({"exchange_rates": {**SOURCE, "max_age_days": 32}}, "less_than_equal"),
        ({"exchange_rates": {**SOURCE, "max_age_days": "5"}}, "int_type"),
        ({"exchange_rates": {**SOURCE, "tolerance_bp": 2001}}, "less_than_equal"),
        ({"exchange_rates": {**SOURCE, "tolerance_bp": -1}}, "greater_than_equal"),
        ({"exchange_rates": {**SOURCE, "tolerance_bp": 0.5}}, "int_type"),
        ({"windows": [{**WINDOW, "unrestricted": "yes"}]}, "bool_type"),
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


def test_restrictions_and_own_accounts_are_found() -> None:
    charter = Charter.model_validate(a_charter(**valued()))
    tie, account = charter.restriction("not-defence"), charter.account("bank-charges")

    assert tie is not None
    assert (tie.only, tie.excludes) == ((), ("drones",))
    assert account is not None
    assert (account.currency, account.kind) == ("EUR", AccountKind.EXPENSE)
    assert charter.exchange_rates == ExchangeRates.model_validate(SOURCE)


def test_a_restriction_allows_only_what_it_names_or_all_but_what_it_excludes() -> None:
    only = Restriction.model_validate(TIE)
    but = Restriction.model_validate({"id": "t", "name": "T", "excludes": ["drones"]})

    assert [only.allows(purpose) for purpose in ("drones", "pensions")] == [True, False]
    assert [but.allows(purpose) for purpose in ("drones", "pensions")] == [False, True]


def test_a_restriction_may_name_purposes_of_several_windows() -> None:
    tie = {"id": "t", "name": "T", "only": ["drones", "pensions"]}

    charter = Charter.model_validate(a_charter(restrictions=[tie]))

    assert charter.restrictions == (Restriction.model_validate(tie),)


def test_what_a_charter_leaves_out_ties_values_and_opens_nothing() -> None:
    charter = Charter.model_validate(a_charter())

    assert (charter.restrictions, charter.accounts, charter.exchange_rates) == ((), (), None)
    assert charter.draw_order == (MoneyKind.TIED, MoneyKind.WINDOW, MoneyKind.UNRESTRICTED)
    assert not any(window.unrestricted for window in charter.windows)
    assert "draw_order" not in charter.model_dump(exclude_unset=True)


@pytest.mark.parametrize(("age", "tolerance"), [(0, 0), (31, 2000)])
def test_a_source_of_rates_may_be_strict_or_lenient(age: int, tolerance: int) -> None:
    source = {**SOURCE, "max_age_days": age, "tolerance_bp": tolerance}

    charter = Charter.model_validate(a_charter(exchange_rates=source))

    assert charter.exchange_rates == ExchangeRates.model_validate(source)


def test_what_a_charter_does_not_name_is_none() -> None:
    charter = Charter.model_validate(a_charter())

    assert charter.party("XX") is None
    assert charter.window("x") is None
    assert charter.bank_account("X") is None
    assert charter.step("x") is None
    assert charter.restriction("x") is None
    assert charter.account("x") is None


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
