"""What holds of every book, whatever was done: each law is a function that asserts it."""

from collections import Counter
from collections.abc import Iterator

from app.domain.books.journal import Account
from app.domain.books.pools import Pool
from app.domain.books.positions import Position
from app.domain.inflow.agreements import Agreement, AgreementState
from app.domain.inflow.pledges import Pledge, PledgeState
from app.domain.outflow.disbursements import Disbursement, DisbursementReserved, DisbursementState
from app.domain.outflow.steps import Answer, Approval
from tests.paper import Paper

SET_ASIDE = {DisbursementState.RESERVED, DisbursementState.INSTRUCTED}
HAS = ("cash/", "transit/", "granted/", "receivable/")
OWES = ("contributor/", "reserved/", "applied/", "deferred/")

Cell = tuple[str, str]


def all_laws(paper: Paper) -> None:
    """Every law below."""
    currencies_sum_to_zero(paper)
    nothing_is_negative(paper)
    pools_are_what_contributors_have(paper)
    reservations_are_open_disbursements(paper)
    positions_agree_with_accounts(paper)
    positions_agree_with_pledges_and_agreements(paper)
    cash_is_what_was_received_and_not_granted(paper)
    answers_are_counted(paper)


def currencies_sum_to_zero(paper: Paper) -> None:
    sums, accounts = Counter[str](), Counter[Cell]()
    for line in paper.log:
        by_entry = Counter[str]()
        for posting in line.postings:
            by_entry[posting.currency] += posting.minor
            accounts[posting.account, posting.currency] += posting.minor
        assert not any(by_entry.values())
        sums.update(by_entry)
    assert not any(sums.values())
    assert accounts == Counter(
        {(row.account, row.currency): row.balance.minor for row in paper.rows(Account)}
    )


def roundings(paper: Paper) -> Counter[str]:
    """By party: releases whose share was minus one unit, because a rounding moved to another.

    Only so many units may a contributor ever be short of; with two contributors it is none.
    """
    found = Counter[str]()
    for line in paper.log:
        if isinstance(line.event, DisbursementReserved):
            assert all(share.minor >= -1 for share in line.event.shares.values())
            found.update(p for p, share in line.event.shares.items() if share.minor < 0)
    return found


def nothing_is_negative(paper: Paper) -> None:
    short = roundings(paper)
    for account, _, minor in balances(paper):
        assert account.startswith(HAS + OWES)
        party = account.split("/")[1]
        assert minor >= 0 if account.startswith(HAS) else minor <= short[party]
    for row in paper.rows(Position):
        assert all(word.minor >= 0 for word in (row.pledged, row.agreed, row.received))
        assert min(row.reserved.minor, row.disbursed.minor) >= -short[row.party]
        assert row.received <= row.agreed


def pools_are_what_contributors_have(paper: Paper) -> None:
    found = Counter[tuple[str, str, str]]()
    for pool in paper.rows(Pool):
        assert pool.available.minor == sum(left.minor for left in pool.balances.values())
        assert pool.available.minor >= 0
        assert pool.released.minor <= sum(weight.minor for weight in pool.weights.values())
        for party, left in pool.balances.items():
            assert left.minor >= -roundings(paper)[party]
            found[party, pool.window, pool.currency] = left.minor
    posted = Counter[tuple[str, str, str]]()
    for account, currency, minor in balances(paper, "contributor/"):
        _, party, window = account.split("/")
        posted[party, window, currency] = -minor
    assert found == posted


def reservations_are_open_disbursements(paper: Paper) -> None:
    held = {account: -minor for account, _, minor in balances(paper, "reserved/")}
    for row in paper.rows(Disbursement):
        due = row.amount.minor if row.state in SET_ASIDE else 0
        assert held.pop(f"reserved/{row.disbursement_id}", 0) == due
        if row.shares:
            assert sum(share.minor for share in row.shares.values()) == row.amount.minor
    assert not held


def positions_agree_with_accounts(paper: Paper) -> None:
    available, applied = Counter[str](), Counter[str]()
    for account, currency, minor in balances(paper, "contributor/"):
        available[account.removeprefix("contributor/") + currency] = -minor
    for account, currency, minor in balances(paper, "applied/"):
        applied[account.removeprefix("applied/") + currency] = -minor
    by_window, granted, reserved = Counter[Cell](), Counter[Cell](), Counter[Cell]()
    for row in paper.rows(Position):
        where = f"{row.party}/{row.window}{row.currency}"
        left = row.received.minor - row.reserved.minor - row.disbursed.minor
        assert left == available[where]
        assert row.disbursed.minor == applied[where]
        by_window[row.window, row.currency] += row.disbursed.minor
        reserved[row.window, row.currency] += row.reserved.minor
    for account, currency, minor in balances(paper, "granted/"):
        granted[account.split("/")[2], currency] += minor
    assert by_window == granted
    assert reserved == Counter(_set_aside(paper))


def positions_agree_with_pledges_and_agreements(paper: Paper) -> None:
    pledged, agreed, received = Counter[Cell](), Counter[Cell](), Counter[Cell]()
    for pledge in paper.rows(Pledge):
        pledged[pledge.party + pledge.window, pledge.amount.currency] += pledge.amount.minor
        assert pledge.converted <= pledge.amount
        assert (pledge.state is PledgeState.CONVERTED) == (pledge.converted == pledge.amount)
    for agreement in paper.rows(Agreement):
        where = (agreement.party + agreement.window, agreement.amount.currency)
        received[where] += agreement.received.minor
        assert (agreement.state is AgreementState.FULFILLED) == (not agreement.outstanding)
        if agreement.state is not AgreementState.DRAFT:
            agreed[where] += agreement.amount.minor
    for row in paper.rows(Position):
        where = (row.party + row.window, row.currency)
        assert row.pledged.minor == pledged[where]
        assert row.agreed.minor == agreed[where]
        assert row.received.minor == received[where]


def cash_is_what_was_received_and_not_granted(paper: Paper) -> None:
    has, received = Counter[str](), Counter[str]()
    for account, currency, minor in balances(paper):
        if account.startswith(("cash/", "transit/", "granted/")):
            has[currency] += minor
    for row in paper.rows(Position):
        received[row.currency] += row.received.minor
    assert has == received


def answers_are_counted(paper: Paper) -> None:
    approved = Counter(
        row.disbursement_id for row in paper.rows(Approval) if row.answer is Answer.APPROVED
    )
    asked = Counter(row.disbursement_id for row in paper.rows(Approval))
    for row in paper.rows(Disbursement):
        given = approved[row.disbursement_id]
        assert len(row.ballots) == given
        assert row.outstanding == asked[row.disbursement_id] - given
        assert not (row.state in SET_ASIDE and row.outstanding)


def balances(paper: Paper, prefix: str = "") -> Iterator[tuple[str, str, int]]:
    """Account, currency and balance in minor units."""
    for row in paper.rows(Account):
        if row.account.startswith(prefix):
            yield row.account, row.currency, row.balance.minor


def _set_aside(paper: Paper) -> Counter[Cell]:
    result = Counter[Cell]()
    for row in paper.rows(Disbursement):
        if row.state in SET_ASIDE:
            result[row.window, row.amount.currency] += row.amount.minor
    return result
