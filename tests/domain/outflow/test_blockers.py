"""Blockers: why a request does not go on, and that it is what would be refused."""

from collections.abc import Callable

import pytest

from app.domain.governance.membership import RemoveMember
from app.domain.inflow.mandates import Mandate, RegisterMandate
from app.domain.outflow.blockers import Blocker
from app.domain.outflow.disbursements import Disbursement, DisbursementState
from app.domain.refusals.base import Refusal
from app.domain.values import Role
from tests.support.builders import Person, a_charter, a_mandate, money
from tests.support.domain import Door, admin, cancelled, returned
from tests.support.outflow import (
    LAWYER,
    answer_of,
    answers,
    blocked,
    later,
    meets,
    now,
    paid_by,
    reasons,
    stepped,
    steps_with,
    takes_back,
)

CLERK = Person("DE", Role.LEGISLATURE_CLERK)


def the(paper: Door, request: Disbursement, step: str, party: str) -> Blocker:
    """The blocker that names this step and party."""
    (found,) = [b for b in blocked(paper, request) if (b.step, b.party) == (step, party)]
    return found


def refusal_of(deed: Callable[[], object]) -> tuple[str, str]:
    """Code and sentence of what is refused."""
    with pytest.raises(Refusal) as caught:
        deed()
    return caught.value.code, caught.value.sentence


def whole(paper: Door, request: Disbursement) -> list[tuple[str, str]]:
    """Codes and sentences of blockers that name no step."""
    return [(b.code, b.sentence) for b in blocked(paper, request) if b.step is None]


def test_every_answer_that_is_missing_is_named() -> None:
    paper = stepped()
    request = paper.requested(money(50))

    found = blocked(paper, request)

    assert [f"{b.step}/{b.party}" for b in found] == list(request.asked)
    assert {b.code for b in found if b.step in ("no_objection", "treasury_release")} == {
        "step_not_open"
    }
    assert {b.since for b in found} == {answer_of(paper, request).waiting_since}


def test_a_missing_answer_says_whose_since_when_and_until_when() -> None:
    paper = stepped(legal_review={"within_days": 10, "name": "Legal review"})
    asked_at = paper.now
    request = paper.requested(money(50))

    blocker = the(paper, request, "legal_review", "DE")
    assert blocker == Blocker(
        code="approval_missing",
        sentence="Legal review of DE has not been given.",
        party="DE",
        step="legal_review",
        role=Role.LEGAL_REVIEWER,
        since=asked_at,
        until=answer_of(paper, request).due_at,
    )


def test_an_answer_that_comes_after_another_says_after_which() -> None:
    paper = stepped()
    request = paper.requested(money(50))
    answers(paper, LAWYER, request)

    assert the(paper, request, "no_objection", "IFI").sentence == (
        "No-objection of IFI has not been given. It comes after step legal_review of FR."
    )
    assert the(paper, request, "treasury_release", "DE").sentence == (
        "Release of DE has not been given. It comes after step legislature_consent of DE."
    )


def test_what_is_not_a_blockers_turn_is_refused_with_its_code() -> None:
    paper = stepped()
    request = paper.requested(money(50))
    answers(paper, LAWYER, request)
    row = next(row for row in paper.waiting(request) if row.step == "no_objection")

    code, _ = refusal_of(lambda: paper.answer(row))

    assert the(paper, request, "no_objection", "IFI").code == code


def test_an_answer_that_was_given_is_no_blocker() -> None:
    paper = stepped()
    request = paper.requested(money(50))

    for left in range(8, -1, -1):
        paper.answer(paper.waiting(request)[0])
        assert len(blocked(paper, request)) == left


def test_an_answer_that_is_overdue_says_so() -> None:
    paper = stepped(legal_review={"within_days": 10})
    request = paper.requested(money(50))
    later(paper, days=11)

    assert the(paper, request, "legal_review", "DE").sentence == (
        "legal_review of DE has not been given. The time for it is over."
    )


def test_who_abstained_or_took_back_is_said_to_have() -> None:
    paper = stepped()
    request = paper.requested(money(50))
    answers(paper, LAWYER, request)
    takes_back(paper, LAWYER, request)
    answers(paper, Person("FR", Role.LEGAL_REVIEWER), request, decision="abstain")

    assert the(paper, request, "legal_review", "DE").sentence == (
        "legal_review of DE was taken back."
    )
    assert the(paper, request, "legal_review", "FR").sentence == (
        "legal_review of FR was withheld: they abstained."
    )


def test_an_abstention_that_passes_is_no_blocker() -> None:
    paper = stepped(legal_review={"abstention_passes": True})
    request = paper.requested(money(50))
    answers(paper, LAWYER, request, decision="abstain")

    assert ("legal_review", "DE") not in {(b.step, b.party) for b in blocked(paper, request)}


def test_money_that_is_not_there_is_named_as_it_would_be_refused() -> None:
    paper = stepped()
    request = paper.approved(paper.requested(money(150)), but=1)

    refusal = refusal_of(lambda: paper.approved(request))

    assert refusal[0] == "insufficient_funds"
    assert whole(paper, request) == [refusal]
    assert reasons(paper, request) == {"approval_missing", "insufficient_funds"}


def test_money_that_is_not_there_is_named_from_the_request_on() -> None:
    paper = stepped()

    assert "insufficient_funds" in reasons(paper, paper.requested(money("100.01")))
    assert "insufficient_funds" not in reasons(paper, paper.requested(money(100)))


def test_a_party_that_was_not_asked_is_named_as_it_would_be_refused() -> None:
    steps = steps_with(legal_review={"who": "each_drawn"})[:1]
    paper = paid_by(Door().open(approval_steps=steps), DE=60)
    request = paper.requested(money(10))
    paid_by(paper, FR=40)

    refusal = refusal_of(lambda: paper.approved(request))

    assert refusal[0] == "drawn_party_missing"
    assert whole(paper, request) == [refusal]


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"purposes": ["salaries"]}, "mandate_required"), ({}, "exceeds_mandate")],
)
def test_a_mandate_that_is_missing_or_used_up_is_named_as_it_would_be_refused(
    changes: dict[str, list[str]], code: str
) -> None:
    parties = [{**party, "mandated": party["id"] == "DE"} for party in a_charter()["parties"]]
    paper = Door().open(parties=parties)
    paper.do(CLERK, RegisterMandate.model_validate(a_mandate(money(60), **changes)))
    mandate = paper.newest(Mandate)
    paper.paid(paper.agreed("DE", money(60), mandate_id=mandate.mandate_id), money(60))
    if not changes:
        paper.approved(paper.requested(money(60)))
        cover = a_mandate(money(60), document="2" * 64, purposes=["salaries"])
        paper.do(CLERK, RegisterMandate.model_validate(cover))
        other = paper.newest(Mandate)
        paper.paid(paper.agreed("DE", money(60), mandate_id=other.mandate_id), money(60))
    request = paper.approved(paper.requested(money(10)), but=1)

    refusal = refusal_of(lambda: paper.approved(request))

    assert refusal[0] == code
    assert whole(paper, request) == [refusal]


def test_a_quorum_that_is_lost_is_named_as_it_would_be_refused() -> None:
    paper = paid_by(Door().open(quorum=2), DE=60)
    request = paper.approved(paper.requested(money(10)), but=1)
    reserved = paper.approved(paper.requested(money(10)))
    paper.do(admin("FR"), RemoveMember(subject="fr-treasury-approver"))
    paper.do(admin("DE"), RemoveMember(subject="de-risk-officer"))

    assert {code for code, _ in whole(paper, request)} == {"quorum_lost"}
    assert whole(paper, reserved) == [refusal_of(lambda: paper.instructed(reserved))]


def test_an_approval_that_holds_no_longer_is_named_as_it_would_be_refused() -> None:
    paper = stepped(legal_review={"valid_days": 30})
    request = paper.approved(paper.requested(money(50)))
    held_until = answer_of(paper, request).holds_until
    later(paper, days=31)

    blocker = the(paper, request, "legal_review", "DE")
    assert (blocker.code, blocker.sentence) == refusal_of(lambda: paper.instructed(request))
    assert (blocker.role, blocker.since) == (Role.LEGAL_REVIEWER, held_until)


def test_an_approval_that_expired_before_the_decision_is_named_too() -> None:
    paper = stepped(legal_review={"valid_days": 30})
    request = paper.requested(money(50))
    answers(paper, LAWYER, request)
    later(paper, days=31)
    paper.approved(request)

    assert reasons(paper, request) == {"approval_expired"}
    answers(paper, LAWYER, request)
    assert now(paper, request).state is DisbursementState.RESERVED


def test_conditions_that_are_open_are_named_until_they_are_met() -> None:
    paper = stepped()
    request = paper.requested(money(50))
    answers(paper, LAWYER, request, conditions=["One", "Two"])
    request = paper.approved(request)

    blocker = the(paper, request, "legal_review", "DE")
    assert blocker.code == refusal_of(lambda: paper.instructed(request))[0] == "conditions_open"
    assert blocker.sentence == "DE approved step legal_review on conditions: One; Two"
    assert blocker.role is Role.LEGAL_REVIEWER
    meets(paper, LAWYER, request)
    assert blocked(paper, request) == []


def test_nothing_stands_in_the_way_of_what_is_reserved_instructed_or_over() -> None:
    paper = stepped()
    request = paper.approved(paper.requested(money(50)))
    assert blocked(paper, request) == []

    for step in (paper.instructed, paper.settled):
        request = step(request)
        assert blocked(paper, request) == []

    returned(paper, request)
    assert blocked(paper, request) == []


def test_a_request_that_has_ended_has_no_blockers() -> None:
    paper = stepped()
    refused_one, cancelled_one = paper.requested(money(50)), paper.requested(money(50))
    answers(paper, LAWYER, refused_one, decision="refuse", reason="No")
    cancelled(paper, cancelled_one)

    assert blocked(paper, refused_one) == blocked(paper, cancelled_one) == []
