"""The inbox: what waits for whoever asks, for the roles that they hold, and why requests wait."""

from datetime import timedelta
from typing import Any

import pytest

from app.domain.values import Role
from app.runtime import clock
from tests.support.attack.hostile import size_of
from tests.support.builders import (
    AUDITOR,
    REQUESTER,
    SUPERVISOR,
    TRUSTEE,
    Person,
    a_ballot,
    a_charter,
    a_mandate,
    a_motion,
    an_agreement,
    money,
    treasury,
)
from tests.support.service import FUND, Service
from tests.support.signers import a_key, admin, kid_of, registered
from tests.support.steps import refusal

LEGAL = Person("DE", Role.LEGAL_REVIEWER)
CLERK = Person("DE", Role.LEGISLATURE_CLERK)
RELEASE = Person("DE", Role.TREASURY_APPROVER)
STRANGER = Person("NO", Role.TREASURY)
ABSENT = "01947b6e-3c00-7000-8000-000000000001"


@pytest.fixture(scope="module")
def opened(shared: Service) -> Service:
    shared.open()
    return shared


def inbox(service: Service, who: Person) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = service.get(who, "/inbox")["items"]
    return items


def about(service: Service, who: Person, identifier: str) -> list[dict[str, Any]]:
    """What of somebody's inbox is about one thing."""
    return [item for item in inbox(service, who) if item["id"] == identifier]


def today(days: int = 0) -> str:
    return (clock.now().date() + timedelta(days=days)).isoformat()


def a_proposal(service: Service, who: Person = TRUSTEE) -> tuple[str, str]:
    """Id and digest of a new motion."""
    made = service.post(who, "/proposals", a_motion())
    identifier: str = made["entry"]["derived"]["proposal_id"]
    digest: str = service.get(who, f"/proposals/{identifier}")["proposal"]["digest"]
    return identifier, digest


def test_an_approval_waits_in_its_turn_for_the_role_that_it_takes(opened: Service) -> None:
    identifier = opened.requested(money(5))

    (review,) = about(opened, LEGAL, identifier)
    (release,) = about(opened, RELEASE, identifier)
    (objection,) = about(opened, SUPERVISOR, identifier)

    assert (review["kind"], review["step"], review["role"]) == (
        *("approval", "legal_review"),
        "legal_reviewer",
    )
    assert [item["open"] for item in (review, release, objection)] == [True, False, False]
    assert review["path"] == f"{FUND}/disbursements/{identifier}/approvals"
    assert "after legal_review of DE" in release["sentence"]
    for other in (AUDITOR, REQUESTER, treasury("DE"), TRUSTEE):
        assert about(opened, other, identifier) == []


def test_what_was_answered_waits_no_more_and_what_was_taken_back_waits_again(
    opened: Service,
) -> None:
    identifier = opened.requested(money(5))
    who, path, body = opened.waiting(identifier)[0]
    opened.post(who, path, body)
    answered = about(opened, who, identifier)

    back = {"disbursement_id": identifier, "step": body["step"], "reason": "New facts"}
    opened.post(who, f"/disbursements/{identifier}/revocations", back)

    assert (who, answered) == (LEGAL, [])
    assert [item["open"] for item in about(opened, who, identifier)] == [True]


def test_a_step_opens_once_those_before_it_are_there(opened: Service) -> None:
    identifier = opened.requested(money(5))
    opened.approved(identifier, but=3)

    (objection,) = about(opened, SUPERVISOR, identifier)
    (release,) = about(opened, RELEASE, identifier)

    assert (objection["open"], release["open"]) == (True, False)


def test_a_vote_waits_for_those_who_have_not_voted(opened: Service) -> None:
    identifier, digest = a_proposal(opened)
    (before,) = about(opened, RELEASE, identifier)
    path = f"/votes/{identifier}/ballots"

    opened.post(RELEASE, path, a_ballot(identifier, digest))

    assert (before["kind"], before["path"], before["open"]) == ("vote", FUND + path, True)
    assert about(opened, RELEASE, identifier) == []
    assert len(about(opened, Person("FR", Role.TREASURY_APPROVER), identifier)) == 1
    assert about(opened, treasury("DE"), identifier) == []
    assert about(opened, TRUSTEE, identifier) == []


def test_an_agreement_waits_for_each_side_to_sign(opened: Service) -> None:
    drafted = opened.post(treasury("DE"), "/agreements", an_agreement(money(9)))
    identifier = drafted["entry"]["derived"]["agreement_id"]
    both = [about(opened, who, identifier) for who in (treasury("DE"), TRUSTEE)]
    digest = opened.get(TRUSTEE, f"/agreements/{identifier}")["digest"]
    signature = {"agreement_id": identifier, "digest": digest}

    opened.post(TRUSTEE, f"/agreements/{identifier}/signatures", signature)

    assert [[item["role"] for item in items] for items in both] == [["treasury"], ["trustee"]]
    assert about(opened, TRUSTEE, identifier) == []
    assert len(about(opened, treasury("DE"), identifier)) == 1
    assert about(opened, treasury("FR"), identifier) == []


def test_a_key_waits_to_be_endorsed_by_its_own_admins_first(opened: Service) -> None:
    registered(opened, "DE", a_key(1))
    kid = registered(opened, "DE", a_key(2))

    (own,) = about(opened, admin("DE"), kid)
    (others,) = about(opened, admin("FR"), kid)

    assert (own["kind"], own["open"], others["open"]) == ("key", True, False)
    assert about(opened, admin("DE"), kid_of(a_key(1))) == []
    assert about(opened, treasury("DE"), kid) == []


def test_a_mandate_is_mentioned_sixty_days_before_its_end(opened: Service) -> None:
    ids = []
    for number, days in enumerate((0, 60, 61)):
        terms = {"valid_through": today(days), "document": f"{number:064x}"}
        made = opened.post(CLERK, "/mandates", a_mandate(money(100), **terms))
        ids.append(made["entry"]["derived"]["mandate_id"])

    found = [item for item in inbox(opened, CLERK) if item["kind"] == "mandate_ends"]

    assert sorted(item["id"] for item in found) == sorted(ids[:2])
    assert all("100.00 EUR" in item["sentence"] for item in found)
    assert about(opened, Person("FR", Role.LEGISLATURE_CLERK), ids[0]) == []
    withdrawal = {"mandate_id": ids[0], "reason": "Replaced"}
    opened.post(CLERK, f"/mandates/{ids[0]}/withdrawal", withdrawal)
    assert about(opened, CLERK, ids[0]) == []


def test_a_payment_waits_for_the_trustee_until_the_bank_has_paid(opened: Service) -> None:
    opened.paid("DE", money(10))
    identifier = opened.requested(money(10))
    opened.approved(identifier)
    kinds = [[item["kind"] for item in about(opened, TRUSTEE, identifier)]]
    instruction = {"disbursement_id": identifier, "bank_account": "BANK-EUR"}
    opened.post(TRUSTEE, f"/disbursements/{identifier}/instruction", instruction)
    kinds.append([item["kind"] for item in about(opened, TRUSTEE, identifier)])
    body = {"disbursement_id": identifier, "bank_reference": "OUT", "value_date": today(-1)}

    opened.post(TRUSTEE, f"/disbursements/{identifier}/settlement", body)

    assert kinds == [["instruction"], ["settlement"]]
    assert about(opened, TRUSTEE, identifier) == []


def test_a_delegate_sees_the_role_that_they_were_lent_while_it_lasts(opened: Service) -> None:
    identifier = opened.requested(money(5))
    alternate = {"subject": "de-risk-officer", "role": "legal_reviewer"}
    client = opened.client(LEGAL, subject="de-risk-officer")

    def seen() -> int:
        items = client.get(f"{FUND}/inbox")["items"]
        return sum(item["id"] == identifier and item["open"] for item in items)

    before = seen()
    terms = {**alternate, "from_day": today(), "through": today(7)}
    opened.post(admin("DE"), "/members/delegations", terms)
    during = seen()
    opened.post(admin("DE"), "/members/delegations/ends", alternate)

    assert (before, during, seen()) == (0, 1, 0)


def test_only_roles_that_both_the_token_and_the_fund_give_have_an_inbox(opened: Service) -> None:
    opened.requested(money(5))
    path = f"{FUND}/inbox"
    not_held = opened.client(LEGAL, subject="de-treasury").get(path)
    no_member = opened.client(LEGAL, subject="nobody").get(path)
    anothers = opened.client(Person("FR", Role.LEGAL_REVIEWER), subject=LEGAL.subject).get(path)

    assert [not_held["items"], no_member["items"], anothers["items"]] == [[], [], []]


def test_reading_an_inbox_records_nothing_and_is_for_parties_only(opened: Service) -> None:
    before = size_of(opened)

    answer = opened.raw(STRANGER, "GET", f"{FUND}/inbox")

    inbox(opened, LEGAL)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert size_of(opened) == before


# -- blockers --------------------------------------------------------------------------------------


def blockers(service: Service, identifier: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = service.get(AUDITOR, f"/disbursements/{identifier}/blockers")[
        "blockers"
    ]
    return found


def test_blockers_name_every_approval_that_is_missing_and_the_money(opened: Service) -> None:
    identifier = opened.requested(money(1_000_000))

    found = blockers(opened, identifier)

    missing = [one for one in found if one["code"] == "approval_missing"]
    closed = [one for one in found if one["code"] == "step_not_open"]
    rows = opened.get(AUDITOR, f"/disbursements/{identifier}")["approvals"]
    assert len(missing) + len(closed) == len(rows)
    assert {(one["party"], one["step"], one["role"]) for one in [*missing, *closed]} == {
        (row["party"], row["step"], row["role"]) for row in rows
    }
    assert [one["code"] for one in found if "step" not in one or one["step"] is None] == [
        "insufficient_funds"
    ]
    assert all(one["since"] for one in missing)


def test_blockers_say_what_the_refusal_says(opened: Service) -> None:
    identifier = opened.requested(money(1_000_000))
    opened.approved(identifier, but=1)
    ((who, path, body),) = opened.waiting(identifier)

    code = refusal(opened, who, path, body)

    assert [one["code"] for one in blockers(opened, identifier)] == ["approval_missing", code]
    assert code == "insufficient_funds"


def test_nothing_blocks_what_has_ended(opened: Service) -> None:
    identifier = opened.requested(money(5))
    body = {"disbursement_id": identifier, "reason": "Not needed"}
    opened.post(REQUESTER, f"/disbursements/{identifier}/cancellation", body)

    view = opened.get(AUDITOR, f"/disbursements/{identifier}/blockers")

    assert (view["state"], view["blockers"]) == ("cancelled", [])


@pytest.mark.parametrize("identifier", [ABSENT, "x", "%00"])
def test_what_is_absent_has_no_blockers(opened: Service, identifier: str) -> None:
    answer = opened.raw(AUDITOR, "GET", f"{FUND}/disbursements/{identifier}/blockers")

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_an_open_vote_and_a_missing_mandate_block_a_release(service: Service) -> None:
    parties = a_charter()["parties"]
    parties[0]["mandated"] = True
    rules = {"release": {"rule": "majority", "role": "treasury", "clock": {"days": 3}}}
    step = {"id": "legal_review", "name": "Legal", "role": "legal_reviewer"}
    steps = [{**step, "who": "each_government"}]
    service.open(parties=parties, decision_rules=rules, approval_steps=steps)
    mandate = service.post(CLERK, "/mandates", a_mandate(money(50), purposes=["salaries"]))
    mandate_id = mandate["entry"]["derived"]["mandate_id"]
    drafted = service.post(treasury("DE"), "/agreements", an_agreement(money(50)))
    agreement = drafted["entry"]["derived"]["agreement_id"]
    digest = service.get(TRUSTEE, f"/agreements/{agreement}")["digest"]
    for who in (treasury("DE"), TRUSTEE):
        signature = {"agreement_id": agreement, "digest": digest}
        service.post(who, f"/agreements/{agreement}/signatures", signature)
    (waits,) = about(service, treasury("DE"), agreement)
    cover = {"agreement_id": agreement, "mandate_id": mandate_id}
    service.post(treasury("DE"), f"/agreements/{agreement}/cover", cover)
    body = {
        "agreement_id": agreement,
        "amount": money(50),
        "bank_account": "BANK-EUR",
        "bank_reference": "IN",
        "value_date": today(-1),
    }
    service.post(treasury("DE"), "/receipts", body)
    identifier = service.requested(money(50))

    found = {one["code"]: one for one in blockers(service, identifier)}

    assert (waits["role"], waits["path"].endswith("/cover")) == ("treasury", True)
    assert set(found) == {"approval_missing", "vote_open", "mandate_required"}
    assert "DE, FR" in found["vote_open"]["sentence"]
    assert found["vote_open"]["until"] is not None
    (vote,) = (item for item in about(service, treasury("DE"), identifier))
    assert (vote["kind"], vote["until"]) == ("vote", found["vote_open"]["until"])


def test_whatever_waits_for_others_of_the_party_does_not_crowd_the_callers_out(
    opened: Service,
) -> None:
    before = len(inbox(opened, LEGAL))

    for _ in range(30):
        opened.requested(money(5))

    assert len(inbox(opened, LEGAL)) == before + 30
