"""Every entry in a plain sentence."""

from collections.abc import Iterator
from typing import Final

from app.audit.format.views.base import LIFE, WHO, CsvView, JournaledEntry, Row


def _rows(entry: JournaledEntry) -> Iterator[Row]:
    yield (*entry.start, *entry.who, entry.sentence)


VIEW: Final = CsvView("views/events.csv", (*LIFE, *WHO, "sentence"), _rows)
