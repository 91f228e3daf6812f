"""The write door: batches, repeated requests, limits, and answers that are never guessed."""

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from sqlalchemy import create_engine, event, text

from app.chain.proof import TlogProof
from app.domain.command import Actor
from app.domain.outflow.disbursements import RequestDisbursement
from app.domain.values import Role
from app.ledger.integrity import NEWEST, SAMPLE
from app.ledger.submission import Accepted, KeyedCommand, QueueFull, RecordedCommand
from app.ledger.writer import Ledger
from app.runtime.settings import Settings
from tests.support.builders import (
    AUDITOR,
    REQUESTER,
    a_pledge,
    a_recent_receipt,
    a_request,
    money,
    treasury,
)
from tests.support.clocks import TestClock
from tests.support.commands import DE, pledge
from tests.support.service import Service, running
from tests.support.waiting import at_the_door, until

ON_POSTGRESQL = pytest.mark.parametrize("shared", ["postgresql"], indirect=True)
"""Where a commit is made slow with PostgreSQL's means, or a connection is lost."""


@contextmanager
def slow_commits(service: Service, seconds: float) -> Iterator[None]:
    """Every commit that records something takes that long, until the block ends."""
    slow = (
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS "
        f"'BEGIN PERFORM pg_sleep({seconds}); RETURN NULL; END'",
        "CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON idempotency "
        "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION slow()",
    )
    _execute(service, *slow)
    yield
    _execute(service, "DROP FUNCTION slow CASCADE")


def _execute(service: Service, *statements: str) -> None:
    with service.inside.database.write() as connection:
        for statement in statements:
            connection.execute(text(statement))


def test_what_arrives_together_is_committed_together(alone: Service) -> None:
    """Many commands, few transactions: the lock is held and the disk forced once a batch."""
    door = alone.inside.ledger

    async def all_at_once() -> list[Accepted]:
        commands = [
            door.submit(alone.fund, DE, KeyedCommand(pledge(n), f"together-{n}", bytes([n])))
            for n in range(1, 65)
        ]
        return await asyncio.gather(*commands)

    answers = asyncio.run(all_at_once())

    batches = alone.inside.metrics.registry.get_sample_value("ledger_append_batch_size_count")
    assert batches is not None
    assert batches < 32
    assert len({answer.outcomes for answer in answers}) == 64


def test_every_receipt_of_a_batch_holds(fund: Service) -> None:
    log = fund.inside.notary.keys.of_log(fund.fund).verifier
    with ThreadPoolExecutor(16) as pool:
        answers = list(
            pool.map(
                lambda n: fund.raw(
                    treasury("DE"), "POST", f"{fund.path}/pledges", json=a_pledge(money(n))
                ),
                range(1, 40),
            )
        )

    for answer in answers:
        line = answer.text.removeprefix('{"entry":').split(',"consequences":')[0]
        TlogProof.parse(answer.json()["receipt"]).verify(line.encode(), log)


def test_in_one_batch_the_second_sees_what_the_first_has_done(fund: Service) -> None:
    """Two receipts that fit one by one and not together, decided on one book."""
    identifier = fund.agreed("DE", money(100))
    bodies = [a_recent_receipt(identifier, money(60), f"IN-{number}") for number in range(2)]

    with ThreadPoolExecutor(2) as pool:
        answers = list(
            pool.map(
                lambda body: fund.raw(treasury("DE"), "POST", f"{fund.path}/receipts", json=body),
                bodies,
            )
        )

    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert fund.get(AUDITOR, f"/agreements/{identifier}")["received"] == money(60)


def test_time_in_a_log_never_runs_backwards(fund: Service) -> None:
    here = fund.inside
    later = fund.post(treasury("DE"), "/pledges", a_pledge(money(1)))["entry"]["at"]
    past = Ledger(
        here.database,
        here.notary,
        here.metrics,
        guard=TestClock(here.database, lambda: datetime(2001, 1, 1, tzinfo=UTC)),
    )
    past.start()

    accepted = asyncio.run(past.submit(fund.fund, DE, KeyedCommand(pledge(2), "past", b"d")))
    past.stop()

    (outcome,) = accepted.outcomes
    assert isinstance(outcome, RecordedCommand)
    assert f'"at":"{later}"'.encode() in outcome.entries[0]


def test_a_stopped_door_takes_nothing(fund: Service) -> None:
    here = fund.inside
    door = Ledger(here.database, here.notary, here.metrics)

    with pytest.raises(QueueFull):
        asyncio.run(door.submit(fund.fund, DE, KeyedCommand(pledge(1), "k", b"d")))


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_past_the_queues_limit_the_answer_is_busy(service_settings: Settings) -> None:
    tight = service_settings.model_copy(update={"queue_limit": 2, "batch_limit": 1})
    with running(tight) as service:
        service.open()
        with slow_commits(service, 0.2), ThreadPoolExecutor(8) as pool:
            answers = list(
                pool.map(
                    lambda n: service.raw(
                        treasury("DE"), "POST", f"{service.path}/pledges", json=a_pledge(money(n))
                    ),
                    range(1, 9),
                )
            )

    codes = [answer.status_code for answer in answers]
    assert set(codes) == {201, 503}
    busy = next(answer for answer in answers if answer.status_code == 503)
    assert (busy.json()["code"], busy.headers["Retry-After"]) == ("busy", "1")


@ON_POSTGRESQL
def test_a_repeated_request_joins_the_one_under_way(
    fund: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = {"Idempotency-Key": "the-same"}
    came = at_the_door(fund, monkeypatch)

    def post(amount: int) -> httpx.Response:
        return fund.raw(
            treasury("DE"),
            "POST",
            f"{fund.path}/pledges",
            json=a_pledge(money(amount)),
            headers=headers,
        )

    with slow_commits(fund, 0.5), ThreadPoolExecutor(4) as pool:
        first = pool.submit(post, 1)
        until(lambda: came == [False])
        same, other = pool.submit(post, 1), pool.submit(post, 2)
        until(lambda: came == [False, True, True])

    assert first.result().status_code == same.result().status_code == 201
    assert same.result().headers["Idempotent-Replayed"] == "true"
    assert same.result().json() == first.result().json()
    assert other.result().json()["code"] == "idempotency_key_reused"


@ON_POSTGRESQL
def test_whoever_waits_too_long_for_the_first_is_told_to_come_back(
    fund: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.ledger.writer.JOIN_TIMEOUT_S", 0.1)
    came = at_the_door(fund, monkeypatch)
    options: dict[str, Any] = {
        "json": a_pledge(money(1)),
        "headers": {"Idempotency-Key": "the-same"},
    }

    with slow_commits(fund, 1.0), ThreadPoolExecutor(2) as pool:
        first = pool.submit(fund.raw, treasury("DE"), "POST", f"{fund.path}/pledges", **options)
        until(lambda: came == [False])
        second = pool.submit(fund.raw, treasury("DE"), "POST", f"{fund.path}/pledges", **options)

    assert first.result().status_code == 201
    assert second.result().json()["code"] == "request_in_flight"
    assert second.result().headers["Retry-After"] == "1"


@ON_POSTGRESQL
def test_a_client_that_goes_away_does_not_stop_what_is_under_way(
    fund: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    came = at_the_door(fund, monkeypatch)
    body = json.dumps(a_pledge(money(7)), separators=(",", ":")).encode()
    host, port = fund.address.removeprefix("http://").split(":")
    head = (
        f"POST {fund.path}/pledges HTTP/1.1\r\nHost: {host}\r\n"
        f"Content-Type: application/json\r\n"
        f"Authorization: Bearer {fund.token(treasury('DE'))}\r\nIdempotency-Key: impatient\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )

    with slow_commits(fund, 0.3):
        with socket.create_connection((host, int(port))) as impatient:
            impatient.sendall(head.encode() + body)
            until(lambda: came == [False])
        again = fund.client(treasury("DE")).post(
            f"{fund.path}/pledges", a_pledge(money(7)), "impatient"
        )

    assert again["entry"]["seq"] == 1
    assert fund.get(AUDITOR, "")["size"] == 2


@ON_POSTGRESQL
def test_a_connection_lost_in_the_commit_is_answered_with_outcome_unknown(fund: Service) -> None:
    database = fund.inside.database
    options: dict[str, Any] = {
        "json": a_pledge(money(1)),
        "headers": {"Idempotency-Key": "which-one"},
    }
    query = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE query = 'COMMIT' AND state = 'active' AND datname = current_database()"
    )

    def cut() -> bool:
        with database.read() as connection:
            return bool(connection.execute(text(query)).all())

    with slow_commits(fund, 0.3), ThreadPoolExecutor(1) as pool:
        answer = pool.submit(fund.raw, treasury("DE"), "POST", f"{fund.path}/pledges", **options)
        until(cut)
        lost = answer.result()
        again = fund.raw(treasury("DE"), "POST", f"{fund.path}/pledges", **options)

    assert (lost.status_code, lost.json()["code"]) == (503, "outcome_unknown")
    assert again.status_code == 201
    assert fund.get(AUDITOR, "")["size"] == 2


def test_a_transaction_takes_no_more_rows_than_the_head_should_be_held_for(
    service: Service,
) -> None:
    """Ninety answers a request: what arrives together is spread over several transactions."""
    governments = tuple(f"G{number}" for number in range(20))
    service.open(governments=governments)
    door = service.inside.ledger
    ua = Actor("UA", REQUESTER.subject, frozenset({Role.REQUESTER}))
    command = RequestDisbursement.model_validate(a_request(money(1)))

    async def all_at_once() -> None:
        asked = [
            door.submit(service.fund, ua, KeyedCommand(command, f"ask-{n}", bytes([n])))
            for n in range(60)
        ]
        await asyncio.gather(*asked)

    asyncio.run(all_at_once())

    assert service.get(AUDITOR, "")["size"] == 61
    count = service.inside.metrics.registry.get_sample_value("ledger_append_batch_size_count")
    assert count is not None
    assert count >= 4


def test_what_was_committed_and_could_not_be_signed_is_not_called_unrecorded(
    fund: Service,
) -> None:
    """The second store's disk is full, say; later the same key gets its receipt."""
    folder = fund.settings.second_store_dir
    slot = folder / f"{fund.fund}.checkpoint"
    kept = slot.read_bytes()
    slot.unlink()
    slot.mkdir()
    headers = {"Idempotency-Key": "committed-not-signed"}

    lost = fund.raw(
        treasury("DE"), "POST", f"{fund.path}/pledges", json=a_pledge(money(1)), headers=headers
    )
    still = fund.raw(
        treasury("DE"), "POST", f"{fund.path}/pledges", json=a_pledge(money(1)), headers=headers
    )
    ready = fund.raw(AUDITOR, "GET", "/readyz")
    slot.rmdir()
    slot.write_bytes(kept)
    again = fund.raw(
        treasury("DE"), "POST", f"{fund.path}/pledges", json=a_pledge(money(1)), headers=headers
    )

    assert (lost.status_code, lost.json()["code"]) == (503, "outcome_unknown")
    assert (still.status_code, still.json()["code"]) == (503, "unavailable")
    assert ready.json()["checks"]["signing"] is False
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (201, "true")
    assert TlogProof.parse(again.json()["receipt"]).index == 1
    assert fund.get(AUDITOR, "")["size"] == 2


def test_what_could_not_be_signed_is_tried_again_though_nobody_writes(
    fund: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A load balancer that heeds /readyz sends no write that would bring it about."""
    monkeypatch.setattr("app.ledger.writer.RETRY_S", 0.1)
    slot = fund.settings.second_store_dir / f"{fund.fund}.checkpoint"
    kept = slot.read_bytes()
    slot.unlink()
    slot.mkdir()
    lost = fund.raw(treasury("DE"), "POST", f"{fund.path}/pledges", json=a_pledge(money(1)))
    slot.rmdir()
    slot.write_bytes(kept)

    until(lambda: fund.raw(AUDITOR, "GET", "/readyz").is_success)
    ready = fund.raw(AUDITOR, "GET", "/readyz")

    assert lost.status_code == 503
    assert ready.json()["checks"]["signing"] is True


def test_a_start_costs_the_same_whatever_the_length_of_the_log(fund: Service) -> None:
    """Counted in statements, because time on a shared machine proves nothing."""
    here = fund.inside

    def statements_of_a_start() -> int:
        count, here_alone = 0, threading.get_ident()

        def counted(*_: Any) -> None:
            nonlocal count
            # What goes on beside requests asks the database too.
            count += threading.get_ident() == here_alone

        door = Ledger(here.database, here.notary, here.metrics)
        engines = (here.database._reader, here.database._writer)
        for engine in engines:
            event.listen(engine, "before_cursor_execute", counted)
        door.start()
        door.stop()
        for engine in engines:
            event.remove(engine, "before_cursor_execute", counted)
        return count

    short = statements_of_a_start()
    with ThreadPoolExecutor(16) as pool:
        list(
            pool.map(
                lambda n: fund.post(treasury("DE"), "/pledges", a_pledge(money(n))),
                range(1, 601),
            )
        )

    assert fund.get(AUDITOR, "")["size"] == 601
    # A sample of the log is read again: a part of it that does not grow.
    assert statements_of_a_start() <= short + 4 * (NEWEST + SAMPLE)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_database_that_is_away_is_answered_with_unavailable(service: Service) -> None:
    """A file does not go away."""
    service.open()
    service.inside.database.close()
    name = service.inside.database.url.database
    admin = create_engine(
        service.inside.database.url.set(drivername="postgresql+psycopg", database="postgres"),
        isolation_level="AUTOCOMMIT",
    )
    with admin.connect() as connection:
        connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
    admin.dispose()

    write = service.raw(treasury("DE"), "POST", f"{service.path}/pledges", json=a_pledge(money(1)))
    read = service.raw(treasury("DE"), "GET", f"{service.path}/summary")
    ready = service.raw(treasury("DE"), "GET", "/readyz")

    assert (write.status_code, write.json()["code"]) == (503, "unavailable")
    assert (read.status_code, read.json()["code"]) == (503, "unavailable")
    assert (ready.status_code, ready.json()["checks"]["database"]) == (503, False)
