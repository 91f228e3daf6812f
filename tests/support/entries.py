"""Entries for tests of the chain."""

from typing import Any

from app.chain.entry import (
    Entry,
)


def an_entry(**changes: Any) -> Entry:
    members: dict[str, Any] = {
        "fund": "era",
        "seq": 7,
        "id": ID,
        "type": "receipt.booked",
        "at": "2025-01-10T09:00:00.000000Z",
        "by": {"party": "EU", "subject": "eu-1", "role": "treasury"},
        "data": {"amount": {"amount": "1500000.00", "currency": "EUR"}, "memo": "\u20ac"},
        "prev": "5f" * 32,
    }
    return Entry(**(members | changes))


ID = "0194510e-6c00-7000-8000-00000000002a"
