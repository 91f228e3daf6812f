"""Time anchors of a log: entries that carry a time authority's stamp, checked against its roots.

A stamp shows that the log existed at a time. Times of entries never decrease, so no entry before
such a stamp can have been recorded later than it and dated back.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography.x509 import Certificate

from app.chain.spelling import read_base64
from app.trust.timestamps import StampError, verify_stamp

TOLERANCE: Final = timedelta(minutes=5)
"""How far the clocks of ledger and time authority may differ."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """Entry `seq`, recorded at `at`, carries a stamp over a checkpoint of `size` entries."""

    seq: int
    at: datetime
    size: int
    token: str
    text: bytes


def check_anchors(
    anchors: Iterable[Anchor], roots: Sequence[Certificate], found: Callable[[str, int], None]
) -> list[dict[str, object]]:
    """The stamps that are confirmed under `roots`: sizes of the log, and times (UTC)."""
    confirmed: list[dict[str, object]] = []
    for anchor in anchors:
        try:
            stamped = verify_stamp(read_base64(anchor.token), anchor.text, roots).astimezone(UTC)
        except (StampError, ValueError) as error:
            found(f"seq {anchor.seq}: {error}", anchor.seq)
            continue
        if stamped > anchor.at + TOLERANCE:
            dated = anchor.at.isoformat()
            why = f"dated {dated}, but its stamp was made at {stamped.isoformat()}"
            found(f"seq {anchor.seq}: {why}", anchor.seq)
            continue
        confirmed.append({"size": anchor.size, "time": stamped.isoformat()})
    return confirmed
