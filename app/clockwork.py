"""Clockwork: deadlines that have passed become entries, whichever process notices first.

The rules do not wait for it: a ballot after the deadline is refused whether or not the end of the
vote stands in the log yet. It records the end, and with it what was decided.
"""

import asyncio
import logging
from hashlib import sha256

from starlette.concurrency import run_in_threadpool

from app import clock
from app.chain.entry import time_text
from app.domain.command import Actor, Command
from app.domain.decisions.effects import DropMatter
from app.domain.decisions.votes import ElapseClock
from app.domain.refusals import Refusal
from app.domain.values import LEDGER_PARTY, LEDGER_SUBJECT, Role
from app.ledger import Ledger, QueueFull
from app.notary import ForkDetected
from app.store import queries
from app.store.engine import Database, OutcomeUnknown, Unavailable
from app.submission import Asked

PAUSE_S = 1.0
LEDGER_ITSELF = Actor(LEDGER_PARTY, LEDGER_SUBJECT, frozenset({Role.LEDGER}))
_logger = logging.getLogger(__name__)


async def run(database: Database, ledger: Ledger, pause_s: float = PAUSE_S) -> None:
    """Look again and again, until cancelled."""
    while True:
        await asyncio.sleep(pause_s)
        try:
            await tick(database, ledger)
        except (Unavailable, QueueFull, OutcomeUnknown, ForkDetected) as error:
            _logger.warning("clocks that have ended wait to be recorded: %s", error)


async def tick(database: Database, ledger: Ledger) -> None:
    """Record every clock that has ended, and all that a new charter has.

    Raises Unavailable, QueueFull and what the door raises.
    """
    for fund, command, key in await run_in_threadpool(_due, database):
        # Under one key each: any process may, and one does.
        asked = Asked(command, key, sha256(key.encode()).digest())
        try:
            await ledger.submit(fund, LEDGER_ITSELF, asked)
        except Refusal as refusal:
            # Another process was first; or the decision cannot be carried out yet, for lack of
            # money or of a mandate: `blockers` says so, and it is tried again.
            _logger.debug("%s: %s", key, refusal.sentence)


def _due(database: Database) -> list[tuple[str, Command, str]]:
    with database.read() as connection:
        late = queries.overdue(connection, time_text(clock.now()))
        dropped = queries.dropped(connection)
    due: list[tuple[str, Command, str]] = [
        (fund, DropMatter(matter_id=matter), f"drop-{matter}-{charter}")
        for fund, matter, charter in dropped
    ]
    due += [
        (fund, ElapseClock(matter_id=matter), f"clock-{matter}-{deadline}")
        for fund, matter, deadline in late
    ]
    return due
