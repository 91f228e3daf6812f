"""Laws: they hold in random lives of a fund, and in the corners that chance seldom finds."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.book import Book
from app.domain.books.pools import FREE, paid_in, pool_of, split, taken
from app.domain.catalogue import EVENTS
from app.domain.outflow.disbursements import Disbursement
from app.domain.outflow.reservations import DisbursementReserved
from app.domain.values import MAX_MINOR, Money
from tests.support.builders import money
from tests.support.domain import Door, replayed, returned
from tests.support.history import History
from tests.support.laws import all_laws
from tests.support.lives.life import Life
from tests.support.lives.lives import lived

PRECISE = 10**40
"""Of a minor unit: far more digits than a pool carries; exact fractions would grow without end.

In ten thousand epochs a pool rounds by a billionth of a minor unit each, at most.
"""
NOT_PLAYED = {
    name
    for name in EVENTS
    if name.partition(".")[0]
    in {
        *("member", "delegation", "key", "quorum", "proposal", "charter", "issuers", "mandate"),
        *("ballot", "vote", "decision", "clock", "matter"),
        *("log", "log_key", "export_key", "checkpoint"),
    }
} | {"agreement.covered", "disbursement.expired"}
"""What governments decide together moves no money, and has tests of its own."""
KNOWN = 30
"""Lives that are always the same: what seldom happens, happens in them. As many come by chance."""
EVERY_LIFE_MEETS = {
    "bank_reference_used",
    "date_out_of_range",
    "insufficient_funds",
    "period_closed",
    "proposal_closed",
    "rate_missing",
    "rate_out_of_range",
    "separation_of_duties",
    "suspense_closed",
}
"""Refusals that some of the lives run into."""


def test_the_laws_hold_in_every_life_of_a_fund() -> None:
    recorded, refusals, corners = Counter[str](), Counter[str](), Counter[str]()

    def live(seed: int, steps: int) -> None:
        life = lived(seed, steps)
        assert life.auditor.book == life.paper.book
        recorded.update(life.recorded)
        refusals.update(life.refusals)
        corners.update(corners_of(life))

    for number in range(KNOWN):
        live(number, 40 + 2 * number)
    settings(max_examples=30)(given(st.integers(0, 2**32), st.integers(40, 100))(live))()

    assert recorded.keys() == set(EVENTS) - NOT_PLAYED
    assert min(recorded["disbursement.settled"], recorded["conversion.booked"]) >= 20
    assert sum(recorded.values()) > sum(refusals.values())
    assert refusals.keys() >= EVERY_LIFE_MEETS
    assert min(corners["several draws"], corners["posted late"], corners["posted back"]) >= 3


def corners_of(life: Life) -> Counter[str]:
    """How often the life did what is seldom done."""
    found = Counter[str]()
    for line in life.paper.log:
        event = line.event
        if isinstance(event, DisbursementReserved):
            found["several draws"] += len(event.draws) > 1
        found["posted late"] += getattr(event, "effective_date", None) is not None
        found["posted back"] += any(each.effective < line.act.day for each in line.postings)
    return found


def moved_roundings() -> tuple[Door, list[Disbursement]]:
    """Three contributors and three payments; the second takes a unit back from one of them."""
    paper = Door()
    paper.open(governments=("AA", "BB", "CC"))
    for party, amount in (("AA", "0.06"), ("BB", "0.06"), ("CC", "0.02")):
        paper.paid(paper.agreed(party, money(amount)), money(amount))
    paid = [
        paper.settled(paper.instructed(paper.approved(paper.requested(money(amount)))))
        for amount in ("0.10", "0.01", "0.03")
    ]
    return paper, paid


def test_the_laws_hold_for_three_contributors_whose_roundings_move() -> None:
    paper, paid = moved_roundings()

    returned(paper, paid[1])

    assert replayed(paper) == paper.book
    assert History.of(paper).short == {"CC": 1}
    all_laws(paper)


def test_what_comes_back_with_a_moved_rounding_can_be_released_again() -> None:
    paper, paid = moved_roundings()
    returned(paper, paid[1])

    again = paper.settled(paper.instructed(paper.approved(paper.requested(money("0.01")))))

    assert sum(share.minor for share in again.shares.values()) == 1
    assert replayed(paper) == paper.book
    all_laws(paper)


@pytest.mark.parametrize(
    ("parties", "most", "payments"),
    [
        (2, 20_000, 0),
        (2, 20_000, 3_000),
        (3, 20_000, 0),
        (3, 20_000, 3_000),
        (7, 10**12, 0),
        (7, 10**12, 3_000),
        (27, MAX_MINOR // 27, 0),
        (27, MAX_MINOR // 27, 3_000),
    ],
)
def test_nobody_drifts_over_ten_thousand_releases(parties: int, most: int, payments: int) -> None:
    """In one epoch, and over as many as there are `payments` in between, about."""
    random = Random(parties)  # noqa: S311  a seed makes a failure come back
    paid = {f"P{n:02}": Money(random.randint(most // 2, most), "EUR") for n in range(parties)}
    pool = paid_in(pool_of(Book(complete=True), "budget", FREE, "EUR"), paid)
    exact = {party: amount.minor * PRECISE for party, amount in paid.items()}
    tolerance = PRECISE + (PRECISE // 10_000 if payments else 0)

    for left in range(10_000, 0, -1):
        if random.randrange(10_000) < payments:
            party = random.choice(list(paid))
            pool = paid_in(pool, {party: Money(left, "EUR")})
            exact[party] += left * PRECISE
        even, before = pool.available.minor // left, pool.available.minor
        minor = before if left == 1 else random.randint(0, min(2 * even, before))
        parts = split(pool, Money(minor, "EUR"))
        pool = taken(pool, Money(minor, "EUR"), parts)
        assert sum(share.minor for share in parts.shares.values()) == minor
        if before:
            exact = {one: left * (before - minor) // before for one, left in exact.items()}
        for one, balance in pool.balances.items():
            assert abs(balance.minor * PRECISE - exact[one]) < tolerance

    # Whoever gave has given all of it, to the unit: what was rounded is made good.
    assert not any(balance.minor for balance in pool.balances.values())
