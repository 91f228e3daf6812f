"""The verifier for a part of a log: what can be checked without the entries before it.

It checks form, chain and tree: the frontier stands for the entries that are left out, so that the
signed root can be recomputed. Rules, views, parties' signatures and the manifest's signer depend on
the whole log, so they are not checked.
"""

from collections import Counter

from app.audit.checks.chain import Walk
from app.audit.checks.checkpoint import BadCheckpoint, read_checkpoint, require_claimed, signers_of
from app.audit.checks.entry_files import EntryFiles
from app.audit.checks.files import check_files
from app.audit.checks.growing_tree import GrowingTree
from app.audit.checks.growth import read_proof
from app.audit.checks.times import EntryTimes
from app.audit.format.archive import Archive, CannotTell
from app.audit.format.layout import (
    CHECKPOINT,
    CONSISTENCY,
    FRONTIER,
    KEYS,
    MAX_SMALL_FILE_BYTES,
    README,
)
from app.audit.format.manifest import Manifest
from app.audit.report import MAX_PROBLEMS, NOT_CHECKED, OF_A_PART, Defect, Pins, Report
from app.chain.canonical import decode, encode
from app.chain.checkpoint import Checkpoint
from app.chain.entry import Entry
from app.chain.note import VerifiedSignature
from app.chain.policy import Policy
from app.chain.tree import HASH_BYTES, Frontier, ProofError, Range, verify_consistency


def verify_part(archive: Archive, manifest: Manifest, policy: Policy, pins: Pins) -> Report:
    """Check a part. Raises CannotTell where nothing can be judged, and errors of `zipfile`."""
    return _Part(archive, manifest, policy, pins).run()


class _Part:
    """One verification of a part; comments number its checks as `verify` does."""

    def __init__(self, archive: Archive, manifest: Manifest, policy: Policy, pins: Pins) -> None:
        self._archive = archive
        self._manifest = manifest
        self._policy = policy
        self._pins = pins
        self._files = EntryFiles(archive, manifest.start, manifest.end)
        self._types: Counter[str] = Counter()
        self._times = EntryTimes(manifest.start)
        self._signers: list[VerifiedSignature] = []
        self._report = Report(
            fund=manifest.fund,
            origin=manifest.origin,
            size=manifest.end,
            root=manifest.root,
            start=manifest.start,
            not_checked=(*OF_A_PART, *NOT_CHECKED),
        )

    def run(self) -> Report:
        checkpoint = self._check_checkpoint()
        tree = self._check_entries()
        if checkpoint is not None:
            self._times.compare(checkpoint.size, self._signers)
        self._report.remarks = self._times.remarks
        if checkpoint is not None and tree.size == checkpoint.size:
            if tree.root() != checkpoint.root:
                made, signed = tree.root().hex(), checkpoint.root.hex()
                self._found(4, f"frontier and entries make root {made}, but {signed} was signed")
            self._check_growth(checkpoint)
        self._check_totals()
        listed, expected = self._manifest.files, {CHECKPOINT, KEYS, README, FRONTIER}
        expected |= set(self._files.paths)
        expected |= {CONSISTENCY} & listed.keys()
        check_files(
            self._archive, listed, expected, self._files.digests, lambda why: self._found(7, why)
        )
        return self._report

    def _check_checkpoint(self) -> Checkpoint | None:
        keys = self._policy.keys_of(self._manifest.origin)
        if not keys:
            self._found(3, "the trust file does not name the log that this bundle claims to be of")
            return None
        try:
            self._report.checkpoint, checkpoint = read_checkpoint(self._archive)
            signers = signers_of(self._report.checkpoint, keys, self._policy)
            self._report.cosigned_by(signers, self._policy)
            self._signers = signers
            require_claimed(self._manifest, checkpoint)
        except BadCheckpoint as error:
            self._found(3, str(error))
            return None
        return checkpoint

    def _check_entries(self) -> Frontier:
        """The frontier of the whole log: the entries left out, as `frontier.json` states, and the
        part.
        """
        with GrowingTree(self._frontier()) as tree:
            walk = Walk(lambda why, seq: self._found(4, why, seq), tree)
            try:
                for seq, line in self._files.lines():
                    entry = walk.take(seq, line)
                    if entry is not None:
                        self._check_entry(seq, entry)
                        self._times.take(entry, None)
                    if len(self._report.problems) >= MAX_PROBLEMS:
                        return tree.frontier
            except CannotTell as error:
                self._found(4, str(error), tree.size)
            walk.finish()
            return tree.frontier

    def _check_entry(self, seq: int, entry: Entry) -> None:
        """Check that the entry is of this fund and has its position; the part's first has no
        predecessor here.
        """
        self._types[entry.type] += 1
        if entry.fund != self._manifest.fund:
            self._found(2, f"the manifest is of {self._manifest.fund}, the entry of another", seq)
        if entry.seq != seq:
            self._found(4, f"seq {seq}: it says that it is entry {entry.seq}", seq)

    def _check_totals(self) -> None:
        count = self._manifest.end - self._manifest.start
        if self._manifest.totals != {"entries": count, "by_type": dict(self._types)}:
            self._found(6, "the control totals are not what the entries give")

    def _frontier(self) -> Frontier:
        """The frontier of the entries that are left out. Raises CannotTell."""
        start = self._manifest.start
        try:
            members = decode(self._archive.small(FRONTIER, MAX_SMALL_FILE_BYTES))
            peaks = tuple(bytes.fromhex(peak) for peak in members["left"])
        except (KeyError, TypeError, ValueError) as error:
            raise CannotTell(f"{FRONTIER}: {error}") from None
        if encode(members) != encode({"left": [peak.hex() for peak in peaks]}):
            raise CannotTell(f"{FRONTIER} is not in its one form")
        wanted = len(Range(0, start).subtrees())
        if len(peaks) != wanted or any(len(peak) != HASH_BYTES for peak in peaks):
            raise CannotTell(f"{FRONTIER} does not hold the subtrees of {start} entries")
        return Frontier(start, peaks)

    def _check_growth(self, checkpoint: Checkpoint) -> None:
        """Check that the log continues those of the checkpoints that the auditor knows."""
        for before in self._pins.recall(checkpoint.origin) if self._pins.recall else ():
            self._check_growth_from(before, checkpoint)

    def _check_growth_from(self, before: Checkpoint, checkpoint: Checkpoint) -> None:
        if before.size > checkpoint.size:
            why = f"{before.size} entries were verified before, now there are {checkpoint.size}"
            self._found(9, why)
            return
        try:
            proof = self._proof(before.size)
            verify_consistency(before.size, checkpoint.size, before.root, checkpoint.root, proof)
        except ProofError as error:
            self._found(9, f"it is not the log that was verified before: {error}")

    def _proof(self, size: int) -> list[bytes]:
        """The consistency proof in the bundle. Raises CannotTell."""
        if size == self._manifest.end:
            return []
        if CONSISTENCY not in self._archive.names:
            raise CannotTell(f"ask for a bundle with since={size}: nothing here proves the growth")
        proven, proof = read_proof(self._archive)
        if proven != size:
            raise CannotTell(f"the proof is from {proven}, not from {size}")
        return proof

    def _found(self, check: int, why: str, seq: int | None = None) -> None:
        self._report.problems.append(Defect(check, why, seq))
