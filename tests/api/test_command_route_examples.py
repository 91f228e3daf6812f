"""The examples in the published interface work: posted in order, every one is accepted."""

import re
from datetime import date
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from app.api.application import ROUTES
from app.api.command_route import CommandRoute
from app.api.routes import batches
from app.api.routes.funds import EXAMPLE_CHARTER
from app.chain.jws import public_jwk
from app.chain.spelling import read_base64url
from app.client import Client
from app.domain.values import Role
from app.runtime import clock
from tests.support.builders import AUDITOR, Person
from tests.support.service import Service

FUND = "/v1/funds/example"
P_256 = ec.SECP256R1()
RFC_7517_D = "870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE"
"""The private half of the published example key, RFC 7517 appendix A.2."""
AGE = clock.now().date() - date(2026, 7, 15)
MEMBERS = {member["subject"]: member for member in EXAMPLE_CHARTER["members"]}
COMMANDS = [route for route in ROUTES if isinstance(route, CommandRoute)]


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
        *,
        signed: tuple[ec.EllipticCurvePrivateKey, str] | None = None,
        **members: Any,
    ) -> dict[str, Any]:
        """Post the example of the route at this address; `members` stand in for its placeholders.

        `signed` is the key to sign with, and the event that is asked for. The entry's `derived`,
        and its position as `seq`.
        """
        where = FUND + path if path else "/v1/funds"
        (route,) = [one for one in COMMANDS if one.path_regex.fullmatch(where)]
        self.told.add(route.path)
        body = recent({**route.example["example"]["value"], **members})
        key, op = signed or (None, None)
        token = self._service.token(self._person(subject), subject=subject)
        with Client(self._service.address, token, key) as client:
            entry = client.post(where, body, self._service.key(), op)["entry"]
        return {**entry.get("derived", {}), "seq": entry["seq"]}

    def seen(self) -> dict[str, Any]:
        """The newest checkpoint."""
        return self._service.client(AUDITOR).seen("example")

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
    agreement: str = story.tell("no-1", "/agreements")["agreement_id"]
    path = f"/agreements/{agreement}"
    named: dict[str, Any] = {"agreement_id": agreement, "digest": story.digest(path)}
    for signer in ("no-1", "fund-1"):
        story.tell(signer, f"{path}/signatures", **named)
    return agreement


def approved(story: Story) -> str:
    """A request that has all its approvals."""
    asked: str = story.tell("ua-1", "/disbursements")["disbursement_id"]
    path = f"/disbursements/{asked}"
    named: dict[str, Any] = {"disbursement_id": asked, "digest": story.digest(path)}
    story.tell("no-2", f"{path}/approvals", **named)
    return asked


def second_thoughts(story: Story) -> None:
    """An approval is taken back, and given again on a condition, which is then met."""
    asked = approved(story)
    path = f"/disbursements/{asked}"
    story.tell("no-2", f"{path}/revocations", disbursement_id=asked)
    named: dict[str, Any] = {"disbursement_id": asked, "digest": story.digest(path)}
    story.tell("no-2", f"{path}/approvals", conditions=["The report"], **named)
    story.tell("no-2", f"{path}/conditions", disbursement_id=asked)


def mandates(story: Story) -> None:
    """Parliament allows it, an agreement stands under that, and the act is withdrawn."""
    mandate = story.tell("no-6", "/mandates")["mandate_id"]
    agreement = story.tell("no-1", "/agreements")["agreement_id"]
    named: dict[str, Any] = {"agreement_id": agreement, "mandate_id": mandate}
    story.tell("no-1", f"/agreements/{agreement}/cover", **named)
    path = f"/mandates/{mandate}/withdrawal"
    story.tell("no-6", path, mandate_id=mandate)


def decisions(story: Story) -> None:
    """A motion is changed and carried; another one is taken back."""
    first, second = (story.tell("no-1", "/proposals")["proposal_id"] for _ in range(2))
    path = f"/proposals/{first}"
    named: dict[str, Any] = {"proposal_id": first, "replaces": story.digest(path)}
    story.tell("no-1", f"{path}/revision", **named)
    ballot: dict[str, Any] = {"matter_id": first, "digest": story.digest(path)}
    story.tell("no-3", f"/votes/{first}/ballots", **ballot)
    path = f"/proposals/{second}/withdrawal"
    story.tell("no-1", path, proposal_id=second)


def keys(story: Story) -> None:
    """A first key, the second one endorsed by it, and the second one's end."""
    first = ec.generate_private_key(ec.SECP256R1())
    second = ec.derive_private_key(int.from_bytes(read_base64url(RFC_7517_D), "big"), P_256)
    jwk = public_jwk(first.public_key())
    own: dict[str, Any] = {"jwk": {name: jwk[name] for name in ("kty", "crv", "x", "y")}}
    digest: dict[str, Any] = {"charter_digest": story.charter_digest()}
    digest["checkpoint"] = story.seen()
    op = "key.registered"
    story.tell("no-admin", "/keys", signed=(first, op), **own, **digest)
    story.tell("no-admin", "/keys", signed=(second, op), **digest)
    endorsed = (first, "key.endorsed")
    story.tell("no-admin", "/keys/endorsements", signed=endorsed)
    story.tell("no-admin", "/keys/revocations")


def contributions(story: Story) -> str:
    """Money comes in, first on the wrong agreement; that one, still unpaid."""
    story.tell("no-1", "/pledges")
    wrong, right = agreed(story), agreed(story)
    receipt = story.tell("no-1", "/receipts", agreement_id=wrong)["receipt_id"]
    path = f"/receipts/{receipt}/correction"
    story.tell("fund-1", path, receipt_id=receipt)
    # What was corrected frees the bank's reference.
    story.tell("no-1", "/receipts", agreement_id=right)
    return wrong


def payments(story: Story) -> None:
    paid, cancelled = approved(story), approved(story)
    for name in ("instruction", "settlement", "return"):
        story.tell("fund-1", f"/disbursements/{paid}/{name}", disbursement_id=paid)
    path = f"/disbursements/{cancelled}/cancellation"
    story.tell("ua-1", path, disbursement_id=cancelled)


def treasury_of_the_fund(story: Story) -> None:
    story.tell("fund-1", "/rates")
    story.tell("fund-2", "/rates/corrections")
    story.tell("fund-1", "/conversions")
    story.tell("fund-1", "/revaluations")
    journal = story.tell("fund-1", "/journals")["journal_id"]
    path = f"/journals/{journal}/correction"
    story.tell("fund-1", path, journal_id=journal)


def suspense(story: Story, agreement: str) -> None:
    """One payment is found to belong to an agreement; one like it goes back."""
    item = story.tell("fund-1", "/suspense")["suspense_id"]
    named: dict[str, Any] = {"suspense_id": item, "agreement_id": agreement}
    story.tell("fund-1", f"/suspense/{item}/resolution", **named)
    other = story.tell("fund-1", "/suspense", bank_reference="NB-2026-0007")
    item = other["suspense_id"]
    story.tell("fund-2", f"/suspense/{item}/return", suspense_id=item)


def periods(story: Story) -> None:
    story.tell("fund-1", "/periods")
    asked = story.tell("fund-1", "/periods/reopenings")["reopening_id"]
    path = f"/periods/reopenings/{asked}"
    named: dict[str, Any] = {"reopening_id": asked, "digest": story.digest(path)}
    story.tell("no-3", f"{path}/answers", **named)


def test_every_example_is_accepted_in_its_place(service: Service) -> None:
    story = Story(service)

    story.tell("fund-1", "")
    story.tell("no-admin", "/members")
    story.tell("no-admin", "/members/removals")
    story.tell("no-admin", "/members/denials")
    story.tell("no-admin", "/members/delegations")
    story.tell("no-admin", "/members/delegations/ends")
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
    assert story.told == {route.path for route in COMMANDS}
    assert len(COMMANDS) > 40
