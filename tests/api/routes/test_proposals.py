"""Proposals, votes, mandates and keys over HTTP: lists, single reads, and who may read them."""

from typing import Any

import pytest

from app.client import Refused
from app.domain.values import Role
from tests.support.attack.hostile import nothing_recorded
from tests.support.builders import (
    AUDITOR,
    REQUESTER,
    TRUSTEE,
    Person,
    a_ballot,
    a_charter_change,
    a_mandate,
    a_motion,
    money,
    treasury,
)
from tests.support.service import FUND, Service
from tests.support.signers import a_key, admin, jwk_of, post_signed, registered
from tests.support.steps import refusal

ABSENT = "01947b6e-3c00-7000-8000-000000000001"
STRANGER = Person("NO", Role.TREASURY)
CLERK = Person("DE", Role.LEGISLATURE_CLERK)
DE_VOTER, FR_VOTER = (Person(party, Role.TREASURY_APPROVER) for party in ("DE", "FR"))


@pytest.fixture(scope="module")
def opened(shared: Service) -> Service:
    shared.open()
    return shared


def proposed(service: Service, body: dict[str, Any], who: Person = TRUSTEE) -> tuple[str, str]:
    """Id and digest of a new proposal."""
    made = service.post(who, "/proposals", body)["entry"]
    identifier: str = made["derived"]["proposal_id"]
    view = service.get(AUDITOR, f"/proposals/{identifier}")
    return identifier, view["proposal"]["digest"]


def voted(
    service: Service, who: Person, identifier: str, digest: str, choice: str = "in_favour"
) -> list[dict[str, Any]]:
    """What the ledger recorded because of a ballot."""
    body = a_ballot(identifier, digest, choice)
    found: list[dict[str, Any]] = service.post(who, f"/votes/{identifier}/ballots", body)[
        "consequences"
    ]
    return found


def test_a_proposal_is_read_with_its_vote(opened: Service) -> None:
    identifier, digest = proposed(opened, a_motion("Read me"))
    voted(opened, DE_VOTER, identifier, digest)

    view = opened.get(AUDITOR, f"/proposals/{identifier}")

    vote = opened.get(AUDITOR, f"/votes/{identifier}")
    assert view["vote"] == vote
    assert view["proposal"]["subject"] == {"kind": "motion", "text": "Read me"}
    assert (vote["vote"]["rule"], list(vote["electorate"])) == ("unanimity", ["DE", "FR"])
    assert [(one["party"], one["choice"]) for one in vote["ballots"]] == [("DE", "in_favour")]
    assert (view["proposal"]["state"], vote["state"]) == ("open", "open")


def test_the_last_ballot_decides_and_names_every_one_that_it_counted(opened: Service) -> None:
    identifier, digest = proposed(opened, a_motion())
    voted(opened, DE_VOTER, identifier, digest)

    (decision,) = voted(opened, FR_VOTER, identifier, digest)

    vote = opened.get(AUDITOR, f"/votes/{identifier}")
    assert decision["type"] == "decision.made"
    assert decision["derived"]["ballots"] == [one["seq"] for one in vote["ballots"]]
    assert decision["derived"]["tally"]["in_favour"] == 2
    assert opened.get(AUDITOR, f"/proposals/{identifier}")["proposal"]["state"] == "accepted"


def test_proposals_are_listed_in_order_by_page_and_by_state(opened: Service) -> None:
    ids = [proposed(opened, a_motion(f"Number {number}"))[0] for number in range(3)]
    withdrawal = {"proposal_id": ids[1], "reason": "Said already"}
    opened.post(TRUSTEE, f"/proposals/{ids[1]}/withdrawal", withdrawal)

    listed = opened.get(AUDITOR, "/proposals?limit=500")["items"]
    withdrawn = opened.get(AUDITOR, "/proposals?state=withdrawn")["items"]
    first = opened.get(AUDITOR, "/proposals?limit=1")
    second = opened.client(AUDITOR).get(first["next"])

    assert [row["proposal_id"] for row in listed][-3:] == ids
    assert [row["proposal_id"] for row in withdrawn] == [ids[1]]
    assert [*first["items"], *second["items"]] == listed[:2]
    wrong = opened.raw(AUDITOR, "GET", f"{FUND}/proposals?state=lost")
    assert wrong.status_code == 422


def test_a_revision_voids_every_ballot(opened: Service) -> None:
    identifier, digest = proposed(opened, a_motion())
    voted(opened, DE_VOTER, identifier, digest)
    body = {**a_motion("Better words"), "proposal_id": identifier, "replaces": digest}

    opened.post(TRUSTEE, f"/proposals/{identifier}/revision", body)

    view = opened.get(AUDITOR, f"/proposals/{identifier}")
    stale = refusal(opened, FR_VOTER, f"/votes/{identifier}/ballots", a_ballot(identifier, digest))
    assert (view["vote"]["ballots"], view["proposal"]["digest"] != digest) == ([], True)
    assert stale == "stale_proposal"


def test_a_government_votes_once_and_others_not_at_all(opened: Service) -> None:
    identifier, digest = proposed(opened, a_motion())
    path, body = f"/votes/{identifier}/ballots", a_ballot(identifier, digest)
    voted(opened, DE_VOTER, identifier, digest)

    with nothing_recorded(opened):
        codes = [
            refusal(opened, who, path, body)
            for who in (DE_VOTER, TRUSTEE, AUDITOR, treasury("FR"), REQUESTER)
        ]

    assert codes == [
        *("already_decided", "not_in_electorate", "not_in_electorate"),
        *("role_not_permitted", "not_in_electorate"),
    ]


def test_whoever_votes_against_says_why(opened: Service) -> None:
    identifier, digest = proposed(opened, a_motion())
    body = {"matter_id": identifier, "choice": "against", "digest": digest}

    bare = refusal(opened, DE_VOTER, f"/votes/{identifier}/ballots", body)
    consequences = voted(opened, DE_VOTER, identifier, digest, "against")

    assert bare == "reason_required"
    assert [entry["derived"]["verdict"] for entry in consequences] == ["refused"]


def test_a_request_without_a_vote_has_none_to_read(opened: Service) -> None:
    identifier = opened.requested(money(5))

    with pytest.raises(Refused) as told:
        opened.get(AUDITOR, f"/votes/{identifier}")

    assert told.value.status == 404


def test_mandates_are_listed_and_read_with_their_headroom(opened: Service) -> None:
    ids = []
    for number in range(2):
        body = a_mandate(money(100 + number), document=f"{number:064x}")
        made = opened.post(CLERK, "/mandates", body)["entry"]
        ids.append(made["derived"]["mandate_id"])
    withdrawal = {"mandate_id": ids[0], "reason": "Replaced"}
    opened.post(CLERK, f"/mandates/{ids[0]}/withdrawal", withdrawal)

    everything = opened.get(AUDITOR, "/mandates")["items"]
    listed = [row for row in everything if row["mandate_id"] in ids]

    assert [row["mandate_id"] for row in listed] == ids
    assert [row["state"] for row in listed] == ["withdrawn", "in_force"]
    assert listed[1]["headroom"] == money(101)
    assert opened.get(AUDITOR, f"/mandates/{ids[1]}") == listed[1]


def test_keys_are_listed_also_the_revoked_ones_and_never_their_private_half(
    opened: Service,
) -> None:
    first = registered(opened, "FR", a_key(11))
    second = registered(opened, "FR", a_key(12))
    seq = opened.get(AUDITOR, "")["size"] - 1
    body = {"kid": first, "trusted_through": seq, "reason": "Lost"}
    opened.post(admin("FR"), "/keys/revocations", body)

    rows = {row["kid"]: row for row in opened.get(AUDITOR, "/keys")["items"]}

    assert [rows[kid]["state"] for kid in (first, second)] == ["revoked", "pending"]
    assert rows[first]["trusted_through"] == seq
    assert rows[second]["jwk"] == jwk_of(a_key(12))


def test_another_party_endorses_where_the_old_key_is_lost(opened: Service) -> None:
    registered(opened, "IFI", a_key(21))
    kid = registered(opened, "IFI", a_key(22))
    own = refusal(opened, admin("IFI"), "/keys/endorsements", {"kid": kid})

    theirs = a_key(23)
    registered(opened, "UA", theirs)

    post_signed(opened, admin("UA"), "/keys/endorsements", {"kid": kid}, theirs, "key.endorsed")

    states = [r["state"] for r in opened.get(AUDITOR, "/keys")["items"] if r["party"] == "IFI"]
    assert (own, states) == ("signature_required", ["revoked", "active"])


def test_members_show_what_they_were_lent_and_who_was_shut_out(opened: Service) -> None:
    subject = "fr-second"
    opened.post(admin("FR"), "/members", {"subject": subject, "roles": ["treasury"]})
    day = opened.get(AUDITOR, "/entries?limit=1")["items"][0]["at"][:10]
    lent = {"subject": subject, "role": "legal_reviewer", "from_day": day, "through": day}
    opened.post(admin("FR"), "/members/delegations", lent)
    denial = {"subject": subject, "reason": "Their device was stolen"}

    (before,) = (r for r in opened.get(AUDITOR, "/members")["items"] if r["subject"] == subject)
    opened.post(admin("FR"), "/members/denials", denial)
    (after,) = (r for r in opened.get(AUDITOR, "/members")["items"] if r["subject"] == subject)

    assert [one["role"] for one in before["delegations"]] == ["legal_reviewer"]
    assert (before["denied"], after["denied"]) == (False, True)
    assert after["until_seq"] is not None


def test_an_accepted_charter_is_in_force_with_its_digest(service: Service) -> None:
    service.open()
    identifier, digest = proposed(service, a_charter_change(title="A new title"))
    waiting = service.requested(money(5))
    voted(service, DE_VOTER, identifier, digest)

    consequences = voted(service, FR_VOTER, identifier, digest)

    fund = service.get(AUDITOR, "")
    amended = consequences[1]
    assert [entry["type"] for entry in consequences] == ["decision.made", "charter.amended"]
    assert fund["charter"]["title"] == "A new title"
    assert fund["charter_digest"] == amended["derived"]["charter_digest"]
    assert fund["charter_seq"] == amended["seq"]
    # Nothing that decides releases has changed, so what was asked still waits.
    assert service.get(AUDITOR, f"/disbursements/{waiting}")["disbursement"]["state"] == "requested"


def test_everything_about_decisions_is_for_the_funds_parties_only(opened: Service) -> None:
    identifier, _ = proposed(opened, a_motion())
    mandate = opened.post(CLERK, "/mandates", a_mandate(money(1), document="a" * 64))
    mandate_id = mandate["entry"]["derived"]["mandate_id"]
    paths = ["/proposals", f"/proposals/{identifier}", f"/votes/{identifier}", "/mandates"]
    paths += [f"/mandates/{mandate_id}", "/keys", "/inbox", "/access", "/members"]

    strangers = [opened.raw(STRANGER, "GET", FUND + path) for path in paths]
    parties = [opened.raw(AUDITOR, "GET", FUND + path) for path in paths]
    nobody = [
        opened.raw(AUDITOR, "GET", FUND + path, headers={"Authorization": ""}) for path in paths
    ]

    assert {answer.status_code for answer in strangers} == {404}
    assert {answer.json()["detail"] for answer in strangers} == {"There is no such fund."}
    assert {answer.status_code for answer in parties} == {200}
    assert {answer.status_code for answer in nobody} == {401}


@pytest.mark.parametrize("kind", ["proposals", "votes", "mandates"])
def test_what_is_absent_malformed_or_foreign_is_not_found(opened: Service, kind: str) -> None:
    names = [ABSENT, ABSENT.upper(), "x", "%00", "'--", "0" * 3_000]

    answers = [opened.raw(AUDITOR, "GET", f"{FUND}/{kind}/{name}") for name in names]

    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {
        (404, "not_found")
    }


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/proposals/{}/withdrawal", {"proposal_id": ABSENT, "reason": "x"}),
        ("/votes/{}/ballots", a_ballot(ABSENT, "0" * 64)),
        ("/mandates/{}/withdrawal", {"mandate_id": ABSENT, "reason": "x"}),
    ],
)
def test_path_and_body_name_the_same_matter(
    opened: Service, path: str, body: dict[str, Any]
) -> None:
    other = ABSENT[:-1] + "2"

    with nothing_recorded(opened):
        code = refusal(opened, TRUSTEE, path.format(other), body)

    assert code == "path_mismatch"
