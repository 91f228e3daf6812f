"""The story of decisions that tests/flows tells and tests/attack tampers with."""

from datetime import timedelta
from typing import Any

import pytest

from app.client import Client, Refused
from app.domain.values import Role
from app.runtime import clock
from tests.support.builders import (
    AUDITOR,
    TRUSTEE,
    Person,
    a_ballot,
    a_charter,
    a_mandate,
    a_motion,
    a_recent_receipt,
    money,
    treasury,
)
from tests.support.service import Service
from tests.support.signers import EcKey, a_key, admin, kid_of, registered
from tests.support.travel import travel
from tests.support.waiting import until

GOVERNMENTS = ("DE", "FR", "IT", "NL")


SIGNED = ["approval.given", "mandate.registered"]


OLD_NL = a_key(50)


NEW_NL = a_key(51)


CLERK = Person("DE", Role.LEGISLATURE_CLERK)


STAND_IN = "de-stand-in"


REVIEW_HOLDS = 5


LATER = 6
"""Days from the beginning to the second part of the story."""


def the_charter(**changes: Any) -> dict[str, Any]:
    """Arguments of `a_charter`: Germany needs mandates, releases take three votes of four."""
    charter = a_charter(GOVERNMENTS)
    charter["parties"][0]["mandated"] = True
    charter["approval_steps"][0]["valid_days"] = REVIEW_HOLDS
    month = {"clock": {"days": 30}}
    return {
        "governments": GOVERNMENTS,
        "parties": charter["parties"],
        "approval_steps": charter["approval_steps"],
        "decision_rules": {
            "release": {"rule": "majority", "role": "treasury", **month},
            "motion": {"rule": "silence", "clock": {"days": 2}},
        },
        "signed": SIGNED,
        **changes,
    }


class Story:
    """The fund, its parties' keys, and the days that go by."""

    def __init__(self, service: Service, patch: pytest.MonkeyPatch) -> None:
        self.service = service
        self._patch = patch
        self.keys: dict[str, EcKey] = {
            party: a_key(10 + number) for number, party in enumerate(("DE", "FR", "IT", "IFI"))
        }
        self.keys["NL"] = OLD_NL

    def later(self, days: int) -> None:
        travel(self.service, days, self._patch)

    def signed(
        self,
        who: Person,
        path: str,
        body: dict[str, Any],
        op: str = "approval.given",
        subject: str | None = None,
    ) -> list[dict[str, Any]]:
        """The entries that a signed request brought."""
        token = self.service.token(who, subject=subject)
        with Client(self.service.address, token, self.keys[who.party]) as client:
            answer = client.post(self.service.path + path, body, self.service.key(), op)
        return [answer["entry"], *answer["consequences"]]

    def state(self, identifier: str) -> str:
        view = self.service.get(AUDITOR, f"/disbursements/{identifier}")
        state: str = view["disbursement"]["state"]
        return state

    def outcome(self, proposal: str) -> str:
        view = self.service.get(AUDITOR, f"/proposals/{proposal}")
        outcome: str = view["proposal"]["state"]
        return outcome

    def vote(self, identifier: str, who: list[Person]) -> list[dict[str, Any]]:
        """What the last ballot in favour brought."""
        digest = self.service.get(AUDITOR, f"/votes/{identifier}")["digest"]
        found: list[dict[str, Any]] = []
        for voter in who:
            body = a_ballot(identifier, digest)
            found = self.service.post(voter, f"/votes/{identifier}/ballots", body)["consequences"]
        return found

    def propose(self, body: dict[str, Any]) -> str:
        made = self.service.post(TRUSTEE, "/proposals", body)["entry"]
        identifier: str = made["derived"]["proposal_id"]
        return identifier


def kinds(entries: list[dict[str, Any]]) -> list[str]:
    return [entry["type"] for entry in entries]


def the_parties_have_keys(story: Story) -> None:
    story.service.open(**the_charter())
    for party, key in story.keys.items():
        registered(story.service, party, key)


def parliaments_allow_and_governments_pay(story: Story) -> None:
    """Germany's agreement waits for its mandate; the others' do not."""
    service = story.service
    (mandate,) = story.signed(CLERK, "/mandates", a_mandate(money(600)), "mandate.registered")
    for party, amount, window in (
        ("DE", 400, "budget"),
        ("FR", 300, "budget"),
        ("NL", 100, "budget"),
        ("IT", 100, "defence"),
    ):
        agreement = service.agreed(party, money(amount), window)
        if party == "DE":
            waits = service.get(AUDITOR, f"/agreements/{agreement}")["state"]
            named = {"mandate_id": mandate["derived"]["mandate_id"], "agreement_id": agreement}
            service.post(treasury("DE"), f"/agreements/{agreement}/cover", named)
            assert waits == "qualified"
        body = a_recent_receipt(agreement, money(amount), f"IN-{party}")
        service.post(treasury(party), "/receipts", body)


def a_colleague_stands_in(story: Story) -> None:
    service, day = story.service, clock.now().date()
    service.post(admin("DE"), "/members", {"subject": STAND_IN, "roles": ["treasury"]})
    lent = {
        "subject": STAND_IN,
        "role": "legal_reviewer",
        "from_day": day.isoformat(),
        "through": (day + timedelta(days=30)).isoformat(),
        "principal": "de-legal-reviewer",
    }
    service.post(admin("DE"), "/members/delegations", lent)


def a_request_is_voted_on_and_reviewed(story: Story) -> str:
    """Everything but one release is there, three governments have voted; nobody is unsigned."""
    service = story.service
    identifier = service.requested(money(400))
    (decision,) = story.vote(identifier, [treasury(party) for party in ("DE", "FR", "NL")])
    assert decision["derived"]["verdict"] == "accepted"
    waiting = service.waiting(identifier)
    who, path, body = waiting[0]
    with pytest.raises(Refused) as told:
        service.post(who, path, body)
    assert told.value.code == "signature_required"
    for who, path, body in waiting[:-1]:
        stands_in = (who.party, body["step"]) == ("DE", "legal_review")
        story.signed(who, path, body, subject=STAND_IN if stands_in else None)
    return identifier


def the_reviews_expire_and_are_renewed(story: Story, identifier: str) -> None:
    """The last release changes nothing: the reviews have grown too old in the meantime."""
    service = story.service
    reviews = [row for row in service.waiting(identifier) if row[2]["step"] == "legal_review"]
    ((who, path, body),) = service.waiting(identifier)
    assert (reviews, kinds(story.signed(who, path, body))) == ([], ["approval.given"])
    blocked = service.get(AUDITOR, f"/disbursements/{identifier}/blockers")["blockers"]
    assert [(one["code"], one["party"]) for one in blocked] == [
        ("approval_expired", party) for party in GOVERNMENTS
    ]
    review = {**body, "step": "legal_review"}
    for party in GOVERNMENTS:
        subject = STAND_IN if party == "DE" else None
        lawyer = Person(party, Role.LEGAL_REVIEWER)
        renewed = kinds(story.signed(lawyer, path, review, subject=subject))
    assert renewed == ["approval.given", "disbursement.approved", "disbursement.reserved"]


def an_approval_is_taken_back_and_given_again(story: Story, identifier: str) -> None:
    who, path = Person("FR", Role.RISK_OFFICER), f"/disbursements/{identifier}"
    digest = story.service.get(AUDITOR, path)["disbursement"]["digest"]
    named = {"disbursement_id": identifier, "step": "risk_assessment"}
    story.service.post(who, f"{path}/revocations", {**named, "reason": "New facts"})
    assert story.state(identifier) == "requested"
    body = {**named, "decision": "approve", "digest": digest}
    story.signed(who, f"{path}/approvals", body)
    assert story.state(identifier) == "reserved"


def the_bank_pays(story: Story, identifier: str) -> None:
    service, path = story.service, f"/disbursements/{identifier}"
    instruction = {"disbursement_id": identifier, "bank_account": "BANK-EUR"}
    service.post(TRUSTEE, f"{path}/instruction", instruction)
    day = clock.now().date().isoformat()
    body = {"disbursement_id": identifier, "bank_reference": "OUT-1", "value_date": day}
    service.post(TRUSTEE, f"{path}/settlement", body)


def a_key_is_lost_and_replaced(story: Story) -> None:
    """France endorses the new key of the Netherlands; the old one was revoked."""
    service = story.service
    seq = service.get(AUDITOR, "")["size"] - 1
    body = {"kid": kid_of(OLD_NL), "trusted_through": seq, "reason": "The token was lost"}
    service.post(admin("NL"), "/keys/revocations", body)
    registered(service, "NL", NEW_NL)
    story.signed(admin("FR"), "/keys/endorsements", {"kid": kid_of(NEW_NL)}, "key.endorsed")
    story.keys["NL"] = NEW_NL


def another_charter_drops_what_was_open(story: Story) -> None:
    """Steps and the rule of motions change, so a request and a motion would be read otherwise."""
    service = story.service
    request, motion = service.requested(money(50), "defence"), story.propose(a_motion())
    for who, path, body in service.waiting(request)[:4]:
        story.signed(who, path, body)
    charter = a_charter(**the_charter())
    charter.pop("members")
    charter["approval_steps"][0]["valid_days"] = 60
    charter["decision_rules"]["motion"] = {"rule": "majority"}
    subject = {"kind": "charter", "charter": charter}
    proposal = story.propose({"title": "Longer reviews", "subject": subject})
    voters = [Person(party, Role.TREASURY_APPROVER) for party in GOVERNMENTS]
    brought = story.vote(proposal, voters)
    assert kinds(brought) == ["decision.made", "charter.amended"]
    until(lambda: story.state(request) == story.outcome(motion) == "dropped")


def told(service: Service, patch: pytest.MonkeyPatch) -> Story:
    """The whole story, and what it must have come to."""
    story = Story(service, patch)
    the_parties_have_keys(story)
    parliaments_allow_and_governments_pay(story)
    a_colleague_stands_in(story)
    thanks = story.propose(a_motion())
    paid = a_request_is_voted_on_and_reviewed(story)
    story.later(LATER)
    until(lambda: story.outcome(thanks) == "accepted")
    the_reviews_expire_and_are_renewed(story, paid)
    an_approval_is_taken_back_and_given_again(story, paid)
    the_bank_pays(story, paid)
    a_key_is_lost_and_replaced(story)
    another_charter_drops_what_was_open(story)
    assert story.state(paid) == "settled"
    return story
