"""Shares: one row for each contributor and disbursement, when money is reserved or comes back."""

from collections.abc import Iterator
from typing import Final

from app.audit.format.views.base import LIFE, CsvView, JournaledEntry, Row
from app.domain.books.journal import contributor_of
from app.domain.outflow.disbursements import Disbursement
from app.domain.values import Money


def _rows(entry: JournaledEntry) -> Iterator[Row]:
    if not entry.entry.type.startswith("disbursement."):
        return
    identifier = entry.stated("disbursement_id")
    asked = entry.row(Disbursement, identifier)
    assert asked is not None, "it is requested before anything is said of it"  # noqa: S101
    for line in entry.postings:
        whose = contributor_of(line.account)
        if whose is None:
            continue
        # A debit takes the contributor's money, a credit gives it back.
        amount = Money(line.minor, line.currency)
        yield (
            *entry.start,
            identifier,
            asked.recipient,
            *whose,
            line.effective.isoformat(),
            amount,
            line.currency,
        )


VIEW: Final = CsvView(
    "views/shares.csv",
    (
        *LIFE,
        *("disbursement_id", "recipient", "contributor", "window", "effective"),
        *("amount", "currency"),
    ),
    _rows,
)
