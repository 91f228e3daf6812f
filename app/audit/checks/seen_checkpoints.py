"""Claims: checkpoints that parties, witnesses and time authorities say they had seen.

`key.registered` names one in its data, any signature may name one in its header (`seen`); entries
bring in what witnesses cosigned and what was stamped. Each was of this log, or somebody was shown
another one.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from app.chain.tree import Frontier, leaf_hash
from app.domain.event import Event
from app.domain.governance.checkpoints import (
    CheckpointStamped,
    CheckpointWitnessed,
    LogRecovered,
)
from app.domain.governance.party_keys import KeyRegistered
from app.trust.signatures import PartySignature


@dataclass(frozen=True, slots=True)
class Claim:
    """Entry `seq` says that the log of `size` entries had this root (hex)."""

    seq: int
    size: int
    root: str


def claims_of(seq: int, event: Event, signature: PartySignature | None) -> Iterator[Claim]:
    """What entry `seq`, whose form and signature hold, says of the log before it."""
    if isinstance(event, KeyRegistered):
        yield Claim(seq, event.checkpoint.size, event.checkpoint.root)
    if isinstance(event, CheckpointWitnessed | CheckpointStamped | LogRecovered):
        yield Claim(seq, event.size, event.root)
    if isinstance(event, LogRecovered):
        for statement in event.statements:
            yield Claim(seq, statement.size, statement.root)
    if signature is not None and signature.seen is not None:
        yield Claim(seq, *signature.seen)


def check_claims(
    claims: Iterable[Claim], lines: Iterator[bytes], found: Callable[[str, int], None]
) -> None:
    """Compare claims with the log itself, in one pass over its lines."""
    waiting = sorted(claims, key=lambda claim: claim.size)
    frontier = Frontier()
    for claim in waiting:
        if not 0 < claim.size <= claim.seq:
            found(f"seq {claim.seq} names a log of {claim.size} entries", claim.seq)
            continue
        while frontier.size < claim.size:
            frontier = frontier.append(leaf_hash(next(lines)))
        if frontier.root().hex() != claim.root:
            why = f"seq {claim.seq}: somebody had seen another log of {claim.size} entries"
            found(why, claim.seq)
