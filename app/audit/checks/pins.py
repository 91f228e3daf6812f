"""What the auditor pinned besides the trust file: charter, parties' keys, the predecessor's log."""

import hashlib
from collections.abc import Callable, Iterable

from app.audit.report import NO_PREDECESSOR, Defect, Pins, Report
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


def check_predecessor(pins: Pins, genesis: Entry | None, report: Report) -> None:
    """Check that a log which continues another names how that one ended, and that it has ended."""
    named, before = genesis.data.get("succeeds") if genesis is not None else None, pins.predecessor
    if before is None:
        if named is not None:
            report.not_checked = (NO_PREDECESSOR, *report.not_checked)
        return
    ended = {"origin": before.origin, "root": before.root, "size": before.size}
    if named != ended or not before.closed or before.result != "ok":
        why = "it does not continue the log of the other bundle, as that ended"
        report.problems.append(Defect(12, why, 0))
