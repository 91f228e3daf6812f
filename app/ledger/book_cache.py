"""The book cache: what the last batch of a fund left, so that the next need not read it again."""

from typing import Final

from app.domain.book import Book
from app.store.log import Head

MAX_KEPT_ROWS: Final = 50_000
"""Upper limit of rows kept for all funds; the books written longest ago are dropped first."""


class BookCache:
    """The books of one process. Each is valid while its fund's head is the one it was kept with."""

    def __init__(self, most_rows: int = MAX_KEPT_ROWS) -> None:
        self._most_rows = most_rows
        self._books: dict[str, tuple[Head, Book]] = {}

    def __len__(self) -> int:
        return len(self._books)

    def take(self, fund: str, head: Head | None) -> Book | None:
        """The book at this head, if it is kept and no process has written since; else None.

        It is removed from the cache, because the transaction that uses it may fail.
        """
        known, book = self._books.pop(fund, (None, None))
        return book if known == head else None

    def keep(self, fund: str, head: Head | None, book: Book) -> None:
        """Keep what a batch left, unless it has too many rows or the fund is not open."""
        if head is None or not head.size or len(book.rows) > self._most_rows:
            return
        self._books[fund] = (head, book)
        rows = sum(len(one.rows) for _, one in self._books.values())
        while rows > self._most_rows:
            _, dropped = self._books.pop(next(iter(self._books)))
            rows -= len(dropped.rows)
