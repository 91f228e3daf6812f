"""What a verification found: for people and for machines, with what it did not check."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from app.chain.checkpoint import Checkpoint

NOT_CHECKED: Final = (
    "that money stands behind the entries: compare with the bank's statements",
    "that no other version of this log was shown to others: compare checkpoints, ask for witnesses",
    "documents that entries name by digest only",
    "README.txt and keys.json beyond their digests: they are for convenience and prove nothing",
    "that the second log is whole: nothing in the first one counts what was refused or read",
    "who holds the keys that parties registered: pin them (--expect-party-keys)",
)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong, and the entry that it was found at, where there is one."""

    check: int
    why: str
    seq: int | None = None
    unknown: bool = False
    """True where this version cannot judge: not wrong, but not right either."""


@dataclass(frozen=True, slots=True)
class Pins:
    """What the auditor brings along beyond the trust file."""

    charter_digest: str | None = None
    party_keys: Mapping[str, Sequence[str]] | None = None
    """The keys that each party says are its own, by RFC 7638 thumbprint."""
    recall: Callable[[str], Checkpoint | None] | None = None
    """The checkpoint of a log (by origin) that was verified before."""


@dataclass
class Report:
    """What was found."""

    fund: str
    origin: str
    size: int
    root: str
    checkpoint: bytes = b""
    problems: list[Problem] = field(default_factory=list)
    witnesses: list[str] = field(default_factory=list)
    signatures: int = 0
    """Parties' own signatures that were found to hold."""
    access_entries: int = 0
    """Entries of the second log."""
    not_checked: tuple[str, ...] = NOT_CHECKED

    @property
    def result(self) -> str:
        """`ok`, `wrong`, or `cannot_tell` when nothing is wrong but something is unknown."""
        if not self.problems:
            return "ok"
        return "cannot_tell" if all(problem.unknown for problem in self.problems) else "wrong"

    @property
    def first(self) -> Problem | None:
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
            "size": self.size,
            "root": self.root,
            "first_bad_seq": self.first.seq if self.first else None,
            "problems": [asdict(problem) for problem in self.problems],
            "witnesses": self.witnesses,
            "signatures": self.signatures,
            "access_entries": self.access_entries,
            "not_checked": list(self.not_checked),
        }
