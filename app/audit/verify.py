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
10  The second log (refusals and reads), where there is one: form, chain, tree, signed checkpoint.
11  Time stamps in the log are of this log, by the time authority that the auditor pinned.
12  A log that continues another one names how that one ended, where the auditor has its bundle.

A part of a log is checked by `part`: 1 to 4, 6, 7 and 9, as far as they go without the rest.

A problem does not stop the checks that can still be made, so that the report names the first bad
entry whatever else it spoiled.
"""

import hashlib
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from app.audit.checks.access_log import check_second, second_files
from app.audit.checks.checkpoint import BadHead, read_head, require_claimed, signers_of
from app.audit.checks.entry_files import EntryFile, Walkers
from app.audit.checks.files import check_files
from app.audit.checks.pins import check_pinned, check_predecessor
from app.audit.checks.seen_checkpoints import check_claims
from app.audit.checks.signers import Distrusted, check_manifest, speakers
from app.audit.checks.time_stamps import check_anchors
from app.audit.format.archive import UNREADABLE, Archive, CannotTell
from app.audit.format.layout import (
    CHECKPOINT,
    CONSISTENCY,
    ENTRIES_PER_FILE,
    KEYS,
    MANIFEST,
    MAX_MANIFEST_BYTES,
    README,
    entries_path,
)
from app.audit.format.manifest import Manifest
from app.audit.format.views import VIEW_PATHS, CsvViews
from app.audit.part import verify_part
from app.audit.replay import NotKnown, NotPermitted, Replay
from app.audit.report import (
    NO_AUTHORITY,
    NO_STAMPS,
    Defect,
    Pins,
    Report,
)
from app.audit.spilled_rows import SpilledRows
from app.chain.checkpoint import Checkpoint
from app.chain.entry import BadEntry, Entry
from app.chain.jws import SignatureError
from app.chain.note import VerifierKey
from app.chain.policy import Policy
from app.chain.tree import Frontier
from app.domain.governance.log_keys import Log


def verify(
    bundle: Path,
    policy: Policy,
    pins: Pins | None = None,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Report:
    """Check a bundle. Raises CannotTell when there is nothing to check."""
    try:
        with zipfile.ZipFile(bundle) as opened:
            archive = Archive(opened)
            manifest = _manifest(archive)
            if manifest.start:
                return verify_part(archive, manifest, policy, pins or Pins())
            run = _Verification(bundle, archive, manifest, policy, pins or Pins(), progress)
            return run.run()
    except CannotTell:
        raise
    except UNREADABLE as error:
        raise CannotTell(f"the bundle cannot be read: {error}") from None
    except Exception as fault:
        # Our mistake, or no memory left: neither says anything about the bundle.
        raise CannotTell(f"the verifier itself failed: {type(fault).__name__}") from fault


class _Verification:
    """One run of the plan."""

    def __init__(
        self,
        bundle: Path,
        archive: Archive,
        manifest: Manifest,
        policy: Policy,
        pins: Pins,
        progress: Callable[[int, int], None],
    ) -> None:
        self._bundle = bundle
        self._archive = archive
        self._policy = policy
        self._pins = pins
        self._progress = progress
        self._manifest = manifest
        self._trusted = policy.keys_of(manifest.origin)
        self._remembered = pins.recall(manifest.origin) if pins.recall else None
        self._size = manifest.end
        # Never count further than the archive goes: the manifest may claim any size.
        needed = -(-self._size // ENTRIES_PER_FILE)
        self._files = min(needed, len(archive.names) + 1)
        self._problems: list[Defect] = []
        self._digests: dict[str, tuple[str, int]] = {}
        self._view_hashes = {path: hashlib.sha256() for path in VIEW_PATHS}
        self._types: Counter[str] = Counter()
        self._genesis: Entry | None = None
        self._last: Entry | None = None
        self._complete = False
        self._replay = Replay()
        self._standing: Log | None = None  # what a log that was executed whole says of its keys

    def run(self) -> Report:
        """Every check of the plan, in its order."""
        report = Report(
            fund=self._manifest.fund,
            origin=self._manifest.origin,
            size=self._size,
            root=self._manifest.root,
            problems=self._problems,
            not_checked=self._pins.not_checked,
        )
        checkpoint = self._read_checkpoint(report)
        views = CsvViews(lambda path, data: self._view_hashes[path].update(data))
        frontier = self._check_entries(views)
        report.signatures = self._replay.signature_count
        speakers = self._check_signers(report, checkpoint)
        if checkpoint is not None:
            self._check_root(checkpoint, frontier)
        self._check_views(views)
        self._check_files()
        self._check_manifest()
        self._check_pins(checkpoint)
        report.access_entries = self._check_second_log(speakers)
        self._check_anchors(report)
        check_predecessor(self._pins, self._genesis, report)
        return report

    # -- 3: the checkpoint -----------------------------------------------------------------------

    def _read_checkpoint(self, report: Report) -> Checkpoint | None:
        """What it says; who had to sign it, the entries tell."""
        if not self._trusted:
            self._found(3, "the trust file does not name the log that this bundle claims to be of")
            return None
        try:
            report.checkpoint, checkpoint = read_head(self._archive)
            require_claimed(self._manifest, checkpoint)
        except BadHead as error:
            self._found(3, str(error))
            return None
        return checkpoint

    def _check_signers(
        self, report: Report, checkpoint: Checkpoint | None
    ) -> Sequence[VerifierKey]:
        """The keys that have spoken for the log: as far as it can be told, those that it names.

        None where no trusted key leads to them: then nothing that they signed can be judged.
        """
        speaking: Sequence[VerifierKey] = self._trusted
        standing = self._standing
        if standing is not None and self._trusted:
            report.closed = standing.closed_seq is not None
            try:
                speaking = speakers(self._trusted, standing)
            except Distrusted as error:
                self._problems.append(Defect(error.check, str(error), error.seq, error.unknown))
                return ()
        if checkpoint is None:
            return speaking
        try:
            signing = speaking if standing is None else speaking[-1:]
            signers = signers_of(report.checkpoint, signing, self._policy)
        except BadHead as error:
            self._found(3, str(error))
            return speaking
        report.signed_by = str(signing[-1])
        report.cosigned_by(signers, self._policy)
        return speaking

    # -- 4 and 5: the entries --------------------------------------------------------------------

    def _check_entries(self, views: CsvViews) -> Frontier:
        """Walk and replay: the walk in processes of its own, while this one executes the rules."""
        mark = self._remembered.size if self._remembered else None
        walkers = Walkers(self._bundle, self._files, self._size, mark)
        try:
            walkers.start()
            with SpilledRows() as shelf:
                self._replay = Replay(shelf)
                self._complete = self._execute(self._replay, views)
                if self._complete:
                    self._standing = self._replay.standing
                check_claims(
                    self._replay.claims, self._lines(), lambda why, seq: self._found(5, why, seq)
                )
            return self._join(walkers)
        finally:
            walkers.close()

    def _join(self, walkers: Walkers) -> Frontier:
        """Put together what the walks found."""
        frontier = Frontier()
        for segment in walkers.segments():
            for why, seq in segment.problems:
                self._found(4, why, seq)
            if segment.digest is not None:
                self._digests[entries_path(segment.number)] = segment.digest
            if frontier.size != segment.number * ENTRIES_PER_FILE:
                # A file before it is short, which was found; behind it there is no tree any more.
                break
            for part in segment.marks.values():
                self._compare_remembered(frontier.joined(part))
            frontier = frontier.joined(segment.frontier)
        return frontier

    def _execute(self, replay: Replay, views: CsvViews) -> bool:
        """Execute entry after entry; whether all were."""
        reached = 0
        try:
            for seq, line in enumerate(self._lines()):
                permitted = self._permitted(replay, seq, _entry(line), views)
                self._progress(seq + 1, self._size)
                if not permitted:
                    # What is wrong was found; what follows is the walk's to read.
                    return False
                reached = seq + 1
        except CannotTell:
            return False  # the walk says what cannot be read
        if reached != self._size:
            return False
        try:
            replay.finish(self._size - 1)
        except NotPermitted as error:
            self._found(5, str(error), error.seq)
        return True

    def _permitted(self, replay: Replay, seq: int, entry: Entry | None, views: CsvViews) -> bool:
        """Execute the entry; whether that was possible."""
        if entry is None or entry.seq != seq:
            return False
        self._types[entry.type] += 1
        self._genesis, self._last = self._genesis or entry, entry
        if seq == 0 and entry.data.get("fund") != entry.fund:
            self._found(5, "the charter is that of another fund", 0)
            return False
        if entry.fund != self._manifest.fund:
            self._found(2, f"the manifest is of {self._manifest.fund}, the entries of another fund")
            return False
        try:
            views.feed(replay.step(entry))
        except NotPermitted as error:
            self._problems.append(Defect(5, str(error), seq, isinstance(error, NotKnown)))
            return False
        return True

    def _check_root(self, checkpoint: Checkpoint, frontier: Frontier) -> None:
        if frontier.size == checkpoint.size and frontier.root() != checkpoint.root:
            made, signed, last = frontier.root().hex(), checkpoint.root.hex(), frontier.size - 1
            why = f"the entries make root {made}, but {signed} was signed"
            if any(problem.check == 4 for problem in self._problems):
                self._found(4, why)
            else:
                why = f"{why}; the chain is whole, so this entry or it and earlier ones changed"
                self._found(4, f"seq {last}: {why}", last)

    # -- 6: views and control totals -------------------------------------------------------------

    def _check_views(self, views: CsvViews) -> None:
        if not self._complete:
            return
        views.finish()
        for path, digest in self._view_hashes.items():
            if self._manifest.files.get(path, ("", 0))[0] != digest.hexdigest():
                self._found(6, f"{path} is not what the entries give")
        totals = {"entries": self._size, "by_type": dict(self._types), **views.control_totals()}
        if self._manifest.totals != totals:
            self._found(6, "the control totals are not what the entries give")

    # -- 7: files --------------------------------------------------------------------------------

    def _check_files(self) -> None:
        expected = {CHECKPOINT, KEYS, README, *VIEW_PATHS, *second_files(self._archive)}
        expected |= {entries_path(number) for number in range(self._files)}
        # Whoever asked with an earlier size got a proof along; the whole log shows it anyway.
        expected |= {CONSISTENCY} & self._manifest.files.keys()
        check_files(
            self._archive,
            self._manifest.files,
            expected,
            self._digests,
            lambda why: self._found(7, why),
        )

    # -- 8: the manifest's signature -------------------------------------------------------------

    def _check_manifest(self) -> None:
        named = (self._genesis.derived or {}).get("export_kid") if self._genesis else None
        try:
            kid = self._standing.export_kid if self._standing is not None else named
            check_manifest(self._archive, kid, self._manifest.fund)
        except SignatureError as error:
            self._found(8, f"the manifest's signature: {error}")
            return
        if self._last is not None and not self._last.at <= self._manifest.time < "3":
            self._found(8, "the manifest's time is none, or lies before the last entry's")

    # -- 9: what the auditor pinned --------------------------------------------------------------

    def _check_pins(self, checkpoint: Checkpoint | None) -> None:
        genesis, before = self._genesis, self._remembered
        check_pinned(
            self._pins,
            genesis,
            self._replay.party_keys,
            lambda why, seq: self._found(9, why, seq),
        )
        if genesis is not None and self._trusted and self._standing is None:
            named = (genesis.derived or {}).get("log_vkey")
            if named not in [str(key) for key in self._trusted]:
                self._found(9, "the log names another key than the trust file", 0)
        if before is not None and checkpoint is not None and before.size > checkpoint.size:
            why = f"{before.size} entries were verified before, now there are {checkpoint.size}"
            self._found(9, why)

    def _compare_remembered(self, frontier: Frontier) -> None:
        """A whole bundle holds every earlier log: its root then must be the one remembered."""
        before = self._remembered
        if before is not None and frontier.size == before.size and frontier.root() != before.root:
            self._found(
                9, f"the first {before.size} entries are not those that were verified before"
            )

    # -- 10: the second log ----------------------------------------------------------------------

    def _check_second_log(self, speakers: Sequence[VerifierKey]) -> int:
        """How many entries it has."""
        if not speakers:
            return 0
        fund, found = self._manifest.fund, lambda why: self._found(10, why)
        return check_second(self._archive, fund, speakers, self._policy, found)

    # -- 11: time stamps -------------------------------------------------------------------------

    def _check_anchors(self, report: Report) -> None:
        anchors, roots = self._replay.anchors, self._pins.time_roots
        if anchors and not roots:
            report.not_checked = (NO_AUTHORITY, *report.not_checked)
            return
        if roots and not anchors:
            report.not_checked = (NO_STAMPS, *report.not_checked)
        report.anchors = check_anchors(anchors, roots, lambda why, seq: self._found(11, why, seq))

    # -- reading ---------------------------------------------------------------------------------

    def _found(self, check: int, why: str, seq: int | None = None) -> None:
        self._problems.append(Defect(check, why, seq))

    def _lines(self) -> Iterator[bytes]:
        """Entry lines of all files in order, no more than are signed. Raises CannotTell."""
        files = range(self._files)
        lines = (line for number in files for line in EntryFile(self._archive, number).lines())
        return islice(lines, self._size)


def _entry(line: bytes) -> Entry | None:
    """The entry in a line; None when it is not one, which the walk reports."""
    try:
        return Entry.from_bytes(line)
    except BadEntry:
        return None


def _manifest(archive: Archive) -> Manifest:
    if MANIFEST not in archive.names:
        raise CannotTell("there is no manifest.json: not an audit bundle")
    return Manifest.parse(archive.small(MANIFEST, MAX_MANIFEST_BYTES))
