"""The trial balance: every account's turnover and balance after the last entry."""

from collections.abc import Iterator
from typing import Final

from app.audit.format.views.base import CsvView, Row, Totals
from app.domain.values import Money


def _last_rows(totals: Totals) -> Iterator[Row]:
    for (account, currency), (left, right, seq) in sorted(totals.items()):
        amounts = (Money(minor, currency) for minor in (left, right, left - right))
        yield (account, currency, *amounts, seq)


VIEW: Final = CsvView(
    "views/trial_balance.csv",
    ("account", "currency", "debits", "credits", "balance", "seq"),
    last_rows=_last_rows,
)
