"""The sums of a log, worked out line by line without the domain's code.

Laws of single entries are asserted here, as the lines are read; laws of the book compare its rows
with these sums (`laws`).
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from app.domain.books.periods import BooksClosed, PeriodReopened, ReopeningProposed
from app.domain.books.rates import RatesCorrected, RatesPublished
from app.domain.charter.charter import Charter
from app.domain.charter.parts import MoneyKind
from app.domain.governance.funds import FundOpened
from app.domain.outflow.disbursements import DisbursementRequested
from app.domain.outflow.reservations import DisbursementReserved
from app.domain.trustee.conversions import ConversionBooked
from app.domain.values import Money
from tests.support.appraisal import Appraisal
from tests.support.paper import Paper, Recorded

Cell = tuple[str, str]
"""An account and its currency; or another name and a currency."""


@dataclass
class Turnover:
    """What was debited and credited, and how often."""

    debits: int = 0
    credits: int = 0
    count: int = 0

    def add(self, minor: int) -> None:
        self.debits += max(minor, 0)
        self.credits += max(-minor, 0)
        self.count += 1


@dataclass
class History:
    """One fund's log so far.

    `short` counts by party the shares of minus one unit, which arise where a rounding moves to
    another: only so many units may a contributor ever be short of. With two contributors to a
    pool there are none. `touched` are the accounts posted to since the history was last read;
    `rates` says by day in which entry the rates stand and who entered them.
    """

    seen: int = 0
    totals: defaultdict[Cell, Turnover] = field(default_factory=lambda: defaultdict(Turnover))
    days: defaultdict[Cell, dict[date, Turnover]] = field(default_factory=lambda: defaultdict(dict))
    touched: set[Cell] = field(default_factory=set)
    closed: date | None = None
    short: Counter[str] = field(default_factory=Counter)
    requests: dict[str, DisbursementRequested] = field(default_factory=dict)
    proposals: dict[str, date] = field(default_factory=dict)
    rates: dict[date, tuple[int, str]] = field(default_factory=dict)
    appraisal: Appraisal | None = None

    @classmethod
    def of(cls, paper: Paper) -> "History":
        """The history of the whole log."""
        return cls().read(paper)

    def read(self, paper: Paper) -> "History":
        """This history with what was recorded since it was last read."""
        self.touched = set()
        for line in paper.log[self.seen :]:
            self._balanced(line)
            self._posted(line)
            self._remembered(line)
            if self.appraisal is not None:
                self.appraisal.read(line)
            self.seen += 1
        return self

    @property
    def charter(self) -> Charter:
        assert self.appraisal is not None, "the first entry opens the fund"
        return self.appraisal.charter

    def _balanced(self, line: Recorded) -> None:
        """Each entry sums to zero by currency and day, and posts into open days only."""
        sums = Counter[tuple[str, date]]()
        for posting in line.postings:
            sums[posting.currency, posting.effective] += posting.minor
            assert self.closed is None or posting.effective > self.closed, line.event.type
        assert not any(sums.values()), line.event.type

    def _posted(self, line: Recorded) -> None:
        """The totals that a posting carries are those of its account as of its entry."""
        for posting in line.postings:
            cell = posting.account, posting.currency
            self.touched.add(cell)
            self.days[cell].setdefault(posting.effective, Turnover()).add(posting.minor)
            total = self.totals[cell]
            total.add(posting.minor)
            carried = posting.debits, posting.credits, posting.version
            assert carried == (total.debits, total.credits, total.count)

    def _remembered(self, line: Recorded) -> None:
        event = line.event
        if isinstance(event, FundOpened):
            self.appraisal = Appraisal(event.charter())
        elif isinstance(event, BooksClosed):
            assert self.closed is None or event.through > self.closed
            self.closed = event.through
        elif isinstance(event, ReopeningProposed):
            self.proposals[event.reopening_id] = event.from_day
        elif isinstance(event, PeriodReopened):
            through = self.proposals[event.reopening_id] - timedelta(days=1)
            self.closed = min(self.closed or through, through)
        elif isinstance(event, RatesPublished | RatesCorrected):
            self._quoted(line, event)
        elif isinstance(event, DisbursementRequested):
            self.requests[event.disbursement_id] = event
        elif isinstance(event, DisbursementReserved):
            self._drawn(event)
        elif isinstance(event, ConversionBooked):
            self._split(event.sold, event.shares_sold)
            self._split(event.bought, event.shares_bought)

    def _quoted(self, line: Recorded, event: RatesPublished | RatesCorrected) -> None:
        """Rates are entered once for a day; each time after that somebody else corrects them."""
        assert (event.day in self.rates) == isinstance(event, RatesCorrected)
        if isinstance(event, RatesCorrected):
            seq, subject = self.rates[event.day]
            assert event.corrects == seq
            assert line.act.subject != subject
        self.rates[event.day] = line.act.seq, line.act.subject

    def _drawn(self, event: DisbursementReserved) -> None:
        """Every draw comes from money that may pay for the purpose; together they are all."""
        request = self.requests[event.disbursement_id]
        assert sum(draw.amount.minor for draw in event.draws) == event.amount.minor
        assert event.amount == request.amount
        for draw in event.draws:
            self._split(draw.amount, draw.shares)
            kind = draw.window, draw.restriction
            assert may_pay(self.charter, kind, request.window, request.purpose)
        turns = [turn(self.charter, (d.window, d.restriction), request.window) for d in event.draws]
        assert turns == sorted(turns)

    def _split(self, amount: Money, shares: Mapping[str, Money]) -> None:
        """Shares sum to the amount; a rounding takes back one unit and never more."""
        assert sum(share.minor for share in shares.values()) == amount.minor
        assert {share.currency for share in shares.values()} == {amount.currency}
        assert all(share.minor >= -1 for share in shares.values())
        self.short.update(party for party, share in shares.items() if share.minor < 0)


def may_pay(charter: Charter, kind: tuple[str, str], asked: str, purpose: str) -> bool:
    """Whether money of this window and restriction may pay for a purpose of the window `asked`."""
    window, tie = charter.window(kind[0]), charter.restriction(kind[1])
    if window is None or purpose not in window.purposes:
        return False
    if window.id != asked and not window.unrestricted:
        return False
    if tie is None:
        return not kind[1]
    return purpose in tie.only if tie.only else purpose not in tie.excludes


def turn(charter: Charter, kind: tuple[str, str], asked: str) -> int:
    """When money of this window and restriction is drawn for what is asked of a window."""
    free = MoneyKind.WINDOW if kind[0] == asked else MoneyKind.UNRESTRICTED
    return charter.draw_order.index(MoneyKind.TIED if kind[1] else free)
