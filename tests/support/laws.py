"""Laws: what must hold of every book. Each law is a function that asserts it."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from fractions import Fraction
from itertools import accumulate
from typing import cast

from app.domain.book import S, State
from app.domain.books.attribution import FINE
from app.domain.books.closing import closed_through
from app.domain.books.journal import Account, AccountDay, AccountMonth, month_of
from app.domain.books.pools import FREE, Pool
from app.domain.books.positions import Position
from app.domain.books.rates import RateDay
from app.domain.books.valuation import Holding
from app.domain.inflow.agreements import Agreement, AgreementState
from app.domain.inflow.pledges import Pledge, PledgeState
from app.domain.inflow.receipts import BankLine, Direction, Receipt
from app.domain.inflow.suspense import SuspenseItem, SuspenseState
from app.domain.outflow.attributions import Attribution
from app.domain.outflow.disbursements import Disbursement, DisbursementState
from app.domain.outflow.reservations import DisbursementReserved
from app.domain.outflow.steps import Answer, Approval
from app.domain.trustee.conversions import Conversion
from tests.support.history import Cell, History, Turnover, may_pay, turn
from tests.support.paper import Paper

SET_ASIDE = {DisbursementState.RESERVED, DisbursementState.INSTRUCTED}
PAID = {DisbursementState.SETTLED}
HAS = ("cash/", "transit/", "granted/", "receivable/")
OWES = ("contributor/", "reserved/", "applied/", "deferred/", "suspense")
EITHER = ("fx/", "translation/", "realised/", "unrealised/", "own/")
"""Accounts whose balance may lie on either side."""
SHORT = ("contributor/", "applied/")
"""Accounts of one contributor, whose shares may be short of roundings."""


class Books:
    """A fund's rows by kind, and what its log adds up to."""

    def __init__(self, paper: Paper, history: History) -> None:
        self.paper, self.history = paper, history
        self._rows = defaultdict[type[State], list[State]](list)
        for (kind, _), state in paper.book.rows.items():
            if state is not None:
                self._rows[kind].append(state)

    def rows(self, kind: type[S]) -> list[S]:
        """Every row of a kind."""
        return cast("list[S]", self._rows[kind])

    def balances(self, *prefixes: str) -> Iterator[tuple[str, str, int]]:
        """Account, currency and balance in minor units."""
        for row in self.rows(Account):
            if row.account.startswith(prefixes or ""):
                yield row.account, row.currency, row.balance.minor


def all_laws(paper: Paper, history: History | None = None) -> None:
    """Every law below. A history that has read the log's beginning saves reading it again."""
    history = History.of(paper) if history is None else history.read(paper)
    books = Books(paper, history)
    accounts_are_what_was_posted(books)
    accounts_know_every_day(books)
    nothing_is_negative(books)
    pools_are_what_contributors_have(books)
    pools_hold_what_is_left_of_their_kind(books)
    nobody_drifts(books)
    kinds_that_come_first_are_used_up_first(books)
    reservations_are_open_disbursements(books)
    attributions_are_the_disbursements(books)
    positions_agree_with_accounts(books)
    positions_agree_with_pledges_and_agreements(books)
    suspense_is_what_nobody_placed(books)
    cash_is_what_was_received_and_not_granted(books)
    cash_is_what_the_bank_says(books)
    realised_and_unrealised_stand_apart(books)
    rates_are_those_entered_last(books)
    answers_are_counted(books)
    assert closed_through(paper.book) == history.closed


def accounts_are_what_was_posted(books: Books) -> None:
    totals = books.history.totals
    assert totals.keys() == {(row.account, row.currency) for row in books.rows(Account)}
    sums = Counter[str]()
    for row in books.rows(Account):
        total = totals[row.account, row.currency]
        assert (row.debits.minor, row.credits.minor) == (total.debits, total.credits)
        assert row.version == total.count
        sums[row.currency] += row.balance.minor
    assert not any(sums.values())


def accounts_know_every_day(books: Books) -> None:
    """As of any day, the rows give what the postings of that day and before add up to."""
    for cell in books.history.touched:
        days = books.history.days[cell]
        newest = books.paper.book.get(Account, *cell)
        assert newest.day == max(days)
        assert (newest.day_debits.minor, newest.day_credits.minor) == _turnover([days[newest.day]])
        in_month = [days[day] for day in days if month_of(day) == month_of(newest.day)]
        assert (newest.month_debits.minor, newest.month_credits.minor) == _turnover(in_month)
        for day in {day + timedelta(days=n) for day in days for n in (-1, 0, 1, 31)}:
            until_then = [days[known] for known in days if known <= day]
            assert as_of(books.paper, cell, day, days) == _turnover(until_then)


def as_of(paper: Paper, cell: Cell, day: date, days: Iterable[date]) -> tuple[int, int]:
    """Debits and credits when a day had ended, from the rows that should say so.

    `days` are those on which the account was posted to; each is looked up as the rows require.
    """
    newest = paper.book.get(Account, *cell)
    if day >= newest.day:
        return newest.debits.minor, newest.credits.minor
    month = month_of(day)
    closed = max((month_of(known) for known in days if month_of(known) < month), default=None)
    rows: list[AccountDay | AccountMonth] = []
    if closed is not None:
        rows.append(paper.book.get(AccountMonth, *cell, closed))
    rows += (paper.book.get(AccountDay, *cell, known) for known in days if month <= known <= day)
    return sum(row.debits.minor for row in rows), sum(row.credits.minor for row in rows)


def nothing_is_negative(books: Books) -> None:
    short = books.history.short
    for account, _, minor in books.balances():
        assert account.startswith(HAS + OWES + EITHER)
        if account.startswith(HAS):
            assert minor >= 0, account
        elif account.startswith(OWES):
            allowed = short[account.split("/")[1]] if account.startswith(SHORT) else 0
            assert minor <= allowed, account
    for row in books.rows(Position):
        assert all(word.minor >= 0 for word in (row.pledged, row.agreed, row.received))
        assert min(row.reserved.minor, row.disbursed.minor) >= -short[row.party]
        assert row.received <= row.agreed


def pools_are_what_contributors_have(books: Books) -> None:
    found = Counter[tuple[str, str, str]]()
    for pool in books.rows(Pool):
        assert pool.available.minor == sum(left.minor for left in pool.balances.values())
        assert pool.available.minor >= 0
        assert pool.released.minor <= sum(weight.minor for weight in pool.weights.values())
        for party, left in pool.balances.items():
            assert left.minor >= -books.history.short[party]
            found[party, pool.window, pool.currency] += left.minor
    posted = Counter[tuple[str, str, str]]()
    for account, currency, minor in books.balances("contributor/"):
        _, party, window = account.split("/")
        posted[party, window, currency] = -minor
    assert found == posted


def pools_hold_what_is_left_of_their_kind(books: Books) -> None:
    """Money never passes from one window or restriction to another."""
    left = Counter[tuple[str, str, str]]()
    ties = {row.agreement_id: row.restriction or FREE for row in books.rows(Agreement)}
    for receipt in books.rows(Receipt):
        if receipt.corrected_seq is None:
            kind = receipt.window, ties[receipt.agreement_id]
            left[*kind, receipt.amount.currency] += receipt.amount.minor
    for row in books.rows(Disbursement):
        if row.state in SET_ASIDE | PAID:
            for draw in row.draws:
                left[draw.window, draw.restriction, draw.amount.currency] -= draw.amount.minor
    for conversion in books.rows(Conversion):
        place, sides = (conversion.window, conversion.restriction), conversion.exchange
        left[*place, sides.sold.currency] -= sides.sold.minor
        left[*place, sides.bought.currency] += sides.bought.minor
    held = {
        (pool.window, pool.restriction, pool.currency): pool.available.minor
        for pool in books.rows(Pool)
    }
    assert Counter(held) == left


def nobody_drifts(books: Books) -> None:
    """Each contributor's balance, and its carry, is within one unit of the exact claim."""
    for pool in books.rows(Pool):
        assert all(abs(more) < FINE for more in pool.carry.values())
        exact = {
            party: weight.minor * FINE - pool.carry.get(party, 0)
            for party, weight in pool.weights.items()
        }
        whole = sum(exact.values())
        left = sum(weight.minor for weight in pool.weights.values()) - pool.released.minor
        for party, theirs in exact.items():
            assert abs(pool.balances[party].minor * whole - left * theirs) < whole


def kinds_that_come_first_are_used_up_first(books: Books) -> None:
    """Right after a reservation, nothing is left of money whose turn was before the last draw."""
    event = books.paper.log[-1].event
    if not isinstance(event, DisbursementReserved):
        return
    charter, request = books.history.charter, books.history.requests[event.disbursement_id]
    last = event.draws[-1]
    for pool in books.rows(Pool):
        kind = pool.window, pool.restriction
        if pool.currency == event.amount.currency and may_pay(
            charter, kind, request.window, request.purpose
        ):
            before = turn(charter, kind, request.window)
            if before < turn(charter, (last.window, last.restriction), request.window):
                assert not pool.available


def reservations_are_open_disbursements(books: Books) -> None:
    held = {account: -minor for account, _, minor in books.balances("reserved/")}
    for row in books.rows(Disbursement):
        due = row.amount.minor if row.state in SET_ASIDE else 0
        assert held.pop(f"reserved/{row.disbursement_id}", 0) == due
        if row.shares:
            assert sum(share.minor for share in row.shares.values()) == row.amount.minor
    assert not held


def attributions_are_the_disbursements(books: Books) -> None:
    """Each release is somebody's money, line by line; positions are what still counts of it."""
    by_release = defaultdict[str, dict[str, Attribution]](dict)
    reserved, disbursed = Counter[Cell](), Counter[Cell]()
    for line in books.rows(Attribution):
        by_release[line.disbursement_id][line.party] = line
        if line.ended_seq is None:
            counted = reserved if line.settled_seq is None else disbursed
            counted[line.party, line.amount.currency] += line.amount.minor
    for row in books.rows(Disbursement):
        lines = by_release.pop(row.disbursement_id, {})
        counts = {party: line.amount for party, line in lines.items() if line.ended_seq is None}
        # What was reserved and set free again stays on the record; it does not count.
        assert counts == (row.shares if row.state in SET_ASIDE | PAID else {})
        assert row.shares.keys() <= lines.keys()
        for line in lines.values():
            assert (line.recipient, line.purpose) == (row.recipient, row.purpose)
            if line.ended_seq is None:
                assert (line.settled_seq is not None) >= (row.state in PAID)
    assert not by_release
    for position in books.rows(Position):
        reserved[position.party, position.currency] -= position.reserved.minor
        disbursed[position.party, position.currency] -= position.disbursed.minor
    assert not any(reserved.values())
    assert not any(disbursed.values())


def positions_agree_with_accounts(books: Books) -> None:
    available, applied = Counter[str](), Counter[str]()
    for account, currency, minor in books.balances("contributor/"):
        available[account.removeprefix("contributor/") + currency] = -minor
    for account, currency, minor in books.balances("applied/"):
        applied[account.removeprefix("applied/") + currency] = -minor
    by_window, granted, reserved = Counter[Cell](), Counter[Cell](), Counter[Cell]()
    for row in books.rows(Position):
        where = f"{row.party}/{row.window}{row.currency}"
        left = row.received.minor + row.converted.minor
        left -= row.reserved.minor + row.disbursed.minor
        assert left == available[where]
        assert row.disbursed.minor == applied[where]
        by_window[row.window, row.currency] += row.disbursed.minor
        reserved[row.window, row.currency] += row.reserved.minor
    for account, currency, minor in books.balances("granted/"):
        granted[account.split("/")[2], currency] += minor
    assert by_window == granted
    for request in books.rows(Disbursement):
        for draw in request.draws if request.state in SET_ASIDE else ():
            reserved[draw.window, draw.amount.currency] -= draw.amount.minor
    assert not any(reserved.values())


def positions_agree_with_pledges_and_agreements(books: Books) -> None:
    pledged, agreed, received = Counter[Cell](), Counter[Cell](), Counter[Cell]()
    for pledge in books.rows(Pledge):
        pledged[pledge.party + pledge.window, pledge.amount.currency] += pledge.amount.minor
        assert pledge.converted <= pledge.amount
        assert (pledge.state is PledgeState.CONVERTED) == (pledge.converted == pledge.amount)
    for agreement in books.rows(Agreement):
        where = (agreement.party + agreement.window, agreement.amount.currency)
        received[where] += agreement.received.minor
        assert (agreement.state is AgreementState.FULFILLED) == (not agreement.outstanding)
        if agreement.state is not AgreementState.DRAFT:
            agreed[where] += agreement.amount.minor
    for row in books.rows(Position):
        where = (row.party + row.window, row.currency)
        assert row.pledged.minor == pledged[where]
        assert row.agreed.minor == agreed[where]
        assert row.received.minor == received[where]


def suspense_is_what_nobody_placed(books: Books) -> None:
    """Suspense equals the open items; on no day was more taken out of it than had come in."""
    waiting = Counter[str]()
    for item in books.rows(SuspenseItem):
        assert (item.state is SuspenseState.UNIDENTIFIED) == (item.closed_seq is None)
        if item.state is SuspenseState.UNIDENTIFIED:
            waiting[item.amount.currency] += item.amount.minor
    assert waiting == Counter({code: -minor for _, code, minor in books.balances("suspense")})
    for cell in books.history.touched:
        if cell[0] == "suspense":
            by_day = sorted(books.history.days[cell].items())
            changes = (turnover.credits - turnover.debits for _, turnover in by_day)
            assert all(balance >= 0 for balance in accumulate(changes))


def cash_is_what_was_received_and_not_granted(books: Books) -> None:
    has, came = Counter[str](), Counter[str]()
    for _, currency, minor in books.balances("cash/", "transit/", "granted/", "suspense"):
        has[currency] += minor
    for row in books.rows(Position):
        came[row.currency] += row.received.minor + row.converted.minor
    assert has == came


def cash_is_what_the_bank_says(books: Books) -> None:
    """The bank's lines, less the payments that came back before the bank had confirmed them."""
    by_account = Counter[str]()
    for line in books.rows(BankLine):
        if line.corrected_seq is None:
            sign = 1 if line.direction is Direction.IN else -1
            by_account[line.bank_account] += sign * line.amount.minor
    paid = {line.disbursement_id for line in books.rows(Attribution) if line.settled_seq}
    for row in books.rows(Disbursement):
        if row.state is DisbursementState.RETURNED and row.disbursement_id not in paid:
            by_account[row.bank_account or ""] -= row.amount.minor
    for account, _, minor in books.balances("cash/", "transit/"):
        by_account[account.split("/")[1]] -= minor
    assert not any(by_account.values())


def realised_and_unrealised_stand_apart(books: Books) -> None:
    """Holdings are what the journal says, and what an appraisal from the log alone comes to."""
    charter, appraisal = books.history.charter, books.history.appraisal
    assert appraisal is not None
    held, posted = Counter[str](), Counter[Cell]()
    for _, currency, minor in books.balances("cash/", "transit/"):
        if charter.exchange_rates is not None and currency != charter.holding_currency:
            held[currency] += minor
    for account, currency, minor in books.balances("fx/", "translation/", "realised/", "unreal"):
        assert currency == charter.holding_currency
        name, foreign = account.split("/")
        posted[name, foreign] = minor
    for row in books.rows(Holding):
        assert row.held.minor == held.pop(row.currency, 0)
        assert row.cost_minor == posted["fx", row.currency] - row.unrealised_minor
        assert row.realised_minor == -posted["realised", row.currency]
        assert row.unrealised_minor == -posted["unrealised", row.currency]
        assert posted["translation", row.currency] == row.realised_minor - row.cost_minor
        assert row.cost_minor >= 0
        assert row.held or not row.cost_minor
        worked_out = appraisal.held, appraisal.cost, appraisal.realised, appraisal.unrealised
        known = row.held.minor, row.cost_minor, row.realised_minor, row.unrealised_minor
        assert tuple(counter[row.currency] for counter in worked_out) == known
    assert not any(held.values())


def rates_are_those_entered_last(books: Books) -> None:
    appraisal, entered = books.history.appraisal, books.history.rates
    assert appraisal is not None
    rows = books.rows(RateDay)
    assert {row.day for row in rows} == entered.keys()
    for row in rows:
        stands = row.published_seq if row.corrected_seq is None else row.corrected_seq
        assert (stands, row.entered_by) == entered[row.day]
        assert row.published_seq <= stands
        rates = {code: Fraction(rate) for code, rate in row.rates.items()}
        assert rates == appraisal.rates[row.day]


def answers_are_counted(books: Books) -> None:
    asked, approved = Counter[str](), Counter[str]()
    for row in books.rows(Approval):
        asked[row.disbursement_id] += 1
        approved[row.disbursement_id] += row.answer is Answer.APPROVED
    for request in books.rows(Disbursement):
        given = approved[request.disbursement_id]
        assert len(request.ballots) == given
        assert request.outstanding == asked[request.disbursement_id] - given
        assert not (request.state in SET_ASIDE and request.outstanding)


def _turnover(turnovers: Iterable[Turnover]) -> tuple[int, int]:
    found = list(turnovers)
    return sum(each.debits for each in found), sum(each.credits for each in found)
