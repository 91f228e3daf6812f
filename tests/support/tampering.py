"""Bundles to tamper with: made once, opened up, changed, and closed again as a forger would.

The forger here is thorough: digests, the chain, the checkpoint can all be made to fit again; what
they lack is the one key that a test takes away from them.
"""

import hashlib
import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from app.audit.report import Report
from app.audit.verify import verify
from app.chain.canonical import encode
from app.chain.checkpoint import Checkpoint
from app.chain.jws import sign_detached
from app.chain.policy import Policy
from app.chain.tree import Frontier, leaf_hash
from app.export.bundle import write_bundle
from app.runtime.clock import new_id, now
from app.trust.ledger_keys import LedgerKeys
from tests.support.service import Service

ENTRIES = "entries/00000000.jsonl"


@dataclass
class Bundle:
    """The files of a bundle, by name, and the keys of the ledger that made it."""

    files: dict[str, bytes]
    keys: LedgerKeys
    folder: Path
    extra: list[tuple[str, bytes]] = field(default_factory=list)

    @property
    def lines(self) -> list[bytes]:
        return self.files[ENTRIES].split(b"\n")[:-1]

    @lines.setter
    def lines(self, lines: list[bytes]) -> None:
        self.files[ENTRIES] = b"".join(line + b"\n" for line in lines)

    @property
    def manifest(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.files["manifest.json"])
        return found

    def entry(self, seq: int) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.lines[seq])
        return found

    def change(self, seq: int, edit: Callable[[dict[str, Any]], None]) -> None:
        """Edit one entry and leave everything else as it was."""
        entry, lines = self.entry(seq), self.lines
        edit(entry)
        lines[seq] = encode(entry)
        self.lines = lines

    def first(self, event_type: str) -> int:
        """The first entry of a type."""
        return next(n for n in range(len(self.lines)) if self.entry(n)["type"] == event_type)

    def repeat(self, seq: int) -> None:
        """Append a copy of an entry, recorded at the time of the last one."""
        at = self.entry(len(self.lines) - 1)["at"]
        copied = {**self.entry(seq), "at": at, "id": new_id(datetime.fromisoformat(at))}
        self.lines = [*self.lines, encode(copied)]

    def rechain(self) -> None:
        """Number all entries anew and make each name the hash of the one before."""
        lines, prev = list[bytes](), "0" * 64
        for seq, line in enumerate(self.lines):
            entry = {**json.loads(line), "seq": seq, "prev": prev}
            lines.append(encode(entry))
            prev = leaf_hash(lines[-1]).hex()
        self.lines = lines

    def signed(self, size: int) -> bytes:
        """The log's signed checkpoint of so many entries."""
        frontier = Frontier().extend(map(leaf_hash, self.lines[:size]))[0]
        key = self.keys.of_log(self.manifest["fund"])
        return Checkpoint(key.name, size, frontier.root()).note().signed_by(key).to_bytes()

    def resign(self, *, log: bool = False, manifest: bool = True, **changes: Any) -> None:
        """Make digests fit; sign the checkpoint and the manifest again where the key is had."""
        frontier = Frontier().extend(map(leaf_hash, self.lines))[0]
        claims: dict[str, Any] = {}
        if log:
            self.files["checkpoint"] = self.signed(frontier.size)
            claims = {
                "to": frontier.size,
                "tree_size": frontier.size,
                "root": frontier.root().hex(),
            }
        listed = [
            {"path": path, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
            for path, content in sorted(self.files.items())
            if not path.startswith("manifest")
        ]
        body = encode({**self.manifest, **claims, "files": listed, **changes})
        self.files["manifest.json"] = body
        if manifest:
            header = {"typ": "fund-ledger-export+jws", "fund": self.manifest["fund"]}
            self.files["manifest.jws"] = sign_detached(
                body, self.keys.of_exports(), header
            ).encode()

    def write(self) -> Path:
        path = self.folder / "tampered.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in [*self.files.items(), *self.extra]:
                archive.writestr(name, content)
        return path

    def policy(self, text: str = "quorum none") -> Policy:
        vkey = self.keys.of_log("test-fund").verifier
        return Policy.parse(f"log {vkey}\n{text}\n".encode())

    def report(self) -> Report:
        return verify(self.write(), self.policy())

    def assert_first_wrong_at(self, seq: int) -> None:
        """Made consistent and signed by the ledger again, it is convicted by this entry all the
        same.
        """
        self.rechain()
        self.resign(log=True)
        report = self.report()
        assert report.result == "wrong"
        assert report.first is not None
        assert report.first.seq == seq


def made_by(service: Service, folder: Path) -> Bundle:
    """The service's bundle, opened up."""
    here = service.inside
    with here.database.read() as connection:
        content = b"".join(_pieces(service, connection))
    path = folder / "original.zip"
    path.write_bytes(content)
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    return Bundle(files, here.notary.keys, folder)


def _pieces(service: Service, connection: Any) -> Iterator[bytes]:
    return write_bundle(connection, service.fund, service.inside.notary.keys, now())
