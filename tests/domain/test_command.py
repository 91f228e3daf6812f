"""Commands: what is asked, in which role, and on which rows."""

from typing import Any

import pytest

from app.domain.admission import wanted
from app.domain.book import Book, key
from app.domain.catalogue import COMMANDS, EVENTS
from app.domain.command import Actor, Command
from app.domain.event import Act
from app.domain.governance.funds import fund_key
from app.domain.governance.members import Member
from app.domain.inflow.agreements import Agreement, SignAgreement
from app.domain.inflow.pledges import AnnouncePledge
from app.domain.outflow.approvals import AnswerStep
from app.domain.proposals.proposals import OpenProposal
from app.domain.values import Role
from tests.support.builders import a_charter, a_pledge, money
from tests.support.domain import DIGEST, UNKNOWN_ID, funded
from tests.support.paper import START

BOOK = Book(complete=True)


def an_actor(*roles: Role) -> Actor:
    return Actor("DE", "de-1", frozenset(roles))


def signature() -> SignAgreement:
    return SignAgreement(agreement_id=UNKNOWN_ID, digest=DIGEST)


def test_every_event_that_is_not_the_ledgers_is_asked_for_by_a_command() -> None:
    asked = {command.event for command in COMMANDS.values()}
    mine = {event for event in EVENTS.values() if event.actor_roles}

    # AnswerStep asks for one of three, AnswerReopening for one of two.
    others = {"approval.refused", "approval.abstained", "period.reopening_refused"}
    assert {event.type for event in mine - asked} == others
    assert asked <= mine


def test_a_command_is_done_in_a_role_that_the_event_takes_and_the_actor_holds() -> None:
    assert signature().in_role(BOOK, an_actor(Role.ADMIN, Role.TREASURY)) is Role.TREASURY
    assert signature().in_role(BOOK, an_actor(Role.TRUSTEE)) is Role.TRUSTEE
    assert signature().in_role(BOOK, an_actor(Role.TRUSTEE, Role.TREASURY)) is Role.TREASURY


def test_without_such_a_role_a_command_names_one_that_it_takes() -> None:
    assert signature().in_role(BOOK, an_actor(Role.OBSERVER)) is Role.TREASURY
    assert signature().in_role(BOOK, an_actor()) is Role.TREASURY


def test_what_was_not_stated_is_not_stated_for_the_event() -> None:
    command = AnnouncePledge.model_validate(a_pledge(money(5)))

    assert set(command.stated()) == {"window", "amount"}


def test_the_actors_membership_is_always_named() -> None:
    command = AnnouncePledge.model_validate(a_pledge(money(5)))

    named = wanted([(command, an_actor())], Book())

    assert {key(Member, "de-1"), fund_key()} <= named


def test_rows_are_named_in_rounds_until_nothing_new_is_named() -> None:
    paper = funded(DE=60)
    agreement = paper.newest(Agreement)
    command = SignAgreement(agreement_id=agreement.agreement_id, digest=agreement.digest)
    book = Book()

    first = wanted([(command, an_actor())], book)
    book = book.loaded((row, paper.book.peek(row[0], *row[1])) for row in first)
    second = wanted([(command, an_actor())], book)
    book = book.loaded((row, paper.book.peek(row[0], *row[1])) for row in second)
    third = wanted([(command, an_actor())], book)
    book = book.loaded((row, paper.book.peek(row[0], *row[1])) for row in third)

    assert key(Agreement, agreement.agreement_id) in first
    assert {kind.table for kind, _ in second} == {"accounts", "positions"}
    assert {kind.table for kind, _ in third} == {"account_days", "account_months"}
    assert wanted([(command, an_actor())], book) == set()


def test_a_complete_book_lacks_nothing() -> None:
    assert wanted([(signature(), an_actor())], BOOK) == set()


def test_a_command_that_says_nothing_of_itself_is_incomplete() -> None:
    bare = Command()
    act = Act(0, START, "DE", "de-1", Role.ADMIN, DIGEST, lambda: UNKNOWN_ID)

    with pytest.raises(NotImplementedError):
        list(bare.reads(BOOK, an_actor()))
    with pytest.raises(NotImplementedError):
        bare.decide(BOOK, act)


def test_a_command_is_about_the_ids_and_the_answer_that_it_names() -> None:
    asked = {"disbursement_id": UNKNOWN_ID, "step": "legal_review", "decision": "refuse"}
    answer = AnswerStep.model_validate({**asked, "digest": DIGEST, "reason": "Not for all"})

    assert answer.about() == asked
    assert signature().about() == {"agreement_id": UNKNOWN_ID}


@pytest.mark.parametrize(
    "subject",
    [{"kind": "closing", "reason": "Not for all"}, {"kind": "charter", "charter": a_charter()}],
)
def test_a_proposal_is_about_nothing_that_fits_into_a_line(subject: dict[str, Any]) -> None:
    """The access log keeps it for ever: neither texts nor whole charters."""
    proposal = OpenProposal.model_validate({"title": "It", "subject": subject})

    assert proposal.about() == {}
