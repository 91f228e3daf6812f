"""The euro foreign exchange reference rates of the European Central Bank, as it publishes them.

    Date,USD,GBP,JPY
    2026-10-30,1.1172,0.8338,175.68       units of each currency for one euro; N/A where there is
                                          none (a currency can end: BGN in 2026)

Source of the format: the ECB's eurofxref-hist.csv. Days without a line (weekends, TARGET holidays)
have no rates; the charter says how old a rate may be that is used instead.
"""

import csv
import io
import re
from collections.abc import Container, Iterator
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Any, Final

MAX_BYTES: Final = 16_000_000
_RATE: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?", re.ASCII)
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_NONE: Final = ("", "N/A")


class NotRates(ValueError):
    """The file does not have the ECB's format; the message says where."""


@dataclass(frozen=True, slots=True)
class PublishedDay:
    """One day's rates, and the digest of the file that they are in."""

    day: date
    rates: dict[str, str]
    evidence: str

    def command(self) -> dict[str, Any]:
        """The body of `POST /v1/funds/{fund}/rates`."""
        return {"day": self.day.isoformat(), "rates": self.rates, "evidence": self.evidence}


def read_rates(content: bytes, currencies: Container[str]) -> Iterator[PublishedDay]:
    """The days of a file, oldest first, with the rates of these currencies. Raises NotRates.

    Days on which none of them has a rate are left out.
    """
    if len(content) > MAX_BYTES:
        raise NotRates(f"more than {MAX_BYTES} bytes")
    evidence = sha256(content).hexdigest()
    try:
        lines = list(csv.reader(io.StringIO(content.decode("ascii"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise NotRates(f"not a CSV in ASCII: {error}") from None
    header, *rows = [[cell.strip() for cell in line] for line in lines if any(line)] or [[""]]
    if header[0] != "Date" or len(set(header)) != len(header):
        raise NotRates("the first line names Date and then each currency once")
    days = [_read_day(row, header, currencies, place) for place, row in enumerate(rows, 2)]
    if len({day for day, _ in days}) != len(days):
        raise NotRates("a day stands twice")
    for day, rates in sorted(days, key=lambda item: item[0]):
        if rates:
            yield PublishedDay(day, rates, evidence)


def _read_day(
    row: list[str], header: list[str], currencies: Container[str], place: int
) -> tuple[date, dict[str, str]]:
    if len(row) != len(header):
        raise NotRates(f"line {place} has {len(row)} cells, the first line {len(header)}")
    try:
        # Only YYYY-MM-DD: the standard library also reads weeks, and days without hyphens.
        day = date.fromisoformat(row[0] if _DAY.fullmatch(row[0]) else "")
    except ValueError:
        raise NotRates(f"line {place} does not begin with a date") from None
    cells = zip(header[1:], row[1:], strict=True)
    return day, {
        currency: _plain(cell, place)
        for currency, cell in cells
        if currency in currencies and cell not in _NONE
    }


def _plain(cell: str, place: int) -> str:
    """The rate in the ledger's only spelling: without unnecessary zeros."""
    if not _RATE.fullmatch(cell) or not cell.strip("0."):
        raise NotRates(f"line {place} has a rate that is none")
    whole, _, fraction = cell.partition(".")
    fraction = fraction.rstrip("0")
    return f"{int(whole)}.{fraction}" if fraction else str(int(whole))
