"""The verifier: reads a bundle and trusts nothing in it. No database, no web, no network.

The plan, by number; each block below opens with its own:

 1  The trust file names the log's key. Without one nothing can be said.
 2  The manifest has the form that this version knows.
 3  The checkpoint is of this log, signed by the trusted key, and cosigned by the quorum.
 4  Every entry is canonical, follows the one before it, and all of them make the signed root.
 5  Every entry was permitted when it was recorded, and every consequence stands in its place;
    the journal is added up a second time.
 6  The views and control totals are what the entries give.
 7  Every file has the digest and length that the manifest says; none is missing, none is extra.
 8  The manifest is signed by the export key that the log itself names.
 9  What the auditor pinned: the charter's digest, the parties' keys, the checkpoint remembered from
    last time.
10  The second log (refusals and exports), where there is one: form, chain, tree, signed checkpoint.
11  Time stamps in the log are of this log, by the time authority that the auditor pinned.
12  A log that continues another one names how that one ended, where the auditor has its bundle.

A part of a log is checked by `part`: 1 to 4, 6, 7 and 9, as far as they go without the rest.

Entries and views are read once, side by side: bytes -> form, chain, leaf -> event -> rules, books
-> views, totals.

A problem does not stop the checks that can still be made, so that the report names the first bad
entry whatever else it spoiled.
"""

import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from app.audit.checks.access_log import access_files, check_access_log
from app.audit.checks.chain import Walk
from app.audit.checks.checkpoint import BadCheckpoint, read_checkpoint, require_claimed, signers_of
from app.audit.checks.entry_files import EntryFiles
from app.audit.checks.files import check_files
from app.audit.checks.growing_tree import GrowingTree
from app.audit.checks.growth import read_proof
from app.audit.checks.pins import check_pinned, check_predecessor
from app.audit.checks.seen_checkpoints import check_seen
from app.audit.checks.signers import Distrusted, check_manifest, speakers
from app.audit.checks.time_stamps import check_anchors
from app.audit.checks.times import EntryTimes
from app.audit.checks.views import ViewComparison
from app.audit.format.archive import UNREADABLE, Archive, CannotTell
from app.audit.format.layout import (
    CHECKPOINT,
    CONSISTENCY,
    KEYS,
    MANIFEST,
    MAX_MANIFEST_BYTES,
    README,
)
from app.audit.format.manifest import Manifest
from app.audit.format.views.tables import CsvViews
from app.audit.part import verify_part
from app.audit.replay import NotKnown, NotPermitted, Replay
from app.audit.report import MAX_PROBLEMS, NO_AUTHORITY, NO_STAMPS, Defect, Pins, Report
from app.audit.spilled_rows import SpilledRows
from app.chain.checkpoint import Checkpoint
from app.chain.entry import Entry
from app.chain.jws import SignatureError
from app.chain.note import VerifierKey
from app.chain.plain import AT
from app.chain.policy import Policy
from app.chain.tree import ProofError, verify_consistency
from app.domain.governance.log_keys import Log


def verify(
    bundle: Path,
    policy: Policy,
    pins: Pins | None = None,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Report:
    """Check a bundle. Raises CannotTell when it cannot be read at all."""
    try:
        with zipfile.ZipFile(bundle) as opened:
            archive = Archive(opened)
            manifest = _manifest(archive)
            if manifest.start:
                return verify_part(archive, manifest, policy, pins or Pins())
            return _Verification(archive, manifest, policy, pins or Pins(), progress).run()
    except CannotTell:
        raise
    except UNREADABLE as error:
        raise CannotTell(f"the bundle cannot be read: {error}") from None
    except Exception as fault:
        # A fault of the program, or no memory left: neither says anything about the bundle.
        raise CannotTell(f"the verifier itself failed: {type(fault).__name__}") from fault


class _Verification:
    """One verification of a bundle, by the plan above."""

    def __init__(
        self,
        archive: Archive,
        manifest: Manifest,
        policy: Policy,
        pins: Pins,
        progress: Callable[[int, int], None],
    ) -> None:
        self._archive = archive
        self._manifest = manifest
        self._policy = policy
        self._pins = pins
        self._progress = progress
        self._trusted = policy.keys_of(manifest.origin)
        self._remembered = tuple(pins.recall(manifest.origin)) if pins.recall else ()
        self._files = EntryFiles(archive, 0, manifest.end)
        self._there = ViewComparison(archive, manifest.format, manifest.files)
        self._views = CsvViews(manifest.format.views, self._there.expect)
        self._replay = Replay()
        self._times = EntryTimes()
        self._executing = True
        """False from the first entry that cannot be executed; the rest is only read."""
        self._log_state: Log | None = None
        """The keys that the log itself names, once all of it was executed."""
        self._types: Counter[str] = Counter()
        self._genesis: Entry | None = None
        self._last: Entry | None = None
        self._report = Report(
            fund=manifest.fund,
            origin=manifest.origin,
            size=manifest.end,
            root=manifest.root,
            not_checked=pins.not_checked,
        )

    def run(self) -> Report:
        """Every check of the plan, in its order."""
        checkpoint = self._read_checkpoint()
        with SpilledRows() as rows, GrowingTree() as tree:
            self._replay = Replay(rows)
            self._read_entries(tree)
            self._check_tree(checkpoint, tree)
            self._check_growth(tree)
            self._log_state = self._replay.log_state if self._executing else None
        self._report.signatures = self._replay.signature_count
        speaking = self._check_signers(checkpoint)
        self._report.remarks = [*self._replay.remarks, *self._times.remarks]
        self._check_views()
        self._check_manifest()
        self._check_pins(checkpoint)
        self._check_access_log(speaking)
        self._check_anchors()
        check_predecessor(self._pins, self._genesis, self._report)
        return self._report

    # -- 3: the checkpoint -----------------------------------------------------------------------

    def _read_checkpoint(self) -> Checkpoint | None:
        """The checkpoint's content; its signers are checked when the entries were read."""
        if not self._trusted:
            self._found(3, "the trust file does not name the log that this bundle claims to be of")
            return None
        try:
            self._report.checkpoint, checkpoint = read_checkpoint(self._archive)
            require_claimed(self._manifest, checkpoint)
        except BadCheckpoint as error:
            self._found(3, str(error))
            return None
        return checkpoint

    def _check_signers(self, checkpoint: Checkpoint | None) -> Sequence[VerifierKey]:
        """The log's keys whose signatures count, oldest first, as far as the entries name them.

        Empty where no trusted key leads to them: then nothing that they signed can be judged.
        """
        speaking: Sequence[VerifierKey] = self._trusted
        if self._log_state is not None and self._trusted:
            self._report.closed = self._log_state.closed_seq is not None
            try:
                speaking = speakers(self._trusted, self._log_state)
            except Distrusted as error:
                self._report.problems.append(
                    Defect(error.check, str(error), error.seq, error.unknown)
                )
                return ()
        if checkpoint is not None:
            signing = speaking if self._log_state is None else speaking[-1:]
            try:
                signers = signers_of(self._report.checkpoint, signing, self._policy)
            except BadCheckpoint as error:
                self._found(3, str(error))
            else:
                self._report.signed_by = str(signing[-1])
                self._report.cosigned_by(signers, self._policy)
                self._times.compare(checkpoint.size, signers)
        return speaking

    # -- 4 and 5: the entries --------------------------------------------------------------------

    def _read_entries(self, tree: GrowingTree) -> None:
        """Read every entry once: form and chain always, the rules for as long as they hold."""
        walk = Walk(lambda why, seq: self._found(4, why, seq), tree)
        try:
            for seq, line in self._files.lines():
                entry = walk.take(seq, line)
                if self._executing:
                    self._executing = entry is not None and self._execute(seq, entry, tree)
                self._progress(seq + 1, self._manifest.end)
                if len(self._report.problems) >= MAX_PROBLEMS:
                    self._executing = False
                    return
        except CannotTell as error:
            self._found(4, str(error), tree.size)
            self._executing = False
        walk.finish()
        if self._executing:
            try:
                self._replay.finish(self._manifest.end - 1)
            except NotPermitted as error:
                self._found(5, str(error), error.seq)

    def _execute(self, seq: int, entry: Entry, tree: GrowingTree) -> bool:
        """Execute the entry; returns whether the entries after it can be executed."""
        if entry.seq != seq:
            return False  # reported by the walk
        self._types[entry.type] += 1
        self._genesis, self._last = self._genesis or entry, entry
        if seq == 0 and entry.data.get("fund") != entry.fund:
            self._found(5, "the charter is that of another fund", 0)
            return False
        if entry.fund != self._manifest.fund:
            self._found(2, f"the manifest is of {self._manifest.fund}, the entries of another fund")
            return False
        try:
            journaled = self._replay.step(entry)
            self._views.feed(journaled)
            self._times.take(entry, journaled.event)
        except NotPermitted as error:
            self._report.problems.append(Defect(5, str(error), seq, isinstance(error, NotKnown)))
            return False
        for seen in self._replay.seen:
            if why := check_seen(seen, tree.root_at):
                self._found(5, why, seq)
        return True

    def _check_tree(self, checkpoint: Checkpoint | None, tree: GrowingTree) -> None:
        """Check that the entries make the signed root, and the remembered one at its size."""
        made, size = tree.frontier.root(), tree.size
        if checkpoint is not None and size == checkpoint.size and made != checkpoint.root:
            why = f"the entries make root {made.hex()}, but {checkpoint.root.hex()} was signed"
            if any(problem.check == 4 for problem in self._report.problems):
                self._found(4, why)
            else:
                why = f"{why}; the chain is whole, so this entry or it and earlier ones changed"
                self._found(4, f"seq {size - 1}: {why}", size - 1)
        for before in self._remembered:
            if before.size <= size and tree.root_at(before.size) != before.root:
                self._found(
                    9, f"the first {before.size} entries are not those that were verified before"
                )

    def _check_growth(self, tree: GrowingTree) -> None:
        """Check the proof that the log continues a smaller one, where the bundle has one."""
        if CONSISTENCY not in self._archive.names:
            return
        try:
            size, proof = read_proof(self._archive)
            earlier = tree.root_at(size) if 1 <= size <= tree.size else b""
            verify_consistency(size, tree.size, earlier, tree.frontier.root(), proof)
        except (CannotTell, ProofError) as error:
            self._found(4, f"{CONSISTENCY} proves nothing: {error}")

    # -- 6 and 7: views, control totals, files ---------------------------------------------------

    def _check_views(self) -> None:
        """Check that views and totals are what the entries give, where all of them were executed,
        and that every file is the one that the manifest lists.
        """
        if self._executing:
            self._views.finish()
            digests = self._there.finish(lambda why, seq: self._found(6, why, seq))
            totals = {
                "entries": self._manifest.end,
                "by_type": dict(self._types),
                **self._views.control_totals(),
            }
            if self._manifest.totals != totals:
                self._found(6, "the control totals are not what the entries give")
        else:
            digests = {}
        expected = {CHECKPOINT, KEYS, README, *self._files.paths, *access_files(self._archive)}
        expected |= set(self._manifest.format.view_paths)
        # Only a bundle that was asked for with an earlier size has this proof.
        expected |= {CONSISTENCY} & self._manifest.files.keys()
        check_files(
            self._archive,
            self._manifest.files,
            expected,
            {**self._files.digests, **digests},
            lambda why: self._found(7, why),
        )

    # -- 8: the manifest's signature -------------------------------------------------------------

    def _check_manifest(self) -> None:
        named = (self._genesis.derived or {}).get("export_kid") if self._genesis else None
        try:
            kid = self._log_state.export_kid if self._log_state is not None else named
            check_manifest(self._archive, kid, self._manifest.fund)
        except SignatureError as error:
            self._found(8, f"the manifest's signature: {error}")
            return
        said = self._manifest.time
        if self._last is not None and not (AT.fullmatch(said) and self._last.at <= said):
            self._found(8, "the manifest's time is none, or lies before the last entry's")

    # -- 9: what the auditor pinned --------------------------------------------------------------

    def _check_pins(self, checkpoint: Checkpoint | None) -> None:
        genesis = self._genesis
        check_pinned(
            self._pins,
            genesis,
            self._replay.party_keys,
            lambda why, seq: self._found(9, why, seq),
        )
        if genesis is not None and self._trusted and self._log_state is None:
            named = (genesis.derived or {}).get("log_vkey")
            if named not in [str(key) for key in self._trusted]:
                self._found(9, "the log names another key than the trust file", 0)
        size = checkpoint.size if checkpoint is not None else None
        for before in self._remembered:
            if size is not None and before.size > size:
                why = f"{before.size} entries were verified before, now there are {size}"
                self._found(9, why)

    # -- 10: the second log ----------------------------------------------------------------------

    def _check_access_log(self, speaking: Sequence[VerifierKey]) -> None:
        if speaking:
            fund, found = self._manifest.fund, lambda why: self._found(10, why)
            self._report.access_entries = check_access_log(
                self._archive, fund, speaking, self._policy, found
            )

    # -- 11: time stamps -------------------------------------------------------------------------

    def _check_anchors(self) -> None:
        anchors, roots, report = self._replay.anchors, self._pins.time_roots, self._report
        if anchors and not roots:
            report.not_checked = (NO_AUTHORITY, *report.not_checked)
            return
        if roots and not anchors:
            report.not_checked = (NO_STAMPS, *report.not_checked)
        report.anchors = check_anchors(anchors, roots, lambda why, seq: self._found(11, why, seq))

    def _found(self, check: int, why: str, seq: int | None = None) -> None:
        self._report.problems.append(Defect(check, why, seq))


def _manifest(archive: Archive) -> Manifest:
    if MANIFEST not in archive.names:
        raise CannotTell("there is no manifest.json: not an audit bundle")
    return Manifest.parse(archive.small(MANIFEST, MAX_MANIFEST_BYTES))
