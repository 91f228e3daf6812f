"""The journal: every line of double entry, with the event that caused it and its purpose."""

from collections.abc import Iterator
from typing import Final

from app.audit.format.views.base import LIFE, WHO, CsvView, JournaledEntry, Row
from app.domain.values import Money


def _rows(entry: JournaledEntry) -> Iterator[Row]:
    if not entry.postings:
        return
    narration = entry.sentence
    for number, line in enumerate(entry.postings):
        amount = Money(abs(line.minor), line.currency)
        debit, credit = (amount, "") if line.minor > 0 else ("", amount)
        balance = Money(line.debits - line.credits, line.currency)
        yield (
            *entry.start,
            *entry.who,
            number,
            line.account,
            line.currency,
            line.effective.isoformat(),
            debit,
            credit,
            line.version,
            balance,
            narration,
        )


VIEW: Final = CsvView(
    "views/journal.csv",
    (
        *LIFE,
        *WHO,
        *("line", "account", "currency", "effective", "debit", "credit"),
        *("account_version", "balance_after", "narration"),
    ),
    _rows,
)
