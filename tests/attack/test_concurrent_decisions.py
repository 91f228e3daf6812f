"""Rows B7 and B8: decisions that arrive at once are made one after the other, each once."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from app.audit.verify import verify
from app.chain.canonical import encode
from app.chain.policy import Policy
from app.domain.values import Role
from app.trust.signatures import sign
from tests.support.attack.hostile import (
    Answer,
    Attacker,
    at_once,
    posting,
    size_of,
)
from tests.support.builders import (
    AUDITOR,
    REQUESTER,
    TRUSTEE,
    Person,
    a_ballot,
    a_charter,
    a_mandate,
    a_motion,
    a_recent_receipt,
    a_request,
    an_approval,
    money,
    treasury,
)
from tests.support.service import Service
from tests.support.signers import a_key, admin, registered

LEGAL = Person("DE", Role.LEGAL_REVIEWER)
VOTER = Person("DE", Role.TREASURY_APPROVER)
ONE_STEP = [
    {
        "id": "legal_review",
        "name": "Legal",
        "role": "legal_reviewer",
        "who": "each_government",
    }
]


def code(answer: Answer) -> str:
    """`new`, `again`, or the code of a refusal."""
    if answer.status != 201:
        return answer.code
    return "again" if answer.headers.get("idempotent-replayed") else "new"


def asked(service: Service, amount: int = 5) -> tuple[str, dict[str, Any]]:
    """Where a new request is approved, and what approves its legal review."""
    identifier = service.requested(money(amount))
    digest = service.get(REQUESTER, f"/disbursements/{identifier}")["disbursement"]["digest"]
    path = f"/disbursements/{identifier}/approvals"
    return path, an_approval(identifier, "legal_review", digest)


def together(service: Service, requests: Sequence[Callable[[Attacker], Answer]]) -> Counter[str]:
    """The answers to requests that set out at the same moment."""
    gate = threading.Barrier(len(requests))

    def waiting(request: Callable[[Attacker], Answer]) -> Callable[[Attacker], Answer]:
        def send(attacker: Attacker) -> Answer:
            gate.wait(20)
            return request(attacker)

        return send

    return Counter(map(code, at_once(service, [waiting(request) for request in requests])))


def as_person(
    service: Service, who: Person, subject: str, path: str, body: dict[str, Any]
) -> Callable[[Attacker], Answer]:
    """A request of a particular person, to be sent later."""
    token = f"Bearer {service.token(who, subject=subject)}"
    return posting(who, path, body, Authorization=token)


def test_fifty_approvals_under_twenty_five_keys_are_one_and_its_echo(fund: Service) -> None:
    path, body = asked(fund)
    before = size_of(fund)
    keys = [f"approval-{number % 25}" for number in range(50)]

    counted = together(fund, [posting(LEGAL, path, body, Idempotency_Key=key) for key in keys])

    assert counted == {"new": 1, "again": 1, "already_decided": 48}
    assert size_of(fund) == before + 1


def test_one_signed_request_sent_by_everybody_at_once_is_recorded_once(fund: Service) -> None:
    registered(fund, "DE", a_key(1))
    (path, body), (other_path, other) = asked(fund), asked(fund)
    nonce = "signed-once"
    jws = sign(encode(body), a_key(1), fund=fund.fund, op="approval.given", nonce=nonce)
    before = size_of(fund)

    same = [posting(LEGAL, path, body, X_JWS_Signature=jws, Idempotency_Key=nonce)] * 10
    elsewhere = [posting(LEGAL, other_path, other, X_JWS_Signature=jws)] * 10
    counted = together(fund, [*same, *elsewhere])

    assert counted == {"new": 1, "again": 9, "signature_mismatch": 10}
    assert size_of(fund) == before + 1


def test_approving_refusing_and_abstaining_at_once_have_one_winner(fund: Service) -> None:
    for _ in range(3):
        path, yes = asked(fund)
        no = {**yes, "decision": "refuse", "reason": "No"}
        neither = {**yes, "decision": "abstain"}
        before = size_of(fund)

        counted = together(fund, [posting(LEGAL, path, body) for body in (yes, no)])
        after = [entry["type"] for entry in everything(fund)[before:]]
        late = together(fund, [posting(LEGAL, path, body) for body in (yes, no, neither)])

        assert counted == {"new": 1, "already_decided": 1}
        assert after in (["approval.given"], ["approval.refused", "disbursement.refused"])
        assert late == {"already_decided": 3}


def everything(service: Service) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = service.get(AUDITOR, "/entries?limit=500")["items"]
    return found


def test_two_people_of_one_government_cast_one_ballot(fund: Service) -> None:
    fund.post(admin("DE"), "/members", {"subject": "de-second", "roles": ["treasury_approver"]})
    made = fund.post(TRUSTEE, "/proposals", a_motion())["entry"]
    identifier = made["derived"]["proposal_id"]
    digest = fund.get(AUDITOR, f"/votes/{identifier}")["digest"]
    path = f"/votes/{identifier}/ballots"
    bodies = [a_ballot(identifier, digest, choice) for choice in ("in_favour", "abstain")]
    people = [VOTER.subject, "de-second"]

    counted = together(
        fund,
        [as_person(fund, VOTER, subject, path, body) for subject in people for body in bodies * 5],
    )

    vote = fund.get(AUDITOR, f"/votes/{identifier}")
    assert counted == {"new": 1, "already_decided": 19}
    assert [ballot["party"] for ballot in vote["ballots"]] == ["DE"]


def test_the_last_two_ballots_at_once_decide_once(fund: Service) -> None:
    made = fund.post(TRUSTEE, "/proposals", a_motion())["entry"]
    identifier = made["derived"]["proposal_id"]
    body = a_ballot(identifier, fund.get(AUDITOR, f"/votes/{identifier}")["digest"])
    voters = [Person(party, Role.TREASURY_APPROVER) for party in ("DE", "FR")]

    counted = together(fund, [posting(who, f"/votes/{identifier}/ballots", body) for who in voters])

    kinds = Counter(entry["type"] for entry in everything(fund))
    assert (counted, kinds["decision.made"]) == ({"new": 2}, 1)


def test_the_last_ballot_and_the_last_approval_at_once_reserve_once(service: Service) -> None:
    rules = {"release": {"rule": "majority", "role": "treasury"}}
    service.open(governments=("DE",), approval_steps=ONE_STEP, decision_rules=rules)
    service.paid("DE", money(100))
    for _ in range(5):
        path, approval = asked(service, 10)
        identifier = approval["disbursement_id"]
        ballot = a_ballot(identifier, approval["digest"])

        counted = together(
            service,
            [
                posting(LEGAL, path, approval),
                posting(treasury("DE"), f"/votes/{identifier}/ballots", ballot),
            ],
        )

        view = service.get(AUDITOR, f"/disbursements/{identifier}")["disbursement"]
        assert (counted, view["state"]) == ({"new": 2}, "reserved")
    kinds = Counter(entry["type"] for entry in everything(service))
    assert (kinds["disbursement.approved"], kinds["disbursement.reserved"]) == (5, 5)


def test_releases_at_once_never_exceed_a_mandate(service: Service, tmp_path: Path) -> None:
    """A cap of 95 lets nine releases of 10 pass, however many there is money for."""
    parties = a_charter(("DE",))["parties"]
    parties[0]["mandated"] = True
    service.open(governments=("DE",), parties=parties, approval_steps=ONE_STEP)
    clerk = Person("DE", Role.LEGISLATURE_CLERK)
    mandates = [
        service.post(clerk, "/mandates", a_mandate(money(cap), document=f"{cap:064x}", **terms))
        for cap, terms in ((95, {}), (500, {"purposes": ["salaries"]}))
    ]
    used, other = (made["entry"]["derived"]["mandate_id"] for made in mandates)
    agreement = service.agreed("DE", money(500))
    cover = {"agreement_id": agreement, "mandate_id": other}
    service.post(treasury("DE"), f"/agreements/{agreement}/cover", cover)
    service.post(treasury("DE"), "/receipts", a_recent_receipt(agreement, money(500), "IN"))
    with closing(Attacker(service)) as attacker:
        requests = [posting(REQUESTER, "/disbursements", a_request(money(10)))] * 20
        made = [request(attacker).content["entry"]["derived"] for request in requests]
    ids = [entry["disbursement_id"] for entry in made]
    digests = [
        service.get(AUDITOR, f"/disbursements/{one}")["disbursement"]["digest"] for one in ids
    ]

    counted = together(
        service,
        [
            posting(LEGAL, f"/disbursements/{one}/approvals", an_approval(one, "legal_review", d))
            for one, d in zip(ids, digests, strict=True)
        ],
    )

    mandate = service.get(AUDITOR, f"/mandates/{used}")
    report = verify(
        service.export(tmp_path / "b.zip"),
        Policy.parse(service.trust(tmp_path / "t").read_bytes()),
    )
    assert counted == {"new": 9, "exceeds_mandate": 11}
    assert (mandate["released"], mandate["headroom"]) == (money(90), money(5))
    assert (report.problems, report.access_entries) == ([], 12)


def test_revoking_and_instructing_at_once_never_pays_what_was_taken_back(
    fund: Service,
) -> None:
    fund.paid("DE", money(100))
    for _ in range(3):
        path, approval = asked(fund, 10)
        identifier = approval["disbursement_id"]
        fund.approved(identifier)
        named = {"disbursement_id": identifier}
        revocation = {**named, "step": "legal_review", "reason": "New facts"}
        instruction = {**named, "bank_account": "BANK-EUR"}
        where = path.removesuffix("/approvals")

        counted = together(
            fund,
            [
                posting(LEGAL, f"{where}/revocations", revocation),
                posting(TRUSTEE, f"{where}/instruction", instruction),
            ],
        )

        blockers = fund.client(AUDITOR).get(f"{fund.path}{where}/blockers")
        if counted == {"new": 2}:
            found = (blockers["state"], blockers["blockers"][0]["code"])
            assert found == ("instructed", "recall_needed")
        else:
            assert counted == {"new": 1, "proposal_closed": 1}
            assert blockers["state"] == "requested"
