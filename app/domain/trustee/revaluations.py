"""Revaluations: what the currencies that are still held would be worth on a day.

A revaluation is an entry that reverses: it first takes back what the one before found, line by
line, then posts the difference between the published rate of its day and what the holding has
cost. So the unrealised result always stands alone, apart from what was realised.
"""

from collections.abc import Iterable, Iterator
from datetime import date

from app.domain.book import Book, Key
from app.domain.books.journal import Leg, account_of, post, posting_keys
from app.domain.books.rates import rate_keys, source_of
from app.domain.books.valuation import Holding, holding_key, worth
from app.domain.charter.charter import Charter
from app.domain.command import Actor, Command
from app.domain.event import Act, Event, Terms
from app.domain.governance.funds import Fund, charter_of, fund_key
from app.domain.refusals.money import DateOutOfRange, NothingToValue
from app.domain.values import Currency, Day, Money, Role, Seq


class RevaluationTerms(Terms):
    """The day whose published rates are taken."""

    day: Day


class FundRevalued(RevaluationTerms, Event, type="fund.revalued", roles=(Role.TRUSTEE,)):
    """The currencies held were valued at a day's rates.

    `unrealised` is the gain of each in the holding currency, below zero for a loss; `reverses`
    is the revaluation that it takes back.
    """

    unrealised: dict[Currency, Money]
    reverses: Seq | None = None

    def permit(self, book: Book, act: Act) -> None:
        """Check that the day is not before the last movement, and that the entry states the gains
        which the published rates give and the valuation that it reverses. Raises NoExchangeRates,
        DateOutOfRange, NothingToValue, RateMissing, PeriodClosed.
        """
        charter = charter_of(book)
        holdings = _require_valuable_on(self.day, book, act)
        if self.unrealised != gains(book, charter, self.day):
            raise NothingToValue("The entry names other gains than the rates give.")
        if self.reverses != _before(holdings):
            raise NothingToValue("The entry reverses another valuation than the one before.")

    def fold(self, book: Book, act: Act) -> Book:
        charter = charter_of(book)
        for holding in list(_holdings(book, charter)):
            before = Money(holding.unrealised_minor, charter.holding_currency)
            after = self.unrealised[holding.currency]
            for gain in (-before, after):
                book = post(
                    book,
                    self.day,
                    Leg(f"fx/{holding.currency}", gain),
                    Leg(f"unrealised/{holding.currency}", -gain),
                )
            book = book.put(
                holding.but(
                    unrealised_minor=after.minor, revalued_seq=act.seq, revalued_day=self.day
                )
            )
        return book

    def sentence(self, act: Act) -> str:
        gains = ", ".join(f"{name} {gain}" for name, gain in sorted(self.unrealised.items()))
        return f"{act.party} valued the currencies held as of {self.day}: unrealised {gains}."


class RevalueFund(RevaluationTerms, Command, event=FundRevalued):
    """Value the currencies that the fund holds at a day's published rates."""

    def reads(self, book: Book, actor: Actor) -> Iterator[Key]:
        yield fund_key()
        fund = book.peek(Fund)
        if fund is None:
            return
        charter = fund.charter
        yield from rate_keys(charter, self.day)
        for currency in _foreign(charter):
            yield holding_key(currency)
            for name in ("fx", "unrealised"):
                account = f"{name}/{currency}"
                yield from posting_keys(book, account, charter.holding_currency, self.day)

    def decide(self, book: Book, act: Act) -> Event:
        holdings = _require_valuable_on(self.day, book, act)
        return FundRevalued(
            **self.stated(),
            unrealised=gains(book, charter_of(book), self.day),
            reverses=_before(holdings),
        )


def _require_valuable_on(day: date, book: Book, act: Act) -> list[Holding]:
    """The holdings that would be valued. Raises NoExchangeRates, DateOutOfRange, NothingToValue."""
    charter = charter_of(book)
    source_of(charter)
    if day > act.day:
        raise DateOutOfRange(f"{day} lies after the entry's own day, {act.day}.")
    holdings = list(_holdings(book, charter))
    newest = max((_moved_last(book, charter, holding) for holding in holdings), default=date.min)
    if day < newest:
        # The books know what is held now, and not what was held on an earlier day.
        raise DateOutOfRange(f"A currency was moved or valued as of {newest}; {day} is before.")
    if not holdings:
        raise NothingToValue("The fund holds its holding currency only.")
    return holdings


def gains(book: Book, charter: Charter, day: date) -> dict[str, Money]:
    """By currency: what each holding is worth on that day beyond its cost, in the holding currency.
    Raises NoExchangeRates, RateMissing.
    """
    source_of(charter)
    return {
        holding.currency: worth(book, charter, holding.held, day)
        - Money(holding.cost_minor, charter.holding_currency)
        for holding in _holdings(book, charter)
    }


def _before(holdings: Iterable[Holding]) -> int | None:
    """The entry that valued these holdings last; None for the first time."""
    seqs = (holding.revalued_seq for holding in holdings)
    return max((seq for seq in seqs if seq is not None), default=None)


def _moved_last(book: Book, charter: Charter, holding: Holding) -> date:
    """The newest day that a movement or a valuation of the currency counts for."""
    return account_of(book, f"fx/{holding.currency}", charter.holding_currency).day


def _foreign(charter: Charter) -> list[str]:
    return [name for name in charter.currencies if name != charter.holding_currency]


def _holdings(book: Book, charter: Charter) -> Iterator[Holding]:
    """Every holding that has something to value, or a valuation to take back."""
    for currency in _foreign(charter):
        holding = book.find(Holding, currency)
        if holding is not None and (holding.held or holding.unrealised_minor):
            yield holding
