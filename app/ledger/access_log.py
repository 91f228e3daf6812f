"""The access log: a fund's second log, of what was refused and of what was read.

Same forms as the first: entries, chain, tree, signed checkpoints, origin `<origin>/<fund>/access`.
An attempt that the rules refuse is recorded before it is answered: who, what, the code, the digest
of the request. So is every export. A party fills at most so much of it in an hour; the last
entry of that hour says that more is not recorded.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from app.chain.canonical import encode
from app.chain.entry import time_text
from app.domain.command import Actor
from app.ledger.notary import ForkDetected, Notary
from app.ledger.sealing import Content, Place, seal
from app.ledger.submission import KeyedCommand
from app.runtime import clock
from app.store import log
from app.store.engine import Database
from app.store.log import Head, Sealed
from app.store.log_names import access_log

MAX_PER_HOUR: Final = 200
"""Entries of one party in one hour."""
REFUSED: Final = "access.refused"
EXPORTED: Final = "access.exported"
LIMITED: Final = "access.limited"
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Attempt:
    """Something that somebody did that is not an entry of the fund's own log."""

    actor: Actor
    type: str
    data: dict[str, Any]


def refused(actor: Actor, keyed: KeyedCommand, code: str) -> Attempt:
    """An attempt that the rules refused: what it asked for, about what, in a request of what
    digest.
    """
    asked = keyed.command
    what = {"op": asked.event.type, "about": asked.about(), "request": keyed.digest.hex()}
    return Attempt(actor, REFUSED, {**what, "code": code})


def exported(actor: Actor, size: int, start: int, since: int | None) -> Attempt:
    """An audit bundle of a log of `size` entries: from which entry on, and proven to continue the
    log of how many.
    """
    what = {"export": "audit", "from": start, "size": size}
    return Attempt(actor, EXPORTED, what if since is None else {**what, "since": since})


class AccessLog:
    """Writes every fund's second log; one writer a process, several processes agree by the head."""

    def __init__(
        self, database: Database, notary: Notary, now: Callable[[], datetime] = clock.now
    ) -> None:
        self._database = database
        self._notary = notary
        self._now = now
        self._lock = threading.Lock()
        self.halted: dict[str, str] = {}
        """Second logs that contradict what was signed, and how. Nothing is written to them."""

    def check(self, name: str) -> None:
        """Compare a second log with what was signed of it. Raises Unavailable.

        One that lost entries with an old backup stands in nobody's way: it is halted, loudly.
        """
        try:
            self._notary.check(name)
            self._notary.countersign(name)
        except ForkDetected as fork:
            self.halted[name] = str(fork)
            _logger.critical("%s is halted: %s", name, fork)

    def follow_key(self, fund: str) -> None:
        """The fund's log has another key: it signs the second log too, where that stands still."""
        try:
            with self._lock:
                self._notary.countersign(access_log(fund))
        except Exception:
            # The next entry, or the next start, has it signed.
            _logger.exception("the second log of %s is not signed by the new key", fund)

    def record(self, fund: str, attempts: Sequence[Attempt]) -> None:
        """Record what happened, as far as the parties' shares go. Raises what writing raises."""
        name = access_log(fund)
        if name in self.halted:
            raise ForkDetected(self.halted[name])
        with self._lock:
            now = self._now()
            with self._database.write() as connection:
                head = log.lock_head(connection, name, create=True)
                assert head is not None, "it was created"  # noqa: S101
                kept = self._within_limits(connection, name, attempts, now)
                if not kept:
                    return
                entries = _sealed(fund, head, kept, now)
                before = head.frontier
                after, completed = before.extend(entry.leaf for entry in entries)
                log.append(connection, head, entries, (), completed, after)
            self._notary.sign(name, before, after)

    def try_to_record(self, fund: str, attempts: Sequence[Attempt]) -> None:
        """The same; what goes wrong is said to the operator, and stands in nobody's way."""
        if not attempts:
            return
        try:
            self.record(fund, attempts)
        except ForkDetected:
            # Halted: it was said loudly when that began.
            _logger.warning("%d attempts at %s are not on the record", len(attempts), fund)
        except Exception:
            _logger.exception("%d attempts at %s are not on the record", len(attempts), fund)

    def _within_limits(
        self, connection: Connection, name: str, attempts: Sequence[Attempt], now: datetime
    ) -> list[Attempt]:
        """The attempts that are recorded; behind a party's last one, that its hour is full.

        Counted while the head is held, so that all processes together keep the limit.
        """
        kept: list[Attempt] = []
        hour = time_text(now.replace(minute=0, second=0, microsecond=0))
        counts: dict[str, int] = {}
        for attempt in attempts:
            party = attempt.actor.party
            if party not in counts:
                counts[party] = log.recorded_since(connection, name, party, hour, MAX_PER_HOUR)
            if counts[party] < MAX_PER_HOUR - 1:
                kept.append(attempt)
            elif counts[party] == MAX_PER_HOUR - 1:
                kept.append(Attempt(attempt.actor, LIMITED, {"until": next_hour(now)}))
            counts[party] += 1
        return kept


def next_hour(now: datetime) -> str:
    """The end of an hour, as entries write times."""
    return f"{time_text(now)[:13]}:59:59.999999Z"


def _sealed(fund: str, head: Head, attempts: Sequence[Attempt], now: datetime) -> list[Sealed]:
    """The entries, each behind the one before it. Time never runs backwards in a log."""
    at = datetime.fromisoformat(max(time_text(now), head.last_at))
    prev, entries = head.last_leaf, list[Sealed]()
    for seq, attempt in enumerate(attempts, head.size):
        actor, roles = attempt.actor, sorted(attempt.actor.roles)
        role = str(roles[0]) if roles else "none"
        by = {"party": actor.party, "subject": actor.subject, "role": role}
        content = Content(attempt.type, by, encode(attempt.data))
        entries.append(seal(Place(fund, seq, at, prev), content))
        prev = entries[-1].leaf
    return entries
