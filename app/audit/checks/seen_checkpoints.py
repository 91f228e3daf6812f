"""Checkpoints that parties, witnesses and time authorities say they had seen.

`key.registered` names one in its data, any signature may name one in its header (`seen`); other
entries record what witnesses cosigned and what was stamped. Each must be of this log, or else
somebody was shown another history.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from app.domain.event import Event
from app.domain.governance.checkpoints import (
    CheckpointStamped,
    CheckpointWitnessed,
    LogRecovered,
)
from app.domain.governance.party_keys import KeyRegistered
from app.trust.signatures import PartySignature


@dataclass(frozen=True, slots=True)
class Sighting:
    """Entry `seq` says that the log of `size` entries had this root (hex)."""

    seq: int
    size: int
    root: str


def seen_in(seq: int, event: Event, signature: PartySignature | None) -> Iterator[Sighting]:
    """The sightings in entry `seq`, whose form and signature were found valid."""
    if isinstance(event, KeyRegistered):
        yield Sighting(seq, event.checkpoint.size, event.checkpoint.root)
    if isinstance(event, CheckpointWitnessed | CheckpointStamped | LogRecovered):
        yield Sighting(seq, event.size, event.root)
    if isinstance(event, LogRecovered):
        for statement in event.statements:
            yield Sighting(seq, statement.size, statement.root)
    if signature is not None and signature.seen is not None:
        yield Sighting(seq, *signature.seen)


def check_seen(seen: Sighting, root_at: Callable[[int], bytes]) -> str | None:
    """What is wrong with a sighting, or None. `root_at` gives the log's root at an earlier size."""
    if not 0 < seen.size <= seen.seq:
        return f"seq {seen.seq} names a log of {seen.size} entries"
    if root_at(seen.size).hex() != seen.root:
        return f"seq {seen.seq}: somebody had seen another log of {seen.size} entries"
    return None
