"""Witnesses for tests: real servers on real sockets, and logs to show them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.chain.checkpoint import Checkpoint
from app.chain.note import COSIGNATURE, NoteKey
from app.chain.policy import Policy
from app.chain.tiles import HashReader
from app.chain.tree import Frontier, leaf_hash
from app.chain.witness import Question
from app.runtime.outbound import trusted
from app.witness.cosigned_heads import CosignedHeads
from app.witness.server import Witness, create_witness
from tests.support.service import serving

ORIGIN = "ledger.example/era"


@dataclass
class Log:
    """A log on paper, of any entries, with a key to sign with."""

    key: NoteKey = field(default_factory=lambda: NoteKey(ORIGIN, Ed25519PrivateKey.generate()))
    entries: list[bytes] = field(default_factory=list)

    def grown(self, count: int, salt: str = "") -> "Log":
        """The same log with so many more entries."""
        more = [f"{salt}{n}".encode() for n in range(len(self.entries), len(self.entries) + count)]
        return Log(self.key, [*self.entries, *more])

    @property
    def size(self) -> int:
        return len(self.entries)

    def checkpoint(self) -> Checkpoint:
        frontier = Frontier.of([leaf_hash(entry) for entry in self.entries])
        return Checkpoint(self.key.name, frontier.size, frontier.root())

    def note(self) -> bytes:
        return self.checkpoint().note().signed_by(self.key).to_bytes()

    def question(self, old: int, **changes: object) -> bytes:
        """The request with the right proof from `old`, or with the given faults instead."""
        proof = tuple(self._hashes().consistency_proof(old, self.size)) if old <= self.size else ()
        parts = {"old": old, "proof": proof, "note": self.note(), **changes}
        return Question(**parts).to_bytes()  # type: ignore[arg-type]

    def _hashes(self) -> HashReader:
        levels = [[leaf_hash(entry) for entry in self.entries]]
        return HashReader(lambda level, number: levels[level][number * 256 : number * 256 + 256])


@dataclass(frozen=True)
class Running:
    """A witness that serves: its address, its key, and the witness itself."""

    address: str
    witness: Witness

    @property
    def name(self) -> str:
        return self.witness.key.name.replace("/", "-")

    @property
    def line(self) -> str:
        """Its line in a trust file."""
        return f"witness {self.name} {self.witness.key.verifier} {self.address}"

    def ask(self, question: bytes) -> httpx.Response:
        return httpx.post(f"{self.address}/add-checkpoint", content=question, verify=trusted())

    def view(self, origin: str = ORIGIN) -> httpx.Response:
        digest = sha256(origin.encode()).hexdigest()
        return httpx.get(f"{self.address}/{digest}/checkpoint", verify=trusted())


def a_witness(folder: Path, logs: str, name: str = "witness.example/no") -> Witness:
    """A witness of the logs in these lines of a trust file."""
    key = NoteKey(name, Ed25519PrivateKey.generate(), COSIGNATURE)
    policy = Policy.parse(f"{logs}\nquorum none\n".encode())
    return Witness(key, policy, CosignedHeads(folder / f"{name.replace('/', '-')}.db"))


@contextmanager
def witnessing(witness: Witness) -> Iterator[Running]:
    """The witness serves until the block ends."""
    with serving(create_witness(witness)) as address:
        yield Running(address, witness)
