"""Exchange rates: what the charter's source has published, day by day.

A rate is so many units of a currency for one unit of the source's base. A day that has none takes
the last one published before it, up to the charter's limit; past that there is no rate, and what
needs one is refused with the reason. Everything is exact: fractions until the one rounding, half
to even, to the minor unit of the target.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from fractions import Fraction
from typing import Annotated, Final

from pydantic import Field

from app.domain.book import Book, Key, State, key
from app.domain.charter.charter import Charter
from app.domain.charter.parts import ExchangeRates
from app.domain.command import Actor, Command
from app.domain.currencies import MINOR_DIGITS
from app.domain.event import Act, Event, Terms
from app.domain.governance.funds import charter_of, fund_key
from app.domain.refusals.base import AlreadyExists, NotFound
from app.domain.refusals.money import (
    CurrencyNotInCharter,
    DateOutOfRange,
    NoExchangeRates,
    RateMissing,
    RateOutOfRange,
)
from app.domain.refusals.people import SeparationOfDuties
from app.domain.values import Currency, Day, Digest, Money, Rate, Role, Seq, Subject, Text

ABSURD: Final = 2
"""A rate that differs from the one before by more than this factor is taken for a typing error."""
LOOK_BACK_DAYS: Final = 31
"""How many days back the previous rate is looked for."""

Rates = Annotated[dict[Currency, Rate], Field(min_length=1, max_length=100)]


class RateDay(State, table="rate_days", key=("day",), listed_by="published_seq"):
    """What was published for one day: units of each currency for one unit of the base.

    `corrected_seq` is the entry whose rates replaced those that were entered first.
    """

    day: date
    rates: dict[Currency, Rate]
    evidence: Digest
    entered_by: Subject
    published_seq: Seq
    corrected_seq: Seq | None


class RatesTerms(Terms):
    """The source's rates of one day, and the digest of the document that shows them."""

    day: Day
    rates: Rates
    evidence: Digest


class RatesPublished(RatesTerms, Event, type="rates.published", roles=(Role.TRUSTEE,)):
    """The rates that the charter's source has published for a day are on record."""

    def permit(self, book: Book, act: Act) -> None:
        """Check that the day has no rates yet and is not in the future, and that each rate is of a
        currency of the charter and within a factor of ABSURD of the one before. Raises
        NoExchangeRates, DateOutOfRange, AlreadyExists, CurrencyNotInCharter, RateOutOfRange.
        """
        charter = charter_of(book)
        source_of(charter)
        if self.day > act.day:
            raise DateOutOfRange(f"{self.day} lies after the entry's own day, {act.day}.")
        if book.find(RateDay, self.day) is not None:
            raise AlreadyExists(f"The rates of {self.day} are in the log already.")
        _require_quotable(charter, self.rates)
        for currency, rate in self.rates.items():
            before = _rate_before(book, currency, self.day)
            if before and not 1 <= ABSURD * Fraction(rate) / before <= ABSURD**2:
                raise RateOutOfRange(
                    f"{rate} for {currency} is more than {ABSURD} times off the rate before."
                )

    def fold(self, book: Book, act: Act) -> Book:
        return book.put(
            RateDay(
                day=self.day,
                rates=self.rates,
                evidence=self.evidence,
                entered_by=act.subject,
                published_seq=act.seq,
                corrected_seq=None,
            )
        )

    def sentence(self, act: Act) -> str:
        listed = _listed(self.rates)
        return f"{act.party} entered the exchange rates published for {self.day}: {listed}."


class PublishRates(RatesTerms, Command, event=RatesPublished):
    """Enter the rates that the charter's source has published for a day."""

    def reads(self, book: Book, actor: Actor) -> Iterator[Key]:
        yield fund_key()
        yield from _days_before(self.day, LOOK_BACK_DAYS)

    def decide(self, book: Book, act: Act) -> Event:
        return RatesPublished(**self.stated())


class RateCorrectionTerms(RatesTerms):
    """The right rates of a day, and what was wrong with those on record."""

    reason: Text


class RatesCorrected(RateCorrectionTerms, Event, type="rates.corrected", roles=(Role.TRUSTEE,)):
    """Another person has replaced rates that were entered wrongly.

    The new rates are not compared with those of the days around, which may be wrong as well.
    Amounts that were valued at the old rates stay as they were.
    """

    corrects: Seq

    def permit(self, book: Book, act: Act) -> None:
        """Check that another person than the one who entered the rates corrects them, and that the
        entry names the rates in force. Raises NotFound, NoExchangeRates, SeparationOfDuties,
        CurrencyNotInCharter, RateOutOfRange.
        """
        charter = charter_of(book)
        source_of(charter)
        wrong = book.get(RateDay, self.day)
        if act.subject == wrong.entered_by:
            raise SeparationOfDuties("Who entered the rates does not correct them; another must.")
        _require_quotable(charter, self.rates)
        if self.corrects != _newest(wrong):
            raise NotFound(f"The rates of {self.day} stand in entry {_newest(wrong)}.")

    def fold(self, book: Book, act: Act) -> Book:
        return book.put(
            book.get(RateDay, self.day).but(
                rates=self.rates,
                evidence=self.evidence,
                entered_by=act.subject,
                corrected_seq=act.seq,
            )
        )

    def sentence(self, act: Act) -> str:
        return (
            f"{act.party} corrected the exchange rates of {self.day} in entry {self.corrects} "
            f"to {_listed(self.rates)}: {self.reason}"
        )


class CorrectRates(RateCorrectionTerms, Command, event=RatesCorrected):
    """Replace rates that another person entered wrongly."""

    def reads(self, book: Book, actor: Actor) -> Iterator[Key]:
        yield fund_key()
        yield key(RateDay, self.day)

    def decide(self, book: Book, act: Act) -> Event:
        return RatesCorrected(**self.stated(), corrects=_newest(book.get(RateDay, self.day)))


def source_of(charter: Charter) -> ExchangeRates:
    """The charter's source. Raises NoExchangeRates."""
    if charter.exchange_rates is None:
        raise NoExchangeRates("The charter names no source of exchange rates.")
    return charter.exchange_rates


def rate_keys(charter: Charter, day: date) -> Iterator[Key]:
    """The keys of the rows that looking up a rate of that day reads."""
    if charter.exchange_rates is not None:
        yield from _days_before(day, charter.exchange_rates.max_age_days)


def rate_on(book: Book, charter: Charter, currency: str, day: date) -> Fraction:
    """Units of `currency` for one unit of the base, last published on or before `day`.

    Raises NoExchangeRates, RateMissing.
    """
    source = source_of(charter)
    if currency == source.base:
        return Fraction(1)
    for age in range(source.max_age_days + 1):
        published = book.find(RateDay, day - timedelta(days=age))
        if published is not None and currency in published.rates:
            return Fraction(published.rates[currency])
    raise RateMissing(
        f"{source.source} has no rate of {currency} in the log "
        f"for {day} or the {source.max_age_days} days before it."
    )


def cross_rate(book: Book, charter: Charter, source: str, target: str, day: date) -> Fraction:
    """Units of `target` for one unit of `source`, as published. Raises as `rate_on`."""
    return rate_on(book, charter, target, day) / rate_on(book, charter, source, day)


def exchanged(amount: Money, rate: Fraction, target: str) -> Money:
    """`amount` at `rate` units of `target` for one, to the minor unit, half to even.

    Raises AmountOutOfRange.
    """
    digits = MINOR_DIGITS[target] - MINOR_DIGITS[amount.currency]
    return Money(round(amount.minor * rate * Fraction(10) ** digits), target)


def _require_quotable(charter: Charter, rates: Rates) -> None:
    """Check that the rates are of the charter's currencies (CurrencyNotInCharter) and that none is
    stated for the base, whose rate is always 1 (RateOutOfRange).
    """
    for currency in rates:
        if currency not in charter.currencies:
            raise CurrencyNotInCharter("A rate names a currency that the fund does not take.")
        if currency == source_of(charter).base:
            raise RateOutOfRange(f"{currency} is the base: its rate is always 1.")


def _newest(day: RateDay) -> int:
    """The entry that holds a day's rates in force: the last correction, or the first entry."""
    return day.published_seq if day.corrected_seq is None else day.corrected_seq


def _listed(rates: Rates) -> str:
    return ", ".join(f"{currency} {rate}" for currency, rate in sorted(rates.items()))


def _days_before(day: date, count: int) -> Iterator[Key]:
    return (key(RateDay, day - timedelta(days=age)) for age in range(count + 1))


def _rate_before(book: Book, currency: str, day: date) -> Fraction | None:
    for age in range(1, LOOK_BACK_DAYS + 1):
        published = book.find(RateDay, day - timedelta(days=age))
        if published is not None and currency in published.rates:
            return Fraction(published.rates[currency])
    return None
