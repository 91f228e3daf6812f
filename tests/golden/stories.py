"""The lives whose bundles are golden: together they use every event and every decision rule."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app.domain.catalogue import EVENTS
from app.domain.governance.delegations import EndDelegation, GrantDelegation
from app.domain.governance.funds import Fund
from app.domain.governance.membership import AddMember, DenyMember, RemoveMember
from app.domain.inflow.mandates import Mandate, RegisterMandate, WithdrawMandate
from app.domain.outflow.conditions import MeetConditions
from app.domain.outflow.disbursements import Disbursement, DisbursementState
from app.domain.proposals.proposals import Proposal
from app.domain.values import Role
from tests.support.attack import custody_story, record_story
from tests.support.authority import Authority
from tests.support.builders import Person, a_charter, a_charter_change, a_mandate, a_motion, money
from tests.support.decision_story import told
from tests.support.domain import Door, admin
from tests.support.lives.lives import DEEDS, lived
from tests.support.proposals import approver, issuers, proposed, revised, voted, withdrawn
from tests.support.service import Service, running, settings_in, settings_of
from tests.support.through import written

BOOKS_SEED, BOOKS_STEPS = 7, 220
"""A life in which nearly everything happens that moves money."""
MONEY_EVENTS = {
    kind.type
    for kind in EVENTS.values()
    if kind.__module__.split(".")[2] in ("books", "inflow", "trustee")
    if not kind.__module__.endswith("mandates") and kind.type != "agreement.covered"
}
"""What that life must hold."""
GOVERNMENTS = ("DE", "FR", "IT")
CLERK = Person("DE", Role.LEGISLATURE_CLERK)
LAWYER = Person("DE", Role.LEGAL_REVIEWER)


@contextmanager
def books(folder: Path, template: Path) -> Iterator[Service]:
    """Money in, out and back, late, wrong and corrected; the books closed and opened again."""
    with written(folder, template, BOOKS_SEED) as paper:
        life = lived(BOOKS_SEED, BOOKS_STEPS, paper)
        for _ in range(BOOKS_STEPS * 4):
            if {line.event.type for line in paper.log} >= MONEY_EVENTS:
                break
            life.step(life.random.choice(list(DEEDS)))
    with running(settings_in(folder)) as service:
        yield service


@contextmanager
def rules(folder: Path, template: Path) -> Iterator[Service]:
    """Every decision rule, every outcome of a vote; members, alternates, a quorum lost."""
    with written(folder, template, 0) as paper:
        _every_rule(paper)
        _a_mandate_ends(paper)
        _a_condition_is_met_and_requests_expire(paper)
        _people_come_and_go(paper)
    with running(settings_in(folder)) as service:
        yield service


@contextmanager
def decisions(folder: Path, template: Path) -> Iterator[Service]:
    """Four governments that sign, mandates, expiry, revocation, a lost key, another charter."""
    with running(settings_of(folder, template)) as service, pytest.MonkeyPatch.context() as patch:
        told(service, patch)
        yield service


@contextmanager
def record(folder: Path, template: Path) -> Iterator[Service]:
    """What outsiders attest: witnesses, a time stamp, the parties' word after a recovery."""
    with running(settings_of(folder, template)) as service:
        record_story.told(service, folder, Authority(folder / "authority"))
        yield service


@contextmanager
def custody(folder: Path, template: Path) -> Iterator[Service]:
    """The log's key and the export key are replaced; then the log ends."""
    custody_story.rotated(folder, template, custody_story.introduced)
    with running(settings_in(folder)) as service:
        for _ in range(100):
            service.key()  # those that the servers before it have answered
        custody_story.decided(service, {"kind": "closing", "reason": "Over"})
        yield service


STORIES = {
    "books": books,
    "custody": custody,
    "decisions": decisions,
    "record": record,
    "rules": rules,
}


def _every_rule(paper: Door) -> None:
    clock = {"clock": {"days": 7}}
    charter = a_charter(GOVERNMENTS)
    shares = dict(zip(GOVERNMENTS, (5_000, 3_000, 2_000), strict=True))
    for party in charter["parties"]:
        if party["id"] in shares:
            party["weight_bp"] = shares[party["id"]]
    charter["approval_steps"][0]["within_days"] = 3
    then = {"rule": "weighted", "weights": "charter", **clock}
    paper.open(
        governments=GOVERNMENTS,
        parties=charter["parties"],
        approval_steps=charter["approval_steps"],
        quorum=2,
        calendars=[
            {"id": "kyiv", "time_zone": "Europe/Kyiv", "through": "2027-12-31", "holidays": []}
        ],
        decision_rules={
            "motion": {
                "rule": "silence",
                "clock": {"days": 10, "counts": "business", "calendar": "kyiv"},
                "on_objection": "vote",
                "then": then,
            },
            "issuers": {"rule": "unanimity", **clock},
            "charter": {"rule": "double_majority", "weights": "charter", **clock},
            "export_key": {"rule": "consensus", **clock},
            "release": {"rule": "majority", "role": "treasury", **clock},
        },
    )
    for party in GOVERNMENTS:
        paper.paid(paper.agreed(party, money(900)), money(600))
    quiet, loud = proposed(paper), proposed(paper, a_motion("Meet in Lviv"))
    voted(paper, loud.proposal_id, "FR", choice="against")
    voted(paper, loud.proposal_id, "DE", "FR", choice="in_favour")
    paper.now += timedelta(days=20)
    paper.elapsed(quiet.proposal_id)
    both = proposed(paper, issuers("IT")), proposed(paper, issuers("FR", "b" * 64))
    voted(paper, both[0].proposal_id, *GOVERNMENTS)
    voted(paper, both[1].proposal_id, "DE", choice="against")
    amended = proposed(paper, a_charter_change(governments=GOVERNMENTS, **_amendment(paper)))
    waiting = proposed(paper, a_motion("Soon void"))
    voted(paper, amended.proposal_id, "DE", "FR")
    paper.dropped(waiting.proposal_id)
    again = proposed(paper, a_motion("Said twice"))
    revised(paper, again, a_motion("Said better"))
    withdrawn(paper, paper.book.get(Proposal, again.proposal_id))
    stale = proposed(paper, a_motion("Nobody answers"))
    paper.now += timedelta(days=40)
    paper.elapsed(stale.proposal_id)


def _amendment(paper: Door) -> dict[str, Any]:
    """The charter in force with another rule for motions."""
    fund = paper.book.get(Fund)
    members = fund.charter.model_dump(mode="json", exclude_unset=True)
    members.pop("members")
    members["decision_rules"]["motion"] = {"rule": "consensus", "clock": {"days": 30}}
    return {name: members[name] for name in members if name not in ("fund", "title")}


def _people_come_and_go(paper: Door) -> None:
    paper.do(admin("DE"), AddMember(subject="de-new", roles=(Role.TREASURY,)))
    day = paper.now.date()
    lent = {"subject": "de-new", "role": "legal_reviewer", "principal": LAWYER.subject}
    days = {"from_day": str(day), "through": str(day + timedelta(days=30))}
    paper.do(admin("DE"), GrantDelegation.model_validate({**lent, **days}))
    paper.do(admin("DE"), EndDelegation(subject="de-new", role=Role.LEGAL_REVIEWER))
    paper.do(admin("DE"), DenyMember(subject="de-new", reason="A stolen laptop"))
    for party in ("FR", "DE"):
        paper.do(admin(party), RemoveMember(subject=approver(party).subject))
    paper.do(admin("FR"), AddMember(subject="fr-next", roles=(Role.TREASURY_APPROVER,)))


def _a_mandate_ends(paper: Door) -> None:
    paper.do(CLERK, RegisterMandate.model_validate(a_mandate(money(50))))
    mandate: Mandate = paper.newest(Mandate)
    paper.do(CLERK, WithdrawMandate(mandate_id=mandate.mandate_id, reason="Another act"))


def _a_condition_is_met_and_requests_expire(paper: Door) -> None:
    request = paper.requested(money(60))
    first = paper.waiting(request)[0]
    paper.answer(first, conditions=["The auditor's report"])
    met = {"disbursement_id": request.disbursement_id, "step": first.step}
    paper.do(Person(first.party, first.role), MeetConditions.model_validate(met))
    paper.answer(paper.waiting(request)[0], decision="abstain", reason="Not ours to say")
    paper.now += timedelta(days=5)
    paper.elapsed(request.disbursement_id)
    lost = paper.requested(money(10))
    paper.now += timedelta(days=60)
    paper.elapsed(lost.disbursement_id)
    states = [paper.book.get(Disbursement, one.disbursement_id).state for one in (request, lost)]
    assert states == [DisbursementState.EXPIRED, DisbursementState.REFUSED]
