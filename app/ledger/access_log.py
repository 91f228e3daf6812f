"""The access log: a fund's second log, of what was refused and of what was exported.

It has the forms of the first: entries, chain, tree, signed checkpoints; its origin is
`<origin>/<fund>/access`. An attempt that the rules refuse is recorded before it is answered: who,
what, the code, the digest of the request. So is every export. The number of entries of one
party in one hour is limited; its last entry of that hour says that more is not recorded.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from app.chain.canonical import encode
from app.chain.entry import time_text
from app.domain.command import Actor
from app.ledger.clock_guard import ClockGuard
from app.ledger.damage_watch import DamageWatch
from app.ledger.integrity import SOMEWHERE, Damage
from app.ledger.notary import ForkDetected, FundDamaged, Notary
from app.ledger.sealing import Content, Place, seal
from app.ledger.submission import KeyedCommand
from app.runtime import logs
from app.store import log
from app.store.engine import Database
from app.store.log import Head, Sealed
from app.store.log_names import access_log

MAX_PER_HOUR: Final = 200
"""Upper limit of entries of one party in one hour."""
MOST_NAMED: Final = 1_000
"""So many repaired entries are named: an entry of a log has a greatest length."""
REFUSED: Final = "access.refused"
EXPORTED: Final = "access.exported"
REPAIRED: Final = "access.repaired"
LIMITED: Final = "access.limited"
_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Attempt:
    """Something that somebody did and that makes no entry in the fund's own log."""

    actor: Actor
    type: str
    data: dict[str, Any]


def refused(actor: Actor, keyed: KeyedCommand, code: str) -> Attempt:
    """An attempt that the rules refused: the command, what it was about, the refusal's code and the
    request's digest.
    """
    asked = keyed.command
    what = {"op": asked.event.type, "about": asked.about(), "request": keyed.digest.hex()}
    return Attempt(actor, REFUSED, {**what, "code": code})


def exported(actor: Actor, size: int, start: int, since: int | None) -> Attempt:
    """An audit bundle was exported: of a log of `size` entries, from entry `start` on, with a proof
    from the log of `since` entries.
    """
    what = {"export": "audit", "from": start, "size": size}
    return Attempt(actor, EXPORTED, what if since is None else {**what, "since": since})


def repaired(actor: Actor, entries: Sequence[int], reason: str) -> Attempt:
    """Entries that had been changed in the database were put back as they were signed."""
    return Attempt(actor, REPAIRED, {"entries": list(entries[:MOST_NAMED]), "reason": reason})


class AccessLog:
    """Writes every fund's second log: one writer in each process; the head row orders the
    processes.
    """

    def __init__(
        self, database: Database, notary: Notary, guard: ClockGuard, damages: DamageWatch
    ) -> None:
        self._database = database
        self._notary = notary
        self._clock = guard
        self._damages = damages
        self._lock = threading.Lock()
        self.halted: dict[str, str] = {}
        """By name: second logs that contradict a signed checkpoint, and how. They are not written
        to.
        """

    def check(self, name: str) -> None:
        """Compare a second log with its last signed checkpoint. Raises Unavailable.

        One that lost entries because an old backup was restored is halted and reported to the
        operator; the service still starts.
        """
        try:
            self._notary.check(name)
            self._notary.countersign(name)
        except ForkDetected as fork:
            self.halted[name] = str(fork)
            _log.critical("second_log_halted", log=name, why=str(fork))

    def follow_key(self, fund: str) -> None:
        """Sign the second log's checkpoint with the new key of the fund's log, also when nothing is
        added to it.
        """
        try:
            with self._lock:
                self._notary.countersign(access_log(fund))
        except Exception as error:  # noqa: BLE001  logged whole
            # The next entry, or the next start of the service, signs it.
            _log.error("second_log_unsigned", fund=fund, exc_info=error)

    def record(self, fund: str, attempts: Sequence[Attempt]) -> None:
        """As `_record`; a head that was changed is damage from now on."""
        try:
            self._record(fund, attempts)
        except log.HeadDamaged as error:
            self._damages.found(access_log(fund), [Damage(SOMEWHERE, str(error))])
            raise FundDamaged(str(error)) from None

    def _record(self, fund: str, attempts: Sequence[Attempt]) -> None:
        """Record the attempts, as far as the parties' limits allow. Raises ForkDetected for a
        halted log, and what the database and the notary raise.
        """
        name = access_log(fund)
        if (why := self.halted.get(name) or self._damages.why(name)) is not None:
            raise ForkDetected(why)
        with self._lock:
            with self._database.write() as connection:
                head = log.lock_head(connection, name, create=True)
                assert head is not None, "it was created"  # noqa: S101
                now = self._clock.require_sound(head.last_at)
                kept = self._within_limits(connection, name, attempts, now)
                if not kept:
                    return
                entries = _sealed(fund, head, kept, now)
                before = head.frontier
                after, completed = before.extend(entry.leaf for entry in entries)
                log.append(connection, head, entries, (), (after, completed))
            self._notary.sign(name, before, after)

    def try_to_record(self, fund: str, attempts: Sequence[Attempt]) -> None:
        """As `record`, but an error is logged for the operator and not raised."""
        if not attempts:
            return
        try:
            self.record(fund, attempts)
        except ForkDetected:
            # The log is halted, which was logged as critical when it began.
            logs.seldom(_log, "attempts_not_recorded", fund, fund=fund, attempts=len(attempts))
        except Exception as error:  # noqa: BLE001  logged whole
            _log.error("attempts_not_recorded", fund=fund, attempts=len(attempts), exc_info=error)

    def _within_limits(
        self, connection: Connection, name: str, attempts: Sequence[Attempt], now: datetime
    ) -> list[Attempt]:
        """The attempts to record, and at a party's limit one that says so.

        Counted while the head is locked, so that all processes together keep the limit.
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
    """The next full hour, as entries write times."""
    return f"{time_text(now)[:13]}:59:59.999999Z"


def _sealed(fund: str, head: Head, attempts: Sequence[Attempt], now: datetime) -> list[Sealed]:
    """The entries, each linked to the one before it. A log's times never decrease."""
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
