"""What currencies held have cost and brought, worked out from the log alone.

A second implementation of `books/valuation` for comparison: from the published rates and the
journal lines of cash it works out what each entry must post on `fx`, `realised` and `unrealised`.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction

from app.domain.books.rates import RatesCorrected, RatesPublished
from app.domain.charter.charter import Charter
from app.domain.currencies import MINOR_DIGITS
from app.domain.trustee.conversions import ConversionBooked
from app.domain.trustee.corrections import ReceiptCorrected
from app.domain.trustee.revaluations import FundRevalued
from app.domain.values import Money
from tests.support.paper import Recorded

MONEY_HELD = ("cash/", "transit/")


@dataclass
class Appraisal:
    """Per currency: minor units held; what they cost, brought and would bring, in the holding
    currency.
    """

    charter: Charter
    held: Counter[str] = field(default_factory=Counter)
    cost: Counter[str] = field(default_factory=Counter)
    realised: Counter[str] = field(default_factory=Counter)
    unrealised: Counter[str] = field(default_factory=Counter)
    rates: dict[date, dict[str, Fraction]] = field(default_factory=dict)

    def read(self, line: Recorded) -> None:
        """Read one more entry, and compare what it posted with what it must post."""
        if self.charter.exchange_rates is None:
            return
        if isinstance(line.event, RatesPublished | RatesCorrected):
            found = {code: Fraction(rate) for code, rate in line.event.rates.items()}
            self.rates[line.event.day] = found
        moved, day = Counter[str](), None
        for posting in line.postings:
            if posting.account.startswith(MONEY_HELD):
                moved[posting.currency] += posting.minor
                day = posting.effective
        expected = Counter[str]()
        if isinstance(line.event, FundRevalued):
            expected = self._revalued(line.event)
        elif day is not None:
            for currency, minor in moved.items():
                if minor and currency != self.charter.holding_currency:
                    expected.update(self._moved(line, currency, minor, day))
        posted = Counter[str]()
        for posting in line.postings:
            if posting.account.startswith(("fx/", "realised/", "unrealised/")):
                assert posting.currency == self.charter.holding_currency
                posted[posting.account] += posting.minor
        assert _without_zeros(posted) == _without_zeros(expected), line.event.type

    def worth(self, minor: int, currency: str, day: date) -> int:
        """Minor units of the holding currency, half to even."""
        target = self.charter.holding_currency
        rate = self._rate(target, day) / self._rate(currency, day)
        digits = MINOR_DIGITS[target] - MINOR_DIGITS[currency]
        return round(minor * rate * Fraction(10) ** digits)

    def _rate(self, currency: str, day: date) -> Fraction:
        source = self.charter.exchange_rates
        assert source is not None
        if currency == source.base:
            return Fraction(1)
        days = [known for known in self.rates if known <= day and currency in self.rates[known]]
        newest = max(days)
        assert day - newest <= timedelta(days=source.max_age_days)
        return self.rates[newest][currency]

    def _moved(self, line: Recorded, currency: str, minor: int, day: date) -> Counter[str]:
        """Money came in at a price, or left at average cost; the rest is realised."""
        price = self._price(line, currency, abs(minor), day)
        if minor > 0:
            self.held[currency] += minor
            self.cost[currency] += price
            return Counter({f"fx/{currency}": price})
        cost = round(Fraction(self.cost[currency] * -minor, self.held[currency]))
        if isinstance(line.event, ReceiptCorrected):
            price = cost
        self.held[currency] += minor
        self.cost[currency] -= cost
        self.realised[currency] += price - cost
        result = Counter[str]()
        result[f"fx/{currency}"] -= cost
        result[f"realised/{currency}"] -= price - cost
        return result

    def _price(self, line: Recorded, currency: str, minor: int, day: date) -> int:
        """What the amount is worth that day; in a conversion, both sides have one price."""
        event, holding = line.event, self.charter.holding_currency
        if isinstance(event, ReceiptCorrected):
            return 0
        if isinstance(event, ConversionBooked):
            for side in (event.bought, event.sold):
                if side.currency == holding:
                    return side.minor
            return self.worth(event.sold.minor, event.sold.currency, day)
        return self.worth(minor, currency, day)

    def _revalued(self, event: FundRevalued) -> Counter[str]:
        """Each currency's gain becomes what its worth now exceeds its cost by."""
        result = Counter[str]()
        worth_naming = *self.held.items(), *self.unrealised.items()
        named = {currency for currency, minor in worth_naming if minor}
        assert event.unrealised.keys() == named
        for currency in named:
            worth = self.worth(self.held[currency], currency, event.day)
            gain = worth - self.cost[currency]
            assert event.unrealised[currency] == Money(gain, self.charter.holding_currency)
            result[f"fx/{currency}"] += gain - self.unrealised[currency]
            result[f"unrealised/{currency}"] -= gain - self.unrealised[currency]
            self.unrealised[currency] = gain
        return result


def _without_zeros(counts: Counter[str]) -> dict[str, int]:
    return {name: minor for name, minor in counts.items() if minor}
