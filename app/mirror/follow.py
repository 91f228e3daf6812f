"""Following a log: every entry is fetched, chained, executed, and compared with what others saw.

A mirror keeps what it has once accepted. When the log shows it another beginning, a smaller size,
or something that a witness saw differently, it keeps both signed checkpoints: they prove to anybody
that the holder of the log's key has signed two histories.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from typing import Self

from app.audit.checks.signers import Distrusted, speakers
from app.audit.checks.times import EntryTimes, dated_ahead
from app.audit.replay import NotPermitted, Replay
from app.audit.spilled_rows import SpilledRows
from app.chain.checkpoint import Checkpoint, open_checkpoint
from app.chain.entry import BadEntry, BrokenChain
from app.chain.log_reader import LogReader
from app.chain.note import Note, NoteError, VerifierKey
from app.chain.policy import Policy
from app.chain.tree import Frontier, leaf_hash
from app.mirror.kept import Kept
from app.mirror.source import LogSource, Unreadable
from app.runtime import clock
from app.runtime.faults import Fault


@dataclass(frozen=True, slots=True)
class Alarm:
    """A fault of the log or a witness. `evidence` names the file with both checkpoints, if there is
    one.
    """

    why: str
    evidence: str | None = None

    def __str__(self) -> str:
        return self.why if self.evidence is None else f"{self.why}; evidence: {self.evidence}"


class MirrorDamaged(Fault):
    """The mirror's own files were changed: start another mirror, and keep this one as evidence."""


class TwoHistories(Exception):
    """Two checkpoints, both signed for the log, that contradict each other."""

    def __init__(self, why: str, one: bytes, other: bytes) -> None:
        super().__init__(why)
        self.notes = (one, other)


class Mirror:
    """One log, followed from outside. Each call of `fetch` is one round and returns its alarms."""

    def __init__(self, kept: Kept, source: LogSource, policy: Policy, origin: str) -> None:
        """Begin with the entries that are kept. Raises MirrorDamaged."""
        self._kept = kept
        self._source = source
        self._policy = policy
        self._origin = origin
        self._roots: dict[int, bytes] = {}
        self._ahead: dict[str, int] = {}
        """By witness: the size that it had cosigned in the last round, if larger than the log shown
        to us.
        """
        self.unheard: list[str] = []
        """What could not be asked in this round, and why."""
        self.remarks: list[str] = []
        """What is remarkable about the times of entries that came in this round."""
        self._start()

    def _start(self) -> None:
        """Execute the entries that are kept, from the first. Raises MirrorDamaged."""
        self._shelf = SpilledRows()
        self._replay = Replay(self._shelf)
        self._reader = LogReader()
        self._times = EntryTimes()
        self._broken: str | None = None
        try:
            self._resume()
        except (NoteError, BadEntry, BrokenChain, MirrorDamaged) as error:
            self._shelf.close()
            raise MirrorDamaged(f"what this mirror keeps is damaged: {error}") from None

    @property
    def size(self) -> int:
        """How many entries are kept."""
        return self._reader.frontier.size

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._shelf.close()

    def _resume(self) -> None:
        """Read what is kept. Raises NoteError, BadEntry, BrokenChain, MirrorDamaged."""
        self._take(self._kept.entries())
        held = self._kept.note()
        if held is not None:
            said = Checkpoint.parse(Note.parse(held).text)
            if (said.size, said.root) != (self._reader.frontier.size, self._reader.frontier.root()):
                raise MirrorDamaged("it does not make the root that was kept")

    def fetch(self) -> list[Alarm]:
        """One round: fetch new entries and ask the witnesses. Raises Unreadable."""
        alarms, self.unheard, known = list[Alarm](), [], len(self._times.remarks)
        try:
            self._advance(self._source.checkpoint())
        except TwoHistories as error:
            alarms.append(self._alarm(error))
        except (NoteError, Distrusted, BadEntry, BrokenChain) as error:
            alarms.append(Alarm(str(error)))
        newest = self._times.newest
        self.remarks = [*self._times.remarks[known:], *dated_ahead(newest, clock.now())]
        if self._broken is not None:
            alarms.append(Alarm(self._broken))
        for name, key in self._policy.witnesses.items():
            if name in self._policy.urls:
                alarms += self._compared(name, key)
        return alarms

    def _advance(self, note: bytes) -> None:
        """Fetch, check and keep the log's new entries.

        Raises TwoHistories, NoteError, Distrusted, BadEntry, BrokenChain, Unreadable.
        """
        checkpoint, held = self._opened(note), self._kept.note()
        if held is None:
            self._grow(checkpoint, note)
        elif checkpoint.size < self.size:
            # Old checkpoints stay true; but that it is shown as the newest is a step back.
            if checkpoint.root != self._root(checkpoint.size):
                raise TwoHistories("the log shows another history than before", held, note)
            why = f"the log shows {checkpoint.size} entries; it had shown {self.size}"
            raise TwoHistories(why, held, note)
        elif checkpoint.size == self.size:
            if checkpoint.root != self._reader.frontier.root():
                raise TwoHistories("two roots for one size", held, note)
        else:
            self._grow(checkpoint, note)

    def _grow(self, checkpoint: Checkpoint, note: bytes) -> None:
        size, grown = self.size, self._reader.frontier

        def passing() -> Iterator[bytes]:
            nonlocal grown
            for line in self._source.entries(size, checkpoint.size):
                grown = grown.append(leaf_hash(line))
                yield line

        self._kept.add(passing())
        if grown.root() != checkpoint.root:
            # A note without a trusted signature is no evidence.
            open_checkpoint(note, *self._speakers())
            held = self._kept.note()
            why = "what the log added does not lead from what it had shown to what it signed"
            if held is None:
                raise NoteError("the entries do not make the signed root")
            raise TwoHistories(why, held, note)
        try:
            self._take(islice(self._kept.entries(checkpoint.size), size, None))
            # Only now is it known which key had to sign.
            self._require_speaker(note)
        except (NoteError, Distrusted, BadEntry, BrokenChain):
            # Entries under a note that is not the log's are not kept.
            self._shelf.close()
            self._start()
            raise
        self._kept.cover(note)

    def _take(self, lines: Iterable[bytes]) -> None:
        """Chain and execute entries that the tree already covers. Raises BadEntry, BrokenChain."""
        for line in lines:
            entry = self._reader.read(line)
            self._times.take(entry, None)
            if self._broken is None:
                try:
                    self._replay.step(entry)
                except NotPermitted as error:
                    self._broken = str(error)

    def _opened(self, note: bytes) -> Checkpoint:
        """The checkpoint in a note that is signed by a key of the log. Raises NoteError,
        Distrusted.
        """
        try:
            checkpoint = open_checkpoint(note, *self._speakers())
        except NoteError:
            # New entries may introduce the key: `_require_speaker` checks that.
            checkpoint = Checkpoint.parse(Note.parse(note).text)
            if checkpoint.size <= self.size:
                raise
        if checkpoint.origin != self._origin:
            raise NoteError(f"it is the checkpoint of {checkpoint.origin}")
        return checkpoint

    def _require_speaker(self, note: bytes) -> None:
        """Check who signed, once the note's entries are executed. Raises NoteError, Distrusted."""
        known = self._speakers()
        open_checkpoint(note, *(known if self._broken is not None else known[-1:]))

    def _speakers(self) -> list[VerifierKey]:
        """The keys whose signatures count so far, the one in force last. Raises Distrusted."""
        trusted, log_state = self._policy.keys_of(self._origin), self._replay.log_state
        return trusted if log_state is None else speakers(trusted, log_state)

    # -- what others saw -------------------------------------------------------------------------

    def _compared(self, name: str, key: VerifierKey) -> list[Alarm]:
        """Compare a witness's newest cosigned checkpoint with the entries that are kept."""
        try:
            note = self._source.view_of(self._policy.urls[name], self._origin)
            if note is None:
                return self._forgotten(name, 0, b"")
            # Also for a larger size: a checkpoint that the log has not signed is no evidence
            # against it.
            checkpoint = open_checkpoint(note, *self._speakers())
            Note.parse(note).verify([key])
        except Unreadable as error:
            self.unheard.append(f"witness {name}: {error}")
            return []
        except (NoteError, Distrusted) as error:
            return [Alarm(f"witness {name}: {error}")]
        return self._forgotten(name, checkpoint.size, note) or self._differs(name, checkpoint, note)

    def _differs(self, name: str, checkpoint: Checkpoint, note: bytes) -> list[Alarm]:
        """The alarm for a witness that has seen another log than we were shown."""
        if checkpoint.size > self.size:
            before, self._ahead[name] = self._ahead.get(name), checkpoint.size
            if before is None or before <= self.size:
                return []
            why = f"witness {name} has cosigned {before} entries, we were shown {self.size}"
            return [self._alarm(TwoHistories(why, self._kept.note() or b"", note))]
        self._ahead.pop(name, None)
        if checkpoint.root == self._root(checkpoint.size):
            return []
        why = f"witness {name} was shown another log of {checkpoint.size} entries"
        return [self._alarm(TwoHistories(why, self._kept.note() or b"", note))]

    def _forgotten(self, name: str, size: int, note: bytes) -> list[Alarm]:
        """The alarm for a witness that had cosigned more than it shows now; else its view is kept.

        A witness that has lost what it remembers can be led to cosign a second history.
        """
        held = self._kept.view(name)
        known = Checkpoint.parse(Note.parse(held).text).size if held is not None else 0
        if held is not None and size < known:
            why = f"witness {name} shows {size} entries; it had cosigned {known}: it lost its views"
            return [self._alarm(TwoHistories(why, held, note))]
        if size > known:
            self._kept.keep_view(name, note)
        return []

    def _root(self, size: int) -> bytes:
        """The root of the first `size` entries that are kept."""
        if size == self.size:
            return self._reader.frontier.root()
        if size not in self._roots:
            leaves = map(leaf_hash, islice(self._kept.entries(), size))
            self._roots = {size: Frontier().extend(leaves)[0].root()}
        return self._roots[size]

    def _alarm(self, error: TwoHistories) -> Alarm:
        name = sha256(b"\n".join(error.notes)).hexdigest()[:16]
        return Alarm(str(error), str(self._kept.keep_evidence(name, *error.notes)))
