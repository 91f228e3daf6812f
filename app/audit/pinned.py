"""What the auditor pinned beyond the trust file: the charter, the parties' keys."""

import hashlib
from collections.abc import Callable, Iterable

from app.audit.report import Pins
from app.chain.canonical import encode
from app.chain.entry import Entry


def check_pinned(
    pins: Pins,
    genesis: Entry | None,
    party_keys: Iterable[tuple[int, str, str]],
    found: Callable[[str, int], None],
) -> None:
    """Compare entry 0's charter and every registered key (entry, party, thumbprint)."""
    if pins.charter_digest is not None and genesis is not None:
        digest = hashlib.sha256(encode(genesis.data)).hexdigest()
        if digest != pins.charter_digest:
            found(f"the charter has digest {digest}, expected {pins.charter_digest}", 0)
    if pins.party_keys is None:
        return
    for seq, party, kid in party_keys:
        if kid not in pins.party_keys.get(party, ()):
            found(f"seq {seq}: {party} has a key {kid} that was not expected", seq)
