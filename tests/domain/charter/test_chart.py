"""The chart: every account that anything posts to has its heading, and grows on its side."""

import pytest

from app.domain.books.journal import Account
from app.domain.charter.chart import HEADINGS, OWN, AccountKind, BalanceRule, Heading, heading_of
from app.domain.charter.charter import Charter
from tests.support.builders import a_charter, money, valued
from tests.support.domain import Door, returned

BY_PREFIX = {heading.prefix: heading for heading in HEADINGS}
GROWS_BY_DEBITS = {AccountKind.ASSET, AccountKind.EXPENSE}


def a_full_life() -> Door:
    """A fund in which something was posted to every kind of account."""
    paper = Door().open(**valued())
    paper.published("2026-01-15")
    paper.published("2026-01-20", USD="1.25")
    paper.paid(paper.agreed("DE", money(500)), money(300))
    paper.converted(money(100), money("108.25", "USD"), "1.0825")
    paper.settled(
        paper.instructed(paper.approved(paper.requested(money(50, "USD")))), day="2026-01-20"
    )
    paper.settled(paper.instructed(paper.approved(paper.requested(money(20)))))
    returned(paper, paper.instructed(paper.approved(paper.requested(money(10)))))
    paper.instructed(paper.approved(paper.requested(money(30))))
    paper.approved(paper.requested(money(40)))
    paper.unplaced(money(60))
    paper.posted(money(5))
    paper.revalued("2026-01-20")
    return paper


def test_a_kind_of_account_stands_once_and_says_what_it_is() -> None:
    assert len(BY_PREFIX) == len(HEADINGS)
    assert all(heading.prefix.isalpha() and heading.meaning for heading in HEADINGS)
    assert {heading.kind for heading in HEADINGS} == set(AccountKind)


def test_every_account_that_is_posted_to_has_its_heading_or_is_the_trustees_own() -> None:
    accounts = {row.account for row in a_full_life().rows(Account)}

    strays = {name for name in accounts if heading_of(name).prefix == OWN}
    assert strays == {"own/bank-charges", "own/accruals"}
    assert {name.split("/")[0] for name in accounts - strays} == BY_PREFIX.keys()


def test_balances_stand_on_the_side_on_which_their_kind_grows() -> None:
    for row in a_full_life().rows(Account):
        heading = heading_of(row.account)
        # Gains and what offsets a valuation may stand on either side.
        if heading.prefix in {OWN, "realised", "unrealised", "translation"}:
            continue
        left = heading.kind in GROWS_BY_DEBITS
        assert row.balance.minor >= 0 if left else row.balance.minor <= 0, row.account


def test_the_trustees_own_accounts_are_no_heading() -> None:
    assert "own" not in BY_PREFIX


@pytest.mark.parametrize("kind", list(AccountKind))
def test_a_charter_may_declare_accounts_of_every_kind(kind: AccountKind) -> None:
    account = {"id": "a", "name": "A", "kind": str(kind), "currency": "EUR"}
    charter = Charter.model_validate(a_charter(accounts=[account]))

    declared = charter.account("a")

    assert declared is not None
    assert declared.kind is kind


@pytest.mark.parametrize("heading", HEADINGS, ids=lambda one: one.prefix)
def test_an_account_is_of_the_kind_that_its_path_begins_with(heading: Heading) -> None:
    assert heading_of(f"{heading.prefix}/x/y") is heading
    assert heading_of(heading.prefix) is heading


def test_accounts_of_the_charter_may_stand_on_any_side() -> None:
    assert heading_of("own/charges").balance is BalanceRule.ANY


def test_what_may_never_be_overdrawn() -> None:
    kept = {one.prefix: one.balance for one in HEADINGS if one.balance is not BalanceRule.ANY}

    assert kept == {
        "cash": "debit",
        "transit": "debit",
        "granted": "debit",
        "suspense": "credit",
        "reserved": "credit",
        "contributor": "credit_by_window",
    }
