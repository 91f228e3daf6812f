"""Reports: what a verification found, for people and for machines, and what it did not check."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from cryptography.x509 import Certificate

from app.chain.checkpoint import Checkpoint
from app.chain.note import VerifiedSignature
from app.chain.policy import NO_QUORUM, Policy

OTHER_VERSIONS: Final = (
    "that no other version of this log was shown to others: compare checkpoints, ask for witnesses"
)
UNPINNED: Final = "who holds the keys that parties registered: pin them (--expect-party-keys)"
NOT_CHECKED: Final = (
    "that money stands behind the entries: compare with the bank's statements",
    OTHER_VERSIONS,
    "documents that entries name by digest only",
    "README.txt and keys.json beyond their digests: they are for convenience and prove nothing",
    "that the second log is whole: name it in the trust file too, and ask for witnesses",
    UNPINNED,
)

OF_A_PART: Final = (
    "the rules: they cannot be executed on a part of a log",
    "the first entry's `prev`, and whether ids and nonces were used before",
    "parties' signatures, the journal, balances and views",
    "who signed the manifest: the log names the export key where this part does not reach",
    "the second log, and what you pinned beyond a checkpoint: charter, parties' keys, time "
    "authority, predecessor: they take the whole log",
)
NO_PREDECESSOR: Final = "the log that this one continues: bring its bundle (--predecessor)"
NO_STAMPS: Final = "when the entries were recorded: no time authority has stamped this log"
NO_AUTHORITY: Final = "time stamps in the log: name the authority's roots (--time-authority)"


@dataclass(frozen=True, slots=True)
class Defect:
    """Something that is wrong, and the position of its entry, where it has one."""

    check: int
    why: str
    seq: int | None = None
    unknown: bool = False
    """True where this version cannot judge, so that nothing is known to be wrong."""


@dataclass(frozen=True, slots=True)
class Pins:
    """What the auditor provides besides the trust file."""

    charter_digest: str | None = None
    party_keys: Mapping[str, Sequence[str]] | None = None
    """By party: the keys that the party itself says are its own, by RFC 7638 thumbprint."""
    recall: Callable[[str], Sequence[Checkpoint]] | None = None
    """Gives the checkpoints of a log (by origin) that it must contain: the one that was verified
    before, the one that the auditor names.
    """
    time_roots: Sequence[Certificate] = ()
    """Root certificates of the time authority whose stamps are accepted."""
    predecessor: "Report | None" = None
    """The report on the bundle of the log that this one continues."""

    @property
    def not_checked(self) -> tuple[str, ...]:
        """What no verification can check, with these pins."""
        pinned = UNPINNED if self.party_keys is not None else ""
        return tuple(what for what in NOT_CHECKED if what != pinned)


MAX_PROBLEMS: Final = 1_000
"""Upper limit of problems reported for entries: the first matters most, and a file may have
millions.
"""


@dataclass
class Report:
    """What one verification found."""

    fund: str
    origin: str
    size: int
    root: str
    start: int = 0
    """The first entry that the bundle holds."""
    checkpoint: bytes = b""
    problems: list[Defect] = field(default_factory=list)
    witnesses: list[str] = field(default_factory=list)
    signatures: int = 0
    """Number of parties' signatures that were found valid."""
    access_entries: int = 0
    """Number of entries of the second log."""
    signed_by: str = ""
    """The log's key that signed the checkpoint."""
    anchors: list[dict[str, object]] = field(default_factory=list)
    """What a time authority confirms: sizes of the log, each with a time (UTC)."""
    closed: bool = False
    """Whether its last entry ends the log."""
    remarks: list[str] = field(default_factory=list)
    """What people should know: times that point to a clock that was wrong; and differences between
    this machine's tables (time zones) and the log, whose values hold.
    """
    not_checked: tuple[str, ...] = NOT_CHECKED

    def cosigned_by(self, signers: Iterable[VerifiedSignature], policy: Policy) -> None:
        """Note who has signed the checkpoint; together they satisfy the trust file."""
        self.witnesses = sorted(one.key.name for one in signers if one.timestamp is not None)
        if policy.quorum != NO_QUORUM:
            self.not_checked = tuple(what for what in self.not_checked if what != OTHER_VERSIONS)

    @property
    def result(self) -> str:
        """`ok`, `wrong`, or `cannot_tell` when nothing is wrong but something is unknown."""
        if not self.problems:
            return "ok"
        return "cannot_tell" if all(problem.unknown for problem in self.problems) else "wrong"

    @property
    def first(self) -> Defect | None:
        """The problem to look at first: the earliest entry, then the earliest check."""
        last = 2**63
        return min(
            self.problems,
            key=lambda problem: (last if problem.seq is None else problem.seq, problem.check),
            default=None,
        )

    def as_json(self) -> dict[str, Any]:
        """The report for machines."""
        return {
            "result": self.result,
            "fund": self.fund,
            "origin": self.origin,
            "from": self.start,
            "size": self.size,
            "root": self.root,
            "signed_by": self.signed_by,
            "closed": self.closed,
            "first_bad_seq": self.first.seq if self.first else None,
            "problems": [asdict(problem) for problem in self.problems],
            "witnesses": self.witnesses,
            "signatures": self.signatures,
            "access_entries": self.access_entries,
            "anchors": self.anchors,
            "remarks": self.remarks,
            "not_checked": list(self.not_checked),
        }
