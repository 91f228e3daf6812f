"""Proposals and votes on paper: what the tests of decisions share."""

from typing import Any

from app.domain.event import Event
from app.domain.governance.membership import AddMember
from app.domain.governance.polls import Poll
from app.domain.proposals.proposals import (
    OpenProposal,
    Proposal,
    ReviseProposal,
    WithdrawProposal,
)
from app.domain.proposals.votes import CastBallot
from app.domain.values import Role
from tests.support.builders import (
    TRUSTEE,
    Person,
    a_ballot,
    a_charter,
    a_motion,
)
from tests.support.domain import (
    Door,
    Known,
    admin,
)

TWO_WEEKS = {"motion": {"rule": "silence", "clock": {"days": 14}}}


def approver(party: str) -> Person:
    return Person(party, Role.TREASURY_APPROVER)


def proposed(paper: Door, body: dict[str, Any] | None = None, who: Person = TRUSTEE) -> Proposal:
    """A proposal, the trustee's motion unless it is said otherwise."""
    paper.do(who, OpenProposal.model_validate(body or a_motion()))
    proposal: Proposal = paper.newest(Proposal)
    return proposal


def voted(paper: Door, matter_id: str, *people: Person | str, choice: str = "in_favour") -> Event:
    """Ballots of these people, or of these governments' approvers; the last one."""
    digest = paper.book.get(Poll, matter_id).digest
    for one in people:
        who = approver(one) if isinstance(one, str) else one
        event = paper.do(who, CastBallot.model_validate(a_ballot(matter_id, digest, choice)))
    return event


def issuers(party: str, *digests: str) -> dict[str, Any]:
    subject = {"kind": "issuers", "party": party, "issuers": digests or [ISSUER]}
    return {"title": "Another identity provider", "subject": subject}


def revised(paper: Door, proposal: Proposal, body: dict[str, Any], who: Person = TRUSTEE) -> Event:
    named = {"proposal_id": proposal.proposal_id, "replaces": proposal.digest}
    return paper.do(who, ReviseProposal.model_validate({**body, **named}))


def withdrawn(paper: Door, proposal: Proposal, who: Person = TRUSTEE) -> Event:
    return paper.do(who, WithdrawProposal(proposal_id=proposal.proposal_id, reason="Not needed"))


def now_of(paper: Door, proposal: Proposal) -> Proposal:
    return paper.book.get(Proposal, proposal.proposal_id)


def weighed(**changes: Any) -> Door:
    """Three governments, of 50, 30 and 20 in a hundred, who decide on motions so."""
    charter = a_charter(THREE)
    weights = {"DE": 5_000, "FR": 3_000, "IT": 2_000}
    parties = [
        {**party, "weight_bp": weights[party["id"]]} if party["id"] in weights else party
        for party in charter["parties"]
    ]
    return Door().open(governments=THREE, parties=parties, decision_rules={"motion": changes})


def with_second(paper: Door) -> None:
    """Another person of Germany's who may vote."""
    paper.do(admin("DE"), AddMember(subject=SECOND.subject, roles=(SECOND.role,)))


def poll_of(paper: Door, proposal: Proposal) -> Poll:
    return paper.book.get(Poll, proposal.proposal_id)


def by_silence(on_objection: str, **then: Any) -> dict[str, Any]:
    """Two weeks of silence; the first objection leads to another vote."""
    clock = {"days": 14}
    return {"rule": "silence", "clock": clock, "on_objection": on_objection, "then": then}


ISSUER = "a" * 64


THREE = ("DE", "FR", "IT")


SECOND = Known("DE", Role.TREASURY_APPROVER, "de-second")
