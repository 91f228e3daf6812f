"""The clock guard: a clock that contradicts what is known stops writing until it is right."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import httpx
import pytest

from app.cli.main import main
from app.ledger.clock_guard import GAP, ClockGuard, ClockSuspect
from app.ops.clock_report import ClockNotConfirmed, confirm
from app.runtime import clock
from app.runtime.metrics import Metrics
from app.store.engine import Database
from tests.support.builders import AUDITOR, Person, a_pledge, money, treasury
from tests.support.service import Service, in_environment

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
YEARS = timedelta(days=3_650)


class World:
    """The wall clock, the time that has passed, and the database's clock, each by itself."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.wall, self.run = NOW, 1_000.0
        self.theirs: datetime | None = None
        patch.setattr("app.runtime.clock.now", lambda: self.wall)
        patch.setattr("app.runtime.clock.elapsed", lambda: self.run)
        patch.setattr("app.store.engine.Database.clock", lambda *_: self.theirs)

    def passes(self, time: timedelta) -> None:
        """As time does, for every clock."""
        self.wall += time
        self.run += time.total_seconds()

    def is_set(self, by: timedelta) -> None:
        """Somebody sets the wall clock."""
        self.wall += by


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


@pytest.fixture
def guard(world: World, database: Database) -> ClockGuard:
    guard = ClockGuard(database, Metrics())
    guard.compare()
    assert guard.require_sound() == NOW
    return guard


def why(guard: ClockGuard, last_at: str = "") -> str:
    with pytest.raises(ClockSuspect) as suspect:
        guard.require_sound(last_at)
    return str(suspect.value)


@pytest.mark.parametrize("by", [YEARS, -YEARS, timedelta(seconds=11), timedelta(seconds=-11)])
def test_a_clock_that_was_set_is_not_believed_until_it_is_set_back(
    guard: ClockGuard, world: World, by: timedelta
) -> None:
    world.passes(timedelta(hours=1))
    world.is_set(by)
    assert "was due" in why(guard)
    world.passes(timedelta(seconds=3))
    assert "was due" in why(guard)

    world.is_set(-by)

    assert guard.require_sound() == NOW + timedelta(hours=1, seconds=3)


def test_a_clock_that_is_corrected_slowly_is_believed(guard: ClockGuard, world: World) -> None:
    for _ in range(1_000):
        world.passes(timedelta(seconds=60))
        world.is_set(timedelta(milliseconds=30))
        guard.require_sound()


def test_a_long_quiet_time_has_to_be_confirmed(
    guard: ClockGuard, world: World, database: Database
) -> None:
    last = (NOW - GAP - timedelta(days=1)).isoformat()
    guard.require_sound(last)  # it has believed its clock all the time

    guard = ClockGuard(database, Metrics())
    assert "31 days after the newest entry" in why(guard, last)

    confirm(database, NOW + timedelta(minutes=1), "the fund had nothing to do")
    guard.compare()

    assert guard.require_sound(last) == NOW


def test_a_clock_behind_the_newest_entry_has_to_be_confirmed(
    guard: ClockGuard, database: Database
) -> None:
    last = (NOW + timedelta(days=1)).isoformat()
    assert "before the newest entry" in why(guard, last)
    guard.require_sound((NOW + timedelta(seconds=30)).isoformat())

    confirm(database, NOW, "an entry was dated by a clock that was wrong")
    guard.compare()

    assert guard.require_sound(last) == NOW


@pytest.mark.parametrize("said", [-(2**62), 0, 2**62, 10**300])
def test_a_witness_may_say_any_time_and_stops_nothing(guard: ClockGuard, said: int) -> None:
    """One of three: no number makes it a majority, or ends the worker that hears it."""
    guard.watched_by = 3

    guard.heard("one", said)

    assert guard.require_sound() == NOW
    assert guard.require_sound() == NOW


def test_a_confirmation_says_how_far_the_databases_clock_was_off(
    guard: ClockGuard, world: World, database: Database
) -> None:
    """So one given for another reason does not let a database's clock go anywhere."""
    world.theirs = NOW
    confirm(database, NOW, "the fund had nothing to do")
    guard.compare()
    guard.require_sound()

    world.theirs = NOW - timedelta(hours=1)
    guard.compare()

    assert "differs from the database's" in why(guard)


def test_a_confirmation_of_a_time_to_come_counts_for_nothing(
    guard: ClockGuard, world: World, database: Database
) -> None:
    world.is_set(YEARS)
    confirm(database, NOW + YEARS, "by the clock that was wrong")
    world.is_set(-YEARS)
    world.theirs = NOW + timedelta(hours=1)
    guard.compare()

    assert "differs from the database's" in why(guard)


@pytest.mark.parametrize("seconds", [61, -61])
def test_a_clock_that_the_databases_contradicts_is_not_believed(
    guard: ClockGuard, world: World, seconds: int
) -> None:
    world.theirs = NOW + timedelta(seconds=seconds)
    guard.compare()
    assert "differs from the database's" in why(guard)

    world.theirs = NOW + timedelta(seconds=seconds // 2)
    guard.compare()

    assert guard.require_sound() == NOW


def test_more_than_half_of_the_witnesses_are_believed(guard: ClockGuard, world: World) -> None:
    then = int((NOW - timedelta(hours=2)).timestamp())
    guard.watched_by = 2
    guard.heard("one", then)
    guard.require_sound()
    guard.watched_by = 1
    guard.heard("one", then)
    assert "1 of 1 witnesses differ" in why(guard)
    guard.heard("two", int(NOW.timestamp()))
    assert guard.require_sound() == NOW
    guard.heard("three", then)
    assert "2 of 3 witnesses differ" in why(guard)

    world.passes(timedelta(hours=1, seconds=1))

    guard.require_sound()


def test_a_step_is_accepted_once_by_one_confirmation(
    guard: ClockGuard, world: World, database: Database
) -> None:
    """A machine that was suspended: its clock is right, and nothing else knows it."""
    world.is_set(timedelta(hours=2))
    assert "was due" in why(guard)
    confirm(database, world.wall, "the machine was suspended")
    guard.compare()
    assert guard.require_sound() == world.wall

    world.is_set(timedelta(hours=2))

    assert "was due" in why(guard)


def test_a_confirmation_ends_and_needs_a_reason_and_a_watch(
    guard: ClockGuard, world: World, database: Database
) -> None:
    world.theirs = NOW + timedelta(hours=1)
    for watch, reason in ((NOW + timedelta(minutes=6), "so"), (NOW, "")):
        with pytest.raises(ClockNotConfirmed):
            confirm(database, watch, reason)
    confirm(database, NOW, "the database's clock is wrong")
    guard.compare()
    guard.require_sound()

    right, wrong = NOW, world.theirs
    world.theirs = right
    guard.compare()
    guard.require_sound()  # it was mended meanwhile
    world.theirs = wrong

    world.passes(timedelta(hours=25))
    guard.compare()

    assert "differs from the database's" in why(guard)


def test_the_guard_of_a_new_process_learns_from_the_newest_entry(
    alone: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead = World(monkeypatch)
    ahead.wall = clock.now() + YEARS
    new = ClockGuard(alone.inside.database, Metrics())

    new.compare()

    assert "after the newest entry" in why(new)


# -- over HTTP ------------------------------------------------------------------------------------


def test_three_seconds_of_2036_leave_no_trace(
    alone: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, real = alone.get(AUDITOR, "")["size"], clock.now
    tokens = {who: f"Bearer {alone.token(who)}" for who in (treasury("DE"), AUDITOR)}

    def asked(who: Person, method: str, path: str, **options: Any) -> httpx.Response:
        return alone.raw(who, method, path, headers={"Authorization": tokens[who]}, **options)

    with monkeypatch.context() as patched:
        patched.setattr(alone.inside.tokens, "_now", real)
        patched.setattr("app.runtime.clock.now", lambda: real() + YEARS)
        pledge = a_pledge(money(1))
        refused = asked(treasury("DE"), "POST", f"{alone.path}/pledges", json=pledge)
        ready = asked(AUDITOR, "GET", "/readyz")
        metrics = asked(AUDITOR, "GET", "/metrics").text
        exported = asked(AUDITOR, "GET", f"{alone.path}/exports/audit")

    assert (refused.status_code, refused.json()["code"]) == (503, "clock_suspect")
    assert "Retry-After" in refused.headers
    assert (ready.status_code, ready.json()["checks"]["clock"]) == (503, False)
    assert "ledger_clock_suspect 1.0" in metrics
    assert exported.status_code == 200
    entry = alone.post(treasury("DE"), "/pledges", a_pledge(money(1)))["entry"]
    assert entry["seq"] == before
    assert entry["at"] < (real() + timedelta(minutes=1)).isoformat()
    assert alone.raw(AUDITOR, "GET", "/readyz").is_success


def test_an_operator_looks_and_confirms(
    alone: Service, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    in_environment(monkeypatch, alone.settings)
    kyiv = timezone(timedelta(hours=2))
    watch = clock.now().astimezone(kyiv).isoformat(timespec="minutes")

    assert main(["clock"]) == 0
    assert main(["clock", "--confirm", "2036-01-01T00:00Z", "--reason", "no"]) == 2
    assert main(["clock", "--confirm", watch, "--reason", "a quiet quarter"]) == 0

    said = capsys.readouterr()
    assert "the newest entry: " in said.out
    assert "confirmed last: " in said.out
    assert "set the clock first" in said.err
