"""Recovery: a log that lost entries is restored by their exact bytes, or not at all.

After an old backup was restored the database lacks entries that were signed. Mirrors, exports and
receipts have them. They are appended as they are, each permitted and following the one before it,
and must lead to the root that was signed. If nothing outside the database has the last signed
checkpoint, the parties state it: as many governments as the charter's quorum sign the newest
checkpoint that each knows, the log must contain them all, and an entry records that.
"""

import asyncio
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection

from app.audit.receipt import answered
from app.audit.replay import NotPermitted, Replay
from app.chain.canonical import NotCanonical, decode, encode
from app.chain.entry import BadEntry, BrokenChain
from app.chain.log_reader import LogReader
from app.chain.note import NoteError
from app.domain.governance.checkpoints import RecordRecovery, Statement
from app.ledger.notary import Notary
from app.ledger.sealing import sealed_before
from app.ledger.submission import LEDGER_ITSELF, KeyedCommand
from app.ledger.writer import Ledger
from app.ops.rebuild import refold
from app.runtime.faults import Fault
from app.store import log
from app.store.checkpoints import newest_signed
from app.store.engine import LONG_S, Database
from app.store.log import Head, Sealed
from app.store.log_names import access_log, is_access_log, main_log

AT_ONCE = 1_000
"""Entries that are stored at a time, all in one transaction."""
_STATEMENTS: TypeAdapter[tuple[Statement, ...]] = TypeAdapter(tuple[Statement, ...])


class NotRecovered(Fault):
    """The log could not be restored, and nothing was changed; the message says why."""


@dataclass(frozen=True, slots=True)
class Restored:
    """How many entries were added, how long the log is now, and whether that is known to be all.

    If nothing outside the database has the last signed checkpoint, the parties must confirm the log
    before it goes on.
    """

    added: int
    size: int
    as_signed: bool


def restore(
    database: Database,
    notary: Notary,
    fund: str,
    lines: Iterable[bytes],
    known: bytes | None = None,
) -> Restored:
    """Add the entries that the database lacks of `lines`, which are the log's from the first on.

    `known` is a signed checkpoint that came with them; one is needed where neither the second store
    nor the database has any. All entries are added or none. Raises NotRecovered.
    """
    try:
        with database.write(patience_s=LONG_S) as connection:
            head = log.lock_head(connection, fund, create=True)
            assert head is not None, "it was created"  # noqa: S101
            before = head.size
            head = _appended(connection, head, lines)
            if head.size == before:
                raise NotRecovered(f"there is nothing in it beyond the {before} entries here")
            if not is_access_log(fund):
                refold(connection, fund, head.size)
            signed = notary.last_signed(fund)
            adopted = notary.adopt(connection, fund, known) if known is not None else None
            for checkpoint in filter(None, (signed, adopted)):
                if found := log.contradiction(connection, fund, checkpoint):
                    raise NotRecovered(f"with it {found}")
            if signed is None and newest_signed(connection, fund) is None:
                # Otherwise the service would sign again as if no later checkpoint existed.
                raise NotRecovered("nothing here says that it was signed: give its checkpoint too")
    except (BadEntry, BrokenChain, NotPermitted, NoteError) as error:
        raise NotRecovered(str(error)) from None
    return Restored(head.size - before, head.size, as_signed=signed is not None)


def from_receipts(database: Database, fund: str, answers: Iterable[bytes]) -> Iterator[bytes]:
    """The entries that the database has, and after them those in answers that parties kept.

    An entry's bytes are its canonical form. Raises NotRecovered.
    """
    kept: dict[int, bytes] = {}
    for answer in answers:
        try:
            members = decode(answer)
            for entry in answered(members):
                kept[entry["seq"]] = encode(entry)
        except (NotCanonical, AttributeError, KeyError, TypeError):
            raise NotRecovered("one of these is no answer of the ledger") from None
    with database.read(LONG_S) as connection:
        head = log.read_head(connection, fund)
        size = head.size if head is not None else 0
        lines = list(log.bodies(connection, fund, 0, size))
    yield from lines
    while size in kept:
        yield kept[size]
        size += 1


def confirm(ledger: Ledger, notary: Notary, fund: str, raw: bytes, reason: str) -> int:
    """Reopen the log on the parties' statements, and record that; returns the entry's position.

    `raw` is a JSON list of statements. The database's newest checkpoint replaces the one that was
    lost outside it, for the second log too; other funds are not changed. The writer must not be
    started yet. Raises NotRecovered, Refusal.
    """
    size, root = notary.head(fund)
    try:
        statements = _STATEMENTS.validate_python(json.loads(raw))
        command = RecordRecovery(size=size, root=root.hex(), reason=reason, statements=statements)
    except (ValueError, ValidationError) as error:
        raise NotRecovered(f"these are no statements: {error}") from None
    for one in statements:
        known = notary.root(fund, one.size)
        if known is None or known.hex() != one.root:
            raise NotRecovered(
                f"{one.party} knows another log of {one.size} entries than the one that is here"
            )
    logs = (fund, access_log(fund))
    lost = [name for name in logs if notary.reinstate(name)]
    try:
        ledger.start(logs)
        digest = sha256(raw).digest()
        keyed = KeyedCommand(command, f"recovered-{size}-{digest.hex()[:16]}", digest)
        asyncio.run(ledger.submit(fund, LEDGER_ITSELF, keyed))
        # This store is the database's from here on, whichever was lost.
        notary.claim_store(anew=True)
    except BaseException:
        # The log was not confirmed, so its checkpoint is taken out again.
        for name in lost:
            notary.withdraw(name)
        raise
    finally:
        ledger.stop()
    return size


def _appended(connection: Connection, head: Head, lines: Iterable[bytes]) -> Head:
    """The head after all lines that the database lacks.

    Raises NotRecovered, BadEntry, BrokenChain, NotPermitted.
    """
    # A second log's entries change nothing, so there are no rules to execute.
    replay = None if is_access_log(head.fund) else Replay()
    stored = log.bodies(connection, head.fund, 0, head.size)
    waiting = list[Sealed]()
    reader, here = LogReader(), head.size
    for seq, line in enumerate(lines):
        entry = reader.read(line)
        if entry.fund != main_log(head.fund):
            raise NotRecovered(f"these are entries of {entry.fund}")
        postings = replay.step(entry).postings if replay is not None else ()
        if seq < here:
            if next(stored, b"") != line:
                raise NotRecovered(f"entry {seq} is another one here: somebody changed history")
            continue
        assert reader.leaf is not None, "it has read an entry"  # noqa: S101
        waiting.append(sealed_before(entry, line, reader.leaf, postings))
        if len(waiting) == AT_ONCE:
            head, waiting = _stored(connection, head, waiting), []
    if waiting:
        head = _stored(connection, head, waiting)
    if not reader.size or reader.size < here:
        raise NotRecovered("it has fewer entries than there are here")
    if replay is not None:
        replay.finish(reader.size - 1)
    return head


def _stored(connection: Connection, head: Head, entries: list[Sealed]) -> Head:
    grown = head.frontier.extend(entry.leaf for entry in entries)
    log.append(connection, head, entries, (), grown, compared=True)
    return Head(head.fund, grown[0], entries[-1].leaf, entries[-1].at)
