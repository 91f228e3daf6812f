"""The audit bundle: one ZIP, written while it is sent, in constant memory.

Entries stream from the database into the archive; the views are written at the same time into
temporary files, because a ZIP holds one file after the other. The manifest comes last and names the
digest of everything before it; its signature is by the export key that the log itself names.
"""

import hashlib
import io
import tempfile
import zipfile
from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import IO, Any, Final, Self

from sqlalchemy import Connection

from app.audit.format.layout import (
    ACCESS,
    CHECKPOINT,
    CONSISTENCY,
    ENTRIES_PER_FILE,
    FRONTIER,
    JWS_TYPE,
    KEYS,
    MANIFEST,
    MANIFEST_JWS,
    README,
    entries_path,
)
from app.audit.format.versions import newest
from app.audit.format.views.base import JournaledEntry
from app.audit.format.views.tables import CsvViews
from app.audit.replay import act_of, read_event
from app.chain.canonical import encode
from app.chain.checkpoint import Checkpoint
from app.chain.entry import Entry, time_text
from app.chain.jws import sign_detached
from app.chain.note import Note
from app.chain.policy import Policy
from app.domain.book import Posting, State
from app.domain.governance.log_keys import Log
from app.domain.governance.party_keys import PartyKey
from app.export.served_checkpoint import for_export
from app.store import log, queries, read_tables
from app.store.log_names import access_log
from app.trust.ledger_keys import LedgerKeys

CHUNK_BYTES = 65_536
FOUND_ROWS = 4_096
"""Upper limit of rows for views that are kept in memory."""
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)
"""A fixed time for every file in the archive; the manifest has the time of the export."""


class NothingSigned(Exception):
    """The fund has no signed checkpoint yet, so nothing can be exported."""


class NotInTheLog(Exception):
    """The signed log does not have the part, or the size to prove from, that was asked for."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an auditor asks for: the entries from `start` on, and a proof that the log continues the
    one of `since` entries; under a checkpoint that the quorum of `witnesses` has cosigned, if there
    is one.
    """

    start: int = 0
    since: int | None = None
    witnesses: Policy | None = None


WHOLE: Final = Wanted()


class _Sink(io.RawIOBase):
    """The file object that the archive is written to; it keeps a member until it is whole.

    So the member's sizes can stand in front of its bytes, as readers need that read a stream.
    """

    def __init__(self) -> None:
        self._begin = 0
        self._kept = tempfile.SpooledTemporaryFile(max_size=CHUNK_BYTES)  # noqa: SIM115  close()

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._begin + self._kept.tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._begin + self._kept.seek(offset - self._begin, whence)

    def write(self, data: Any) -> int:
        return self._kept.write(data)

    def take(self) -> Iterator[bytes]:
        """All that is kept, in pieces; what is written next follows it."""
        self._begin = self.tell()
        self._kept.seek(0)
        while piece := self._kept.read(CHUNK_BYTES):
            yield piece
        self._kept.seek(0)
        self._kept.truncate()

    def close(self) -> None:
        self._kept.close()
        super().close()


@dataclass
class _ArchiveWriter:
    """The ZIP that is being written, and the manifest's list of its files."""

    sink: _Sink = field(default_factory=_Sink)
    files: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.zip = zipfile.ZipFile(self.sink, "w", allowZip64=True)

    def add(self, path: str, chunks: Iterator[bytes], at_most: int = 0) -> Iterator[bytes]:
        """Write one file; yields its bytes of the archive.

        `at_most` is the size that it may have, where that may be more than two gigabytes.
        """
        info = zipfile.ZipInfo(path, _ZIP_TIME)
        info.compress_type = zipfile.ZIP_DEFLATED
        digest, size = hashlib.sha256(), 0
        with self.zip.open(info, "w", force_zip64=at_most > zipfile.ZIP64_LIMIT) as file:
            for chunk in chunks:
                file.write(chunk)
                digest.update(chunk)
                size += len(chunk)
        self.files.append({"path": path, "sha256": digest.hexdigest(), "bytes": size})
        yield from self.sink.take()

    def finish(self) -> Iterator[bytes]:
        """The archive's directory; nothing can be added after it."""
        self.zip.close()
        yield from self.sink.take()

    def close(self) -> None:
        """Give up what is kept, whether the archive was finished or not."""
        self.zip.close()
        self.sink.close()


def write_bundle(
    connection: Connection,
    fund: str,
    keys: LedgerKeys,
    exported_at: datetime,
    wanted: Wanted = WHOLE,
) -> Generator[bytes, None, None]:
    """The bundle of what is wanted, piece by piece.

    `connection` must see one consistent state until the last piece. Raises NothingSigned,
    NotInTheLog before the first piece.
    """
    note = for_export(connection, fund, wanted.witnesses)
    if note is None:
        raise NothingSigned
    checkpoint = Checkpoint.parse(Note.parse(note).text)
    if not 0 <= wanted.start < checkpoint.size or not 1 <= (wanted.since or 1) <= checkpoint.size:
        raise NotInTheLog(f"the log has {checkpoint.size} signed entries")
    return _Bundle(connection, fund, keys, checkpoint, note, wanted).pieces(exported_at)


@dataclass
class _Bundle:
    """One bundle that is being written."""

    connection: Connection
    fund: str
    keys: LedgerKeys
    checkpoint: Checkpoint
    note: bytes
    wanted: Wanted
    archive: _ArchiveWriter = field(default_factory=_ArchiveWriter)

    def pieces(self, exported_at: datetime) -> Generator[bytes, None, None]:
        try:
            yield from self._members(exported_at)
            yield from self.archive.finish()
        finally:
            self.archive.close()

    def _members(self, exported_at: datetime) -> Iterator[bytes]:
        fund, size, archive = self.fund, self.checkpoint.size, self.archive
        log_state = queries.one(self.connection, fund, Log)
        assert log_state is not None, "a log names its own keys"  # noqa: S101
        yield from archive.add(README, iter([_readme(fund, self.checkpoint.origin).encode()]))
        yield from archive.add(CHECKPOINT, iter([self.note]))
        yield from archive.add(KEYS, iter([self._public_keys(log_state)]))
        yield from self._proofs()
        with tempfile.TemporaryDirectory() as folder, _Tables(Path(folder)) as tables:
            recorded = _recorded(self.connection, fund, self.wanted.start, size)
            for number, start in enumerate(range(self.wanted.start, size, ENTRIES_PER_FILE)):
                lines = _lines(recorded, tables, ENTRIES_PER_FILE)
                at_most = log.bytes_at_most(self.connection, fund, start, start + ENTRIES_PER_FILE)
                yield from archive.add(entries_path(number), lines, at_most)
            totals: dict[str, Any] = {
                "entries": size - self.wanted.start,
                "by_type": dict(tables.types),
            }
            if not self.wanted.start:
                # Views and totals depend on the whole log, so a part cannot prove them.
                tables.finish()
                totals.update(tables.views.control_totals())
                for path in newest().view_paths:
                    yield from archive.add(path, tables.chunks(path), tables.size(path))
        if not self.wanted.start:
            yield from self._access(log_state.key_at(size))
        # As in the log, the later of the clock and the last entry is taken.
        time = max(time_text(exported_at), tables.last_at)
        manifest = encode(self._manifest(time, totals))
        key = self.keys.of_exports(log_state.export_kid_at(size))
        jws = sign_detached(manifest, key, {"typ": JWS_TYPE, "fund": fund})
        yield from archive.add(MANIFEST, iter([manifest]))
        yield from archive.add(MANIFEST_JWS, iter([jws.encode()]))

    def _public_keys(self, log_state: Log) -> bytes:
        party_keys = {
            row.kid: {"party": row.party, "jwk": row.jwk.model_dump()}
            for row in read_tables.all_rows(self.connection, self.fund, PartyKey)
        }
        vkeys = [key.vkey for key in log_state.keys]
        if self.wanted.witnesses is not None:
            vkeys += map(str, self.wanted.witnesses.witnesses.values())
        return encode({"jwks": self.keys.jwks(), "party_keys": party_keys, "vkeys": vkeys})

    def _proofs(self) -> Iterator[bytes]:
        """The frontier of entries that are left out, and the proof from a size that the auditor
        knows.
        """
        hashes = log.hashes(self.connection, self.fund)
        if self.wanted.start:
            peaks = [peak.hex() for peak in hashes.frontier(self.wanted.start).peaks]
            yield from self.archive.add(FRONTIER, iter([encode({"left": peaks})]))
        if self.wanted.since is not None:
            found = hashes.consistency_proof(self.wanted.since, self.checkpoint.size)
            proof = {"proof": [value.hex() for value in found], "size": self.wanted.since}
            yield from self.archive.add(CONSISTENCY, iter([encode(proof)]))

    def _access(self, vkey: str) -> Iterator[bytes]:
        """The second log, if it exists, up to its newest checkpoint that is signed by the key which
        the first log names at the exported size.
        """
        name = access_log(self.fund)
        key = self.keys.of_log(name, vkey).verifier
        note = for_export(self.connection, name, self.wanted.witnesses, key)
        if note is None:
            return
        size = Checkpoint.parse(Note.parse(note).text).size
        yield from self.archive.add(ACCESS + CHECKPOINT, iter([note]))
        for number in range(-(-size // ENTRIES_PER_FILE)):
            start = number * ENTRIES_PER_FILE
            end = min(size, start + ENTRIES_PER_FILE)
            lines = log.bodies(self.connection, name, start, end)
            content = (line + b"\n" for line in lines)
            at_most = log.bytes_at_most(self.connection, name, start, end)
            yield from self.archive.add(ACCESS + entries_path(number), content, at_most)

    def _manifest(self, time: str, totals: dict[str, Any]) -> dict[str, Any]:
        return {
            "format": newest().name,
            "fund": self.fund,
            "origin": self.checkpoint.origin,
            "from": self.wanted.start,
            "to": self.checkpoint.size,
            "tree_size": self.checkpoint.size,
            "root": self.checkpoint.root.hex(),
            "time": time,
            "totals": totals,
            "files": sorted(self.archive.files, key=lambda file: str(file["path"])),
        }


class _Tables:
    """The views, written to temporary files."""

    def __init__(self, folder: Path) -> None:
        self._files: dict[str, IO[bytes]] = {
            path: (folder / Path(path).name).open("w+b") for path in newest().view_paths
        }
        self.types: Counter[str] = Counter()
        self.last_at = ""
        self.views = CsvViews(newest().views, self._write)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files.values():
            file.close()

    def _write(self, path: str, data: bytes) -> None:
        self._files[path].write(data)

    def feed(self, recorded: JournaledEntry) -> None:
        self.types[recorded.entry.type] += 1
        self.last_at = recorded.entry.at
        self.views.feed(recorded)

    def finish(self) -> None:
        self.views.finish()

    def size(self, path: str) -> int:
        """The length of a view in bytes."""
        return self._files[path].seek(0, io.SEEK_END)

    def chunks(self, path: str) -> Iterator[bytes]:
        file = self._files[path]
        file.seek(0)
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _lines(
    recorded: Iterator[tuple[bytes, JournaledEntry]], tables: _Tables, limit: int
) -> Iterator[bytes]:
    """Up to `limit` entries as lines, in pieces; their rows in the views are written too."""
    piece = bytearray()
    for _, (line, record) in zip(range(limit), recorded, strict=False):
        tables.feed(record)
        piece += line + b"\n"
        if len(piece) >= CHUNK_BYTES:
            yield bytes(piece)
            piece.clear()
    yield bytes(piece)


def _recorded(
    connection: Connection, fund: str, start: int, size: int
) -> Iterator[tuple[bytes, JournaledEntry]]:
    """Each entry's bytes, and the entry with its lines of the stored journal."""
    journal = log.postings(connection, fund, size, start)
    ahead = next(journal, None)

    @lru_cache(maxsize=FOUND_ROWS)
    def find(kind: type[State], identifier: str) -> State | None:
        return queries.one(connection, fund, kind, identifier)

    for line in log.bodies(connection, fund, start, size):
        entry = Entry.from_bytes(line)
        postings: list[Posting] = []
        while ahead is not None and ahead[0] == entry.seq:
            postings.append(ahead[1])
            ahead = next(journal, None)
        yield line, JournaledEntry(entry, read_event(entry), act_of(entry), tuple(postings), find)


def _readme(fund: str, origin: str) -> str:
    return f"""Audit bundle of the fund {fund}; its log is {origin}.

Whole, offline, with the ledger's own verifier (it needs no server and no network):

    fundledger verify BUNDLE.zip --trust trust.policy

trust.policy holds the log's public key. Get it from a partner or from your own files, never from
this archive: keys.json is here for convenience and proves nothing.

By hand, with openssl and sha256sum alone:

1. Digests. For each file that manifest.json lists:  sha256sum FILE
2. The checkpoint's signature. `checkpoint` is a text, an empty line, and a signature line. The
   signed bytes are the text with its last newline: sed '/^$/,$d' checkpoint > text
   The last word of the log's signature line is base64; its first four bytes are the key's id:
       grep ' {origin} ' checkpoint | awk '{{print $NF}}' | base64 -d | tail -c +5 > signature
   The key: what follows the second + in the trust file's line is base64; drop its first byte:
       (printf '\\060\\052\\060\\005\\006\\003\\053\\145\\160\\003\\041\\000'
        printf %s KEY | base64 -d | tail -c +2) \\
           | openssl pkey -pubin -inform DER -out log.pem
       openssl pkeyutl -verify -pubin -inkey log.pem -rawin -in text -sigfile signature
3. The chain. The hash of an entry is the SHA-256 of a zero byte and its line without newline;
   it stands as "prev" in the line that follows:
       (printf '\\000'; head -n 1 entries/00000000.jsonl | tr -d '\\n') | sha256sum

These three do not show that the entries are the signed ones: that takes the tree's root, which the
project's script docs/verify-by-hand works out with sha256sum, or the verifier above.
"""
