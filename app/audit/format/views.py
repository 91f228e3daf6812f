"""Views: tables for people, each a pure function of the entries, each row naming its entry.

The server writes them from the journal in its database, the verifier from the journal that its
own replay gives; both through this file. A text cell that a spreadsheet would run is neutralised
with an apostrophe; numbers never are.
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from app.chain.entry import Entry
from app.domain.book import Posting
from app.domain.event import Act, Event
from app.domain.inflow.agreements import (
    AgreementCovered,
    AgreementDrafted,
    AgreementEnteredIntoForce,
    AgreementSigned,
)
from app.domain.inflow.mandates import MandateRegistered, MandateWithdrawn
from app.domain.inflow.pledges import PledgeAnnounced
from app.domain.inflow.receipts import ReceiptBooked
from app.domain.inflow.suspense import ReceiptUnidentified, SuspenseResolved, SuspenseReturned
from app.domain.outflow.approvals import (
    ApprovalAbstained,
    ApprovalGiven,
    ApprovalRefused,
    ApprovalRevoked,
)
from app.domain.outflow.disbursements import DisbursementRequested
from app.domain.outflow.reservations import DisbursementReserved
from app.domain.proposals.votes import BallotCast
from app.domain.trustee.corrections import ReceiptCorrected
from app.domain.values import Money, decimal_text

PIECE_CHARS: Final = 65_536
"""What of a table is handed over at once, about."""
_RUN_BY_SPREADSHEETS: Final = frozenset("=+-@\t\r")

Cell = str | int | Money
Row = Sequence[Cell]


@dataclass(frozen=True, slots=True)
class JournaledEntry:
    """One entry, what it means, and the journal lines that it brought."""

    entry: Entry
    event: Event
    act: Act
    postings: tuple[Posting, ...]


@dataclass(frozen=True, slots=True)
class CsvView:
    """A table that grows with every entry."""

    name: str
    header: tuple[str, ...]
    rows: Callable[[JournaledEntry], Iterator[Row]]


class CsvViews:
    """All tables of one bundle, written as the entries pass by."""

    def __init__(self, write: Callable[[str, bytes], None]) -> None:
        """`write(path, data)` is handed the bytes of each table as they come."""
        self._write = write
        self._totals: dict[tuple[str, str], tuple[int, int, int]] = {}
        self._waiting = {path: io.StringIO() for path in VIEW_PATHS}
        self._rows = {
            path: csv.writer(text, lineterminator="\r\n") for path, text in self._waiting.items()
        }
        for view in VIEWS:
            self._put(view.name, [view.header])

    def feed(self, recorded: JournaledEntry) -> None:
        """Write what the next entry adds to each table."""
        for view in VIEWS:
            self._put(view.name, view.rows(recorded))
        for line in recorded.postings:
            self._totals[line.account, line.currency] = (
                line.debits,
                line.credits,
                recorded.entry.seq,
            )

    def finish(self) -> None:
        """Write the table that needs every entry: the trial balance."""
        header = ("account", "currency", "debits", "credits", "balance", "seq")
        self._put(TRIAL_BALANCE, [header])
        for (account, currency), (left, right, seq) in sorted(self._totals.items()):
            amounts = (Money(n, currency) for n in (left, right, left - right))
            self._put(TRIAL_BALANCE, [(account, currency, *amounts, seq)])
        for path in VIEW_PATHS:
            self._hand_over(path)

    def control_totals(self) -> dict[str, dict[str, str]]:
        """The sum of all debits and of all credits by currency, as decimal strings.

        Turnover over every account: it may well exceed what a single amount can be.
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
    """The row's cells as they stand in the file."""
    return [
        cell.amount
        if isinstance(cell, Money)
        else "'" + cell
        if isinstance(cell, str) and cell[:1] in _RUN_BY_SPREADSHEETS
        else cell
        for cell in row
    ]


def _journal(recorded: JournaledEntry) -> Iterator[Row]:
    for number, line in enumerate(recorded.postings):
        amount = Money(abs(line.minor), line.currency)
        debit, credit = (amount, "") if line.minor > 0 else ("", amount)
        balance = Money(line.debits - line.credits, line.currency)
        yield (
            recorded.entry.seq,
            recorded.entry.at,
            number,
            line.account,
            line.currency,
            line.effective.isoformat(),
            debit,
            credit,
            line.version,
            balance,
        )


def _contributions(recorded: JournaledEntry) -> Iterator[Row]:
    event, entry = recorded.event, recorded.entry
    start = (entry.seq, entry.at, entry.type)
    if isinstance(event, PledgeAnnounced):
        amount = event.amount
        yield (*start, entry.by["party"], event.window, amount, amount.currency, event.pledge_id)
    elif isinstance(event, AgreementDrafted):
        amount = event.amount
        yield (*start, entry.by["party"], event.window, amount, amount.currency, event.agreement_id)
    elif isinstance(event, AgreementSigned | AgreementEnteredIntoForce):
        yield (*start, entry.by["party"], "", "", "", event.agreement_id)
    elif isinstance(event, ReceiptBooked):
        amount = event.amount
        yield (*start, event.party, event.window, amount, amount.currency, event.agreement_id)
    elif isinstance(event, ReceiptUnidentified):
        yield (*start, "", "", event.amount, event.amount.currency, event.suspense_id)
    elif isinstance(event, SuspenseResolved):
        yield (*start, event.party, event.window, "", "", event.suspense_id)
    elif isinstance(event, SuspenseReturned):
        yield (*start, "", "", "", "", event.suspense_id)
    elif isinstance(event, ReceiptCorrected):
        yield (*start, entry.by["party"], "", "", "", event.receipt_id)


def _disbursements(recorded: JournaledEntry) -> Iterator[Row]:
    event, entry = recorded.event, recorded.entry
    if not entry.type.startswith("disbursement."):
        return
    amount: Cell = ""
    currency = window = purpose = ""
    if isinstance(event, DisbursementRequested):
        amount, currency = event.amount, event.amount.currency
        window, purpose = event.window, event.purpose
    elif isinstance(event, DisbursementReserved):
        amount, currency = event.amount, event.amount.currency
    subject = str(getattr(event, "disbursement_id", ""))
    yield (entry.seq, entry.at, entry.type, subject, window, purpose, amount, currency)


def _approvals(recorded: JournaledEntry) -> Iterator[Row]:
    event, entry = recorded.event, recorded.entry
    who = (entry.by["party"], entry.by["subject"], entry.by["role"])
    start = (entry.seq, entry.at)
    if isinstance(event, ApprovalGiven | ApprovalRefused | ApprovalAbstained):
        decision, reason = str(event.decision), event.reason or ""
        yield (*start, event.disbursement_id, event.step, *who, decision, reason)
    elif isinstance(event, ApprovalRevoked):
        yield (*start, event.disbursement_id, event.step, *who, "revoke", event.reason)
    elif isinstance(event, BallotCast):
        yield (*start, event.matter_id, "vote", *who, str(event.choice), event.reason or "")


def _mandates(recorded: JournaledEntry) -> Iterator[Row]:
    event, entry = recorded.event, recorded.entry
    start = (entry.seq, entry.at, entry.type, entry.by["party"])
    if isinstance(event, MandateRegistered):
        yield (*start, event.mandate_id, event.cap, event.cap.currency)
    elif isinstance(event, MandateWithdrawn | AgreementCovered):
        yield (*start, event.mandate_id, "", "")
    elif isinstance(event, DisbursementReserved):
        for use in event.mandates:
            yield (*start, use.mandate_id, use.amount, use.amount.currency)


def _events(recorded: JournaledEntry) -> Iterator[Row]:
    entry = recorded.entry
    sentence = recorded.event.sentence(recorded.act)
    yield (entry.seq, entry.at, entry.type, entry.by["party"], entry.by["subject"], sentence)


TRIAL_BALANCE: Final = "views/trial_balance.csv"
_LIFE: Final = ("seq", "at", "event")
VIEWS: Final = (
    CsvView(
        "views/journal.csv",
        (
            "seq",
            "at",
            "line",
            "account",
            "currency",
            "effective",
            "debit",
            "credit",
            "account_version",
            "balance_after",
        ),
        _journal,
    ),
    CsvView(
        "views/contributions.csv",
        (*_LIFE, "party", "window", "amount", "currency", "reference"),
        _contributions,
    ),
    CsvView(
        "views/disbursements.csv",
        (*_LIFE, "disbursement_id", "window", "purpose", "amount", "currency"),
        _disbursements,
    ),
    CsvView(
        "views/approvals.csv",
        (
            "seq",
            "at",
            "disbursement_id",
            "step",
            "party",
            "subject",
            "role",
            "decision",
            "reason",
        ),
        _approvals,
    ),
    CsvView("views/mandates.csv", (*_LIFE, "party", "reference", "amount", "currency"), _mandates),
    CsvView("views/events.csv", (*_LIFE, "party", "subject", "sentence"), _events),
)
VIEW_PATHS: Final = (*(view.name for view in VIEWS), TRIAL_BALANCE)
