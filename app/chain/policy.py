"""An auditor's trust file (C2SP tlog-policy): whose signatures count, and how many.

    log fund.example/era+1a2b3c4d+AQ...
    witness no-audit witness.example/no+5e6f7a8b+BA... https://witness.example/no
    group offices 2 no-audit de-audit uk-audit
    quorum offices                                   (or: quorum none)

It must come from another source than the bundle that it is used to check. The service reads the
same form to know which witnesses to ask for cosignatures, and a witness to know its logs.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from app.chain.note import COSIGNATURE, ED25519, Note, NoteError, VerifierKey
from app.chain.spelling import read_decimal

MAX_POLICY_BYTES: Final = 100_000
NO_QUORUM: Final = "none"


class PolicyError(ValueError):
    """The trust file cannot be read; the message names the line."""


@dataclass(frozen=True, slots=True)
class Group:
    """`needed` of the members (witnesses or groups) must have signed."""

    needed: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """The logs and witnesses that are trusted, and the quorum rule."""

    logs: tuple[VerifierKey, ...]
    witnesses: dict[str, VerifierKey] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    quorum: str = NO_QUORUM
    urls: dict[str, str] = field(default_factory=dict)
    """Where a witness is asked, by its name, and where a log is read, by its origin."""

    def keys_of(self, origin: str) -> list[VerifierKey]:
        """The trusted keys of the log `origin`: more than one while one replaces another."""
        return [log for log in self.logs if log.name == origin]

    def satisfied_by(self, signers: Iterable[VerifierKey]) -> bool:
        """Whether these keys, all verified, reach the quorum. A key counts once, by its bytes."""
        public = {key.public for key in signers if key.type == COSIGNATURE}
        holds = {name: key.public in public for name, key in self.witnesses.items()}
        # Members are defined before the groups that use them, so one pass is enough.
        for name, group in self.groups.items():
            holds[name] = sum(holds[member] for member in group.members) >= group.needed
        return self.quorum == NO_QUORUM or holds[self.quorum]

    def cosigned(self, note: Note) -> bool:
        """Whether the quorum has cosigned a note. Raises NoteError for an invalid cosignature."""
        if not note.is_signed_by(self.witnesses.values()):
            return self.satisfied_by(())
        return self.satisfied_by(one.key for one in note.verify(self.witnesses.values()))

    @classmethod
    def parse(cls, raw: bytes, *, needs_log: bool = True) -> "Policy":
        """Read a trust file; without `needs_log` it may be a list of witnesses only. Raises
        PolicyError.
        """
        if len(raw) > MAX_POLICY_BYTES:
            raise PolicyError(f"a trust file has at most {MAX_POLICY_BYTES} bytes")
        try:
            lines = raw.decode("utf-8").split("\n")
        except UnicodeDecodeError:
            raise PolicyError("a trust file is UTF-8") from None
        reader = _PolicyReader()
        for number, line in enumerate(lines, start=1):
            words = re.split(r"[ \t]+", line.strip(" \t\r")) if line.strip(" \t\r") else []
            if words and not words[0].startswith("#"):
                try:
                    reader.read(words)
                except (ValueError, NoteError) as error:
                    raise PolicyError(f"line {number}: {error}") from None
        return reader.policy(needs_log=needs_log)


class _PolicyReader:
    """Builds a policy line by line; every name must be defined above its use."""

    def __init__(self) -> None:
        self._logs: list[VerifierKey] = []
        self._witnesses: dict[str, VerifierKey] = {}
        self._groups: dict[str, Group] = {}
        self._grouped: set[str] = set()
        self._quorum: str | None = None
        self._urls: dict[str, str] = {}

    def read(self, words: list[str]) -> None:
        keyword, arguments = words[0], words[1:]
        if keyword == "log" and len(arguments) in (1, 2):
            self._log(arguments[0], *arguments[1:])
        elif keyword == "witness" and len(arguments) in (2, 3):
            self._witness(arguments[0], arguments[1], *arguments[2:])
        elif keyword == "group" and len(arguments) >= 3:
            self._group(arguments[0], arguments[1], tuple(arguments[2:]))
        elif keyword == "quorum" and len(arguments) == 1:
            self._set_quorum(arguments[0])
        else:
            raise ValueError("expected log, witness, group or quorum with their arguments")

    def policy(self, *, needs_log: bool) -> Policy:
        if needs_log and not self._logs:
            raise PolicyError("no log line: nothing would be trusted")
        logs = {log.public for log in self._logs}
        if any(witness.public in logs for witness in self._witnesses.values()):
            raise PolicyError("a log is no witness of itself")
        if self._quorum is None:
            raise PolicyError("no quorum line; write `quorum none` to ask for no witness")
        return Policy(tuple(self._logs), self._witnesses, self._groups, self._quorum, self._urls)

    def _log(self, vkey: str, url: str | None = None) -> None:
        key = VerifierKey.parse(vkey)
        if key.type != ED25519:
            raise ValueError("a log signs with a type 1 key")
        if key in self._logs:
            raise ValueError(f"this key of log {key.name} is named twice")
        self._logs.append(key)
        if url is not None:
            self._urls[key.name] = url

    def _witness(self, name: str, vkey: str, url: str | None = None) -> None:
        key = VerifierKey.parse(vkey)
        if key.type != COSIGNATURE:
            raise ValueError("a witness signs with a type 4 key")
        if any(known.public == key.public for known in self._witnesses.values()):
            raise ValueError("one witness key under two names would count twice")
        self._define(name)
        self._witnesses[name] = key
        if url is not None:
            self._urls[name] = url

    def _group(self, name: str, rule: str, members: tuple[str, ...]) -> None:
        for member in members:
            if member not in self._witnesses and member not in self._groups:
                raise ValueError(f"{member} is not defined above")
            if member in self._grouped:
                raise ValueError(f"{member} is a member of a group already")
            self._grouped.add(member)
        needed = {"all": len(members), "any": 1}.get(rule) or read_decimal(rule)
        if not 1 <= needed <= len(members):
            raise ValueError(f"{needed} of {len(members)} can never be right")
        self._define(name)
        self._groups[name] = Group(needed, members)

    def _set_quorum(self, name: str) -> None:
        if self._quorum is not None:
            raise ValueError("a second quorum line")
        if name != NO_QUORUM and name not in self._witnesses and name not in self._groups:
            raise ValueError(f"{name} is not defined above")
        self._quorum = name

    def _define(self, name: str) -> None:
        if name == NO_QUORUM or name in self._witnesses or name in self._groups:
            raise ValueError(f"{name} is defined already")
