"""Reservations: money is set aside with the last approval, and goes back whence it came."""

import pytest

from app.domain.books.draws import Draw
from app.domain.outflow.attributions import Attribution
from app.domain.outflow.disbursements import DisbursementState
from app.domain.outflow.reservations import (
    DisbursementReserved,
    DisbursementUnreserved,
    each,
    require_reservable,
)
from app.domain.refusals.decisions import ProposalClosed
from app.domain.refusals.money import InsufficientFunds
from tests.support.builders import money
from tests.support.domain import (
    cancelled,
    entry,
    eur,
    funded,
    pool,
    position,
    refused,
    replayed,
    returned,
)
from tests.support.outflow import LAWYER, answers, now, paid_by, stepped, takes_back


def test_a_reservation_names_what_it_drew_from_whom() -> None:
    paper = stepped()
    request = paper.approved(paper.requested(money(50)))

    event = entry(paper, "disbursement.reserved").event
    assert isinstance(event, DisbursementReserved)
    assert event.shares == request.shares == {"DE": eur(30), "FR": eur(20)}
    assert event.draws == request.draws
    assert (event.amount, event.mandates) == (eur(50), ())
    assert list(each(event.draws)) == [("budget", "DE", eur(30)), ("budget", "FR", eur(20))]


def test_a_reservation_is_refused_of_a_request_that_was_not_approved() -> None:
    paper = stepped()
    request = paper.approved(paper.requested(money(50)))
    line = entry(paper, "disbursement.reserved")

    with pytest.raises(ProposalClosed, match="reserved; this takes approved"):
        line.event.permit(paper.book, line.act)
    assert now(paper, request).state is DisbursementState.RESERVED


def test_nothing_is_unreserved_that_is_not_reserved() -> None:
    paper = stepped()
    request = paper.requested(money(50))
    event = DisbursementUnreserved(disbursement_id=request.disbursement_id, cause=1)

    with pytest.raises(ProposalClosed, match="requested; this takes reserved"):
        event.permit(paper.book, paper.log[-1].act)


def test_what_could_be_reserved_is_asked_without_reserving_it() -> None:
    paper = stepped()
    request = paper.requested(money(50))
    act = paper.log[-1].act

    require_reservable(paper.book, request, eur(100), act)
    with pytest.raises(InsufficientFunds, match=r"100\.01 EUR is asked for.*100\.00 EUR"):
        require_reservable(paper.book, request, eur("100.01"), act)


@pytest.mark.parametrize("ending", ["cancelled", "taken back", "returned", "returned late"])
def test_money_goes_back_to_exactly_those_it_came_from(ending: str) -> None:
    paper = stepped()
    paper.approved(paper.requested(money("33.33")))
    before, reserved = pool(paper).balances, position(paper, "FR").reserved
    request = paper.approved(paper.requested(money("33.33")))
    paid_by(paper, DE=900)

    if ending == "cancelled":
        cancelled(paper, request)
    elif ending == "taken back":
        takes_back(paper, LAWYER, request)
    else:
        request = paper.instructed(request)
        request = paper.settled(request) if ending == "returned late" else request
        returned(paper, request)

    assert pool(paper).balances == {"DE": before["DE"] + eur(900), "FR": before["FR"]}
    assert (position(paper, "FR").reserved, position(paper, "FR").disbursed) == (reserved, eur(0))


def test_what_was_given_back_counts_as_released_no_more() -> None:
    paper = stepped()
    request = paper.approved(paper.requested(money(50)))
    reserved_seq = paper.book.get(Attribution, "DE", request.disbursement_id).reserved_seq

    takes_back(paper, LAWYER, request)

    line = paper.book.get(Attribution, "DE", request.disbursement_id)
    assert (line.reserved_seq, line.ended_seq) == (reserved_seq, len(paper.log) - 1)


def test_a_reservation_after_one_that_was_taken_back_is_attributed_anew() -> None:
    paper = stepped()
    request = paper.approved(paper.requested(money(50)))
    takes_back(paper, LAWYER, request)
    paid_by(paper, FR=20)

    answers(paper, LAWYER, request)

    line = paper.book.get(Attribution, "FR", request.disbursement_id)
    assert now(paper, request).shares == {"DE": eur(25), "FR": eur(25)}
    assert (line.amount, line.ended_seq) == (eur(25), None)
    assert line.reserved_seq == len(paper.log) - 1


def test_a_log_of_reservations_that_came_and_went_is_replayed() -> None:
    paper = stepped()
    request = paper.approved(paper.requested(money("33.33")))
    for _ in range(3):
        takes_back(paper, LAWYER, request)
        answers(paper, LAWYER, request)
    paper.instructed(request)

    assert replayed(paper) == paper.book


def test_a_party_whose_share_is_nothing_gives_nothing() -> None:
    paper = funded(DE=1000, FR="0.01")

    request = paper.approved(paper.requested(money("0.01")))

    assert request.shares == {"DE": eur("0.01")}
    assert all(isinstance(draw, Draw) for draw in request.draws)


def test_two_requests_never_reserve_the_same_money() -> None:
    paper = stepped()
    first, second = (paper.approved(paper.requested(money(60)), but=1) for _ in range(2))
    paper.approved(first)

    with refused(paper, "insufficient_funds", "60.00 EUR", "40.00 EUR"):
        paper.approved(second)

    cancelled(paper, first)
    assert paper.approved(second).state is DisbursementState.RESERVED
