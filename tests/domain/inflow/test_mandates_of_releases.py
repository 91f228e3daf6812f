"""Releases of money that needs a mandate: never more than the legislature has allowed."""

from collections import Counter
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.inflow.mandates import Mandate, Use, WithdrawMandate
from app.domain.outflow.attributions import Attribution
from app.domain.outflow.disbursements import Disbursement, DisbursementState
from app.domain.refusals.base import Refusal
from app.domain.values import Money
from tests.support.builders import Person, money
from tests.support.domain import Door, cancelled, entry, eur, refused, replayed, returned
from tests.support.inflow import CLERK, mandated, registered, under
from tests.support.outflow import LAWYER, answers, now, paid_by, takes_back

ONE, TWO, THREE = (digit * 64 for digit in "123")


def the(paper: Door, mandate: Mandate) -> Mandate:
    return paper.book.get(Mandate, mandate.mandate_id)


def withdraws(paper: Door, mandate: Mandate, who: Person = CLERK) -> None:
    paper.do(who, WithdrawMandate(mandate_id=mandate.mandate_id, reason="Repealed"))


def on(paper: Door, day: str) -> None:
    paper.now = datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC)


def released(paper: Door, amount: int | str, **changes: Any) -> Disbursement:
    return paper.approved(paper.requested(money(amount), **changes))


def used(disbursement: Disbursement) -> list[tuple[str, Money]]:
    return [(use.mandate_id, use.amount) for use in disbursement.mandates]


def test_a_release_goes_under_the_mandate_of_its_money() -> None:
    paper = mandated()
    mandate = registered(paper, 100)
    under(paper, mandate, 100)

    request = released(paper, 30)

    assert request.mandates == (Use(mandate_id=mandate.mandate_id, amount=eur(30)),)
    assert (the(paper, mandate).released, the(paper, mandate).headroom) == (eur(30), eur(70))
    assert entry(paper, "disbursement.reserved").event.derived()["mandates"] == [
        {"mandate_id": mandate.mandate_id, "amount": money(30)}
    ]


def test_only_the_share_of_a_mandated_party_goes_under_its_mandate() -> None:
    paper = mandated()
    mandate = registered(paper, 60)
    under(paper, mandate, 60)
    paid_by(paper, FR=40)

    request = released(paper, 50)

    assert request.shares == {"DE": eur(30), "FR": eur(20)}
    assert used(request) == [(mandate.mandate_id, eur(30))]


def test_the_releases_of_the_united_kingdom_end_where_its_act_ends() -> None:
    paper = mandated("UK", currency="GBP")
    act = registered(paper, "2258000000.00", party="UK", currency="GBP")
    other = {"purposes": ["salaries"], "document": TWO}
    second = registered(paper, "1000000000.00", party="UK", currency="GBP", **other)
    under(paper, act, "2258000000.00")
    under(paper, second, "1000000000.00")
    third = money("752000000.00", "GBP")

    for _ in range(3):
        assert paper.approved(paper.requested(third)).state is DisbursementState.RESERVED

    fourth = paper.approved(paper.requested(third), but=1)
    words = ("752,000,000.00 GBP", "UK", "pensions", "2,000,000.00 GBP")
    with refused(paper, "exceeds_mandate", *words):
        paper.approved(fourth)
    assert the(paper, act).released == Money.read(money("2256000000.00", "GBP"))
    assert the(paper, second).released == Money.zero("GBP")
    salaries = paper.approved(paper.requested(third, purpose="salaries"))
    assert used(salaries) == [(second.mandate_id, Money.read(third))]


def test_a_mandate_for_other_purposes_does_not_count() -> None:
    paper = mandated()
    under(paper, registered(paper, 100, purposes=["salaries"]), 100)
    request = paper.approved(paper.requested(money(1)), but=1)

    with refused(paper, "mandate_required", "DE", "EUR", "pensions"):
        paper.approved(request)


def test_a_mandate_in_another_currency_does_not_count() -> None:
    paper = mandated()
    under(paper, registered(paper, 100, purposes=["salaries"]), 100)
    registered(paper, 100, currency="JPY", document=TWO)
    request = paper.approved(paper.requested(money(1)), but=1)

    with refused(paper, "mandate_required", "DE", "EUR", "pensions"):
        paper.approved(request)


@pytest.mark.parametrize(
    ("day", "is_valid"),
    [("2026-03-09", False), ("2026-03-10", True), ("2026-03-20", True), ("2026-03-21", False)],
)
def test_a_mandate_counts_from_its_first_day_through_its_last(day: str, is_valid: bool) -> None:
    paper = mandated()
    under(paper, registered(paper, 100, purposes=["salaries"]), 100)
    dates = {"valid_from": "2026-03-10", "valid_through": "2026-03-20"}
    registered(paper, 100, document=TWO, **dates)
    request = paper.approved(paper.requested(money(1)), but=1)
    on(paper, day)

    if is_valid:
        assert paper.approved(request).state is DisbursementState.RESERVED
    else:
        with refused(paper, "mandate_required", "pensions", day):
            paper.approved(request)


def test_nothing_is_released_under_a_mandate_that_was_withdrawn() -> None:
    paper = mandated()
    mandate = registered(paper, 100)
    under(paper, mandate, 100)
    withdraws(paper, mandate)
    request = paper.approved(paper.requested(money(1)), but=1)

    with refused(paper, "mandate_required", "DE"):
        paper.approved(request)


def test_releases_use_the_mandates_that_end_first() -> None:
    paper = mandated()
    late = registered(paper, 100, valid_through="2030-12-31")
    soon = registered(paper, 30, document=TWO, valid_through="2026-06-30")
    middle = registered(paper, 30, document=THREE, valid_through="2027-06-30")
    under(paper, late, 100)

    request = released(paper, 70)

    assert used(request) == [
        (soon.mandate_id, eur(30)),
        (middle.mandate_id, eur(30)),
        (late.mandate_id, eur(10)),
    ]
    assert used(released(paper, 1)) == [(late.mandate_id, eur(1))]


def test_mandates_that_end_on_one_day_are_used_in_the_order_of_their_ids() -> None:
    paper = mandated()
    mandates = [registered(paper, 30, document=text) for text in (ONE, TWO)]
    under(paper, registered(paper, 100, document=THREE, purposes=["salaries"]), 100)

    first = min(mandate.mandate_id for mandate in mandates)

    assert used(released(paper, 10)) == [(first, eur(10))]


@pytest.mark.parametrize("ending", ["cancelled", "taken back", "returned", "returned late"])
def test_a_release_that_comes_back_gives_its_headroom_back_exactly(ending: str) -> None:
    paper = mandated()
    soon = registered(paper, 30, document=TWO, valid_through="2026-06-30")
    late = registered(paper, 100)
    under(paper, late, 100)
    released(paper, 10)
    request = released(paper, 50)
    assert [m.headroom for m in (the(paper, soon), the(paper, late))] == [eur(0), eur(70)]

    if ending == "cancelled":
        cancelled(paper, request)
    elif ending == "taken back":
        takes_back(paper, LAWYER, request)
    else:
        request = paper.instructed(request)
        returned(paper, paper.settled(request) if ending == "returned late" else request)

    assert [m.headroom for m in (the(paper, soon), the(paper, late))] == [eur(20), eur(100)]
    assert replayed(paper) == paper.book


def test_a_release_that_is_taken_back_goes_under_the_mandates_of_the_day_again() -> None:
    paper = mandated()
    late = registered(paper, 100)
    under(paper, late, 100)
    request = released(paper, 50)
    soon = registered(paper, 30, document=TWO, valid_through="2026-06-30")
    takes_back(paper, LAWYER, request)
    assert now(paper, request).mandates == ()

    answers(paper, LAWYER, request)

    assert used(now(paper, request)) == [(soon.mandate_id, eur(30)), (late.mandate_id, eur(20))]


def test_what_was_paid_stays_released() -> None:
    paper = mandated()
    mandate = registered(paper, 100)
    under(paper, mandate, 100)

    paper.settled(paper.instructed(released(paper, 50)))

    assert the(paper, mandate).headroom == eur(50)


def test_what_is_released_is_what_is_set_aside_or_paid() -> None:
    done = Counter[str]()

    @settings(max_examples=40)
    @given(
        st.lists(
            st.tuples(
                st.sampled_from([*["release"] * 5, "cancel", "return", "pay"]),
                st.integers(1, 90_00),
            ),
            min_size=12,
            max_size=20,
        )
    )
    def lives(deeds: list[tuple[str, int]]) -> None:
        paper = mandated()
        mandates = [
            registered(paper, 50, document=ONE, valid_through="2027-12-31"),
            registered(paper, 70, document=TWO),
        ]
        for mandate, amount in zip(mandates, (50, 70), strict=True):
            under(paper, mandate, amount)
        under(paper, registered(paper, 80, document=THREE, purposes=["salaries"]), 80)
        paid_by(paper, FR=100)
        for deed, number in deeds:
            done[release(paper, number) if deed == "release" else end(paper, deed, number)] += 1
            found = [the(paper, mandate) for mandate in mandates]
            assert all(eur(0) <= mandate.headroom <= mandate.cap for mandate in found)
            shares = [row for row in paper.rows(Attribution) if row.party == "DE"]
            lasting = sum(row.amount.minor for row in shares if row.ended_seq is None)
            assert sum(mandate.released.minor for mandate in found) == lasting

    lives()

    assert all(done[deed] for deed in ("release", "cancel", "pay", "return", "exceeds_mandate"))


def release(paper: Door, minor: int) -> str:
    """A release, if what is left allows it."""
    request = paper.approved(paper.requested(Money(minor, "EUR").wire()), but=1)
    try:
        paper.approved(request)
    except Refusal as refusal:
        cancelled(paper, request)
        return refusal.code
    return "release"


def end(paper: Door, deed: str, number: int) -> str:
    """Something becomes of a release that was made, if there is one."""
    settled = deed == "return"
    state = DisbursementState.SETTLED if settled else DisbursementState.RESERVED
    made = [row for row in paper.rows(Disbursement) if row.state is state]
    if not made:
        return "nothing"
    request = min(made, key=lambda row: (row.requested_seq * number) % 101)
    if deed == "cancel":
        cancelled(paper, request)
    elif deed == "pay":
        paper.settled(paper.instructed(request))
    else:
        returned(paper, request, f"BACK-{len(paper.log)}")
    return deed


def test_money_goes_back_though_its_mandate_was_withdrawn_meanwhile() -> None:
    paper = mandated()
    mandate = registered(paper, 100)
    under(paper, mandate, 100)
    first, second = (paper.approved(paper.requested(money(40))) for _ in range(2))
    paper.do(CLERK, WithdrawMandate(mandate_id=mandate.mandate_id, reason="Repealed"))

    cancelled(paper, first)
    returned(paper, paper.instructed(second))

    assert paper.book.get(Mandate, mandate.mandate_id).released == eur(0)
