"""Attributions: for each contributor, each release of their money."""

import pytest

from app.domain.book import Book, key
from app.domain.outflow.attributions import (
    Attribution,
    attributed,
    attribution_key,
    ended,
    settled,
)
from app.domain.outflow.disbursements import Disbursement
from app.domain.refusals.base import NotFound
from tests.support.builders import money, valued
from tests.support.domain import Door, cancelled, eur, funded, returned
from tests.support.paper import Paper

EMPTY = Book(complete=True)


def attribution(paper: Paper, party: str, disbursement: Disbursement) -> Attribution:
    return paper.book.get(Attribution, party, disbursement.disbursement_id)


def released() -> tuple[Paper, Disbursement]:
    """50.00 EUR that were reserved, 30.00 of them from DE."""
    paper = funded(DE=60, FR=40)
    return paper, paper.approved(paper.requested(money(50)))


def test_before_the_reservation_nothing_is_attributed() -> None:
    paper = funded(DE=60)
    paper.approved(paper.requested(money(50)), but=1)

    assert paper.rows(Attribution) == []


def test_a_reservation_is_attributed_to_each_contributor() -> None:
    paper, disbursement = released()

    german = attribution(paper, "DE", disbursement)
    assert (german.amount, german.recipient, german.purpose) == (eur(30), "UA", "pensions")
    assert german.reserved_seq == len(paper.log) - 1
    assert (german.settled_seq, german.ended_seq) == (None, None)
    assert attribution(paper, "FR", disbursement).amount == eur(20)
    assert {row.party: row.amount for row in paper.rows(Attribution)} == disbursement.shares


def test_a_settlement_is_known_to_each_contributor() -> None:
    paper, disbursement = released()
    paper.settled(paper.instructed(disbursement))

    for party in ("DE", "FR"):
        line = attribution(paper, party, disbursement)
        assert (line.settled_seq, line.ended_seq) == (len(paper.log) - 1, None)


@pytest.mark.parametrize("how", ["cancelled", "rejected", "returned"])
def test_what_goes_back_is_known_to_each_contributor(how: str) -> None:
    paper, disbursement = released()
    if how == "cancelled":
        cancelled(paper, disbursement)
    else:
        told = paper.instructed(disbursement)
        returned(paper, paper.settled(told) if how == "returned" else told)

    for party in ("DE", "FR"):
        line = attribution(paper, party, disbursement)
        assert line.ended_seq == len(paper.log) - 1
        assert (line.settled_seq is not None) == (how == "returned")
        assert line.amount == disbursement.shares[party]


def test_shares_of_several_pools_are_one_attribution() -> None:
    paper = Door().open(**valued())
    for window, amount in (("budget", 20), ("general", 30)):
        paper.paid(paper.agreed("DE", money(amount), window), money(amount))
    disbursement = paper.approved(paper.requested(money(50)))

    assert attribution(paper, "DE", disbursement).amount == eur(50)
    assert len(paper.rows(Attribution)) == 1


def test_releases_are_listed_by_the_entry_that_reserved_them() -> None:
    paper, first = released()
    second = paper.approved(paper.requested(money(10)))

    newest = paper.newest(Attribution)
    assert newest.disbursement_id == second.disbursement_id
    assert newest.reserved_seq > attribution(paper, "DE", first).reserved_seq


def test_the_book_is_folded_line_by_line() -> None:
    _, disbursement = released()
    one = disbursement.disbursement_id

    book = attributed(EMPTY, disbursement, {"DE": eur(30), "FR": eur(20)}, 7)
    book = ended(settled(book, one, {"DE": eur(30)}, 8), one, {"FR": eur(20)}, 9)

    german, french = book.get(Attribution, "DE", one), book.get(Attribution, "FR", one)
    assert (german.reserved_seq, german.settled_seq, german.ended_seq) == (7, 8, None)
    assert (french.reserved_seq, french.settled_seq, french.ended_seq) == (7, None, 9)
    assert attribution_key("DE", one) == key(Attribution, "DE", one)


def test_what_was_never_attributed_is_neither_settled_nor_ended() -> None:
    for change in (settled, ended):
        with pytest.raises(NotFound):
            change(EMPTY, "x", {"DE": eur(1)}, 1)
