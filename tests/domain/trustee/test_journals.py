"""Journal entries: balanced in each currency, on the trustee's own accounts and no others."""

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from app.domain.trustee.journals import JournalEntry, JournalPosted, PostJournal
from app.domain.values import MAX_MINOR, Money
from tests.support.builders import (
    REQUESTER,
    TRUSTEE,
    Person,
    a_journal,
    a_line,
    money,
    treasury,
    valued,
)
from tests.support.domain import Door, balance, entry, eur, jpy, lines, refused, replayed, said

MOST = Money(MAX_MINOR, "EUR").wire()


def a_fund() -> Door:
    return Door().open(**valued())


def charged(eur_minor: int, jpy_minor: int = 0) -> list[dict[str, Any]]:
    """Charges in two currencies, each of whose sides may be too high."""
    euros, yen = Money(10_00 + eur_minor, "EUR").wire(), Money(1000 + jpy_minor, "JPY").wire()
    return [
        a_line("bank-charges", "debit", euros),
        a_line("accruals", "credit", money(10)),
        a_line("yen-charges", "debit", yen),
        a_line("yen-accruals", "credit", money(1000, "JPY")),
    ]


def test_a_journal_entry_debits_and_credits_the_trustees_own_accounts() -> None:
    paper = a_fund()
    paper.posted(money(10))

    assert lines(paper, "journal.posted") == {"own/bank-charges": 10_00, "own/accruals": -10_00}
    assert {p.effective for p in entry(paper, "journal.posted").postings} == {date(2026, 1, 15)}
    assert replayed(paper) == paper.book


def test_a_journal_entry_is_kept_as_it_was_stated() -> None:
    paper = a_fund()
    posted = paper.posted(money(10))

    assert (posted.effective_date, posted.memo) == (date(2026, 1, 15), "Charges of January")
    assert [line.model_dump(mode="json") for line in posted.lines] == a_journal(money(10))["lines"]
    assert (posted.posted_seq, posted.corrected_seq) == (len(paper.log) - 1, None)


def test_a_journal_entry_says_how_many_lines_it_has_and_what_for() -> None:
    paper = a_fund()
    paper.posted(money(10))

    assert said(paper, "journal.posted") == ("TRUSTEE posted 2 journal lines: Charges of January")


def test_a_journal_entry_balances_in_each_of_its_currencies() -> None:
    paper = a_fund()
    paper.posted(money(10), lines=charged(0))

    assert balance(paper, "own/bank-charges") == eur(10)
    assert balance(paper, "own/yen-charges", "JPY") == jpy(1000)


@pytest.mark.parametrize(
    ("off", "words"),
    [((1, 0), ("EUR", "1 minor")), ((0, -1), ("JPY", "1 minor")), ((1, -1), ("EUR", "1 minor"))],
)
def test_a_journal_entry_that_is_off_in_one_currency_is_refused(
    off: tuple[int, int], words: tuple[str, str]
) -> None:
    paper = a_fund()

    with refused(paper, "unbalanced", *words):
        paper.posted(money(10), lines=charged(*off))


def test_two_debits_are_not_balanced_by_their_likeness() -> None:
    paper = a_fund()
    line = a_line("bank-charges", "debit", money(10))

    with refused(paper, "unbalanced", "EUR", "2000"):
        paper.posted(money(10), lines=[line, line])


def test_an_account_may_stand_on_many_lines() -> None:
    paper = a_fund()
    one, two = money(1), money(2)
    paper.posted(
        one,
        lines=[
            a_line("bank-charges", "debit", one),
            a_line("bank-charges", "debit", one),
            a_line("accruals", "credit", two),
        ],
    )

    assert balance(paper, "own/bank-charges") == eur(2)


@pytest.mark.parametrize("account", ["cash", "suspense", "contributor", "nowhere"])
def test_an_account_that_the_charter_does_not_declare_is_unknown(account: str) -> None:
    paper = a_fund()
    wrong = [a_line(account, "debit", money(1)), a_line("accruals", "credit", money(1))]

    with refused(paper, "unknown_account"):
        paper.posted(money(1), lines=wrong)


@pytest.mark.parametrize("account", ["cash/BANK-EUR", "../cash", "own/accruals", "CASH", ""])
def test_a_journal_line_cannot_name_an_account_of_the_funds_money(account: str) -> None:
    wrong = [a_line(account, "debit", money(1)), a_line("accruals", "credit", money(1))]

    with pytest.raises(ValidationError, match="pattern"):
        PostJournal.model_validate(a_journal(money(1), lines=wrong))


def test_an_account_is_kept_in_one_currency() -> None:
    paper = a_fund()
    amount = money(10, "JPY")

    with refused(paper, "currency_mismatch", "bank-charges", "EUR"):
        paper.posted(amount)


@pytest.mark.parametrize("day", ["2026-02-03", "2199-12-31"])
def test_a_journal_entry_is_not_of_the_future(day: str) -> None:
    paper = a_fund()

    with refused(paper, "date_out_of_range", day, "2026-02-01"):
        paper.posted(money(1), effective_date=day)


def test_a_journal_entry_reaches_back_ten_years_and_no_further() -> None:
    paper = a_fund()
    paper.posted(money(1), effective_date="2026-02-01")

    with refused(paper, "date_out_of_range", "own/bank-charges", "2016-01-24", "3660"):
        paper.posted(money(1), effective_date="2016-01-24")
    paper.posted(money(1), effective_date="2016-01-25")
    assert balance(paper, "own/bank-charges") == eur(2)


def test_a_closed_period_takes_no_journal_entry() -> None:
    paper = a_fund()
    paper.closed("2026-01-15")

    with refused(paper, "period_closed", "2026-01-15"):
        paper.posted(money(1))
    paper.posted(money(1), effective_date="2026-01-16")


@pytest.mark.parametrize("who", [REQUESTER, treasury("DE")])
def test_only_the_trustee_posts_journal_entries(who: Person) -> None:
    paper = a_fund()

    with refused(paper, "role_not_permitted", "trustee"):
        paper.do(who, PostJournal.model_validate(a_journal(money(1))))


def test_totals_beyond_the_largest_amount_are_refused_and_do_not_overflow() -> None:
    paper = a_fund()
    both = [a_line("bank-charges", "debit", MOST), a_line("accruals", "credit", MOST)]

    with refused(paper, "amount_out_of_range", str(MAX_MINOR)):
        paper.posted(money(1), lines=both * 50)
    paper.posted(money(1), lines=both)
    with refused(paper, "amount_out_of_range", str(MAX_MINOR)):
        paper.posted(money("0.01"))


def test_sums_beyond_64_bits_are_compared_exactly() -> None:
    paper = a_fund()
    much = [a_line("bank-charges", "debit", MOST), a_line("accruals", "credit", MOST)] * 49
    much += [a_line("bank-charges", "debit", money("0.01"))]

    with refused(paper, "unbalanced", "EUR", "1 minor"):
        paper.posted(money(1), lines=much)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"lines": []}, "too_short"),
        ({"lines": [a_line("accruals", "debit", money(1))]}, "too_short"),
        ({"lines": [a_line("accruals", "debit", money(1))] * 101}, "too_long"),
        ({"lines": [a_line("accruals", "debit", money("0.00"))] * 2}, "amount_not_positive"),
        ({"lines": [a_line("accruals", "debit", money("-1.00"))] * 2}, "amount_not_positive"),
        ({"lines": [a_line("accruals", "left", money(1))] * 2}, "enum"),
        ({"memo": ""}, "string_too_short"),
        ({"effective_date": None}, "invalid_date"),
        ({"journal_id": "x"}, "extra_forbidden"),
    ],
)
def test_a_journal_entry_has_its_form(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(ValidationError) as caught:
        PostJournal.model_validate(a_journal(money(1), **changes))

    assert caught.value.errors()[0]["type"] == code


def test_a_journal_entry_gets_its_id_from_the_ledger() -> None:
    paper = a_fund()
    event = paper.do(TRUSTEE, PostJournal.model_validate(a_journal(money(1))))

    assert isinstance(event, JournalPosted)
    assert event.derived() == {"journal_id": paper.newest(JournalEntry).journal_id}
    assert event.data() == a_journal(money(1))
