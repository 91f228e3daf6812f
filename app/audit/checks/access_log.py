"""The second log of a bundle, `access/`: what was refused and read, in the same forms.

Its entries are no events and change nothing, so there are no rules to execute: form, chain, tree
and signed checkpoint are all there is to check. It is signed by the log's own key, under the
second log's name.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final
from unicodedata import is_normalized

from app.audit.checks.chain import Walk
from app.audit.checks.checkpoint import BadCheckpoint, signers_of
from app.audit.checks.entry_files import EntryFiles
from app.audit.checks.growing_tree import GrowingTree
from app.audit.format.archive import Archive, CannotTell
from app.audit.format.layout import (
    ACCESS,
    CHECKPOINT,
    MAX_SMALL_FILE_BYTES,
)
from app.chain.checkpoint import Checkpoint, open_checkpoint
from app.chain.entry import Entry
from app.chain.note import NoteError, VerifierKey
from app.chain.policy import Policy

TYPES: Final = frozenset({"access.refused", "access.exported", "access.limited"})


def access_files(archive: Archive) -> list[str]:
    """The files that the second log takes here; none where there is none."""
    if ACCESS + CHECKPOINT not in archive.names:
        return []
    held = [name for name in archive.names if name.startswith(f"{ACCESS}entries/")]
    return [ACCESS + CHECKPOINT, *sorted(held)]


def check_access_log(
    archive: Archive,
    fund: str,
    logs: Sequence[VerifierKey],
    policy: Policy,
    found: Callable[[str], None],
) -> int:
    """Check the second log; how many entries it has. `found` takes what is wrong.

    `logs` are the first log's keys as far as they are known, the one that speaks now last: it signs
    the second log too, also where that has stood still. Where the trust file names the second log
    too, it must be here, and the quorum must have cosigned it: then it is as whole as the first.
    """
    named = is_watched(logs, policy)
    if not access_files(archive):
        if named:
            found("the second log, which the trust file names, is not here")
        return 0
    try:
        raw = archive.small(ACCESS + CHECKPOINT, MAX_SMALL_FILE_BYTES)
        keys = [replace(log, name=f"{log.name}/access") for log in logs[-1:]]
        checkpoint = open_checkpoint(raw, *keys)
        if named:
            signers_of(raw, keys, policy)
        _check_entries(archive, fund, checkpoint, found)
    except (BadCheckpoint, NoteError, CannotTell) as error:
        found(f"the second log: {error}")
        return 0
    return checkpoint.size


def is_watched(logs: Sequence[VerifierKey], policy: Policy) -> bool:
    """Whether the trust file names the second log of these keys' log."""
    return any(policy.keys_of(f"{log.name}/access") for log in logs)


def _check_entries(
    archive: Archive, fund: str, checkpoint: Checkpoint, found: Callable[[str], None]
) -> None:
    """Form, chain and tree of its entries. Raises CannotTell."""
    with GrowingTree() as tree:
        walk = Walk(lambda why, _: found(f"the second log: {why}"), tree)
        for seq, line in EntryFiles(archive, 0, checkpoint.size, ACCESS).lines():
            entry = walk.take(seq, line)
            if entry is not None and not _belongs(entry, line, fund):
                found(f"the second log: seq {seq}: no entry of this fund's second log")
        walk.finish()
        if tree.frontier.root() != checkpoint.root:
            found("the second log: its entries do not make the signed root")


def _belongs(entry: Entry, line: bytes, fund: str) -> bool:
    """Of this fund, of a known type, nobody's signature or consequence, text in NFC."""
    bare = entry.jws is None and entry.derived is None
    plain = is_normalized("NFC", line.decode())
    return entry.fund == fund and entry.type in TYPES and bare and plain
