"""Disbursements: from the request to money that is set aside."""

from typing import Any

import pytest
from pydantic import ValidationError

from app.domain.books.attribution import RULE
from app.domain.event import Event
from app.domain.inflow.agreements import DraftAgreement
from app.domain.outflow.disbursements import Disbursement, DisbursementState, RequestDisbursement
from app.domain.outflow.outcomes import DisbursementApproved
from app.domain.outflow.reservations import DisbursementReserved
from app.domain.outflow.steps import Answer, Approval
from app.domain.values import Money
from tests.support.builders import (
    REQUESTER,
    TRUSTEE,
    a_request,
    an_agreement,
    money,
    treasury,
    valued,
)
from tests.support.domain import (
    Door,
    balance,
    cancelled,
    entry,
    eur,
    funded,
    jpy,
    lines,
    pool,
    position,
    refused,
    replayed,
    returned,
    said,
)
from tests.support.paper import Paper, digest_of


def tied(*paid: tuple[str, str, str | None, int], **changes: Any) -> Door:
    """A fund of UK and JP where each has paid: party, window, restriction, EUR."""
    paper = Door().open(**valued(("UK", "JP"), **changes))
    for party, window, restriction, amount in paid:
        agreement = paper.agreed(party, money(amount), window, restriction=restriction)
        paper.paid(agreement, money(amount))
    return paper


def drawn(paper: Paper, amount: int) -> list[tuple[str, str, Money]]:
    """From which pools a pension of this much is drawn."""
    draws = paper.approved(paper.requested(money(amount))).draws
    return [(draw.window, draw.restriction, draw.amount) for draw in draws]


def rejected(paper: Paper, disbursement: Disbursement) -> Event:
    return returned(paper, paper.instructed(disbursement))


def test_a_request_waits_for_every_answer_that_the_charter_asks_for() -> None:
    paper = funded(DE=60, FR=40)
    request = paper.requested(money(50))

    assert request.state is DisbursementState.REQUESTED
    assert (request.recipient, request.window, request.amount) == ("UA", "budget", eur(50))
    assert request.digest == digest_of(paper.log[-1].event)
    assert request.outstanding == len(paper.rows(Approval)) == 9
    assert (request.ballots, request.shares) == ((), {})
    assert (request.bank_account, request.bank_reference) == (None, None)
    assert {row.answer for row in paper.rows(Approval)} == {Answer.PENDING}
    assert pool(paper).available == eur(100)
    assert lines(paper, "disbursement.requested") == {}


def test_a_request_says_what_is_asked_for() -> None:
    paper = funded()
    paper.requested(money(5000))

    assert said(paper, "disbursement.requested") == (
        "UA asked for 5,000.00 EUR from window budget for pensions: What it is for"
    )


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"purpose": "drones"}, "purpose_not_allowed", ("budget", "pensions, salaries")),
        ({"window": "defence"}, "purpose_not_allowed", ("defence", "drones")),
        ({"window": "energy"}, "unknown_window", ()),
        ({"amount": money(5, "USD")}, "currency_not_in_charter", ("EUR, JPY", "USD")),
    ],
)
def test_a_request_that_the_charter_does_not_allow_is_refused(
    changes: dict[str, Any], code: str, words: tuple[str, ...]
) -> None:
    paper = funded(DE=60)
    body = {**a_request(money(50)), **changes}

    with refused(paper, code, *words):
        paper.do(REQUESTER, RequestDisbursement.model_validate(body))


@pytest.mark.parametrize("who", [treasury("DE"), TRUSTEE])
def test_only_a_recipient_requests(who: Any) -> None:
    paper = funded(DE=60)

    with refused(paper, "role_not_permitted", "requester"):
        paper.do(who, RequestDisbursement.model_validate(a_request(money(50))))


def test_a_request_may_ask_for_more_than_there_is() -> None:
    paper = funded(DE=60)

    assert paper.requested(money(1000)).state is DisbursementState.REQUESTED


def test_with_the_last_approval_the_decision_names_its_ballots() -> None:
    paper = funded(DE=60, FR=40)
    request = paper.approved(paper.requested(money(50)))

    decision = entry(paper, "disbursement.approved")
    ballots = [n for n, line in enumerate(paper.log) if line.event.type == "approval.given"]
    assert isinstance(decision.event, DisbursementApproved)
    assert decision.event.ballots == request.ballots == tuple(ballots)
    assert decision.event.rule == "steps"
    assert decision.event.charter_seq == 0
    assert decision.event.cause == ballots[-1]
    assert decision.postings == ()
    assert paper.log[-2] is decision


def test_an_approved_disbursement_stands_approved_for_one_entry() -> None:
    paper = funded(DE=60, FR=40)
    paper.approved(paper.requested(money(50)))
    line = entry(paper, "disbursement.approved")
    before = paper.newest(Disbursement).but(state=DisbursementState.REQUESTED, draws=())

    after = line.event.fold(paper.book.put(before), line.act)

    state = after.get(Disbursement, before.disbursement_id).state
    assert state is DisbursementState.APPROVED


def test_the_decision_says_on_how_many_approvals_it_stands() -> None:
    paper = funded(DE=60, FR=40)
    request = paper.approved(paper.requested(money(50)))

    assert said(paper, "disbursement.approved") == (
        f"Disbursement {request.disbursement_id} was approved by steps, on 9 approvals."
    )


def test_a_reservation_sets_the_money_aside_and_knows_whose_it_is() -> None:
    paper = funded(DE=60, FR=40)
    request = paper.approved(paper.requested(money(50)))

    assert request.state is DisbursementState.RESERVED
    assert request.outstanding == 0
    assert request.shares == {"DE": eur(30), "FR": eur(20)}
    assert lines(paper, "disbursement.reserved") == {
        "contributor/DE/budget": 30_00,
        "contributor/FR/budget": 20_00,
        f"reserved/{request.disbursement_id}": -50_00,
    }
    assert pool(paper).available == eur(50)
    assert pool(paper).balances == {"DE": eur(30), "FR": eur(20)}
    assert position(paper, "DE").reserved == eur(30)
    assert position(paper, "FR").reserved == eur(20)
    assert balance(paper, "cash/BANK-EUR") == eur(100)


def test_a_reservation_is_kept_with_its_weights_and_its_rule() -> None:
    paper = funded(DE=60, FR=40)
    paper.approved(paper.requested(money(10)))
    paper.approved(paper.requested(money(20)))

    event = entry(paper, "disbursement.reserved").event
    assert isinstance(event, DisbursementReserved)
    assert event.rule == RULE
    (draw,) = event.draws
    assert draw.weights == {"DE": eur(60), "FR": eur(40)}
    assert draw.released_before == eur(10)
    assert event.amount == eur(20)


def test_a_reservation_says_whose_money_it_is() -> None:
    paper = funded(DE=60, FR=40)
    request = paper.approved(paper.requested(money(50)))

    assert said(paper, "disbursement.reserved") == (
        f"50.00 EUR was reserved for disbursement {request.disbursement_id}: "
        "DE 30.00 EUR, FR 20.00 EUR."
    )


def test_a_refused_request_is_over_and_touches_no_money() -> None:
    paper = funded(DE=60)
    request = paper.requested(money(50))
    paper.answer(paper.waiting(request)[0], decision="refuse", reason="No mandate")

    ended = paper.book.get(Disbursement, request.disbursement_id)
    assert ended.state is DisbursementState.REFUSED
    answers = [row.answer for row in paper.rows(Approval)]
    assert answers.count(Answer.REFUSED) == 1
    assert answers.count(Answer.CLOSED) == 8
    assert pool(paper).available == eur(60)
    assert lines(paper, "disbursement.refused") == {}


def test_the_end_of_a_refused_request_is_said_by_the_ledger() -> None:
    paper = funded(DE=60)
    request = paper.requested(money(50))
    paper.answer(paper.waiting(request)[0], decision="refuse", reason="No mandate")

    assert said(paper, "disbursement.refused") == (
        f"Disbursement {request.disbursement_id} is refused: DE did not approve."
    )


def test_windows_and_currencies_do_not_pay_for_each_other() -> None:
    paper = funded(DE=60)
    paper.paid(paper.agreed("FR", money(40), "defence"), money(40))
    paper.paid(paper.agreed("FR", money(9000, "JPY")), money(9000, "JPY"))
    waiting = paper.approved(paper.requested(money(61)), but=1)

    with refused(paper, "insufficient_funds", "61.00 EUR", "60.00 EUR", "budget"):
        paper.approved(waiting)

    assert pool(paper, "defence").available == eur(40)
    assert pool(paper, currency="JPY").available == jpy(9000)


def test_a_request_in_yen_is_split_in_yen() -> None:
    paper = funded()
    for party, amount in (("DE", 2), ("FR", 1)):
        paper.paid(paper.agreed(party, money(amount, "JPY")), money(amount, "JPY"))

    assert paper.approved(paper.requested(money(2, "JPY"))).shares == {"DE": jpy(1), "FR": jpy(1)}


def test_money_for_defence_only_never_pays_a_pension() -> None:
    paper = tied(("UK", "general", "defence-only", 50))
    waiting = paper.approved(paper.requested(money(1), "budget"), but=1)

    with refused(paper, "insufficient_funds", "1.00 EUR", "0.00 EUR", "budget"):
        paper.approved(waiting)


def test_money_that_excludes_defence_never_pays_a_drone() -> None:
    paper = tied(("JP", "general", "not-defence", 50), ("JP", "budget", "not-defence", 50))
    for window in ("defence", "general"):
        waiting = paper.approved(paper.requested(money(1), window, purpose="drones"), but=1)

        with refused(paper, "insufficient_funds", "1.00 EUR", "0.00 EUR", window):
            paper.approved(waiting)


def test_tied_money_goes_first_then_the_windows_own_then_unrestricted() -> None:
    paper = tied(
        ("JP", "budget", "not-defence", 10),
        ("UK", "budget", None, 10),
        ("JP", "general", "not-defence", 10),
        ("UK", "general", None, 10),
    )

    assert drawn(paper, 35) == [
        ("budget", "not-defence", eur(10)),
        ("general", "not-defence", eur(10)),
        ("budget", "", eur(10)),
        ("general", "", eur(5)),
    ]


def test_another_order_of_the_charter_is_another_order_of_draws() -> None:
    everything = [
        ("JP", "budget", "not-defence", 10),
        ("UK", "budget", None, 10),
        ("UK", "general", None, 10),
    ]

    paper = tied(*everything, draw_order=["unrestricted", "window", "tied"])

    assert drawn(paper, 25) == [
        ("general", "", eur(10)),
        ("budget", "", eur(10)),
        ("budget", "not-defence", eur(5)),
    ]


def test_a_reservation_of_several_kinds_is_posted_and_attributed_by_window() -> None:
    paper = tied(("JP", "budget", "not-defence", 10), ("UK", "general", None, 10))
    request = paper.approved(paper.requested(money(15)))

    assert request.shares == {"JP": eur(10), "UK": eur(5)}
    assert lines(paper, "disbursement.reserved") == {
        "contributor/JP/budget": 10_00,
        "contributor/UK/general": 5_00,
        f"reserved/{request.disbursement_id}": -15_00,
    }
    assert position(paper, "JP", "budget").reserved == eur(10)
    assert position(paper, "UK", "general").reserved == eur(5)
    assert replayed(paper) == paper.book


def test_what_comes_back_is_tied_as_it_was() -> None:
    paper = tied(("JP", "budget", "not-defence", 10), ("UK", "general", None, 10))
    for undo in (cancelled, rejected):
        undo(paper, paper.approved(paper.requested(money(15))))

        assert pool(paper, "budget", restriction="not-defence").balances == {"JP": eur(10)}
        assert pool(paper, "general").balances == {"UK": eur(10)}
        assert pool(paper, "budget").available == eur(0)


def test_all_kinds_together_may_still_not_be_enough() -> None:
    paper = tied(("JP", "budget", "not-defence", 10), ("UK", "defence", None, 90))
    waiting = paper.approved(paper.requested(money("10.01")), but=1)

    with refused(paper, "insufficient_funds", "10.01 EUR", "10.00 EUR"):
        paper.approved(waiting)


@pytest.mark.parametrize(
    ("window", "restriction", "code"),
    [
        ("budget", "defence-only", "restriction_not_usable"),
        ("defence", "not-defence", "restriction_not_usable"),
        ("budget", "nothing", "unknown_restriction"),
    ],
)
def test_no_agreement_ties_money_to_what_its_window_never_pays(
    window: str, restriction: str, code: str
) -> None:
    paper = tied()
    body = an_agreement(money(5), window, restriction=restriction)

    with refused(paper, code):
        paper.do(treasury("UK"), DraftAgreement.model_validate(body))


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": money("0.00")},
        {"purpose": "Pensions"},
        {"description": "two\nlines"},
        {"documents": [{"sha256": "x", "citation": "C"}]},
        {"documents": [{"sha256": "0" * 64, "citation": "C"}] * 21},
        {"recipient": "UA"},
    ],
)
def test_a_request_has_its_form(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        RequestDisbursement.model_validate({**a_request(money(50)), **changes})
