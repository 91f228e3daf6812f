"""The examples in the published interface work: posted in order, every one is accepted."""

import re
from datetime import date
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from app.api import batches, examples
from app.chain.jws import public_jwk
from app.chain.spelling import read_base64url
from app.client import Client
from app.domain.values import Role
from app.runtime import clock
from tests.support.builders import Person
from tests.support.service import Service

FUND = "/v1/funds/example"
P_256 = ec.SECP256R1()
RFC_7517_D = "870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE"
"""The private half of the published example key, RFC 7517 appendix A.2."""
AGE = clock.now().date() - date(2026, 7, 15)
MEMBERS = {member["subject"]: member for member in examples.EXAMPLE_CHARTER["members"]}
EXAMPLES = {
    name: value
    for name, value in vars(examples).items()
    if isinstance(value, dict) and "example" in value
}


def recent(value: Any) -> Any:
    """The value with its dates moved, so that the story that was told of July 2026 is of now.

    The service's clock runs, and nothing may count for the future or for long ago.
    """
    if isinstance(value, dict):
        return {name: recent(item) for name, item in value.items()}
    if isinstance(value, list):
        return [recent(item) for item in value]
    if isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        return (date.fromisoformat(value) + AGE).isoformat()
    return value


class Story:
    """Posts examples as the people of the example's charter, and remembers which."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self.told = set[str]()

    def tell(
        self,
        subject: str,
        path: str,
        name: str,
        *,
        signed: tuple[ec.EllipticCurvePrivateKey, str] | None = None,
        **members: Any,
    ) -> dict[str, Any]:
        """Post the example of this name; `members` stand in for its placeholders.

        `signed` is the key to sign with, and the event that is asked for. The entry's `derived`,
        and its position as `seq`.
        """
        self.told.add(name)
        body = recent({**EXAMPLES[name]["example"]["value"], **members})
        where = "/v1/funds" if name == "CHARTER" else FUND + path
        key, op = signed or (None, None)
        token = self._service.token(self._person(subject), subject=subject)
        with Client(self._service.address, token, key) as client:
            entry = client.post(where, body, self._service.key(), op)["entry"]
        return {**entry.get("derived", {}), "seq": entry["seq"]}

    def seen(self) -> dict[str, Any]:
        """The newest checkpoint."""
        return self._service.seen("example")

    def charter_digest(self) -> str:
        """What a party acknowledges when it registers a key."""
        found = self._service.client(self._person("no-1"), subject="no-1").get(FUND)
        return str(found["charter_digest"])

    def digest(self, path: str) -> str:
        """The digest of what is there, as whoever answers it reads it."""
        found = self._service.client(self._person("no-1"), subject="no-1").get(FUND + path)
        return str(found.get("disbursement", found.get("proposal", found))["digest"])

    def send_batch(self, subject: str) -> int:
        """Send the example of a batch as it is published; the status of the answer."""
        token = self._service.token(self._person(subject), subject=subject)
        headers = {"Authorization": f"Bearer {token}"}
        answer = self._service.raw(
            self._person(subject),
            "POST",
            f"{FUND}/batches",
            json=batches._EXAMPLE,
            headers=headers,
        )
        return answer.status_code

    def _person(self, subject: str) -> Person:
        member = MEMBERS[subject]
        return Person(member["party"], Role(member["roles"][0]))


def agreed(story: Story) -> str:
    """An agreement that both sides have signed."""
    agreement: str = story.tell("no-1", "/agreements", "AGREEMENT")["agreement_id"]
    path = f"/agreements/{agreement}"
    named: dict[str, Any] = {"agreement_id": agreement, "digest": story.digest(path)}
    for signer in ("no-1", "fund-1"):
        story.tell(signer, f"{path}/signatures", "SIGNATURE", **named)
    return agreement


def approved(story: Story) -> str:
    """A request that has all its approvals."""
    asked: str = story.tell("ua-1", "/disbursements", "DISBURSEMENT")["disbursement_id"]
    path = f"/disbursements/{asked}"
    named: dict[str, Any] = {"disbursement_id": asked, "digest": story.digest(path)}
    story.tell("no-2", f"{path}/approvals", "APPROVAL", **named)
    return asked


def second_thoughts(story: Story) -> None:
    """An approval is taken back, and given again on a condition, which is then met."""
    asked = approved(story)
    path = f"/disbursements/{asked}"
    story.tell("no-2", f"{path}/revocations", "APPROVAL_REVOCATION", disbursement_id=asked)
    named: dict[str, Any] = {"disbursement_id": asked, "digest": story.digest(path)}
    story.tell("no-2", f"{path}/approvals", "APPROVAL", conditions=["The report"], **named)
    story.tell("no-2", f"{path}/conditions", "CONDITIONS_MET", disbursement_id=asked)


def mandates(story: Story) -> None:
    """Parliament allows it, an agreement stands under that, and the act is withdrawn."""
    mandate = story.tell("no-6", "/mandates", "MANDATE")["mandate_id"]
    agreement = story.tell("no-1", "/agreements", "AGREEMENT")["agreement_id"]
    named: dict[str, Any] = {"agreement_id": agreement, "mandate_id": mandate}
    story.tell("no-1", f"/agreements/{agreement}/cover", "COVER", **named)
    path = f"/mandates/{mandate}/withdrawal"
    story.tell("no-6", path, "MANDATE_WITHDRAWAL", mandate_id=mandate)


def decisions(story: Story) -> None:
    """A motion is changed and carried; another one is taken back."""
    first, second = (story.tell("no-1", "/proposals", "PROPOSAL")["proposal_id"] for _ in range(2))
    path = f"/proposals/{first}"
    named: dict[str, Any] = {"proposal_id": first, "replaces": story.digest(path)}
    story.tell("no-1", f"{path}/revision", "REVISION", **named)
    ballot: dict[str, Any] = {"matter_id": first, "digest": story.digest(path)}
    story.tell("no-3", f"/votes/{first}/ballots", "BALLOT", **ballot)
    path = f"/proposals/{second}/withdrawal"
    story.tell("no-1", path, "PROPOSAL_WITHDRAWAL", proposal_id=second)


def keys(story: Story) -> None:
    """A first key, the second one endorsed by it, and the second one's end."""
    first = ec.generate_private_key(ec.SECP256R1())
    second = ec.derive_private_key(int.from_bytes(read_base64url(RFC_7517_D), "big"), P_256)
    jwk = public_jwk(first.public_key())
    own: dict[str, Any] = {"jwk": {name: jwk[name] for name in ("kty", "crv", "x", "y")}}
    digest: dict[str, Any] = {"charter_digest": story.charter_digest()}
    digest["checkpoint"] = story.seen()
    op = "key.registered"
    story.tell("no-admin", "/keys", "KEY", signed=(first, op), **own, **digest)
    story.tell("no-admin", "/keys", "KEY", signed=(second, op), **digest)
    endorsed = (first, "key.endorsed")
    story.tell("no-admin", "/keys/endorsements", "ENDORSEMENT", signed=endorsed)
    story.tell("no-admin", "/keys/revocations", "REVOCATION")


def contributions(story: Story) -> str:
    """Money comes in, first on the wrong agreement; that one, still unpaid."""
    story.tell("no-1", "/pledges", "PLEDGE")
    wrong, right = agreed(story), agreed(story)
    receipt = story.tell("no-1", "/receipts", "RECEIPT", agreement_id=wrong)["receipt_id"]
    path = f"/receipts/{receipt}/correction"
    story.tell("fund-1", path, "RECEIPT_CORRECTION", receipt_id=receipt)
    # What was corrected frees the bank's reference.
    story.tell("no-1", "/receipts", "RECEIPT", agreement_id=right)
    return wrong


def payments(story: Story) -> None:
    paid, cancelled = approved(story), approved(story)
    for name, example in (
        ("instruction", "INSTRUCTION"),
        ("settlement", "SETTLEMENT"),
        ("return", "RETURN"),
    ):
        story.tell("fund-1", f"/disbursements/{paid}/{name}", example, disbursement_id=paid)
    path = f"/disbursements/{cancelled}/cancellation"
    story.tell("ua-1", path, "CANCELLATION", disbursement_id=cancelled)


def treasury_of_the_fund(story: Story) -> None:
    story.tell("fund-1", "/rates", "RATES")
    story.tell("fund-2", "/rates/corrections", "CORRECTED_RATES")
    story.tell("fund-1", "/conversions", "CONVERSION")
    story.tell("fund-1", "/revaluations", "REVALUATION")
    journal = story.tell("fund-1", "/journals", "JOURNAL")["journal_id"]
    path = f"/journals/{journal}/correction"
    story.tell("fund-1", path, "JOURNAL_CORRECTION", journal_id=journal)


def suspense(story: Story, agreement: str) -> None:
    """One payment is found to belong to an agreement; one like it goes back."""
    item = story.tell("fund-1", "/suspense", "UNIDENTIFIED")["suspense_id"]
    named: dict[str, Any] = {"suspense_id": item, "agreement_id": agreement}
    story.tell("fund-1", f"/suspense/{item}/resolution", "RESOLUTION", **named)
    other = story.tell("fund-1", "/suspense", "UNIDENTIFIED", bank_reference="NB-2026-0007")
    item = other["suspense_id"]
    story.tell("fund-2", f"/suspense/{item}/return", "SUSPENSE_RETURN", suspense_id=item)


def periods(story: Story) -> None:
    story.tell("fund-1", "/periods", "CLOSING")
    asked = story.tell("fund-1", "/periods/reopenings", "REOPENING")["reopening_id"]
    path = f"/periods/reopenings/{asked}"
    named: dict[str, Any] = {"reopening_id": asked, "digest": story.digest(path)}
    story.tell("no-3", f"{path}/answers", "REOPENING_ANSWER", **named)


def test_every_example_is_accepted_in_its_place(service: Service) -> None:
    story = Story(service)

    story.tell("fund-1", "", "CHARTER")
    story.tell("no-admin", "/members", "MEMBER")
    story.tell("no-admin", "/members/removals", "REMOVAL")
    story.tell("no-admin", "/members/denials", "DENIAL")
    story.tell("no-admin", "/members/delegations", "DELEGATION")
    story.tell("no-admin", "/members/delegations/ends", "DELEGATION_END")
    keys(story)
    mandates(story)
    decisions(story)
    unpaid = contributions(story)
    payments(story)
    second_thoughts(story)
    treasury_of_the_fund(story)
    suspense(story, unpaid)
    periods(story)
    status = story.send_batch("no-1")

    assert status == 201
    assert story.told == EXAMPLES.keys()
    assert len(EXAMPLES) > 25
