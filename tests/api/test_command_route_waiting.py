"""The write door: whom nobody has to wait for."""

import asyncio
import threading
from typing import Any

import pytest
from sqlalchemy import Engine, event

from app.domain.command import Actor
from app.domain.refusals.people import NotAMember
from app.domain.values import Role
from app.ledger.submission import Accepted, KeyedCommand, RecordedCommand, Submission
from app.store import log
from tests.support.commands import DE, pledge
from tests.support.service import Service
from tests.support.waiting import at_the_door


def test_what_is_sent_again_is_read_again_all_at_once(fund: Service) -> None:
    """And not by the writer, for whom all others wait."""
    count = 300
    asked = tuple(KeyedCommand(pledge(n), f"again-{n}", n.to_bytes(2)) for n in range(1, count + 1))
    reading: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if "entries" in statement and statement.startswith("SELECT"):
            reading.append(threading.current_thread().name)

    first = asyncio.run(_passed(fund, asked))
    event.listen(Engine, "before_cursor_execute", note)
    second = asyncio.run(_passed(fund, asked))
    event.remove(Engine, "before_cursor_execute", note)

    recorded = [one for one in second.outcomes if isinstance(one, RecordedCommand)]
    assert [one.entries for one in recorded] == [
        one.entries for one in first.outcomes if isinstance(one, RecordedCommand)
    ]
    assert len(recorded) == count
    assert all(one.replayed for one in recorded)
    assert len(reading) < 20
    assert reading.count("writer") < 10


async def _passed(fund: Service, asked: tuple[KeyedCommand, ...]) -> Accepted:
    mine = Submission(fund.fund, DE, asked, single=False)
    return await fund.inside.ledger.pass_through(mine)


def test_nobody_waits_until_anothers_refusal_is_on_record(
    fund: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, on_record = fund.inside, threading.Event()
    submit, came = here.ledger.submit, at_the_door(fund, monkeypatch)
    monkeypatch.setattr(here.ledger.access, "try_to_record", lambda *_: on_record.wait(20))
    stranger = Actor("DE", "nobody-known", frozenset({Role.TREASURY}))

    async def both_at_once() -> None:
        with here.database.write() as connection:
            # While the head is held, what comes waits, and then goes together.
            log.lock_head(connection, fund.fund)
            refused = asyncio.create_task(
                submit(fund.fund, stranger, KeyedCommand(pledge(1), "refused", b"r"))
            )
            accepted = asyncio.create_task(
                submit(fund.fund, DE, KeyedCommand(pledge(2), "accepted", b"a"))
            )
            while len(came) < 2:
                await asyncio.sleep(0.005)
        await asyncio.wait_for(accepted, 10)
        assert not refused.done()
        on_record.set()
        with pytest.raises(NotAMember):
            await refused

    asyncio.run(both_at_once())
