"""The check of a bundle's second log, `access/`: what was refused and what was exported.

Its entries are no events and change nothing, so no rules are executed: form, chain, tree and signed
checkpoint are checked. The log's own key signs it, under the second log's name.
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
from app.audit.report import MAX_PROBLEMS
from app.chain.checkpoint import Checkpoint, open_checkpoint
from app.chain.entry import Entry
from app.chain.note import NoteError, VerifierKey
from app.chain.policy import Policy

TYPES: Final = frozenset({"access.refused", "access.exported", "access.limited", "access.repaired"})


def access_files(archive: Archive) -> list[str]:
    """The second log's files in this archive; empty when it has none."""
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
    """Check the second log and return how many entries it has; `found` takes each problem.

    `logs` are the first log's keys as far as they are known, oldest first. The last one, which is
    in force, must have signed the second log too, even if nothing was added to it since. If the
    trust file names the second log, it must be in the bundle and cosigned by the quorum; then
    nothing can be missing from it either.
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
    """Whether the trust file names the second log that belongs to the log of these keys."""
    return any(policy.keys_of(f"{log.name}/access") for log in logs)


def _check_entries(
    archive: Archive, fund: str, checkpoint: Checkpoint, found: Callable[[str], None]
) -> None:
    """Check form, chain and tree of its entries. Raises CannotTell."""
    with GrowingTree() as tree:
        problems = list[str]()
        walk = Walk(lambda why, _: problems.append(why), tree)
        for seq, line in EntryFiles(archive, 0, checkpoint.size, ACCESS).lines():
            entry = walk.take(seq, line)
            if entry is not None and not _belongs(entry, line, fund):
                problems.append(f"seq {seq}: no entry of this fund's second log")
            if len(problems) >= MAX_PROBLEMS:
                break
        walk.finish()
        for why in problems:
            found(f"the second log: {why}")
        if tree.frontier.root() != checkpoint.root:
            found("the second log: its entries do not make the signed root")


def _belongs(entry: Entry, line: bytes, fund: str) -> bool:
    """Whether the entry is of this fund and of a known type, without signature or cause, in NFC."""
    bare = entry.jws is None and entry.derived is None
    plain = is_normalized("NFC", line.decode())
    return entry.fund == fund and entry.type in TYPES and bare and plain
