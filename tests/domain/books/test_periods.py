"""Periods: closed by the trustee, opened again by every government together."""

from collections.abc import Callable
from datetime import date

import pytest
from pydantic import ValidationError

from app.domain.admission import admit
from app.domain.books.closing import Closing, closed_through
from app.domain.books.periods import (
    AnswerReopening,
    ClosePeriod,
    PeriodReopened,
    Reopening,
    ReopeningApproved,
    ReopeningRefused,
    ReopeningState,
)
from app.domain.inflow.receipts import Receipt
from app.domain.refusals.decisions import ProposalClosed
from app.domain.refusals.people import RoleNotPermitted
from app.domain.trustee.corrections import CorrectJournal, CorrectReceipt
from tests.support.builders import REQUESTER, TRUSTEE, Person, money, treasury, valued
from tests.support.domain import (
    DIGEST,
    UNKNOWN_ID,
    Door,
    balance,
    entry,
    eur,
    funded,
    lines,
    refused,
    replayed,
    said,
)
from tests.support.periods import answered, approver, proposed

THROUGH = date(2026, 1, 31)


def refuses(paper: Door, proposal: Reopening, party: str) -> None:
    answered(paper, proposal, approver(party), decision="refuse", reason="It was reported")


def january_closed() -> Door:
    paper = funded()
    paper.closed("2026-01-31")
    return paper


def test_a_closed_period_is_kept_with_the_entry_that_closed_it() -> None:
    paper = january_closed()

    closing = paper.book.get(Closing)
    assert (closing.through, closing.decided_seq) == (THROUGH, len(paper.log) - 1)
    assert lines(paper, "period.closed") == {}


def test_a_closing_says_through_which_day() -> None:
    assert said(january_closed(), "period.closed") == (
        "TRUSTEE closed the books through 2026-01-31."
    )


@pytest.mark.parametrize("who", [REQUESTER, treasury("DE"), approver("DE")])
def test_only_the_trustee_closes_and_asks_to_reopen(who: Person) -> None:
    paper = january_closed()

    with refused(paper, "role_not_permitted", "trustee"):
        paper.do(who, ClosePeriod.model_validate({"through": "2026-01-31"}))
    with refused(paper, "role_not_permitted", "trustee"):
        proposed(paper, who=who)


@pytest.mark.parametrize("through", ["2026-02-01", "2026-02-02", "2199-12-31"])
def test_a_day_that_is_not_over_is_not_closed(through: str) -> None:
    paper = funded()

    with refused(paper, "date_out_of_range", through, "2026-02-01"):
        paper.closed(through)


@pytest.mark.parametrize("through", ["2026-01-31", "2026-01-30", "2000-01-01"])
def test_a_closing_never_moves_back(through: str) -> None:
    paper = january_closed()

    with refused(paper, "period_not_closed", "2026-01-31"):
        paper.closed(through)


def test_the_books_are_closed_further_and_further() -> None:
    paper = funded()

    for through in ("2025-12-31", "2026-01-01", "2026-01-31"):
        paper.closed(through)

    assert closed_through(paper.book) == THROUGH
    assert replayed(paper) == paper.book


def _receipt(paper: Door) -> object:
    return paper.paid(paper.agreed("DE", money(10)), money(10))


def _unidentified(paper: Door) -> object:
    return paper.unplaced(money(10))


def _journal(paper: Door) -> object:
    return paper.posted(money(10))


def _conversion(paper: Door) -> object:
    return paper.converted(money(10), money("10.83", "USD"), "1.0825")


def _revaluation(paper: Door) -> object:
    return paper.revalued("2026-01-15")


def _settlement(paper: Door) -> object:
    return paper.settled(paper.instructed(paper.approved(paper.requested(money(10)))))


def _receipt_correction(paper: Door) -> object:
    body = {"receipt_id": paper.newest(Receipt).receipt_id, "effective_date": "2026-01-31"}
    return paper.do(TRUSTEE, CorrectReceipt.model_validate({**body, "reason": "Twice"}))


INTO_THE_PAST = [
    _receipt,
    _unidentified,
    _journal,
    _conversion,
    _revaluation,
    _settlement,
    _receipt_correction,
]


def a_rich_fund() -> Door:
    paper = Door().open(**valued())
    paper.published()
    paper.paid(paper.agreed("FR", money(100, "USD")), money(100, "USD"))
    paper.paid(paper.agreed("DE", money(100)), money(100))
    return paper


@pytest.mark.parametrize("posts", INTO_THE_PAST, ids=lambda posts: str(posts.__name__))
def test_a_closed_period_takes_nothing_whatever_brings_it(posts: Callable[[Door], object]) -> None:
    posts(a_rich_fund())
    paper = a_rich_fund()
    paper.closed("2026-01-31")
    before = paper.book

    with pytest.raises(Exception, match="The books are closed through 2026-01-31") as caught:
        posts(paper)

    assert getattr(caught.value, "code", None) == "period_closed"
    assert paper.book.get(Closing) == before.get(Closing)


def test_a_correction_into_a_closed_period_is_refused_and_goes_into_the_open_one() -> None:
    paper = a_rich_fund()
    posted = paper.posted(money(10), effective_date="2026-01-10")
    paper.closed("2026-01-31")
    body = {"journal_id": posted.journal_id, "reason": "Charged twice"}

    with refused(paper, "period_closed", "2026-01-31"):
        paper.do(TRUSTEE, CorrectJournal(**body, effective_date=THROUGH))

    paper.do(TRUSTEE, CorrectJournal(**body, effective_date=date(2026, 2, 1)))
    assert balance(paper, "own/bank-charges") == eur(0)


def test_late_news_of_a_closed_period_counts_for_the_first_open_day() -> None:
    paper = january_closed()
    agreement = paper.agreed("DE", money(10))

    with refused(paper, "period_closed", "2026-01-31", "2026-01-15"):
        paper.paid(agreement, money(10))
    with refused(paper, "period_closed", "2026-01-31"):
        paper.paid(agreement, money(10), effective_date="2026-01-31")

    paper.paid(agreement, money(10), effective_date="2026-02-01")
    assert paper.newest(Receipt).value_date == date(2026, 1, 15)


def test_a_reopening_waits_for_every_government() -> None:
    paper = january_closed()
    proposal = proposed(paper)

    assert proposal.state is ReopeningState.PROPOSED
    assert proposal.awaiting == ("DE", "FR")
    assert proposal.digest == entry(paper, "period.reopening_proposed").act.digest
    assert (proposal.ballots, proposal.proposed_seq) == ((), len(paper.log) - 1)
    assert closed_through(paper.book) == THROUGH


def test_a_proposal_to_reopen_says_from_when_and_why() -> None:
    paper = january_closed()
    proposed(paper)

    assert said(paper, "period.reopening_proposed") == (
        "TRUSTEE asks to open the books again from 2026-01-01: A late fee"
    )


@pytest.mark.parametrize("from_day", ["2026-02-01", "2026-03-01"])
def test_an_open_day_is_not_reopened(from_day: str) -> None:
    for paper in (january_closed(), funded()):
        with refused(paper, "period_not_closed", from_day):
            proposed(paper, from_day)


def test_one_government_alone_opens_nothing() -> None:
    paper = january_closed()
    proposal = proposed(paper)

    answered(paper, proposal, approver("DE"))

    assert paper.newest(Reopening).awaiting == ("FR",)
    assert closed_through(paper.book) == THROUGH
    assert said(paper, "period.reopening_approved") == (
        f"DE agreed to open the books again (proposal {proposal.reopening_id})."
    )
    with refused(paper, "period_closed"):
        paper.unplaced(money(10))


def test_with_the_last_government_the_books_are_open_from_the_proposed_day() -> None:
    paper = january_closed()
    proposal = proposed(paper, "2026-01-10")
    for party in ("FR", "DE"):
        answered(paper, proposal, approver(party))

    reopened = entry(paper, "period.reopened").event
    assert isinstance(reopened, PeriodReopened)
    assert reopened.ballots == (len(paper.log) - 3, len(paper.log) - 2)
    assert reopened.cause == len(paper.log) - 2
    assert paper.newest(Reopening).state is ReopeningState.REOPENED
    assert closed_through(paper.book) == date(2026, 1, 9)
    assert said(paper, "period.reopened") == "The books are open again, on 2 approvals."
    paper.unplaced(money(10), value_date="2026-01-10")
    with refused(paper, "period_closed", "2026-01-09"):
        paper.unplaced(money(10), value_date="2026-01-09")
    assert replayed(paper) == paper.book


def test_what_was_reopened_is_closed_again() -> None:
    paper = january_closed()
    proposal = proposed(paper)
    for party in ("DE", "FR"):
        answered(paper, proposal, approver(party))

    paper.closed("2026-01-31")

    with refused(paper, "period_closed"):
        paper.unplaced(money(10))


def test_one_refusal_leaves_the_books_closed() -> None:
    paper = january_closed()
    proposal = proposed(paper)
    answered(paper, proposal, approver("DE"))
    refuses(paper, proposal, "FR")

    assert paper.newest(Reopening).state is ReopeningState.REFUSED
    assert closed_through(paper.book) == THROUGH
    assert said(paper, "period.reopening_refused") == (
        "FR did not agree to open the books again: It was reported"
    )


def test_whoever_refuses_to_reopen_says_why() -> None:
    paper = january_closed()
    proposal = proposed(paper)

    with refused(paper, "reason_required"):
        answered(paper, proposal, approver("DE"), decision="refuse")


def test_a_government_answers_a_reopening_once() -> None:
    paper = january_closed()
    proposal = proposed(paper)
    answered(paper, proposal, approver("DE"))

    with refused(paper, "already_decided", "DE"):
        answered(paper, proposal, approver("DE"))
    with refused(paper, "already_decided", "DE"):
        refuses(paper, proposal, "DE")


@pytest.mark.parametrize("decision", ["approve", "refuse"])
def test_a_reopening_that_was_decided_is_not_answered_any_more(decision: str) -> None:
    paper = january_closed()
    proposal = proposed(paper)
    if decision == "refuse":
        refuses(paper, proposal, "DE")
    else:
        answered(paper, proposal, approver("DE"))
        answered(paper, proposal, approver("FR"))

    with refused(paper, "proposal_closed"):
        answered(paper, proposal, approver("FR"))


def test_an_answer_binds_exactly_the_proposal_that_was_read() -> None:
    paper = january_closed()
    first, second = proposed(paper), proposed(paper, "2000-01-01")

    with refused(paper, "stale_proposal", second.digest):
        answered(paper, second, approver("DE"), digest=first.digest)


@pytest.mark.parametrize("who", [TRUSTEE, treasury("DE"), REQUESTER])
def test_only_a_treasurys_approver_answers_a_reopening(who: Person) -> None:
    paper = january_closed()
    proposal = proposed(paper)

    with refused(paper, "role_not_permitted", "treasury_approver"):
        answered(paper, proposal, who)


def test_what_nobody_proposed_is_not_answered() -> None:
    paper = january_closed()
    body = {"reopening_id": UNKNOWN_ID, "decision": "approve", "digest": DIGEST}

    with refused(paper, "not_found", "reopenings"):
        paper.do(approver("DE"), AnswerReopening.model_validate(body))


def test_a_reopening_opens_nothing_but_what_everybody_was_asked_for() -> None:
    """Neither after another opened the books, nor after more, or the same, was closed anew."""
    paper = january_closed()
    early, late = proposed(paper, "2026-01-01"), proposed(paper, "2026-01-20")
    answered(paper, late, approver("DE"))
    for party in ("DE", "FR"):
        answered(paper, early, approver(party))

    with refused(paper, "stale_proposal", "2026-01-31", "2025-12-31"):
        answered(paper, late, approver("FR"))
    for day in ("2026-01-15", "2026-01-31"):
        paper.closed(day)
        with refused(paper, "stale_proposal", f"entry {len(paper.log) - 1}", day):
            answered(paper, late, approver("FR"))

    assert closed_through(paper.book) == date(2026, 1, 31)
    assert replayed(paper) == paper.book


def test_nobody_but_the_ledger_reopens_and_it_not_before_everybody_agreed() -> None:
    paper = january_closed()
    proposal = proposed(paper)
    answered(paper, proposal, approver("DE"))
    act, event = (
        paper.log[-1].act,
        PeriodReopened(reopening_id=proposal.reopening_id, cause=0, ballots=()),
    )

    with pytest.raises(RoleNotPermitted):
        admit(paper.book, event, act)
    with pytest.raises(ProposalClosed):
        admit(paper.book, event, act.by_ledger(len(paper.log), ""))


def test_a_log_turns_no_answer_to_a_reopening_into_the_other() -> None:
    data = {"reopening_id": UNKNOWN_ID, "digest": DIGEST, "reason": "R"}

    with pytest.raises(ValidationError, match="states refuse"):
        ReopeningApproved.read({**data, "decision": "refuse"}, {})
    with pytest.raises(ValidationError, match="states approve"):
        ReopeningRefused.read({**data, "decision": "approve"}, {})
