"""Whom a request asks: bands, windows, sources, a named party, those whose money may go."""

from typing import Any

import pytest

from app.domain.outflow.disbursements import Disbursement, DisbursementState
from app.domain.values import Role
from tests.support.builders import OWN_STEPS, TRUSTEE, Person, a_charter, money, valued
from tests.support.domain import Door, refused
from tests.support.outflow import (
    LAWYER,
    RELEASER,
    answers,
    now,
    paid_by,
    stepped,
)

OWN = {"id": "legal_review", "name": "Legal", "role": "legal_reviewer", "who": "each_government"}
DRAWN = {**OWN, "who": "each_drawn"}
RELEASE = {
    "id": "treasury_release",
    "name": "Release",
    "role": "treasury_approver",
    "who": "each_government",
}


def asked(request: Disbursement) -> list[str]:
    return list(request.asked)


def fund(*steps: dict[str, Any], **changes: Any) -> Door:
    return Door().open(approval_steps=list(steps), **changes)


def test_a_small_request_skips_a_step_that_large_ones_take() -> None:
    paper = stepped(risk_assessment={"at_least": [money(50)]})

    small, large = paper.requested(money("49.99")), paper.requested(money(50))

    skipped = {"risk_assessment/DE", "risk_assessment/FR"}
    assert set(large.asked) - set(small.asked) == skipped
    assert (small.outstanding, large.outstanding) == (7, 9)


def test_a_large_request_skips_a_step_for_small_ones() -> None:
    paper = stepped(no_objection={"below": [money(50)]})

    assert "no_objection/IFI" in paper.requested(money("49.99")).asked
    assert "no_objection/IFI" not in paper.requested(money(50)).asked


def test_a_step_that_was_skipped_is_not_waited_for() -> None:
    paper = stepped(
        risk_assessment={"at_least": [money(50)]}, no_objection={"at_least": [money(50)]}
    )
    request = paper.requested(money(10))

    assert [row.step for row in paper.waiting(request) if row.party == "DE"] == [
        "legal_review",
        "legislature_consent",
        "treasury_release",
    ]
    assert paper.approved(request).state is DisbursementState.RESERVED


def test_a_step_that_was_skipped_is_not_answered() -> None:
    paper = stepped(risk_assessment={"at_least": [money(50)]})
    request = paper.requested(money(10))

    with refused(paper, "wrong_party", "risk_assessment", "DE"):
        answers(paper, Person("DE", Role.RISK_OFFICER), request, "risk_assessment")


def test_what_still_comes_before_is_waited_for_when_other_steps_are_skipped() -> None:
    paper = stepped(no_objection={"at_least": [money(50)]})
    request = paper.requested(money(10))
    answers(paper, LAWYER, request)

    with refused(paper, "step_not_open", "treasury_release", "legislature_consent", "DE"):
        answers(paper, RELEASER, request, "treasury_release")


def test_an_amount_in_a_currency_that_a_band_does_not_name_takes_the_step() -> None:
    paper = stepped(risk_assessment={"at_least": [money(50)]})

    assert "risk_assessment/DE" in paper.requested(money(1, "JPY")).asked


def test_a_step_is_asked_for_its_windows_only() -> None:
    paper = stepped(risk_assessment={"windows": ["defence"]})

    assert "risk_assessment/DE" not in paper.requested(money(1)).asked
    assert "risk_assessment/DE" in paper.requested(money(1), "defence").asked


def test_a_step_is_asked_for_money_of_its_sources_only() -> None:
    budget, defence = a_charter()["windows"]
    paper = fund(
        OWN,
        {**RELEASE, "sources": ["proceeds"]},
        windows=[budget, {**defence, "source": "proceeds"}],
    )

    assert asked(paper.requested(money(1))) == ["legal_review/DE", "legal_review/FR"]
    assert len(asked(paper.requested(money(1), "defence"))) == 4


def test_a_step_asks_the_one_party_that_it_names() -> None:
    paper = fund(OWN, {**RELEASE, "who": "party", "party": "FR"})
    request = paper.requested(money(1))

    assert asked(request) == ["legal_review/DE", "legal_review/FR", "treasury_release/FR"]
    with refused(paper, "wrong_party", "treasury_release", "DE"):
        answers(paper, RELEASER, request, "treasury_release")
    answers(paper, Person("FR", Role.TREASURY_APPROVER), request, "treasury_release")


def test_the_party_of_a_step_waits_for_every_government() -> None:
    paper = fund(OWN, {**RELEASE, "who": "party", "party": "FR", "after": ["legal_review"]})
    request = paper.requested(money(1))
    answers(paper, Person("FR", Role.LEGAL_REVIEWER), request)

    with refused(paper, "step_not_open", "treasury_release", "legal_review", "DE"):
        answers(paper, Person("FR", Role.TREASURY_APPROVER), request, "treasury_release")


def test_a_trustee_that_is_asked_has_another_person_tell_the_bank() -> None:
    step = {"id": "checks", "name": "C", "role": "trustee", "who": "party", "party": "TRUSTEE"}
    second = {"subject": "trustee-second", "party": "TRUSTEE", "roles": ["trustee"]}
    paper = fund(OWN, step, members=[*a_charter()["members"], second])
    paid_by(paper, DE=60)
    request = paper.requested(money(10))
    answers(paper, TRUSTEE, request, "checks")
    for party in ("DE", "FR"):
        answers(paper, Person(party, Role.LEGAL_REVIEWER), request)

    with refused(paper, "separation_of_duties", "trustee"):
        paper.instructed(request)


def test_only_those_are_asked_whose_money_may_go() -> None:
    paper = paid_by(fund(DRAWN), DE=60)

    assert asked(paper.requested(money(10))) == ["legal_review/DE"]


def test_everybody_is_asked_whose_money_may_go() -> None:
    paper = paid_by(fund(DRAWN), FR=40, DE=60)

    assert asked(paper.requested(money(10))) == ["legal_review/DE", "legal_review/FR"]


def test_whose_money_is_in_another_window_or_currency_is_not_asked() -> None:
    paper = paid_by(fund(DRAWN), DE=60)
    paper.paid(paper.agreed("FR", money(40), "defence"), money(40))
    paper.paid(paper.agreed("FR", money(40, "JPY")), money(40, "JPY"))

    assert asked(paper.requested(money(10))) == ["legal_review/DE"]
    assert asked(paper.requested(money(10, "JPY"))) == ["legal_review/FR"]


def test_whose_money_is_spent_is_not_asked() -> None:
    paper = paid_by(fund(DRAWN), DE=60)
    paper.approved(paper.requested(money(60)))
    paid_by(paper, FR=40)

    assert asked(paper.requested(money(10))) == ["legal_review/FR"]


def test_those_are_asked_whose_tied_or_unrestricted_money_may_go() -> None:
    charter = valued(("DE", "FR", "UK", "JP"), approval_steps=[DRAWN])
    paper = Door().open(**charter)
    for party, window, tie in (
        ("DE", "budget", "not-defence"),
        ("FR", "general", None),
        ("UK", "general", "defence-only"),
        ("JP", "defence", None),
    ):
        paper.paid(paper.agreed(party, money(10), window, restriction=tie), money(10))

    pensions, drones = paper.requested(money(1)), paper.requested(money(1), "defence")

    assert asked(pensions) == ["legal_review/DE", "legal_review/FR"]
    assert sorted(asked(drones)) == ["legal_review/FR", "legal_review/JP", "legal_review/UK"]


def test_where_nobodys_money_is_there_nothing_is_asked_for() -> None:
    paper = fund(DRAWN)

    with refused(paper, "insufficient_funds", "budget", "nothing available"):
        paper.requested(money(10))


def test_where_every_government_is_asked_anyway_nobodys_money_may_be_asked_for() -> None:
    paper = fund(OWN, {**DRAWN, "id": "treasury_release"})

    assert asked(paper.requested(money(10))) == ["legal_review/DE", "legal_review/FR"]


def test_money_of_a_party_that_came_after_the_request_is_not_drawn() -> None:
    paper = paid_by(fund(DRAWN), DE=60)
    request = paper.requested(money(10))
    paid_by(paper, FR=40)

    with refused(paper, "drawn_party_missing", "FR", "after the request"):
        paper.approved(request)


def test_a_request_that_was_made_again_asks_the_party_that_came_later() -> None:
    paper = paid_by(fund(DRAWN), DE=60)
    paper.requested(money(10))
    paid_by(paper, FR=40)

    request = paper.approved(paper.requested(money(10)))

    assert request.state is DisbursementState.RESERVED
    assert set(request.shares) == {"DE", "FR"}


def test_who_was_asked_and_has_nothing_left_is_still_waited_for() -> None:
    paper = paid_by(fund(DRAWN), DE=60)
    request = paper.requested(money(10))
    paper.approved(paper.requested(money(60)))
    paid_by(paper, FR=40)

    assert now(paper, request).outstanding == 1
    with refused(paper, "drawn_party_missing", "FR"):
        paper.approved(request)


def test_a_step_for_those_drawn_holds_no_one_up_where_its_band_skips_it() -> None:
    small = {**DRAWN, "id": "treasury_release", "at_least": [money(50)]}
    paper = paid_by(fund(OWN, small), DE=60)
    request = paper.requested(money(10))
    paid_by(paper, FR=40)

    assert paper.approved(request).state is DisbursementState.RESERVED


@pytest.mark.parametrize("who", ["each_government", "each_drawn"])
def test_a_government_waits_for_its_own_earlier_steps_whoever_is_asked(who: str) -> None:
    first, second = list(OWN_STEPS)[:2]
    consent = {**OWN, "id": second, "role": OWN_STEPS[second], "after": [first], "who": who}
    paper = paid_by(fund(DRAWN, consent), DE=60, FR=40)
    request = paper.requested(money(10))
    answers(paper, LAWYER, request)

    answers(paper, Person("DE", Role.LEGISLATURE_CLERK), request, second)

    assert now(paper, request).outstanding == 2
