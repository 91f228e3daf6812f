"""Releases by vote: the approvals and the vote are both needed, in whichever order they come."""

from datetime import UTC, datetime, timedelta
from typing import Any

from app.domain.governance.membership import AddMember
from app.domain.governance.polls import Poll, PollState
from app.domain.outflow.approvals import AnswerStep, RevokeApproval
from app.domain.outflow.disbursements import Disbursement, DisbursementState
from app.domain.outflow.outcomes import DisbursementApproved
from app.domain.outflow.steps import Approval
from app.domain.values import Role
from tests.support.builders import REQUESTER, Person, a_charter, an_approval, money, treasury
from tests.support.domain import (
    Door,
    Known,
    admin,
    cancelled,
    entry,
    funded,
    refused,
    replayed,
    said,
)
from tests.support.proposals import approver, voted

CLOSES = datetime(2026, 2, 16, tzinfo=UTC)
INSTANT = timedelta(microseconds=1)
BY_TREASURIES = {"rule": "unanimity", "role": "treasury"}
BY_SILENCE = {"rule": "silence", "role": "treasury", "clock": {"days": 14}}
BOTH = (treasury("DE"), treasury("FR"))


def a_fund(paid: int, rule: dict[str, Any], **changes: Any) -> Door:
    """Germany has paid this much; a release also takes a vote, by this rule."""
    paper = Door().open(decision_rules={"release": rule}, **changes)
    if paid:
        paper.paid(paper.agreed("DE", money(paid)), money(paid))
    return paper


def steps(**changes: Any) -> list[dict[str, Any]]:
    """Each government's legal review alone, with these members."""
    return [{**a_charter()["approval_steps"][0], **changes}]


def now_of(paper: Door, request: Disbursement) -> Disbursement:
    return paper.book.get(Disbursement, request.disbursement_id)


def poll_of(paper: Door, request: Disbursement) -> Poll:
    return paper.book.get(Poll, request.disbursement_id)


def test_a_release_is_voted_on_only_where_the_charter_says_so() -> None:
    paper = funded(DE=100)
    request = paper.requested(money(50))

    assert paper.book.find(Poll, request.disbursement_id) is None
    with refused(paper, "not_found", "polls"):
        voted(paper, request.disbursement_id, "DE")


def test_the_vote_is_on_the_request_as_it_was_made() -> None:
    paper = a_fund(100, BY_TREASURIES)

    request = paper.requested(money(50))

    poll = poll_of(paper, request)
    assert poll.state is PollState.OPEN
    assert poll.digest == request.digest
    assert poll.electorate == {"DE": "1", "FR": "1"}
    assert poll.opened_seq == request.requested_seq


def test_nothing_is_reserved_while_the_vote_is_open() -> None:
    paper = a_fund(100, BY_TREASURIES)
    request = paper.requested(money(50))

    approved = paper.approved(request)

    assert approved.state is DisbursementState.REQUESTED
    assert approved.outstanding == 0


def test_the_last_vote_reserves_what_was_approved() -> None:
    paper = a_fund(100, BY_TREASURIES)
    request = paper.requested(money(50))
    paper.approved(request)

    voted(paper, request.disbursement_id, *BOTH)

    assert now_of(paper, request).state is DisbursementState.RESERVED
    assert [line.event.type for line in paper.log[-4:]] == [
        "ballot.cast",
        "decision.made",
        "disbursement.approved",
        "disbursement.reserved",
    ]
    assert paper.settled(paper.instructed(request)).state is DisbursementState.SETTLED
    assert replayed(paper) == paper.book


def test_the_last_approval_reserves_what_was_voted_for() -> None:
    paper = a_fund(100, BY_TREASURIES)
    request = paper.requested(money(50))
    voted(paper, request.disbursement_id, *BOTH)
    assert now_of(paper, request).state is DisbursementState.REQUESTED

    approved = paper.approved(request)

    assert approved.state is DisbursementState.RESERVED
    assert replayed(paper) == paper.book


def test_an_approved_release_names_its_approvals_and_its_votes() -> None:
    paper = a_fund(100, BY_TREASURIES, approval_steps=steps())
    request = paper.requested(money(50))
    before = len(paper.log)
    paper.approved(request)

    voted(paper, request.disbursement_id, *BOTH)

    assert entry(paper, "disbursement.approved").event == DisbursementApproved(
        disbursement_id=request.disbursement_id,
        cause=before + 4,
        rule="steps+unanimity",
        charter_seq=0,
        ballots=(before, before + 1),
        votes=(before + 2, before + 3),
    )
    assert said(paper, "disbursement.approved") == (
        f"Disbursement {request.disbursement_id} was approved by steps+unanimity, "
        f"on 2 approvals and 2 votes."
    )


def test_a_vote_that_is_lost_ends_the_request() -> None:
    paper = a_fund(100, BY_TREASURIES)
    request = paper.requested(money(50))
    paper.approved(request, but=1)

    voted(paper, request.disbursement_id, treasury("DE"), choice="against")

    assert now_of(paper, request).state is DisbursementState.REFUSED
    assert poll_of(paper, request).state is PollState.REFUSED
    assert {row.answer for row in paper.rows(Approval)} == {"approved", "closed"}
    assert said(paper, "disbursement.refused") == (
        f"Disbursement {request.disbursement_id} is refused: the vote was lost."
    )
    assert replayed(paper) == paper.book


def test_a_vote_that_nobody_decides_ends_the_request() -> None:
    paper = a_fund(100, BY_TREASURIES)
    request = paper.requested(money(50))

    voted(paper, request.disbursement_id, *BOTH, choice="recuse")

    assert now_of(paper, request).state is DisbursementState.REFUSED
    assert poll_of(paper, request).state is PollState.NO_QUORUM


def test_an_approval_that_is_refused_ends_the_vote() -> None:
    paper = a_fund(100, BY_TREASURIES)
    request = paper.requested(money(50))
    voted(paper, request.disbursement_id, treasury("DE"))

    paper.answer(paper.waiting(request)[0], decision="refuse", reason="No")

    assert now_of(paper, request).state is DisbursementState.REFUSED
    assert poll_of(paper, request).state is PollState.ENDED
    with refused(paper, "proposal_closed", "ended"):
        voted(paper, request.disbursement_id, treasury("FR"))
    assert replayed(paper) == paper.book


def test_a_request_that_is_taken_back_ends_the_vote() -> None:
    paper = a_fund(100, BY_TREASURIES)
    request = paper.requested(money(50))

    cancelled(paper, request)

    assert poll_of(paper, request).state is PollState.ENDED
    assert replayed(paper) == paper.book


def test_the_recipient_does_not_vote_on_its_own_request() -> None:
    paper = a_fund(100, BY_TREASURIES)
    request = paper.requested(money(50))

    with refused(paper, "not_in_electorate", "UA"):
        voted(paper, request.disbursement_id, REQUESTER)


def test_whoever_approved_a_step_does_not_vote_on_the_release() -> None:
    paper = a_fund(100, {"rule": "unanimity"})
    second = Known("DE", Role.TREASURY_APPROVER, "de-second")
    paper.do(admin("DE"), AddMember(subject=second.subject, roles=(second.role,)))
    request = paper.requested(money(50))
    paper.approved(request)
    with refused(paper, "separation_of_duties", "treasury_approver"):
        voted(paper, request.disbursement_id, "DE")

    voted(paper, request.disbursement_id, second)

    assert poll_of(paper, request).cast == {"DE": "in_favour"}


def test_whoever_voted_on_the_release_does_not_approve_a_step() -> None:
    paper = a_fund(100, {"rule": "unanimity"})
    request = paper.requested(money(50))
    voted(paper, request.disbursement_id, "DE")
    body = an_approval(request.disbursement_id, "treasury_release", request.digest)

    with refused(paper, "separation_of_duties", "voter"):
        paper.do(approver("DE"), AnswerStep.model_validate(body))


def test_the_end_of_a_silence_reserves_what_was_approved() -> None:
    paper = a_fund(100, BY_SILENCE)
    request = paper.requested(money(50))
    paper.approved(request)
    paper.now = CLOSES + INSTANT

    paper.elapsed(request.disbursement_id)

    assert now_of(paper, request).state is DisbursementState.RESERVED
    assert entry(paper, "disbursement.reserved").act.at == CLOSES + INSTANT
    assert replayed(paper) == paper.book


def test_the_end_of_a_silence_waits_for_the_approvals() -> None:
    paper = a_fund(100, BY_SILENCE)
    request = paper.requested(money(50))
    paper.approved(request, but=1)
    paper.now = CLOSES + INSTANT
    paper.elapsed(request.disbursement_id)
    assert now_of(paper, request).state is DisbursementState.REQUESTED
    assert poll_of(paper, request).state is PollState.ACCEPTED

    assert paper.approved(request).state is DisbursementState.RESERVED
    assert replayed(paper) == paper.book


def test_a_vote_does_not_close_over_money_that_is_not_there() -> None:
    paper = a_fund(40, BY_SILENCE)
    request = paper.requested(money(50))
    paper.approved(request)
    paper.now = CLOSES + INSTANT
    with refused(paper, "insufficient_funds", "50.00 EUR", "40.00 EUR"):
        paper.elapsed(request.disbursement_id)
    assert poll_of(paper, request).state is PollState.OPEN

    paper.paid(paper.agreed("FR", money(10)), money(10))
    paper.elapsed(request.disbursement_id)

    assert now_of(paper, request).state is DisbursementState.RESERVED
    assert replayed(paper) == paper.book


def test_the_last_vote_is_refused_where_the_money_is_not_there() -> None:
    paper = a_fund(40, BY_TREASURIES)
    request = paper.requested(money(50))
    paper.approved(request)
    voted(paper, request.disbursement_id, treasury("DE"))

    with refused(paper, "insufficient_funds", "40.00 EUR"):
        voted(paper, request.disbursement_id, treasury("FR"))

    voted(paper, request.disbursement_id, treasury("FR"), choice="against")
    assert now_of(paper, request).state is DisbursementState.REFUSED


def test_a_vote_that_is_won_waits_for_an_approval_that_has_lapsed() -> None:
    paper = a_fund(100, BY_SILENCE, approval_steps=steps(valid_days=1))
    request = paper.requested(money(50))
    paper.approved(request)
    paper.now = CLOSES + INSTANT

    paper.elapsed(request.disbursement_id)
    assert now_of(paper, request).state is DisbursementState.REQUESTED
    for party in ("DE", "FR"):
        paper.answer(paper.book.get(Approval, request.disbursement_id, "legal_review", party))

    assert now_of(paper, request).state is DisbursementState.RESERVED
    assert replayed(paper) == paper.book


def test_an_approval_that_is_overdue_ends_a_request_whose_vote_is_open() -> None:
    paper = a_fund(100, BY_TREASURIES, approval_steps=steps(within_days=7))
    request = paper.requested(money(50))
    paper.now += timedelta(days=8)

    paper.elapsed(request.disbursement_id)

    assert now_of(paper, request).state is DisbursementState.EXPIRED
    assert poll_of(paper, request).state is PollState.ENDED
    assert replayed(paper) == paper.book


def test_a_vote_and_an_approval_whose_time_is_over_are_each_said_to_be() -> None:
    paper = a_fund(100, BY_SILENCE, approval_steps=steps(within_days=7))
    request = paper.requested(money(50))
    paper.now = CLOSES + INSTANT
    paper.elapsed(request.disbursement_id)
    assert poll_of(paper, request).state is PollState.ACCEPTED

    paper.elapsed(request.disbursement_id)

    assert now_of(paper, request).state is DisbursementState.EXPIRED
    with refused(paper, "proposal_closed", "expired"):
        paper.elapsed(request.disbursement_id)
    assert replayed(paper) == paper.book


def test_an_approval_that_is_taken_back_leaves_the_vote_as_it_was() -> None:
    paper = a_fund(100, BY_TREASURIES, approval_steps=steps())
    request = paper.requested(money(50))
    voted(paper, request.disbursement_id, *BOTH)
    paper.approved(request)
    command = RevokeApproval(
        disbursement_id=request.disbursement_id, step="legal_review", reason="A doubt"
    )
    paper.do(Person("DE", Role.LEGAL_REVIEWER), command)
    assert now_of(paper, request).state is DisbursementState.REQUESTED

    paper.answer(paper.book.get(Approval, request.disbursement_id, "legal_review", "DE"))

    assert poll_of(paper, request).state is PollState.ACCEPTED
    assert now_of(paper, request).state is DisbursementState.RESERVED
    assert replayed(paper) == paper.book
