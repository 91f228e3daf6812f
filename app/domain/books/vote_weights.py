"""Vote weights: how much each government has paid in, by which its vote is weighed."""

from collections.abc import Iterator
from datetime import date

from app.domain.book import Book, Key
from app.domain.books.positions import Position, position_key
from app.domain.books.rates import rate_keys
from app.domain.books.valuation import worth
from app.domain.charter.charter import Charter
from app.domain.charter.decision_rules import DecisionClass, Vote, Weights


def weights_of(book: Book, charter: Charter, decision: DecisionClass, day: date) -> dict[str, int]:
    """What each government's vote weighs on this day; 1 each where nothing is weighed.

    Received contributions in minor units of the holding currency, at the published rates of the
    day; or the charter's hundredths of a percent. Raises RateMissing, NoExchangeRates.
    """
    kind = _basis(charter, decision)
    if kind is Weights.CHARTER:
        shares = {party.id: party.weight_bp or 0 for party in charter.parties}
        return {party: shares[party] for party in charter.governments}
    if kind is None:
        return dict.fromkeys(charter.governments, 1)
    return {party: _received(book, charter, party, day) for party in charter.governments}


def weight_keys(charter: Charter, decision: DecisionClass, day: date | None) -> Iterator[Key]:
    """The rows that weighing reads; `day` is None where it is not known yet."""
    if _basis(charter, decision) is not Weights.RECEIVED:
        return
    for party in charter.governments:
        for window in charter.windows:
            for currency in charter.currencies:
                yield position_key(party, window.id, currency)
    if day is not None:
        yield from rate_keys(charter, day)


def _basis(charter: Charter, decision: DecisionClass) -> Weights | None:
    """The weights by which votes of this class of decisions are weighed, in the first vote or in
    the one that follows an objection; None where every vote counts 1.
    """
    rule = charter.rule(decision)
    votes: list[Vote] = [rule, *([rule.then] if rule.then is not None else [])]
    return next((vote.weights for vote in votes if vote.weighs), None)


def _received(book: Book, charter: Charter, party: str, day: date) -> int:
    total = 0
    for window in charter.windows:
        for currency in charter.currencies:
            position = book.find(Position, party, window.id, currency)
            if position is not None and position.received:
                total += worth(book, charter, position.received, day).minor
    return total
