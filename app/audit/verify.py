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

A problem does not stop the checks that can still be made, so that the report names the first bad
entry whatever else it spoiled.
"""

import hashlib
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from app.audit.archive import UNREADABLE, Archive, CannotTell
from app.audit.claims import check_claims
from app.audit.layout import (
    CHECKPOINT,
    ENTRIES_PER_FILE,
    JWS_TYPE,
    KEYS,
    KNOWN_PATH,
    MANIFEST,
    MANIFEST_JWS,
    MAX_MANIFEST_BYTES,
    MAX_SMALL_FILE_BYTES,
    README,
    entries_path,
)
from app.audit.manifest import Manifest
from app.audit.replay import NotKnown, NotPermitted, Replay
from app.audit.report import Pins, Problem, Report
from app.audit.second import check_second, second_files
from app.audit.segments import Reader, Walkers
from app.audit.shelf import Shelf
from app.audit.views import VIEW_PATHS, Views
from app.chain.canonical import decode, encode
from app.chain.checkpoint import Checkpoint, open_checkpoint
from app.chain.entry import BadEntry, Entry
from app.chain.jws import SignatureError, key_from_jwk, thumbprint, verify_detached
from app.chain.note import Note, NoteError
from app.chain.policy import Policy
from app.chain.tree import Frontier


def verify(
    bundle: Path,
    policy: Policy,
    pins: Pins | None = None,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Report:
    """Check a bundle. Raises CannotTell when there is nothing to check."""
    try:
        with zipfile.ZipFile(bundle) as archive:
            return _Verification(bundle, Archive(archive), policy, pins or Pins(), progress).run()
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
        policy: Policy,
        pins: Pins,
        progress: Callable[[int, int], None],
    ) -> None:
        self._bundle = bundle
        self._archive = archive
        self._policy = policy
        self._pins = pins
        self._progress = progress
        self._manifest = self._read_manifest()
        self._remembered = pins.recall(self._manifest.origin) if pins.recall else None
        self._size = self._manifest.size
        # Never count further than the archive goes: the manifest may claim any size.
        needed = -(-self._size // ENTRIES_PER_FILE)
        self._files = min(needed, len(archive.names) + 1)
        self._problems: list[Problem] = []
        self._digests: dict[str, tuple[str, int]] = {}
        self._view_hashes = {path: hashlib.sha256() for path in VIEW_PATHS}
        self._types: Counter[str] = Counter()
        self._genesis: Entry | None = None
        self._last: Entry | None = None
        self._signatures = 0
        self._party_keys: list[tuple[int, str, str]] = []

    def run(self) -> Report:
        """Every check of the plan, in its order."""
        report = Report(
            fund=self._manifest.fund,
            origin=self._manifest.origin,
            size=self._size,
            root=self._manifest.root,
            problems=self._problems,
        )
        checkpoint = self._check_checkpoint(report)
        views = Views(lambda path, data: self._view_hashes[path].update(data))
        frontier = self._check_entries(views)
        report.signatures = self._signatures
        if checkpoint is not None:
            self._check_root(checkpoint, frontier)
        self._check_views(views)
        self._check_files()
        self._check_manifest_signature()
        self._check_pins(checkpoint)
        self._check_second_log(report)
        return report

    # -- 2: the manifest's form ------------------------------------------------------------------

    def _read_manifest(self) -> Manifest:
        if MANIFEST not in self._archive.names:
            raise CannotTell("there is no manifest.json: not an audit bundle")
        return Manifest.parse(self._archive.small(MANIFEST, MAX_MANIFEST_BYTES))

    # -- 3: the checkpoint -----------------------------------------------------------------------

    def _check_checkpoint(self, report: Report) -> Checkpoint | None:
        origin = self._manifest.origin
        if origin.rpartition("/")[2] != self._manifest.fund:
            self._found(3, "the manifest names a fund that is not the log's")
        key = self._policy.log_named(origin)
        if key is None:
            self._found(3, "the trust file does not name the log that this bundle claims to be of")
            return None
        try:
            raw = report.checkpoint = self._archive.small(CHECKPOINT, MAX_SMALL_FILE_BYTES)
            checkpoint = open_checkpoint(raw, key)
            signers = Note.parse(raw).verify([key, *self._policy.witnesses.values()])
        except (NoteError, CannotTell) as error:
            self._found(3, f"checkpoint: {error}")
            return None
        report.witnesses = sorted(signed.key.name for signed in signers if signed.timestamp)
        if not self._policy.satisfied_by(signed.key for signed in signers):
            self._found(3, f"checkpoint: the quorum {self._policy.quorum} has not cosigned it")
        claimed = (self._size, self._manifest.tree_size, self._manifest.root)
        if claimed != (checkpoint.size, checkpoint.size, checkpoint.root.hex()):
            self._found(3, "the manifest and the checkpoint speak of different trees")
        return checkpoint

    # -- 4 and 5: the entries --------------------------------------------------------------------

    def _check_entries(self, views: Views) -> Frontier:
        """Walk and replay: the walk in processes of its own, while this one executes the rules."""
        mark = self._remembered.size if self._remembered else None
        walkers = Walkers(self._bundle, self._files, self._size, mark)
        try:
            walkers.start()
            with Shelf() as shelf:
                replay = Replay(shelf)
                self._complete = self._replay(replay, views)
                self._signatures = replay.signature_count
                self._party_keys = replay.party_keys
                self._check_claims(replay)
            return self._join(walkers)
        finally:
            walkers.close()

    def _check_claims(self, replay: Replay) -> None:
        check_claims(replay.claims, self._lines(), lambda why, seq: self._found(5, why, seq))

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

    def _replay(self, replay: Replay, views: Views) -> bool:
        """Execute entry after entry; whether all were."""
        running: Replay | None = replay
        reached = 0
        try:
            for seq, line in enumerate(self._lines()):
                running = self._replayed(running, seq, _entry(line), views)
                self._progress(seq + 1, self._size)
                reached = seq + 1
                if running is None:
                    # What is wrong was found; what follows is the walk's to read.
                    break
        except CannotTell:
            return False  # the walk says what cannot be read
        if running is None or reached != self._size:
            return False
        try:
            running.finish(self._size - 1)
        except NotPermitted as error:
            self._found(5, str(error), error.seq)
        return True

    def _replayed(
        self, replay: Replay | None, seq: int, entry: Entry | None, views: Views
    ) -> Replay | None:
        """Execute the entry; None from the first one on with which that is impossible."""
        if entry is None or entry.seq != seq:
            return None
        self._types[entry.type] += 1
        self._genesis, self._last = self._genesis or entry, entry
        if replay is None:
            return None
        if seq == 0 and entry.data.get("fund") != entry.fund:
            self._found(5, "the charter is that of another fund", 0)
            return None
        if entry.fund != self._manifest.fund:
            self._found(2, f"the manifest is of {self._manifest.fund}, the entries of another fund")
            return None
        try:
            views.feed(replay.step(entry))
        except NotPermitted as error:
            self._problems.append(Problem(5, str(error), seq, isinstance(error, NotKnown)))
            return None
        return replay

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

    def _check_views(self, views: Views) -> None:
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
        listed = self._manifest.files
        names = self._archive.names
        if len(set(names)) != len(names):
            self._found(7, "a file stands twice in the archive")
        for name in sorted({*names} - listed.keys() - {MANIFEST, MANIFEST_JWS}):
            why = "is not listed" if KNOWN_PATH.fullmatch(name) else "does not belong here"
            self._found(7, f"a file in the archive {why} in the manifest")
        expected = {CHECKPOINT, KEYS, README, *VIEW_PATHS}
        expected |= {entries_path(number) for number in range(self._files)}
        expected |= {*second_files(self._archive)}
        for name in sorted(expected - listed.keys()):
            self._found(7, f"{name} is not listed in the manifest")
        for name in sorted(listed.keys() - expected):
            self._found(7, f"{name} is listed in the manifest, and nothing can check it")
        for name, claimed in listed.items():
            try:
                if name not in self._digests:
                    self._digests[name] = self._archive.digest(name, claimed[1])
            except CannotTell as error:
                self._found(7, str(error))
                continue
            if self._digests[name] != claimed:
                self._found(7, f"{name} does not have the digest and length of the manifest")

    # -- 8: the manifest's signature -------------------------------------------------------------

    def _check_manifest_signature(self) -> None:
        """The log names the export key's thumbprint; the key itself may come from anywhere."""
        named = (self._genesis.derived or {}).get("export_kid") if self._genesis else None
        try:
            keys = decode(self._archive.small(KEYS, MAX_SMALL_FILE_BYTES))
            (jwk,) = [jwk for jwk in keys["jwks"]["keys"] if jwk.get("kid") == named]
            key = key_from_jwk(jwk)
            jws = self._archive.small(MANIFEST_JWS, MAX_SMALL_FILE_BYTES).decode()
            raw = self._archive.small(MANIFEST, MAX_MANIFEST_BYTES)
            header = verify_detached(jws, raw, key)
            if thumbprint(key) != named:
                raise SignatureError("the key is not the one that the log names")
        except (AttributeError, KeyError, TypeError, ValueError, CannotTell) as error:
            why = str(error) if isinstance(error, SignatureError) else "no key that the log names"
            self._found(8, f"the manifest's signature: {why}")
            return
        if (header.get("typ"), header.get("fund")) != (JWS_TYPE, self._manifest.fund):
            self._found(8, "the manifest's signature was made for something else")
        if self._last is not None and not self._last.at <= self._manifest.time < "3":
            self._found(8, "the manifest's time is none, or lies before the last entry's")

    # -- 9: what the auditor pinned --------------------------------------------------------------

    def _check_pins(self, checkpoint: Checkpoint | None) -> None:
        pinned, genesis = self._pins.charter_digest, self._genesis
        if pinned is not None and genesis is not None:
            digest = hashlib.sha256(encode(genesis.data)).hexdigest()
            if digest != pinned:
                self._found(9, f"the charter has digest {digest}, expected {pinned}", 0)
        self._check_party_keys()
        if genesis is not None:
            key = self._policy.log_named(self._manifest.origin)
            named = (genesis.derived or {}).get("log_vkey")
            if key is not None and named != str(key):
                self._found(9, "the log names another key than the trust file", 0)
        before = self._remembered
        if before is not None and checkpoint is not None and before.size > checkpoint.size:
            self._found(
                9, f"{before.size} entries were verified before, now there are {checkpoint.size}"
            )

    def _check_party_keys(self) -> None:
        """Every key that spoke for a party in this log is one that the auditor knows."""
        pinned = self._pins.party_keys
        for seq, party, kid in self._party_keys if pinned is not None else ():
            if pinned is not None and kid not in pinned.get(party, ()):
                self._found(9, f"seq {seq}: {party} has a key {kid} that was not expected", seq)

    def _compare_remembered(self, frontier: Frontier) -> None:
        """A whole bundle holds every earlier log: its root then must be the one remembered."""
        before = self._remembered
        if before is not None and frontier.size == before.size and frontier.root() != before.root:
            self._found(
                9, f"the first {before.size} entries are not those that were verified before"
            )

    # -- 10: the second log ----------------------------------------------------------------------

    def _check_second_log(self, report: Report) -> None:
        key = self._policy.log_named(self._manifest.origin)
        if key is not None:
            report.access_entries = check_second(
                self._archive, self._manifest.fund, key, lambda why: self._found(10, why)
            )

    # -- reading ---------------------------------------------------------------------------------

    def _found(self, check: int, why: str, seq: int | None = None) -> None:
        self._problems.append(Problem(check, why, seq))

    def _lines(self) -> Iterator[bytes]:
        """Entry lines of all files in order, no more than are signed. Raises CannotTell."""
        files = range(self._files)
        lines = (line for number in files for line in Reader(self._archive, number).lines())
        return islice(lines, self._size)


def _entry(line: bytes) -> Entry | None:
    """The entry in a line; None when it is not one, which the walk reports."""
    try:
        return Entry.from_bytes(line)
    except BadEntry:
        return None
