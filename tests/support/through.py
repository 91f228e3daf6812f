"""A ledger on paper whose commands are recorded by a real writer."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import pytest

from app.audit.replay import Replay
from app.chain.entry import Entry
from app.domain.command import Command
from app.domain.event import Event
from app.domain.inflow.pledges import AnnouncePledge
from app.ledger.submission import KeyedCommand, PartRefused, RecordedCommand, Submission
from app.ledger.writer import Ledger
from app.main import assemble
from app.runtime.metrics import Metrics
from app.runtime.settings import Settings
from tests.support.builders import Person, a_pledge, money
from tests.support.clocks import TestClock
from tests.support.domain import Door
from tests.support.paper import Recorded as Line
from tests.support.service import settings_of

FUND = "test-fund"


NOWHERE = AnnouncePledge.model_validate(a_pledge(money(1), window="nowhere"))
"""A command that every fund refuses."""


class Through(Door):
    """Paper that is written by a real ledger: each command goes through its writer."""

    def __init__(self, settings: Settings, random: Random) -> None:
        super().__init__()
        self.here, _ = assemble(settings, Metrics())
        self.ledger = Ledger(
            self.here.database,
            self.here.notary,
            self.here.metrics,
            guard=TestClock(self.here.database, lambda: self.now),
        )
        self.replay, self.random, self.keys = Replay(), random, count()
        self.ways = Counter[str]()
        self.alone = False
        """True: every command by itself. False: at random together with others that are refused."""
        self.ledger.start()

    def do(self, who: Person, command: Command, *, kid: str = "", nonce: str = "") -> Event:
        """Record it, by one of several ways. Raises Refusal."""
        way = self.random.choice(("alone", "alone", "each", "atomic"))
        way = "alone" if self.alone else way
        asked, bad = self._asked(command), self._asked(NOWHERE)
        before = len(self.log)
        if way == "atomic" and self.log:
            with pytest.raises(PartRefused):
                self._pass(who, asked, bad, atomic=True)
            assert self.here.notary.head(FUND)[0] == before
        if way == "each" and self.log:
            outcome = self._pass(who, bad, asked, bad._replace(key=asked.key + "-again"))[1]
        else:
            (outcome,) = self._pass(who, asked, single=True)
        self.ways[way] += 1
        if not isinstance(outcome, RecordedCommand):
            raise outcome
        for line in outcome.entries:
            done = self.replay.step(Entry.from_bytes(line))
            self.log = [*self.log, Line(done.event, done.act, done.postings)]
            for state in self.replay.book.changed.values():
                self.book = self.book.put(state)
        return self.log[before].event

    def _asked(self, command: Command) -> KeyedCommand:
        key = f"key-{next(self.keys)}"
        return KeyedCommand(command, key, key.encode())

    def _pass(self, who: Person, *asked: KeyedCommand, **how: Any) -> tuple[Any, ...]:
        async def through() -> Any:
            options = {"single": False, "atomic": False, **how}
            submission = Submission(FUND, self.actor(who), asked, **options)
            return await self.ledger.pass_through(submission)

        return tuple(asyncio.run(through()).outcomes)


@contextmanager
def written(folder: Path, template: Path, seed: int = 0) -> Iterator[Through]:
    """A ledger on an empty SQLite file in `folder`; it records each command by itself."""
    paper = Through(settings_of(folder, template), Random(seed))  # noqa: S311
    paper.alone = True
    try:
        yield paper
    finally:
        paper.ledger.stop()
        paper.here.database.close()
