"""Recording deadlines that have passed, by whichever process notices first.

The rules do not depend on it: a ballot after the deadline is refused whether or not the end of the
vote is in the log yet. This worker records the end, and with it the decision.
"""

import logging

from app.chain.entry import time_text
from app.domain.command import Command
from app.domain.proposals.effects import DropMatter
from app.domain.proposals.votes import ElapseClock
from app.domain.refusals.base import Refusal
from app.ledger.submission import LEDGER_ITSELF, own_command
from app.ledger.writer import Ledger
from app.runtime import clock, logs
from app.runtime.backoff import Backoff
from app.runtime.metrics import Metrics
from app.runtime.threads import in_thread
from app.store import queries
from app.store.engine import Database
from app.workers.rounds import Rounds

PAUSE_S = 1.0
APART_S = 5.0
"""So many seconds apart a deadline must have been seen to be over, before it ends anything."""
_log = logs.get(__name__)


class DeadlineWorker:
    """Looks for ended clocks at intervals. One that cannot be recorded yet is tried again with
    growing waits.
    """

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        metrics: Metrics,
        pause_s: float = PAUSE_S,
        apart_s: float = APART_S,
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._rounds = Rounds("deadlines", metrics)
        self._pause_s = pause_s
        self._apart_s = apart_s
        self._backoff = Backoff()
        self._first_seen: dict[str, float] = {}
        """By key: when it was first seen to be due, as this machine runs."""

    async def run(self) -> None:
        """Run until cancelled."""
        await self._rounds.forever(self.tick, self._pause_s)

    async def tick(self) -> None:
        """Record every clock that has ended, and every matter that a new charter has ended. Raises
        Unavailable.
        """
        due = await in_thread(self._due)
        self._backoff.forget_all_but(key for _, _, key in due)
        now = clock.elapsed()
        self._first_seen = {key: self._first_seen.get(key, now) for _, _, key in due}
        for fund, command, key in due:
            # One reading of the clock ends no vote: it has to be over for a while.
            if now - self._first_seen[key] >= self._apart_s and self._backoff.is_due(key):
                await self._record(fund, command, key)

    async def _record(self, fund: str, command: Command, key: str) -> None:
        try:
            await self._ledger.submit(fund, LEDGER_ITSELF, own_command(command, key))
        except Exception as error:  # noqa: BLE001  one fund's trouble is not the others'
            # Another process was first; or the decision cannot be carried out yet, for lack of
            # money or of a mandate (`blockers` says so); or the fund is halted.
            wait = self._backoff.failed(key)
            level = logging.DEBUG if isinstance(error, Refusal) else logging.WARNING
            _log.log(level, "deadline_waits", fund=fund, key=key, seconds=wait, why=str(error))

    def _due(self) -> list[tuple[str, Command, str]]:
        with self._database.read() as connection:
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
