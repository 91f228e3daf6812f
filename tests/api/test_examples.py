"""The examples in the published interface work: posted in order, every one is accepted."""

from typing import Any

from app.api import examples
from app.domain.values import Role
from tests.builders import Person
from tests.service import Service

TREASURY = Person("NO", Role.TREASURY)
PEOPLE = {
    TREASURY: "no-1",
    Person("NO", Role.ADMIN): "no-admin",
    Person("NO", Role.LEGAL_REVIEWER): "no-2",
    Person("FUND", Role.TRUSTEE): "fund-1",
    Person("UA", Role.REQUESTER): "ua-1",
}
FUND = "/v1/funds/example"


def value(example: dict[str, Any], **ids: str) -> dict[str, Any]:
    """The example's body, with real ids and digests in place of the placeholders."""
    body: dict[str, Any] = {**example["example"]["value"]}
    return {**body, **{name: real for name, real in ids.items() if name in body}}


def test_every_example_is_accepted_in_its_place(service: Service) -> None:
    def post(role: Role, path: str, body: dict[str, Any]) -> dict[str, Any]:
        (person,) = [person for person in PEOPLE if person.role is role]
        client = service.client(person, subject=PEOPLE[person])
        return client.post(path, body, service.key())

    def digest(path: str) -> str:
        found = service.client(TREASURY, subject="no-1").get(FUND + path)
        return str(found.get("disbursement", found)["digest"])

    def request_and_approve() -> str:
        asked = post(Role.REQUESTER, f"{FUND}/disbursements", value(examples.DISBURSEMENT))
        identifier = str(asked["entry"]["derived"]["disbursement_id"])
        path = f"/disbursements/{identifier}"
        body = value(examples.APPROVAL, disbursement_id=identifier, digest=digest(path))
        post(Role.LEGAL_REVIEWER, f"{FUND}{path}/approvals", body)
        return identifier

    post(Role.TRUSTEE, "/v1/funds", value(examples.CHARTER))
    post(Role.ADMIN, f"{FUND}/members", value(examples.MEMBER))
    post(Role.ADMIN, f"{FUND}/members/removals", value(examples.REMOVAL))
    post(Role.TREASURY, f"{FUND}/pledges", value(examples.PLEDGE))
    drafted = post(Role.TREASURY, f"{FUND}/agreements", value(examples.AGREEMENT))
    agreement = drafted["entry"]["derived"]["agreement_id"]
    for signer in (Role.TREASURY, Role.TRUSTEE):
        path = f"/agreements/{agreement}"
        body = value(examples.SIGNATURE, agreement_id=agreement, digest=digest(path))
        post(signer, f"{FUND}{path}/signatures", body)
    post(Role.TREASURY, f"{FUND}/receipts", value(examples.RECEIPT, agreement_id=agreement))
    paid, cancelled = request_and_approve(), request_and_approve()
    for name, example in (
        ("instruction", examples.INSTRUCTION),
        ("settlement", examples.SETTLEMENT),
        ("return", examples.RETURN),
    ):
        body = value(example, disbursement_id=paid)
        post(Role.TRUSTEE, f"{FUND}/disbursements/{paid}/{name}", body)
    body = value(examples.CANCELLATION, disbursement_id=cancelled)
    post(Role.REQUESTER, f"{FUND}/disbursements/{cancelled}/cancellation", body)

    assert service.client(TREASURY, subject="no-1").get(FUND)["size"] == 21
