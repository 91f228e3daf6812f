"""What trust costs: receipts with and without witnesses, a witness's rate, proofs and tiles."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.chain.checkpoint import Checkpoint
from app.chain.note import COSIGNATURE, NoteKey
from app.chain.policy import Policy
from app.chain.tiles import HashReader
from app.chain.tree import Frontier, leaf_hash
from app.chain.witness import Question
from app.runtime.settings import LOCAL_ORIGIN
from app.trust.ledger_keys import load_keys
from app.witness.cosigned_heads import CosignedHeads
from app.witness.server import Witness
from tests.bench.scenarios import FUND, SECONDS, Row, a_row, batched, reads, receipts
from tests.bench.servers import durable_postgres, free_port, ledger


def witnessed(folder: Path) -> Iterator[Row]:
    """Single receipts with nobody watching, and with three witnesses that are asked meanwhile."""
    for count in (0, 3):
        inside = folder / f"witnesses-{count}"
        with durable_postgres() as url, ExitStack() as stack:
            options: dict[str, Any] = {}
            if count:
                options["witnesses_file"] = stack.enter_context(_witnesses(inside, count))
            running = stack.enter_context(ledger(inside, url, **options))
            ids = running.opened(FUND, 2)
            receipts(running, ids, 8, seconds=2)
            what = f"receipts, {count} witnesses" if count else "receipts, no witness"
            yield a_row(what, receipts(running, ids, 64), 64)


@contextmanager
def _witnesses(folder: Path, count: int) -> Iterator[Path]:
    """The file that says whom to ask; the witnesses are processes of their own."""
    folder.mkdir(parents=True, exist_ok=True)
    keys = load_keys(folder / "data" / "keys", LOCAL_ORIGIN, create=True)
    logs = folder / "logs.policy"
    names = (FUND, f"{FUND}/access")
    logs.write_text(
        "".join(f"log {keys.of_log(name).verifier}\n" for name in names) + "quorum none\n"
    )
    lines, processes = [], []
    try:
        for number in range(count):
            port = free_port()
            command = [sys.executable, "-m", "app.cli", "witness", "--logs", str(logs)]
            command += ["--data", str(folder / f"w{number}"), "--port", str(port)]
            command += ["--name", f"w{number}.example"]
            process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            processes.append(process)
            assert process.stdout is not None
            lines.append(f"{process.stdout.readline().strip()} http://127.0.0.1:{port}")
            process.stdout.readline()
        file = folder / "witnesses.policy"
        file.write_text("\n".join([*lines, "quorum none", ""]))
        yield file
    finally:
        for process in processes:
            process.terminate()
            process.communicate(timeout=20)


def witness(folder: Path) -> Iterator[Row]:
    """Checkpoints that one witness cosigns, each on disk before it answers; without HTTP."""
    key = NoteKey("bench.example/log", Ed25519PrivateKey.generate())
    own = NoteKey("bench.example/witness", Ed25519PrivateKey.generate(), COSIGNATURE)
    policy = Policy.parse(f"log {key.verifier}\nquorum none\n".encode())
    one = Witness(own, policy, CosignedHeads(folder / "views.db"))
    questions = _questions(key, 3_000)
    done, begun = 0, time.perf_counter()
    for question in questions:
        one.cosign(question)
        done += 1
        if time.perf_counter() - begun > SECONDS:
            break
    rate = done / (time.perf_counter() - begun)
    yield {"what": "checkpoints cosigned by one witness", "connections": 1, "rate": rate}


def _questions(key: NoteKey, count: int) -> list[bytes]:
    """A log that grows entry by entry, with the proof of each step."""
    leaves, frontier = list[bytes](), Frontier()
    questions = []
    for size in range(count):
        leaf = leaf_hash(str(size).encode())
        leaves.append(leaf)
        frontier = frontier.append(leaf)
        reader = HashReader(lambda level, number: _level(leaves, level, number))
        proof = tuple(reader.consistency_proof(size, size + 1)) if size else ()
        note = Checkpoint(key.name, size + 1, frontier.root()).note().signed_by(key).to_bytes()
        questions.append(Question(size, proof, note).to_bytes())
    return questions


def _level(leaves: list[bytes], level: int, number: int) -> list[bytes]:
    if level == 0:
        return leaves[number * 256 : number * 256 + 256]
    whole = len(leaves) // 256
    return [Frontier.of(leaves[n * 256 : n * 256 + 256]).root() for n in range(whole)]


def tiles(folder: Path) -> Iterator[Row]:
    """Reading a log of about 10,000 entries as tiles, bundles and single proofs."""
    with durable_postgres() as url, ledger(folder, url) as running:
        ids = running.opened(FUND, 2)
        while running.size(FUND) < 10_000:
            batched(running, ids, 1_000, seconds=1)
        base = f"/v1/funds/{FUND}"
        paths = {
            "a checkpoint": [f"{base}/log/checkpoint"],
            "a tile of 256 hashes": [f"{base}/log/tile/0/{n:03d}" for n in range(30)],
            "a bundle of 256 entries": [f"{base}/log/tile/entries/{n:03d}" for n in range(30)],
            "a consistency proof": [
                f"{base}/log/consistency?old={n}&new=9000" for n in range(1, 9_000, 300)
            ],
            "an entry with its receipt": [f"{base}/entries/{n}" for n in range(0, 9_000, 300)],
        }
        yield from reads(running, paths, running.size(FUND))
