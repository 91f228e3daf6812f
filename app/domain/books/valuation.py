"""Valuation: what the currencies that the fund holds have cost, in its holding currency.

Where the charter names a source of rates, money in a foreign currency comes in at the rate of its
day and leaves at the average cost of what is held; the difference to the rate of that day is
*realised*. What is still held is revalued now and then; that difference is *unrealised*, and each
revaluation first reverses the one before (`treasury/revaluation`). All in the holding currency:

    in        debit  fx/USD           credit translation/USD     at the rate of the day
    out       debit  translation/USD  at the rate of the day
              credit fx/USD           at average cost            the rest: realised/USD
    revalue   debit  fx/USD           credit unrealised/USD      rate of the day less cost
"""

from collections.abc import Iterator
from datetime import date
from fractions import Fraction

from app.domain.book import Book, Key, State, key
from app.domain.books.journal import Leg, credit, debit, post, posting_keys
from app.domain.books.rates import cross_rate, exchanged, rate_keys
from app.domain.charter.charter import Charter
from app.domain.values import Currency, Money, Seq


class Holding(State, table="holdings", key=("currency",)):
    """How much of a currency the fund holds, and what it cost.

    `cost_minor` and the gains are minor units of the holding currency; `unrealised_minor` is what
    the last revaluation found and the next one will reverse.
    """

    currency: Currency
    held: Money
    cost_minor: int
    realised_minor: int
    unrealised_minor: int
    revalued_seq: Seq | None
    revalued_day: date | None


def is_valued(charter: Charter, currency: str) -> bool:
    """Whether amounts in this currency are kept in the holding currency too."""
    return charter.exchange_rates is not None and currency != charter.holding_currency


def valuation_keys(book: Book, charter: Charter, currency: str, day: date) -> Iterator[Key]:
    """The keys of the rows that valuing money in this currency reads when it comes in or leaves."""
    if is_valued(charter, currency):
        yield from rate_keys(charter, day)
        yield holding_key(currency)
        for name in ("fx", "translation", "realised"):
            yield from posting_keys(book, f"{name}/{currency}", charter.holding_currency, day)


def worth(book: Book, charter: Charter, amount: Money, day: date) -> Money:
    """The amount in the holding currency, at the published rate of that day.

    Raises NoExchangeRates, RateMissing, AmountOutOfRange.
    """
    target = charter.holding_currency
    if amount.currency == target:
        return amount
    return exchanged(amount, cross_rate(book, charter, amount.currency, target, day), target)


def require_valuable(book: Book, charter: Charter, amount: Money, day: date) -> None:
    """Check that an amount in a currency which is valued has a rate on that day. Raises RateMissing
    when it has none.
    """
    if is_valued(charter, amount.currency):
        worth(book, charter, amount, day)


def taken_in(
    book: Book, charter: Charter, amount: Money, day: date, cost: Money | None = None
) -> Book:
    """The book after money came in, at `cost` or at the rate of the day."""
    if not is_valued(charter, amount.currency):
        return book
    if cost is None:
        cost = worth(book, charter, amount, day)
    holding = holding_of(book, amount.currency)
    book = book.put(
        holding.but(held=holding.held + amount, cost_minor=holding.cost_minor + cost.minor)
    )
    return post(
        book,
        day,
        debit(f"fx/{amount.currency}", cost),
        credit(f"translation/{amount.currency}", cost),
    )


def given_out(
    book: Book, charter: Charter, amount: Money, day: date, proceeds: Money | None = None
) -> Book:
    """The book after money left, for `proceeds` or at the rate of the day."""
    if not is_valued(charter, amount.currency):
        return book
    if proceeds is None:
        proceeds = worth(book, charter, amount, day)
    holding = holding_of(book, amount.currency)
    cost = average_cost(holding, charter, amount)
    gain = proceeds - cost
    book = book.put(
        holding.but(
            held=holding.held - amount,
            cost_minor=holding.cost_minor - cost.minor,
            realised_minor=holding.realised_minor + gain.minor,
        )
    )
    return post(
        book,
        day,
        debit(f"translation/{amount.currency}", proceeds),
        credit(f"fx/{amount.currency}", cost),
        Leg(f"realised/{amount.currency}", -gain),
    )


def taken_back(book: Book, charter: Charter, amount: Money, day: date) -> Book:
    """The book after money that should not have come in left again, at its cost and without gain or
    loss.
    """
    if not is_valued(charter, amount.currency):
        return book
    cost = average_cost(holding_of(book, amount.currency), charter, amount)
    return given_out(book, charter, amount, day, proceeds=cost)


def average_cost(holding: Holding, charter: Charter, amount: Money) -> Money:
    """The cost of this part of a holding: its share of the whole cost, half to even."""
    share = Fraction(holding.cost_minor * amount.minor, holding.held.minor)
    return Money(round(share), charter.holding_currency)


def holding_of(book: Book, currency: str) -> Holding:
    """The holding; an empty one where none of the currency has come in."""
    found = book.find(Holding, currency)
    return found or Holding(
        currency=currency,
        held=Money.zero(currency),
        cost_minor=0,
        realised_minor=0,
        unrealised_minor=0,
        revalued_seq=None,
        revalued_day=None,
    )


def holding_key(currency: str) -> Key:
    """The key of a holding's row."""
    return key(Holding, currency)
