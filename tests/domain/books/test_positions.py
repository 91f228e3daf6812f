"""Positions: words that are never mixed up, side by side."""

from app.domain.book import Book
from app.domain.books.positions import Position, moved
from tests.support.builders import money
from tests.support.domain import Door, eur, funded, jpy, position


def test_each_word_counts_for_itself() -> None:
    book = moved(Book(complete=True), "budget", {"DE": eur(5)}, "pledged", "agreed")
    book = moved(book, "budget", {"DE": eur(2)}, "received")

    found = book.get(Position, "DE", "budget", "EUR")
    assert (found.pledged, found.agreed, found.received) == (eur(5), eur(5), eur(2))
    assert (found.reserved, found.disbursed) == (eur(0), eur(0))


def test_a_minus_takes_away() -> None:
    book = moved(Book(complete=True), "budget", {"DE": eur(5), "FR": eur(1)}, "reserved")
    book = moved(book, "budget", {"DE": eur(5)}, "-reserved", "disbursed")

    german, french = (book.get(Position, party, "budget", "EUR") for party in ("DE", "FR"))
    assert (german.reserved, german.disbursed) == (eur(0), eur(5))
    assert (french.reserved, french.disbursed) == (eur(1), eur(0))


def test_windows_and_currencies_are_counted_apart() -> None:
    paper = Door()
    paper.open()
    paper.pledged("DE", money(5))
    paper.pledged("DE", money(7), "defence")
    paper.pledged("DE", money(900, "JPY"))

    assert position(paper, "DE").pledged == eur(5)
    assert position(paper, "DE", "defence").pledged == eur(7)
    assert position(paper, "DE", "budget", "JPY").pledged == jpy(900)


def test_from_pledge_to_grant_every_word_moves_in_its_own_time() -> None:
    paper = funded(FR=40)
    seen = []
    paper.pledged("DE", money(100))
    agreement = paper.agreed("DE", money(80))
    paper.paid(agreement, money(60))
    seen.append(position(paper, "DE"))
    disbursement = paper.approved(paper.requested(money(50)))
    seen.append(position(paper, "DE"))
    paper.settled(paper.instructed(disbursement))
    seen.append(position(paper, "DE"))

    assert [(p.pledged, p.agreed, p.received) for p in seen] == [(eur(100), eur(80), eur(60))] * 3
    assert [(p.reserved, p.disbursed) for p in seen] == [
        (eur(0), eur(0)),
        (eur(30), eur(0)),
        (eur(0), eur(30)),
    ]
