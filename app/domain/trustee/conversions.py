"""Conversions: money of one window changed into another currency, at a rate that can be checked.

The trustee books what the bank did: both amounts, both statement lines, the bank's rate, where it
comes from and the digest of the confirmation. The rate must give the amounts, and may differ from
the published one only as far as the charter allows. The money bought belongs to the contributors
whose money was sold, in the same proportion.
"""

from collections.abc import Iterator
from fractions import Fraction

from pydantic import BaseModel, ConfigDict

from app.domain.book import Book, Key, State
from app.domain.books.attribution import largest_remainder
from app.domain.books.dates import Dated, require_dates
from app.domain.books.journal import (
    account_of,
    cash,
    contributor,
    credit,
    debit,
    post,
    posting_keys,
)
from app.domain.books.pools import (
    FREE,
    Carry,
    Pool,
    Shares,
    Split,
    paid_in,
    pool_key,
    pool_of,
    split,
    taken,
)
from app.domain.books.positions import moved, position_key
from app.domain.books.rates import cross_rate, exchanged, rate_keys, source_of
from app.domain.books.valuation import (
    given_out,
    require_valuable,
    taken_in,
    valuation_keys,
    worth,
)
from app.domain.charter.charter import Charter
from app.domain.command import Actor, Command
from app.domain.event import Act, Event
from app.domain.governance.funds import (
    Fund,
    charter_of,
    fund_key,
    require_bank_account,
    require_restriction,
    require_window,
)
from app.domain.inflow.receipts import BankLine, Direction, bank_line_key, require_unused
from app.domain.refusals.money import CurrencyMismatch, InsufficientFunds, RateOutOfRange
from app.domain.refusals.people import WrongParty
from app.domain.values import (
    Amount,
    BankAccountId,
    BankReference,
    Digest,
    Identifier,
    Money,
    Rate,
    RestrictionId,
    Role,
    Seq,
    Text,
    WindowId,
)


class Exchange(BaseModel):
    """The amount sold and the amount bought."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sold: Money
    bought: Money


class Conversion(State, table="conversions", key=("conversion_id",), listed_by="booked_seq"):
    """A conversion as it was booked."""

    conversion_id: Identifier
    window: WindowId
    restriction: str
    exchange: Exchange
    rate: Rate
    rate_source: str
    evidence: Digest
    booked_seq: Seq


class ConversionTerms(Dated):
    """What the bank did: `rate` is units of the currency bought for one of the currency sold."""

    window: WindowId
    restriction: RestrictionId | None = None
    sold: Amount
    bought: Amount
    from_account: BankAccountId
    to_account: BankAccountId
    out_reference: BankReference
    in_reference: BankReference
    rate: Rate
    rate_source: Text
    evidence: Digest


class ConversionBooked(
    ConversionTerms, Event, type="conversion.booked", roles=(Role.TRUSTEE,), creates=Conversion
):
    """Money of a window is in another currency now, and so is each contributor's part of it."""

    conversion_id: Identifier
    shares_sold: Shares
    shares_bought: Shares
    weights: Shares
    carry: Carry | None = None
    released_before: Money

    @property
    def split(self) -> Split:
        """How what was sold falls on the contributors."""
        return Split(self.shares_sold, self.weights, self.carry, self.released_before)

    def permit(self, book: Book, act: Act) -> None:
        """Check that the bank accounts, lines, dates and amounts are possible, that the shares are
        those of the contributors, and that the rate gives the amounts and is near the published
        one. Raises NoExchangeRates, UnknownWindow, UnknownRestriction, RestrictionNotUsable,
        UnknownBankAccount, CurrencyMismatch, BankReferenceUsed, DateOutOfRange, InsufficientFunds,
        WrongParty, RateMissing, RateOutOfRange, PeriodClosed.
        """
        charter = _require_bookable(self, book, act)
        parts = split(_pool(self, book, self.sold.currency), self.sold)
        if (self.split, self.shares_bought) != (parts, _followed(parts, self.bought)):
            raise WrongParty("The entry names other shares than the contributors have.")
        self._check_rate(book, charter)
        for amount in (self.sold, self.bought):
            require_valuable(book, charter, amount, self.effective)

    def _check_rate(self, book: Book, charter: Charter) -> None:
        """Check that the stated rate gives the amount bought within one minor unit, and that this
        amount is as near to the published rate's as the charter allows. Raises RateOutOfRange,
        RateMissing.
        """
        stated = exchanged(self.sold, Fraction(self.rate), self.bought.currency)
        if abs(stated.minor - self.bought.minor) > 1:
            raise RateOutOfRange(f"{self.sold} at {self.rate} is {stated}, not {self.bought}.")
        day, target = self.value_date, self.bought.currency
        published = cross_rate(book, charter, self.sold.currency, target, day)
        reference = exchanged(self.sold, published, target)
        allowed = source_of(charter).tolerance_bp * reference.minor
        if abs(self.bought.minor - reference.minor) * 10_000 > allowed:
            raise RateOutOfRange(
                f"At the rate published for {day}, {self.sold} is {reference}; "
                f"{self.bought} is further from it than the charter allows."
            )

    def fold(self, book: Book, act: Act) -> Book:
        sold, bought, window, day = self.sold, self.bought, self.window, self.effective
        book = book.put(taken(_pool(self, book, sold.currency), sold, self.split))
        book = book.put(paid_in(_pool(self, book, bought.currency), self.shares_bought))
        book = post(
            book,
            day,
            *(debit(contributor(p, window), share) for p, share in self.shares_sold.items()),
            credit(cash(self.from_account), sold),
            debit(cash(self.to_account), bought),
            *(credit(contributor(p, window), share) for p, share in self.shares_bought.items()),
        )
        book = moved(book, window, self.shares_sold, "-converted")
        book = moved(book, window, self.shares_bought, "converted")
        book = self._valued(book, charter_of(book))
        return self._kept(book, act.seq)

    def _valued(self, book: Book, charter: Charter) -> Book:
        """The book in which what was sold leaves at its price, which is the cost of what was
        bought.
        """
        sold, bought, day = self.sold, self.bought, self.effective
        holding = charter.holding_currency
        price = bought if bought.currency == holding else worth(book, charter, sold, day)
        book = given_out(book, charter, sold, day, proceeds=price)
        return taken_in(book, charter, bought, day, cost=price)

    def _kept(self, book: Book, seq: int) -> Book:
        for account, reference, direction, amount in (
            (self.from_account, self.out_reference, Direction.OUT, self.sold),
            (self.to_account, self.in_reference, Direction.IN, self.bought),
        ):
            book = book.put(
                BankLine(
                    bank_account=account,
                    bank_reference=reference,
                    direction=direction,
                    amount=amount,
                    value_date=self.value_date,
                    booked_seq=seq,
                )
            )
        return book.put(
            Conversion(
                conversion_id=self.conversion_id,
                window=self.window,
                restriction=self.restriction or FREE,
                exchange=Exchange(sold=self.sold, bought=self.bought),
                rate=self.rate,
                rate_source=self.rate_source,
                evidence=self.evidence,
                booked_seq=seq,
            )
        )

    def sentence(self, act: Act) -> str:
        return (
            f"{act.party} changed {self.sold} of window {self.window} into {self.bought} "
            f"at {self.rate} ({self.rate_source}, value {self.value_date})."
        )


class BookConversion(ConversionTerms, Command, event=ConversionBooked):
    """Record that the bank changed money of a window into another currency."""

    def reads(self, book: Book, actor: Actor) -> Iterator[Key]:
        yield fund_key()
        yield bank_line_key(self.from_account, self.out_reference)
        yield bank_line_key(self.to_account, self.in_reference)
        day = self.effective
        fund, pool = book.peek(Fund), _peeked(self, book)
        contributors = pool.balances if pool is not None else ()
        for account, amount in ((self.from_account, self.sold), (self.to_account, self.bought)):
            currency = amount.currency
            yield pool_key(self.window, self.restriction or FREE, currency)
            yield from posting_keys(book, cash(account), currency, day)
            for party in contributors:
                yield position_key(party, self.window, currency)
                yield from posting_keys(book, contributor(party, self.window), currency, day)
            if fund is not None:
                yield from valuation_keys(book, fund.charter, currency, day)
        if fund is not None:
            yield from rate_keys(fund.charter, self.value_date)
            yield from rate_keys(fund.charter, day)

    def decide(self, book: Book, act: Act) -> Event:
        _require_bookable(self, book, act)
        parts = split(_pool(self, book, self.sold.currency), self.sold)
        return ConversionBooked(
            **self.stated(),
            conversion_id=act.new_id(),
            shares_sold=parts.shares,
            shares_bought=_followed(parts, self.bought),
            weights=parts.weights,
            carry=parts.carry,
            released_before=parts.released_before,
        )


def _require_bookable(terms: ConversionTerms, book: Book, act: Act) -> Charter:
    """Check everything that does not depend on the contributors' shares; return the charter.

    Raises NoExchangeRates, UnknownWindow, UnknownRestriction, RestrictionNotUsable,
    UnknownBankAccount, CurrencyMismatch, BankReferenceUsed, DateOutOfRange, InsufficientFunds.
    """
    charter = charter_of(book)
    source_of(charter)
    require_window(charter, terms.window)
    if terms.restriction is not None:
        require_restriction(charter, terms.window, terms.restriction)
    if terms.sold.currency == terms.bought.currency:
        raise CurrencyMismatch(f"Both amounts are in {terms.sold.currency}.")
    require_bank_account(charter, terms.from_account, terms.sold.currency)
    require_bank_account(charter, terms.to_account, terms.bought.currency)
    require_unused(book, terms.from_account, terms.out_reference)
    require_unused(book, terms.to_account, terms.in_reference)
    require_dates(terms, act)
    held = account_of(book, cash(terms.from_account), terms.sold.currency).balance
    if terms.sold > held:
        raise InsufficientFunds(f"{terms.sold} is sold, but {terms.from_account} holds {held}.")
    return charter


def _followed(parts: Split, bought: Money) -> Shares:
    """The shares of the money bought, in proportion to what each contributor gave of the money
    sold.
    """
    weights = {party: max(share.minor, 0) for party, share in parts.shares.items()}
    shares = largest_remainder(bought.minor, weights)
    return {party: Money(minor, bought.currency) for party, minor in shares.items() if minor}


def _pool(terms: ConversionTerms, book: Book, currency: str) -> Pool:
    return pool_of(book, terms.window, terms.restriction or FREE, currency)


def _peeked(terms: ConversionTerms, book: Book) -> Pool | None:
    return book.peek(Pool, terms.window, terms.restriction or FREE, terms.sold.currency)
