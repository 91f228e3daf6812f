"""Corrections: what was wrong is posted once more, reversed, in an open period, once."""

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from app.domain.admission import admit
from app.domain.books.valuation import Holding
from app.domain.event import Event
from app.domain.inflow.agreements import Agreement, AgreementState
from app.domain.inflow.receipts import BankLine, Receipt
from app.domain.inflow.suspense import ResolveSuspense, SuspenseItem, SuspenseState
from app.domain.refusals.money import AlreadyCorrected
from app.domain.trustee.corrections import (
    CorrectJournal,
    CorrectReceipt,
    JournalCorrected,
    ReceiptCorrected,
)
from app.domain.trustee.journals import JournalEntry
from tests.support.builders import REQUESTER, TRUSTEE, Person, a_charter, money, treasury, valued
from tests.support.domain import (
    UNKNOWN_ID,
    Door,
    balance,
    entry,
    eur,
    funded,
    lines,
    pool,
    position,
    refused,
    replayed,
    returned,
    said,
)

OPEN_DAY = "2026-02-01"


def undone(
    paper: Door, wrong: JournalEntry | Receipt, who: Person = TRUSTEE, day: str = OPEN_DAY
) -> Event:
    body = {"effective_date": day, "reason": "Booked twice"}
    if isinstance(wrong, JournalEntry):
        body["journal_id"] = wrong.journal_id
        return paper.do(who, CorrectJournal.model_validate(body))
    body["receipt_id"] = wrong.receipt_id
    return paper.do(who, CorrectReceipt.model_validate(body))


def a_fund() -> Door:
    return Door().open(**valued())


def received(paper: Door, amount: int | str = 60, **changes: Any) -> Receipt:
    paper.paid(paper.agreed("DE", money(100)), money(amount), "FT-1", **changes)
    receipt: Receipt = paper.newest(Receipt)
    return receipt


def test_a_corrected_journal_entry_is_posted_in_reverse_line_by_line() -> None:
    paper = a_fund()
    wrong = paper.posted(money(10))
    undone(paper, wrong)

    assert lines(paper, "journal.corrected") == {
        "own/bank-charges": -10_00,
        "own/accruals": 10_00,
    }
    assert {p.effective for p in entry(paper, "journal.corrected").postings} == {date(2026, 2, 1)}
    assert balance(paper, "own/bank-charges") == balance(paper, "own/accruals") == eur(0)
    kept = paper.book.get(JournalEntry, wrong.journal_id)
    assert (kept.corrected_seq, kept.lines) == (len(paper.log) - 1, wrong.lines)
    assert replayed(paper) == paper.book


def test_a_journal_correction_names_the_entry_and_says_why() -> None:
    paper = a_fund()
    wrong = paper.posted(money(10))
    event = undone(paper, wrong)

    assert isinstance(event, JournalCorrected)
    assert event.corrects == wrong.posted_seq
    assert said(paper, "journal.corrected") == (
        f"TRUSTEE reversed the journal entry of seq {wrong.posted_seq}: Booked twice"
    )


def test_a_corrected_receipt_takes_everything_back_that_it_brought() -> None:
    paper = funded()
    wrong = received(paper)
    undone(paper, wrong)

    assert lines(paper, "receipt.corrected") == {
        "cash/BANK-EUR": -60_00,
        f"receivable/{wrong.agreement_id}": 60_00,
        "deferred/DE/budget": -60_00,
        "contributor/DE/budget": 60_00,
    }
    assert pool(paper).available == eur(0)
    assert position(paper, "DE").received == eur(0)
    assert paper.newest(Agreement).outstanding == eur(100)
    assert paper.newest(Receipt).corrected_seq == len(paper.log) - 1
    assert paper.book.get(BankLine, "BANK-EUR", "FT-1").corrected_seq == len(paper.log) - 1
    assert replayed(paper) == paper.book


def test_a_receipt_correction_names_the_entry_and_says_why() -> None:
    paper = funded()
    wrong = received(paper)
    event = undone(paper, wrong)

    assert isinstance(event, ReceiptCorrected)
    assert event.corrects == wrong.booked_seq
    assert said(paper, "receipt.corrected") == (
        f"TRUSTEE took back the receipt of seq {wrong.booked_seq}: Booked twice"
    )


def test_an_agreement_that_was_fulfilled_by_mistake_is_in_force_again() -> None:
    paper = funded()
    wrong = received(paper, 100)
    assert paper.newest(Agreement).state is AgreementState.FULFILLED

    undone(paper, wrong)

    assert paper.newest(Agreement).state is AgreementState.IN_FORCE


def test_a_bank_line_is_booked_anew_once_its_booking_was_corrected_and_only_then() -> None:
    paper = funded()
    wrong = received(paper)
    right = paper.agreed("FR", money(100))
    with refused(paper, "bank_reference_used", f"Entry {wrong.booked_seq}"):
        paper.paid(right, money(60), "FT-1")

    undone(paper, wrong)
    paper.paid(right, money(60), "FT-1")

    assert pool(paper).balances == {"DE": eur(0), "FR": eur(60)}
    line = paper.book.get(BankLine, "BANK-EUR", "FT-1")
    assert (line.booked_seq, line.corrected_seq) == (len(paper.log) - 1, None)
    with refused(paper, "bank_reference_used"):
        paper.paid(right, money("0.01"), "FT-1")
    with refused(paper, "already_corrected"):
        undone(paper, wrong)


def test_an_entry_is_corrected_once_and_a_correction_never() -> None:
    paper = a_fund()
    journal, receipt = paper.posted(money(10)), received(paper)
    for wrong in (journal, receipt):
        undone(paper, wrong)
        seq = len(paper.log) - 1

        with refused(paper, "already_corrected", f"Entry {seq}"):
            undone(paper, wrong)
        with refused(paper, "already_corrected", f"Entry {seq}"):
            undone(paper, wrong, day="2026-02-02")


def test_a_correction_is_nothing_that_could_be_corrected() -> None:
    """It brings no journal entry and no receipt into being: there is no id to name it by."""
    paper = a_fund()
    journal, receipt = paper.posted(money(10)), received(paper)
    before = len(paper.rows(JournalEntry)), len(paper.rows(Receipt))

    corrections = undone(paper, journal), undone(paper, receipt)

    assert (len(paper.rows(JournalEntry)), len(paper.rows(Receipt))) == before
    assert all(event.derived().keys() <= {"corrects", "party"} for event in corrections)


def test_what_does_not_exist_is_not_corrected() -> None:
    paper = a_fund()
    body = {"effective_date": OPEN_DAY, "reason": "R"}

    with refused(paper, "not_found", "journal_entries"):
        paper.do(TRUSTEE, CorrectJournal.model_validate({**body, "journal_id": UNKNOWN_ID}))
    with refused(paper, "not_found", "receipts"):
        paper.do(TRUSTEE, CorrectReceipt.model_validate({**body, "receipt_id": UNKNOWN_ID}))


@pytest.mark.parametrize(
    ("day", "words"),
    [("2026-01-14", ("2026-01-15", "2026-01-14")), ("2026-02-03", ("2026-02-03", "2026-02-01"))],
)
def test_a_correction_counts_neither_before_what_it_corrects_nor_in_the_future(
    day: str, words: tuple[str, str]
) -> None:
    paper = a_fund()

    for wrong in (paper.posted(money(10)), received(paper)):
        with refused(paper, "date_out_of_range", *words):
            undone(paper, wrong, day=day)


def test_what_belongs_to_a_closed_period_is_corrected_in_the_open_one() -> None:
    paper = a_fund()
    everything: tuple[JournalEntry | Receipt, ...] = (paper.posted(money(10)), received(paper))
    paper.closed("2026-01-31")

    for wrong in everything:
        for day in ("2026-01-15", "2026-01-31"):
            with refused(paper, "period_closed", "2026-01-31", day):
                undone(paper, wrong, day=day)
        undone(paper, wrong)

    assert balance(paper, "own/bank-charges") == balance(paper, "cash/BANK-EUR") == eur(0)
    assert replayed(paper) == paper.book


@pytest.mark.parametrize("who", [REQUESTER, treasury("FR")])
def test_a_journal_entry_is_corrected_by_the_trustee_only(who: Person) -> None:
    paper = a_fund()
    wrong = paper.posted(money(10))

    with refused(paper, "role_not_permitted", "trustee"):
        undone(paper, wrong, who)


def test_a_treasury_corrects_its_own_receipts_only() -> None:
    paper = funded()
    wrong = received(paper)

    with refused(paper, "wrong_party", "DE", "FR"):
        undone(paper, wrong, treasury("FR"))
    with refused(paper, "role_not_permitted", "treasury or trustee"):
        undone(paper, wrong, REQUESTER)
    undone(paper, wrong, treasury("DE"))


def test_money_that_was_paid_on_is_not_taken_back() -> None:
    paper = funded()
    wrong = received(paper)
    paper.paid(paper.agreed("FR", money(60)), money(60))
    paper.approved(paper.requested(money("0.02")))

    with refused(paper, "insufficient_funds", "60.00 EUR", "DE", "59.99 EUR", "budget"):
        undone(paper, wrong)


def test_a_receipt_whose_money_came_back_is_taken_back() -> None:
    paper = funded()
    wrong = received(paper)
    request = paper.instructed(paper.approved(paper.requested(money(60))))
    with refused(paper, "insufficient_funds", "DE", "0.00 EUR"):
        undone(paper, wrong)
    returned(paper, paper.settled(request))

    undone(paper, wrong)
    assert balance(paper, "cash/BANK-EUR") == pool(paper).available == eur(0)


def test_a_receipt_is_taken_back_from_the_bank_account_that_it_came_into() -> None:
    accounts = [*a_charter()["bank_accounts"], {"id": "SECOND", "currency": "EUR"}]
    paper = Door().open(bank_accounts=accounts)
    wrong = received(paper)
    paper.paid(paper.agreed("FR", money(60)), money(60), bank_account="SECOND")
    paper.instructed(paper.approved(paper.requested(money(50))))
    paper.paid(paper.agreed("DE", money(60)), money(60), bank_account="SECOND")

    with refused(paper, "insufficient_funds", "BANK-EUR", "10.00 EUR"):
        undone(paper, wrong)


def test_a_receipt_in_a_foreign_currency_is_taken_back_without_gain_or_loss() -> None:
    paper = a_fund()
    paper.published()
    paper.published("2026-02-01", USD="1.25")
    amount = money("108.25", "USD")
    paper.paid(paper.agreed("DE", amount), amount, "FT-1")

    undone(paper, paper.newest(Receipt))

    posted = lines(paper, "receipt.corrected")
    assert (posted["fx/USD"], posted["translation/USD"]) == (-100_00, 100_00)
    assert "realised/USD" not in posted
    holding = paper.book.get(Holding, "USD")
    assert (holding.held.minor, holding.cost_minor, holding.realised_minor) == (0, 0, 0)


def test_money_that_cost_nothing_is_taken_back_for_nothing_even_without_a_rate() -> None:
    # One yen at 300 is a third of a cent, which is none; at 150 it would be one.
    for day in ("2026-02-01", "2026-01-31"):
        paper = a_fund()
        paper.published("2026-01-15", JPY="300")
        if day == "2026-02-01":
            paper.published("2026-02-01", JPY="150")
        paper.paid(paper.agreed("DE", money(1, "JPY")), money(1, "JPY"), "FT-1")

        undone(paper, paper.newest(Receipt), day=day)

        holding = paper.book.get(Holding, "JPY")
        assert (holding.held.minor, holding.cost_minor, holding.realised_minor) == (0, 0, 0)
        assert balance(paper, "realised/JPY") == eur(0)


def test_a_receipt_that_came_out_of_suspense_is_taken_back_from_the_bank() -> None:
    paper = a_fund()
    item = paper.unplaced(money(60))
    agreement = paper.agreed("DE", money(100))
    body = {
        "suspense_id": item.suspense_id,
        "agreement_id": agreement.agreement_id,
        "effective_date": "2026-01-20",
    }
    paper.do(TRUSTEE, ResolveSuspense.model_validate(body))
    undone(paper, paper.newest(Receipt))

    assert lines(paper, "receipt.corrected")["cash/BANK-EUR"] == -60_00
    assert balance(paper, "suspense") == eur(0)
    assert paper.newest(SuspenseItem).state is SuspenseState.RESOLVED
    assert paper.book.get(BankLine, "BANK-EUR", item.bank_reference).corrected_seq is not None
    assert paper.unplaced(money(60), bank_reference=item.bank_reference).amount == eur(60)


def test_a_log_cannot_claim_that_another_entry_was_corrected() -> None:
    paper = a_fund()
    for wrong in (paper.posted(money(10)), received(paper)):
        before = paper.book
        undone(paper, wrong)
        line = paper.log[-1]

        with pytest.raises(AlreadyCorrected, match="not 0"):
            admit(before, line.event.model_copy(update={"corrects": 0}), line.act)


@pytest.mark.parametrize(
    "changes",
    [{"reason": ""}, {"reason": None}, {"effective_date": "2026-02-30"}, {"corrects": 1}],
)
def test_a_correction_has_its_form(changes: dict[str, Any]) -> None:
    body = {"effective_date": OPEN_DAY, "reason": "R"}

    with pytest.raises(ValidationError):
        CorrectJournal.model_validate({**body, "journal_id": UNKNOWN_ID, **changes})
    with pytest.raises(ValidationError):
        CorrectReceipt.model_validate({**body, "receipt_id": UNKNOWN_ID, **changes})
