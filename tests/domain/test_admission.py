"""Admission: the one way into a book, for the server and for the auditor alike."""

from hashlib import sha256
from typing import Any

import pytest

from app.chain.canonical import encode
from app.domain.admission import UnknownEvent, admit, decided, event_of, record
from app.domain.book import Book
from app.domain.event import Act, Event
from app.domain.governance.funds import FundOpened, OpenFund
from app.domain.governance.membership import RemoveMember
from app.domain.inflow.agreements import Agreement, AgreementEnteredIntoForce
from app.domain.inflow.pledges import AnnouncePledge, PledgeAnnounced
from app.domain.inflow.receipts import BookReceipt, ReceiptBooked
from app.domain.outflow.disbursements import Disbursement
from app.domain.outflow.outcomes import DisbursementApproved, DisbursementRefused
from app.domain.outflow.reservations import DisbursementReserved
from app.domain.refusals.base import Refusal
from app.domain.refusals.people import SignatureMismatch
from app.domain.values import LEDGER_PARTY, Role
from tests.support.builders import TRUSTEE, a_charter, a_pledge, a_receipt, money
from tests.support.domain import UNKNOWN_ID, Door, admin, entry, funded, refused, replayed

PLEDGE = PledgeAnnounced.read(a_pledge(money(5)), {"pledge_id": UNKNOWN_ID})


def forged(paper: Door, event: Event, act: Act) -> str:
    """The code with which an entry that the rules did not bring about is turned away."""
    with pytest.raises(Refusal) as caught:
        admit(paper.book, event, act)
    return caught.value.code


def ledgers(paper: Door) -> Act:
    return paper.log[-1].act.by_ledger(len(paper.log), "0" * 64)


def test_an_event_is_made_from_its_entry() -> None:
    event = event_of("pledge.announced", dict(a_pledge(money(5))), {"pledge_id": UNKNOWN_ID})

    assert event == PLEDGE


def test_an_event_of_another_version_is_unknown() -> None:
    with pytest.raises(UnknownEvent, match=r"pledge\.sung is not in the catalogue"):
        event_of("pledge.sung", {}, {})


def test_a_person_cannot_record_a_consequence() -> None:
    paper = funded(DE=60)
    consequence = entry(paper, "agreement.entered_into_force").event

    with refused(paper, "role_not_permitted", "Only the ledger"):
        admit(paper.book, consequence, paper.log[-1].act)


def test_the_ledger_cannot_record_what_a_person_does() -> None:
    paper = funded(DE=60)

    with refused(paper, "role_not_permitted", "consequences only"):
        admit(paper.book, PLEDGE, ledgers(paper))


def test_a_role_that_the_member_does_not_hold_is_no_role() -> None:
    paper = funded(DE=60)
    act = entry(paper, "receipt.booked").act

    assert forged(paper, PLEDGE, act._replace(role=Role.ADMIN)) == "role_not_permitted"
    assert forged(paper, PLEDGE, act._replace(subject="de-admin")) == "role_not_permitted"
    assert forged(paper, PLEDGE, act._replace(party="FR")) == "not_a_member"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"subject": "stranger"}, "not_a_member"),
        ({"party": "FR"}, "not_a_member"),
        ({"role": Role.ADMIN}, "role_not_permitted"),
        ({"subject": "de-admin"}, "role_not_permitted"),
        ({"party": LEDGER_PARTY}, "role_not_permitted"),
        ({}, "not_found"),
    ],
)
def test_who_may_not_ask_learns_that_and_not_what_there_is(
    changes: dict[str, Any], code: str
) -> None:
    paper = funded(DE=60)
    act = entry(paper, "receipt.booked").act._replace(**changes)
    command = BookReceipt.model_validate(a_receipt(UNKNOWN_ID, money(5), "X1"))

    with refused(paper, code):
        decided(paper.book, command, act)


def test_who_is_a_member_no_more_learns_nothing_either() -> None:
    paper = funded(DE=60)
    act = entry(paper, "receipt.booked").act
    paper.do(admin("DE"), RemoveMember(subject=act.subject))

    with refused(paper, "not_a_member", "DE"):
        decided(paper.book, BookReceipt.model_validate(a_receipt(UNKNOWN_ID, money(5), "X1")), act)


def test_a_fund_is_opened_where_nobody_is_a_member_yet() -> None:
    act = entry(funded(), "fund.opened").act
    command = OpenFund.model_validate(a_charter())

    assert act.subject == TRUSTEE.subject
    assert isinstance(decided(Book(complete=True), command, act), FundOpened)


def test_each_entry_brings_its_own_journal_lines_only() -> None:
    paper = funded(DE=60)
    assert paper.book.postings != ()

    after = admit(paper.book, PLEDGE, entry(paper, "receipt.booked").act)

    assert after.postings == ()


def test_an_agreement_cannot_enter_into_force_twice() -> None:
    paper = funded(DE=60)
    identifier = paper.newest(Agreement).agreement_id
    again = AgreementEnteredIntoForce(agreement_id=identifier, cause=0)

    assert forged(paper, again, ledgers(paper)) == "proposal_closed"


def test_an_approval_that_is_missing_cannot_be_decided_away() -> None:
    paper = funded(DE=60)
    waiting = paper.requested(money(50))
    decision = DisbursementApproved.of(paper.book, waiting.disbursement_id, 0)

    with refused(paper, "proposal_closed", "9 approvals are still missing"):
        admit(paper.book, decision, ledgers(paper))


def test_nothing_is_reserved_twice() -> None:
    paper = funded(DE=60)
    paper.approved(paper.requested(money(20)))
    reservation = entry(paper, "disbursement.reserved").event

    assert forged(paper, reservation, ledgers(paper)) == "proposal_closed"


def test_more_than_is_available_cannot_be_reserved_even_by_the_ledger() -> None:
    paper = funded(DE=60)
    paper.approved(paper.requested(money(20)))
    reservation = entry(paper, "disbursement.reserved").event
    assert isinstance(reservation, DisbursementReserved)
    before = admit_until(paper, "disbursement.approved")
    amount = reservation.amount + reservation.amount + reservation.amount + reservation.amount

    with pytest.raises(Refusal) as caught:
        admit(before, reservation.model_copy(update={"amount": amount}), ledgers(paper))

    assert caught.value.code == "insufficient_funds"


def test_what_is_reserved_cannot_be_refused_any_more() -> None:
    paper = funded(DE=60)
    paper.approved(paper.requested(money(20)))
    identifier = paper.newest(Disbursement).disbursement_id
    refusal = DisbursementRefused(disbursement_id=identifier, cause=0, party="DE")

    assert forged(paper, refusal, ledgers(paper)) == "proposal_closed"


def test_a_receipt_cannot_name_another_contributor_than_its_agreement() -> None:
    paper = funded(DE=60)
    act = entry(paper, "receipt.booked").act
    agreement = paper.agreed("DE", money(5))
    stated = a_receipt(agreement.agreement_id, money(5), "X1")
    for worked_out in ({"party": "FR", "window": "budget"}, {"party": "DE", "window": "defence"}):
        receipt = ReceiptBooked.read(stated, {"receipt_id": UNKNOWN_ID, **worked_out})

        with refused(paper, "wrong_party", "another contributor or window"):
            admit(paper.book, receipt, act)


def test_the_log_of_a_whole_life_gives_the_same_book_again() -> None:
    paper = funded(DE=60, FR=40)
    paper.settled(paper.instructed(paper.approved(paper.requested(money(50)))))

    assert replayed(paper) == paper.book
    assert any(line.act.party == LEDGER_PARTY for line in paper.log)


def admit_until(paper: Door, event_type: str) -> Book:
    """The book as it was right after the last entry of this type."""
    last = paper.log.index(entry(paper, event_type))
    book = Book(complete=True)
    for line in paper.log[: last + 1]:
        book = admit(book, line.event, line.act)
    return book


def a_command(paper: Door) -> tuple[AnnouncePledge, Act]:
    act = paper.log[0].act._replace(
        seq=len(paper.log), party="DE", subject="de-treasury", role=Role.TREASURY, digest=""
    )
    return AnnouncePledge.model_validate(a_pledge(money(5))), act._replace(
        new_id=lambda: UNKNOWN_ID
    )


def test_recording_gives_the_event_its_bytes_and_the_book_after_it() -> None:
    paper = funded(DE=60)
    command, act = a_command(paper)

    (recorded,) = record(paper.book, command, act, encode)

    assert recorded.event == PLEDGE
    assert recorded.data == encode(a_pledge(money(5)))
    assert recorded.act.digest == sha256(recorded.data).hexdigest()
    assert recorded.book == admit(paper.book, PLEDGE, recorded.act)


def test_consequences_are_recorded_by_the_ledger_behind_their_cause() -> None:
    paper = funded(DE=60)
    last = paper.log[-1]

    kinds = [(line.event.type, line.act.party, line.act.at) for line in paper.log]

    signed = [line for line in paper.log if line.event.type == "agreement.signed"][-1]
    assert ("agreement.entered_into_force", LEDGER_PARTY, signed.act.at) in kinds
    assert last.act.seq == len(paper.log) - 1


def test_what_the_shell_cannot_vouch_for_is_refused_before_the_rules_are_asked() -> None:
    paper = funded(DE=60)
    command, act = a_command(paper)
    vetted: list[tuple[str, str]] = []

    def vet(book: Book, event: Event, here: Act) -> None:
        vetted.append((event.type, here.digest))
        raise SignatureMismatch("It does not hold.")

    with refused(paper, "signature_mismatch"):
        record(paper.book, command, act._replace(role=Role.TREASURY), encode, vet)

    assert vetted == [("pledge.announced", sha256(encode(a_pledge(money(5)))).hexdigest())]
