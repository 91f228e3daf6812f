"""Kept books: good for one head, and never more of them than there is room for."""

from app.chain.tree import Frontier
from app.domain.book import Book
from app.domain.governance.members import Member
from app.domain.values import Role
from app.ledger.book_cache import BookCache
from app.store.log import Head


def a_head(fund: str, size: int = 1) -> Head:
    return Head(fund, Frontier().extend([bytes(32)] * size)[0], bytes(32), "2026-01-01")


def a_book(rows: int) -> Book:
    book = Book()
    for number in range(rows):
        member = Member(
            subject=f"m-{number}", party="DE", roles=(Role.TREASURY,), since_seq=0, until_seq=None
        )
        book = book.put(member)
    return book.saved()


def test_a_book_is_good_at_its_own_head_and_given_once() -> None:
    books, book = BookCache(), a_book(1)
    books.keep("era", a_head("era"), book)

    assert books.take("era", a_head("era")) is book
    assert books.take("era", a_head("era")) is None


def test_a_book_is_forgotten_once_somebody_else_has_written() -> None:
    books = BookCache()
    books.keep("era", a_head("era"), a_book(1))

    assert books.take("era", a_head("era", 2)) is None
    assert len(books) == 0


def test_the_book_that_was_written_to_longest_ago_is_let_go_first() -> None:
    books = BookCache(most_rows=10)
    for fund in ("one", "two", "three"):
        books.keep(fund, a_head(fund), a_book(4))

    assert books.take("one", a_head("one")) is None
    assert books.take("two", a_head("two")) is not None
    assert books.take("three", a_head("three")) is not None


def test_a_book_that_is_too_large_drives_no_other_out() -> None:
    books = BookCache(most_rows=10)
    books.keep("small", a_head("small"), a_book(2))
    books.keep("large", a_head("large"), a_book(11))

    assert books.take("large", a_head("large")) is None
    assert books.take("small", a_head("small")) is not None


def test_of_a_fund_that_is_not_open_nothing_is_kept() -> None:
    books = BookCache()
    books.keep("never", None, a_book(1))
    books.keep("empty", Head("empty", Frontier(), b"", ""), a_book(1))

    assert len(books) == 0
