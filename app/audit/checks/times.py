"""The times of entries against what others saw: a clock that was set leaves traces.

Entries are dated by the ledger's clock. A log that was quiet for long, or an entry that is dated
after somebody outside had already seen it, points to a clock that was wrong. Neither is a fault of
the record: these are remarks, for people to judge.
"""

from array import array
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from app.chain.entry import Entry
from app.chain.note import VerifiedSignature
from app.chain.spelling import read_base64
from app.domain.event import Event
from app.domain.governance.checkpoints import CheckpointWitnessed

QUIET: Final = timedelta(days=180)
"""After so long without an entry, the next one is remarked upon."""
APART: Final = timedelta(minutes=10)
"""By so much the clocks of ledger and witness may differ."""
MOST: Final = 100
_KEY_ID_BYTES, _TIME_BYTES = 4, 8


class EntryTimes:
    """The times of all entries so far, and what is remarkable about them."""

    def __init__(self, start: int = 0) -> None:
        """`start` is the first entry that will be taken."""
        self._start = start
        self._times = array("d")
        self._text, self._at = "", datetime.fromtimestamp(0, UTC)
        self.remarks: list[str] = []

    def take(self, entry: Entry, event: Event | None) -> None:
        """Take the next entry."""
        if entry.at != self._text:
            at = datetime.fromisoformat(entry.at)
            if self._times and at - self._at > QUIET:
                quiet = (at - self._at).days
                self._remark(
                    f"seq {entry.seq}: {quiet} days after the entry before it: a quiet time, or a "
                    "clock that was set"
                )
            self._text, self._at = entry.at, at
        self._times.append(self._at.timestamp())
        if isinstance(event, CheckpointWitnessed):
            stamps = [read_base64(one.signature) for one in event.cosignatures]
            times = (
                int.from_bytes(value[_KEY_ID_BYTES : _KEY_ID_BYTES + _TIME_BYTES], "big")
                for value in stamps
            )
            names = (one.witness for one in event.cosignatures)
            self._compare(event.size, zip(names, times, strict=True))

    @property
    def newest(self) -> list[tuple[int, str]]:
        """The last entry and its time, in a list; empty before the first."""
        return [(self._start + len(self._times) - 1, self._text)] if self._times else []

    def compare(self, size: int, signers: Iterable[VerifiedSignature]) -> None:
        """Compare the last of `size` entries with the times at which witnesses cosigned them."""
        self._compare(
            size, ((one.key.name, one.timestamp) for one in signers if one.timestamp is not None)
        )

    def _compare(self, size: int, seen: Iterable[tuple[str, int]]) -> None:
        place = size - 1 - self._start
        if not 0 <= place < len(self._times):
            return
        dated = datetime.fromtimestamp(self._times[place], UTC)
        for name, posix_time in seen:
            saw = _time(posix_time)
            if saw is not None and dated - saw > APART:
                self._remark(
                    f"seq {size - 1}: dated {dated.isoformat(timespec='seconds')}, but {name} had "
                    f"seen it by {saw.isoformat(timespec='seconds')}: one of their clocks was wrong"
                )

    def _remark(self, sentence: str) -> None:
        if len(self.remarks) < MOST:
            self.remarks.append(sentence)


def _time(posix_time: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(posix_time, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def dated_ahead(entries: Iterable[tuple[int, str]], now: datetime) -> Iterator[str]:
    """What to say of entries (seq, time) that are dated after the present."""
    for seq, at in entries:
        ahead = datetime.fromisoformat(at) - now
        if ahead > APART:
            yield f"seq {seq} is dated {at}, {ahead.total_seconds():.0f} s after now"
