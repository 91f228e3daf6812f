"""Deadlines: what time alone decides is recorded once, whoever notices, and never too early."""

import asyncio
import threading
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import Connection, make_url

from app.domain.command import Actor
from app.domain.proposals.votes import ElapseClock
from app.domain.values import Role
from app.ledger.submission import KeyedCommand
from app.ledger.writer import Ledger
from app.runtime.metrics import Metrics
from app.runtime.settings import Settings
from app.store.engine import Database, Unavailable
from app.workers.deadlines import DeadlineWorker
from tests.support.attack.hostile import nothing_recorded
from tests.support.builders import AUDITOR, TRUSTEE, Person, a_ballot, a_charter, a_motion, money
from tests.support.service import Service, running
from tests.support.steps import refusal
from tests.support.travel import travel
from tests.support.waiting import until

SILENCE = {"rule": "silence", "clock": {"days": 1}}
VOTER = Person("DE", Role.TREASURY_APPROVER)
TICK = DeadlineWorker.tick
"""As it is where the one of a service is made to stand still."""


@pytest.fixture
def still(service: Service, monkeypatch: pytest.MonkeyPatch) -> Service:
    """A service whose own deadline worker stands still: tests turn it by hand."""

    async def nothing(*_: Any) -> None:
        pass

    monkeypatch.setattr("app.workers.deadlines.DeadlineWorker.tick", nothing)
    return service


def a_proposal(service: Service) -> tuple[str, str]:
    """Id and digest of a motion that silence carries."""
    service.open(decision_rules={"motion": SILENCE})
    made = service.post(TRUSTEE, "/proposals", a_motion())
    identifier: str = made["entry"]["derived"]["proposal_id"]
    digest: str = service.get(AUDITOR, f"/proposals/{identifier}")["proposal"]["digest"]
    return identifier, digest


def ticked(service: Service, *more: Ledger) -> None:
    """Turn the deadline worker once, of this process and of others, all at the same time."""
    here = service.inside

    async def together() -> None:
        doors = (here.ledger, *more)
        await asyncio.gather(
            *(TICK(DeadlineWorker(here.database, door, Metrics(), apart_s=0)) for door in doors)
        )

    asyncio.run(together())


def kinds(service: Service) -> Counter[str]:
    entries = service.get(AUDITOR, "/entries?limit=500")["items"]
    return Counter(entry["type"] for entry in entries)


def test_a_clock_that_two_processes_see_end_is_recorded_once(
    still: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    identifier, _ = a_proposal(still)
    here = still.inside
    other = Ledger(here.database, here.notary, here.metrics)
    other.start()
    travel(still, 3, monkeypatch)

    ticked(still, other, here.ledger, other)
    ticked(still, other)
    other.stop()

    elapsed = still.get(AUDITOR, "/entries?type=clock.elapsed")["items"]
    assert (kinds(still)["clock.elapsed"], kinds(still)["decision.made"]) == (1, 1)
    assert elapsed[0]["by"]["party"] == "@ledger"
    assert elapsed[0]["data"] == {"matter_id": identifier}
    assert still.get(AUDITOR, f"/proposals/{identifier}")["proposal"]["state"] == "accepted"


def test_before_its_deadline_no_clock_ends(still: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    a_proposal(still)
    travel(still, 1, monkeypatch)

    with nothing_recorded(still):
        ticked(still)

    assert kinds(still)["clock.elapsed"] == 0


def test_after_the_deadline_no_ballot_counts_whether_or_not_its_end_is_recorded(
    still: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    identifier, digest = a_proposal(still)
    travel(still, 3, monkeypatch)
    ballot = a_ballot(identifier, digest, "against")

    with nothing_recorded(still):
        before = refusal(still, VOTER, f"/votes/{identifier}/ballots", ballot)
    ticked(still)
    with nothing_recorded(still):
        after = refusal(still, VOTER, f"/votes/{identifier}/ballots", ballot)

    assert (before, after) == ("proposal_closed", "proposal_closed")


def test_an_answer_that_did_not_come_in_time_ends_the_request(
    still: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = a_charter()["approval_steps"]
    steps[0]["within_days"] = 2
    still.open(approval_steps=steps)
    identifier = still.requested(money(5))
    (late, path, body), *_ = still.waiting(identifier)
    travel(still, 3, monkeypatch)

    overdue = refusal(still, late, path, body)
    ticked(still)

    view = still.get(AUDITOR, f"/disbursements/{identifier}")
    assert overdue == "proposal_closed"
    assert view["disbursement"]["state"] == "expired"
    assert {row["answer"] for row in view["approvals"]} == {"closed"}
    assert (kinds(still)["clock.elapsed"], kinds(still)["disbursement.expired"]) == (1, 1)


def test_a_decision_that_lacks_money_is_tried_again_and_is_no_attempt_of_anybodys(
    still: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = {"id": "legal_review", "name": "Legal", "role": "legal_reviewer"}
    steps = [{**step, "who": "each_government"}]
    still.open(decision_rules={"release": SILENCE}, approval_steps=steps)
    identifier = still.requested(money(5))
    still.approved(identifier)
    travel(still, 3, monkeypatch)

    with nothing_recorded(still):
        ticked(still)
        ticked(still)
    blocked = still.get(AUDITOR, f"/disbursements/{identifier}/blockers")["blockers"]
    still.paid("DE", money(5))
    ticked(still)

    codes = [one["code"] for one in blocked]
    assert codes == ["vote_open", "insufficient_funds"]
    assert still.get(AUDITOR, "/access")["items"] == []
    assert still.get(AUDITOR, f"/disbursements/{identifier}")["disbursement"]["state"] == "reserved"


def test_a_running_service_notices_by_itself(
    brisk: None, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_proposal(service)
    travel(service, 3, monkeypatch)

    until(lambda: kinds(service)["decision.made"])

    assert kinds(service)["clock.elapsed"] == 1


def test_a_database_that_is_away_for_a_moment_does_not_stop_the_deadline_worker(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    turned = list[int]()

    async def failing(*_: Any) -> None:
        turned.append(1)
        if len(turned) < 3:
            raise Unavailable("for a moment")

    async def some_turns() -> None:
        here = service.inside
        task = asyncio.create_task(
            DeadlineWorker(here.database, here.ledger, Metrics(), 0.001).run()
        )
        while len(turned) < 5:
            await asyncio.sleep(0.001)
        task.cancel()

    monkeypatch.setattr("app.workers.deadlines.DeadlineWorker.tick", failing)

    asyncio.run(asyncio.wait_for(some_turns(), 20))

    assert len(turned) >= 5


def test_a_clock_that_cannot_be_recorded_keeps_no_other_waiting_and_is_tried_ever_later(
    still: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_proposal(still)
    travel(still, 3, monkeypatch)
    here = still.inside
    asked = list[str]()

    async def submit(fund: str, actor: Actor, asking: KeyedCommand) -> None:
        asked.append(asking.key)
        if asking.key == "broken":
            raise RuntimeError("no refusal at all")

    deadline_worker = DeadlineWorker(here.database, here.ledger, Metrics(), apart_s=0)
    command = ElapseClock(matter_id="01947b6e-3c00-7000-8000-000000000001")
    both: list[tuple[str, ElapseClock, str]] = [
        ("one-fund", command, "broken"),
        ("another-fund", command, "sound"),
    ]
    monkeypatch.setattr(here.ledger, "submit", submit)
    monkeypatch.setattr(deadline_worker, "_due", lambda: both)
    for moment in (0.0, 1.0, 2.5, 4.0, 7.0):
        monkeypatch.setattr(deadline_worker._backoff, "_now", lambda moment=moment: moment)
        asyncio.run(TICK(deadline_worker))

    # It fails at 0 and waits two seconds; at 2.5, and waits four; at 7 again.
    assert Counter(asked) == {"sound": 5, "broken": 3}


def test_a_service_that_stops_does_not_close_the_database_under_what_its_deadline_worker_reads(
    brisk: None, service_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking, closing, events = threading.Event(), threading.Event(), list[str]()
    close, ours = Database.close, make_url(service_settings.database).database

    def long_look(connection: Connection) -> list[Any]:
        if connection.engine.url.database == ours:
            looking.set()
            closing.wait(0.5)
            events.append("looked")
        return []

    def closed(database: Database) -> None:
        if database.url.database == ours:
            events.append("closed")
            closing.set()
        close(database)

    monkeypatch.setattr("app.store.queries.dropped", long_look)
    monkeypatch.setattr(Database, "close", closed)

    with running(service_settings):
        assert looking.wait(20)

    assert events == ["looked", "closed"]
