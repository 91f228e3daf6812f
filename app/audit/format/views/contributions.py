"""Contributions: pledged, agreed, received; each with its context and the bank's reference."""

from collections.abc import Callable, Iterator
from typing import Final

from app.audit.format.views.base import LIFE, WHO, Cell, CsvView, JournaledEntry, Row
from app.domain.event import Event
from app.domain.inflow.agreements import (
    Agreement,
    AgreementCovered,
    AgreementDrafted,
    AgreementEnteredIntoForce,
    AgreementSigned,
)
from app.domain.inflow.pledges import PledgeAnnounced
from app.domain.inflow.receipts import Receipt, ReceiptBooked
from app.domain.inflow.suspense import (
    ReceiptUnidentified,
    SuspenseItem,
    SuspenseResolved,
    SuspenseReturned,
)
from app.domain.trustee.corrections import ReceiptCorrected
from app.domain.values import Money

_COLUMNS: Final = (
    *("contributor", "window", "amount", "currency", "pledge_id", "agreement_id", "receipt_id"),
    *("suspense_id", "bank_account", "bank_reference", "value_date", "effective_date"),
)


Cells = dict[str, Cell]


def _rows(entry: JournaledEntry) -> Iterator[Row]:
    read = _READERS.get(type(entry.event))
    if read is None:
        return
    cells = read(entry)
    amount = cells.get("amount")
    cells["currency"] = amount.currency if isinstance(amount, Money) else ""
    yield (*entry.start, *entry.who, *(cells.get(name, "") for name in _COLUMNS))


def _own(entry: JournaledEntry) -> Cells:
    """The cells that the entry itself states; the contributor is the actor's party, or the one that
    it names.
    """
    cells: Cells = {name: entry.stated(name) for name in _COLUMNS}
    amount = getattr(entry.event, "amount", "")
    return {**cells, "amount": amount, "contributor": entry.stated("party"), **_dates(entry)}


def _dates(entry: JournaledEntry) -> Cells:
    value_date, effective = entry.dates
    return {"value_date": value_date, "effective_date": effective or entry.stated("effective_date")}


def _promise(entry: JournaledEntry) -> Cells:
    return {**_own(entry), "contributor": entry.act.party}


def _of_agreement(entry: JournaledEntry) -> Cells:
    found = entry.row(Agreement, entry.stated("agreement_id"))
    assert found is not None, "an agreement is drafted before anything is said of it"  # noqa: S101
    known: Cells = {"contributor": found.party, "window": found.window, "amount": found.amount}
    return {**_own(entry), **known}


def _of_suspense(entry: JournaledEntry) -> Cells:
    found = entry.row(SuspenseItem, entry.stated("suspense_id"))
    assert found is not None, "it is booked before it is resolved or returned"  # noqa: S101
    known: Cells = {"amount": found.amount, "bank_account": found.bank_account}
    return {**_own(entry), **known}


def _of_receipt(entry: JournaledEntry) -> Cells:
    found = entry.row(Receipt, entry.stated("receipt_id"))
    assert found is not None, "it is booked before it is corrected"  # noqa: S101
    return {
        **_own(entry),
        "contributor": found.party,
        "window": found.window,
        "amount": found.amount,
        "agreement_id": found.agreement_id,
        "bank_account": found.bank_account,
        "bank_reference": found.bank_reference,
    }


_READERS: Final[dict[type[Event], Callable[[JournaledEntry], Cells]]] = {
    PledgeAnnounced: _promise,
    AgreementDrafted: _promise,
    AgreementSigned: _of_agreement,
    AgreementEnteredIntoForce: _of_agreement,
    AgreementCovered: _of_agreement,
    ReceiptBooked: _own,
    ReceiptUnidentified: _own,
    SuspenseResolved: _of_suspense,
    SuspenseReturned: _of_suspense,
    ReceiptCorrected: _of_receipt,
}
VIEW: Final = CsvView("views/contributions.csv", (*LIFE, *WHO, *_COLUMNS), _rows)
