"""All views of one bundle, written as the entries pass by.

The server writes them from the journal in its database, the verifier from the journal that its own
replay gives; both use this module. A text cell that a spreadsheet would execute is neutralised with
an apostrophe; numbers never are (OWASP, CSV injection).
"""

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from app.audit.format.views.base import CsvView, JournaledEntry, Row
from app.domain.values import Money, decimal_text

PIECE_CHARS: Final = 65_536
"""About how many characters of a table are handed over at once."""
_RUN_BY_SPREADSHEETS: Final = frozenset("=+-@\t\r")


class CsvViews:
    """The tables of one format."""

    def __init__(self, views: Sequence[CsvView], write: Callable[[str, bytes], None]) -> None:
        """`write(path, data)` is handed the bytes of each table as they come."""
        self._views = views
        self._write = write
        self._totals: dict[tuple[str, str], tuple[int, int, int]] = {}
        self._waiting = {view.path: io.StringIO() for view in views}
        self._rows = {
            path: csv.writer(text, lineterminator="\r\n") for path, text in self._waiting.items()
        }
        for view in views:
            self._put(view.path, [view.header])

    def feed(self, entry: JournaledEntry) -> None:
        """Write what the next entry adds to each table."""
        for view in self._views:
            self._put(view.path, view.rows(entry))
        for line in entry.postings:
            self._totals[line.account, line.currency] = (line.debits, line.credits, entry.entry.seq)

    def finish(self) -> None:
        """Write the rows that tables have only after the last entry."""
        for view in self._views:
            self._put(view.path, view.last_rows(self._totals))
            self._hand_over(view.path)

    def control_totals(self) -> dict[str, dict[str, str]]:
        """The sum of all debits and of all credits by currency, as decimal strings.

        This is the turnover of all accounts, which may exceed what `Money` can hold.
        """
        sums: dict[str, list[int]] = {}
        for (_, currency), (left, right, _) in self._totals.items():
            both = sums.setdefault(currency, [0, 0])
            both[0] += left
            both[1] += right
        return {
            side: {
                currency: decimal_text(both[column], currency)
                for currency, both in sorted(sums.items())
            }
            for column, side in enumerate(("debits", "credits"))
        }

    def _put(self, path: str, rows: Iterable[Row]) -> None:
        written = list(map(_written, rows))
        if not written:
            return
        self._rows[path].writerows(written)
        if self._waiting[path].tell() > PIECE_CHARS:
            self._hand_over(path)

    def _hand_over(self, path: str) -> None:
        text = self._waiting[path]
        if text.tell():
            self._write(path, text.getvalue().encode())
            text.seek(0)
            text.truncate()


def _written(row: Row) -> list[str | int]:
    """The row's cells as they are written to the file."""
    return [
        cell.amount
        if isinstance(cell, Money)
        else "'" + cell
        if isinstance(cell, str) and cell[:1] in _RUN_BY_SPREADSHEETS
        else cell
        for cell in row
    ]
