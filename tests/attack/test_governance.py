"""Rows B: acting for others, acting twice, acting out of turn, spending what is not there."""

import json
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from app.audit.verify import verify
from app.chain.policy import Policy
from app.domain.values import Role
from tests.support.attack.hostile import (
    Answer,
    Attacker,
    assert_refused,
    at_once,
    nothing_recorded,
    posting,
    size_of,
    wrong,
)
from tests.support.builders import (
    AUDITOR,
    REQUESTER,
    SUPERVISOR,
    TRUSTEE,
    Person,
    a_pledge,
    a_recent_receipt,
    a_request,
    an_agreement,
    an_approval,
    money,
    treasury,
)
from tests.support.service import Service

ABSENT = "01947b6e-3c00-7000-8000-000000000001"
LEGAL = Person("DE", Role.LEGAL_REVIEWER)
ADMIN = Person("DE", Role.ADMIN)
STRANGER = Person("NO", Role.TREASURY)


def _request(service: Service, amount: int = 5) -> tuple[str, str]:
    """Id and digest of a new request."""
    identifier = service.requested(money(amount))
    view = service.get(REQUESTER, f"/disbursements/{identifier}")
    digest: str = view["disbursement"]["digest"]
    return identifier, digest


def test_a_fund_of_others_looks_exactly_like_no_fund(fund: Service, attacker: Attacker) -> None:
    pledge = fund.post(treasury("DE"), "/pledges", a_pledge(money(1)))
    identifier = pledge["entry"]["derived"]["pledge_id"]
    paths = ["", "/entries", "/entries/0", "/pledges", f"/pledges/{identifier}", "/agreements"]
    paths += ["/receipts", "/disbursements", f"/disbursements/{ABSENT}", "/members", "/summary"]
    paths += ["/balances", "/exports/audit"]

    for path in paths:
        there = attacker.get(STRANGER, fund.path + path)
        absent = attacker.get(STRANGER, f"/v1/funds/absent{path}")

        assert_refused(there, 404, "not_found")
        assert_refused(absent, 404, "not_found")
        assert {**there.content, "instance": ""} == {**absent.content, "instance": ""}
        assert there.headers.keys() == absent.headers.keys()
    assert attacker.get(STRANGER, "/v1/funds").content["items"] == []


def test_an_absent_a_malformed_and_a_foreign_id_are_one(fund: Service, attacker: Attacker) -> None:
    answers = [
        attacker.get(AUDITOR, f"{fund.path}/{kind}/{identifier}")
        for kind in ("pledges", "agreements", "receipts", "disbursements")
        for identifier in (ABSENT, ABSENT.upper(), "x", "..%5c..", "%00", "'--", "0" * 3_000)
    ]

    assert [wrong(answer, 404, "not_found") for answer in answers] == [""] * 28
    assert len({answer.content["detail"] for answer in answers}) == 1


def test_nobody_acts_for_another_party(fund: Service, attacker: Attacker) -> None:
    pledge = fund.post(treasury("FR"), "/pledges", a_pledge(money(9)))
    drafted = fund.post(treasury("FR"), "/agreements", an_agreement(money(9)))
    in_force = fund.agreed("FR", money(9))
    agreement = drafted["entry"]["derived"]["agreement_id"]
    digest = fund.get(AUDITOR, f"/agreements/{agreement}")["digest"]
    request, request_digest = _request(fund)
    pledge_id = pledge["entry"]["derived"]["pledge_id"]
    signature = {"agreement_id": agreement, "digest": digest}
    cancel = {"disbursement_id": request, "reason": "Mine"}
    approval = an_approval(request, "legal_review", request_digest)
    attacks: list[tuple[Person, str, dict[str, Any]]] = [
        (treasury("DE"), f"/agreements/{agreement}/signatures", signature),
        (treasury("DE"), "/agreements", an_agreement(money(1), pledge_id=pledge_id)),
        (treasury("DE"), "/receipts", a_recent_receipt(in_force, money(9), "X1")),
        (TRUSTEE, f"/disbursements/{request}/approvals", approval),
        (SUPERVISOR, f"/disbursements/{request}/approvals", approval),
        (ADMIN, "/members", {"subject": "fr-treasury", "roles": ["treasury"]}),
        (ADMIN, "/members/removals", {"subject": "fr-treasury"}),
    ]

    with nothing_recorded(fund):
        answers = [attacker.post(who, path, body) for who, path, body in attacks]
        cancelled = attacker.post(treasury("DE"), f"/disbursements/{request}/cancellation", cancel)

    assert [wrong(answer, 403, "wrong_party") for answer in answers] == [""] * len(attacks)
    assert cancelled.status == 403


def test_a_role_that_the_token_or_the_charter_does_not_give_opens_nothing(
    fund: Service, attacker: Attacker
) -> None:
    member = {"subject": "de-new", "roles": ["treasury"]}
    attacks: list[tuple[Person, str, dict[str, Any]]] = [
        (AUDITOR, "/pledges", a_pledge(money(1))),
        (LEGAL, "/pledges", a_pledge(money(1))),
        (TRUSTEE, "/disbursements", a_request(money(1))),
        (treasury("DE"), "/members", member),
        (ADMIN, "/members", {"subject": "de-new", "roles": ["trustee"]}),
        (ADMIN, "/members", {"subject": "de-new", "roles": ["ledger"]}),
        (ADMIN, "/members", {"subject": "de-new", "roles": ["treasury", "supervisor"]}),
    ]

    with nothing_recorded(fund):
        answers = [attacker.post(who, path, body) for who, path, body in attacks]

    assert [wrong(answer, 403, "role_not_permitted") for answer in answers] == [""] * len(attacks)


def test_somebody_who_is_no_member_any_more_or_never_was_records_nothing(
    fund: Service, attacker: Attacker
) -> None:
    fund.post(ADMIN, "/members", {"subject": "de-second", "roles": ["treasury"]})
    gone = fund.token(treasury("DE"), subject="de-second")
    fund.post(ADMIN, "/members/removals", {"subject": "de-second"})
    tokens = [
        gone,
        fund.token(treasury("DE"), subject="nobody"),
        fund.token(treasury("DE"), subject="fr-treasury"),
        fund.token(treasury("DE"), subject="DE-TREASURY"),
        fund.token(STRANGER, subject="de-treasury"),
        fund.token(Person("FR", Role.TREASURY), subject="de-treasury"),
    ]

    with nothing_recorded(fund):
        answers = [
            attacker.post(
                treasury("DE"), "/pledges", a_pledge(money(1)), Authorization=f"Bearer {token}"
            )
            for token in tokens
        ]

    assert [wrong(answer, 403, "not_a_member") for answer in answers] == [""] * len(tokens)


def test_the_last_admin_stays(fund: Service, attacker: Attacker) -> None:
    with nothing_recorded(fund):
        answer = attacker.post(ADMIN, "/members/removals", {"subject": ADMIN.subject})

    assert_refused(answer, 409, "last_admin")


def test_one_person_with_two_roles_acts_once_on_a_request(
    fund: Service, attacker: Attacker
) -> None:
    roles = ["legal_reviewer", "risk_officer"]
    fund.post(ADMIN, "/members", {"subject": "de-both", "roles": roles})
    identifier, digest = _request(fund)
    path = f"/disbursements/{identifier}/approvals"
    as_legal = {"Authorization": f"Bearer {fund.token(LEGAL, subject='de-both')}"}
    risk = Person("DE", Role.RISK_OFFICER)
    as_risk = {"Authorization": f"Bearer {fund.token(risk, subject='de-both')}"}

    first = attacker.post(LEGAL, path, an_approval(identifier, "legal_review", digest), **as_legal)
    with nothing_recorded(fund):
        other_role = attacker.post(
            risk, path, an_approval(identifier, "risk_assessment", digest), **as_risk
        )
        other_client = attacker.post(
            LEGAL, path, an_approval(identifier, "legal_review", digest), **as_legal
        )

    assert first.status == 201
    assert_refused(other_role, 403, "separation_of_duties")
    assert_refused(other_client, 409, "already_decided")


def test_a_step_is_taken_by_its_role_in_its_turn_on_this_very_request(
    fund: Service, attacker: Attacker
) -> None:
    identifier, digest = _request(fund)
    _, other_digest = _request(fund, 6)
    path = f"/disbursements/{identifier}/approvals"
    release = Person("DE", Role.TREASURY_APPROVER)
    attacks = [
        (Person("DE", Role.RISK_OFFICER), "legal_review", digest, 409, "step_not_open"),
        (ADMIN, "legal_review", digest, 409, "step_not_open"),
        (release, "treasury_release", digest, 409, "step_not_open"),
        (SUPERVISOR, "no_objection", digest, 409, "step_not_open"),
        (LEGAL, "made_up", digest, 422, "unknown_step"),
        (LEGAL, "legal_review", other_digest, 412, "stale_proposal"),
        (LEGAL, "legal_review", "0" * 64, 412, "stale_proposal"),
    ]

    with nothing_recorded(fund):
        answers = [
            attacker.post(who, path, an_approval(identifier, step, named))
            for who, step, named, _, _ in attacks
        ]

    expected = zip(answers, attacks, strict=True)
    assert [wrong(a, status, code) for a, (*_, status, code) in expected] == [""] * len(attacks)


@pytest.mark.parametrize("member", ["reason", "citation"])
def test_path_and_body_must_name_the_same_request(
    fund: Service, attacker: Attacker, member: str
) -> None:
    shown, _ = _request(fund)
    meant, digest = _request(fund, 6)
    body = an_approval(meant, "legal_review", digest)
    extra: dict[str, Any] = {"reason": shown}
    if member == "citation":
        extra = {"documents": [{"sha256": "0" * 64, "citation": shown}]}

    with nothing_recorded(fund):
        plain = attacker.post(LEGAL, f"/disbursements/{shown}/approvals", body)
        hidden = attacker.post(LEGAL, f"/disbursements/{shown}/approvals", {**body, **extra})

    assert_refused(plain, 422, "path_mismatch")
    assert_refused(hidden, 422, "path_mismatch")


def test_a_bank_reference_that_looks_like_the_paths_id_does_not_open_another_request(
    fund: Service, attacker: Attacker
) -> None:
    fund.paid("DE", money(9))
    shown, _ = _request(fund)
    meant, _ = _request(fund)
    fund.approved(meant)
    instruction = {"disbursement_id": meant, "bank_account": "BANK-EUR"}
    fund.post(TRUSTEE, f"/disbursements/{meant}/instruction", instruction)
    body = {"disbursement_id": meant, "bank_reference": shown, "value_date": "2026-01-15"}

    with nothing_recorded(fund):
        answer = attacker.post(TRUSTEE, f"/disbursements/{shown}/settlement", body)

    assert_refused(answer, 422, "path_mismatch")


def test_fifty_approvals_of_one_approver_at_once_are_one(fund: Service) -> None:
    identifier, digest = _request(fund)
    before = size_of(fund)
    path, body = (
        f"/disbursements/{identifier}/approvals",
        an_approval(identifier, "legal_review", digest),
    )

    answers = at_once(fund, [posting(LEGAL, path, body)] * 50)

    counted = Counter((answer.status, _code(answer)) for answer in answers)
    assert counted == {(201, ""): 1, (409, "already_decided"): 49}
    assert size_of(fund) == before + 1


def _code(answer: Answer) -> str:
    return "" if answer.status == 201 else answer.code


def test_approving_and_refusing_at_once_has_one_winner(fund: Service) -> None:
    for _ in range(5):
        identifier, digest = _request(fund)
        path = f"/disbursements/{identifier}/approvals"
        yes = an_approval(identifier, "legal_review", digest)
        no = {**yes, "decision": "refuse", "reason": "No"}

        answers = at_once(fund, [posting(LEGAL, path, yes), posting(LEGAL, path, no)])

        assert sorted(_code(answer) for answer in answers) == ["", "already_decided"]


def test_the_last_two_approvals_at_once_decide_once(fund: Service) -> None:
    fund.paid("DE", money(100))
    identifier, _ = _request(fund)
    fund.approved(identifier, but=2)
    last = fund.waiting(identifier)

    answers = at_once(fund, [posting(*request) for request in last])

    entries = fund.get(AUDITOR, "/entries?limit=500")["items"]
    kinds = Counter(entry["type"] for entry in entries)
    assert [answer.status for answer in answers] == [201, 201]
    assert (kinds["disbursement.approved"], kinds["disbursement.reserved"]) == (1, 1)
    assert fund.get(AUDITOR, f"/disbursements/{identifier}")["disbursement"]["state"] == "reserved"


def test_what_is_closed_stays_closed(fund: Service, attacker: Attacker) -> None:
    fund.paid("DE", money(100))
    refused, digest = _request(fund)
    no = {**an_approval(refused, "legal_review", digest), "decision": "refuse", "reason": "No"}
    fund.post(LEGAL, f"/disbursements/{refused}/approvals", no)
    cancelled, cancelled_digest = _request(fund)
    cancel = {"disbursement_id": cancelled, "reason": "Not needed"}
    fund.post(REQUESTER, f"/disbursements/{cancelled}/cancellation", cancel)
    paid, _ = _request(fund)
    fund.approved(paid)
    fund.settled(paid)
    french = Person("FR", Role.LEGAL_REVIEWER)
    settle = {"disbursement_id": paid, "bank_reference": "TWICE", "value_date": "2026-01-15"}
    instruct = {"disbursement_id": paid, "bank_account": "BANK-EUR"}
    attacks: list[tuple[Person, str, str, dict[str, Any]]] = [
        (french, refused, "approvals", an_approval(refused, "legal_review", digest)),
        (french, cancelled, "approvals", an_approval(cancelled, "legal_review", cancelled_digest)),
        (REQUESTER, cancelled, "cancellation", cancel),
        (REQUESTER, paid, "cancellation", {**cancel, "disbursement_id": paid}),
        (TRUSTEE, refused, "instruction", {**instruct, "disbursement_id": refused}),
        (TRUSTEE, paid, "instruction", instruct),
        (TRUSTEE, paid, "settlement", settle),
        (TRUSTEE, cancelled, "settlement", {**settle, "disbursement_id": cancelled}),
        (TRUSTEE, refused, "return", {**settle, "disbursement_id": refused, "reason": "x"}),
    ]

    with nothing_recorded(fund):
        answers = [
            attacker.post(who, f"/disbursements/{identifier}/{what}", body)
            for who, identifier, what, body in attacks
        ]

    assert [wrong(answer, 409, "proposal_closed") for answer in answers] == [""] * len(attacks)


def test_one_line_of_a_bank_statement_is_booked_once_however_many_try(fund: Service) -> None:
    agreement = fund.agreed("DE", money(100))
    body = a_recent_receipt(agreement, money(10), "SAME-LINE")
    people = [treasury("DE"), TRUSTEE]

    answers = at_once(fund, [posting(who, "/receipts", body) for who in people * 10])

    counted = Counter(_code(answer) for answer in answers)
    assert counted == {"": 1, "bank_reference_used": 19}
    assert fund.get(AUDITOR, "/summary")["positions"][0]["received"] == money(10)


def test_money_is_reserved_once_however_many_last_approvals_race_for_it(
    service: Service, tmp_path: Path
) -> None:
    step = {"id": "legal_review", "name": "Legal", "role": "legal_reviewer"}
    steps = [{**step, "who": "each_government"}]
    service.open(governments=("DE",), approval_steps=steps)
    service.paid("DE", money(255))
    with closing(Attacker(service)) as attacker:
        body = a_request(money(10))
        asked = [attacker.post(REQUESTER, "/disbursements", body).content for _ in range(40)]
        ids = [answer["entry"]["derived"]["disbursement_id"] for answer in asked]
        views = [attacker.get(REQUESTER, f"{service.path}/disbursements/{i}").content for i in ids]
    requests = [(i, v["disbursement"]["digest"]) for i, v in zip(ids, views, strict=True)]
    gate = threading.Barrier(40)

    def last(request: tuple[str, str]) -> Callable[[Attacker], Answer]:
        identifier, digest = request
        body = an_approval(identifier, "legal_review", digest)

        def send(attacker: Attacker) -> Answer:
            attacker.token(LEGAL)
            gate.wait(20)
            return attacker.post(LEGAL, f"/disbursements/{identifier}/approvals", body)

        return send

    answers = at_once(service, [last(request) for request in requests])

    assert Counter(map(_code, answers)) == {"": 25, "insufficient_funds": 15}
    refused = [answer for answer in answers if answer.status != 201]
    assert [wrong(answer, 409, "insufficient_funds") for answer in refused] == [""] * 15
    _assert_sums(service, available=5, reserved=250)
    trust = service.trust(tmp_path / "t").read_bytes()
    report = verify(service.export(tmp_path / "b.zip"), Policy.parse(trust))
    assert report.problems == []


def _assert_sums(service: Service, *, available: int, reserved: int) -> None:
    accounts = service.get(AUDITOR, "/balances?limit=500")["items"]
    balances = {row["account"]: _minor(row["balance"]) for row in accounts}
    held = [value for name, value in balances.items() if name.startswith("reserved/")]
    (position,) = service.get(AUDITOR, "/summary")["positions"]
    assert sum(balances.values()) == 0
    assert balances["contributor/DE/budget"] == -100 * available
    assert (len(held), sum(held)) == (reserved // 10, -100 * reserved)
    assert position["reserved"] == money(reserved)


def _minor(value: dict[str, str]) -> int:
    return int(json.loads(json.dumps(value["amount"])).replace(".", ""))
