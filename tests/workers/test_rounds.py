"""Rounds: no error ends a worker, and whether the last one went well can be seen."""

import asyncio
import threading
from collections.abc import Callable

import pytest

from app.runtime.metrics import Metrics
from app.store.engine import Unavailable
from app.workers.rounds import RoundMetrics, Rounds

ERRORS: dict[str, Callable[[], BaseException]] = {
    "a database that is away": lambda: Unavailable("away"),
    "a mistake": lambda: KeyError("seq"),
    "no memory": MemoryError,
}


def failures(metrics: Metrics) -> float:
    found: float = metrics.of(RoundMetrics).failures.labels("w")._value.get()
    return found


def last(metrics: Metrics) -> float:
    found: float = metrics.of(RoundMetrics).last.labels("w")._value.get()
    return found


@pytest.mark.parametrize("error", ERRORS)
def test_a_round_that_fails_is_counted_and_the_next_one_comes(error: str) -> None:
    metrics, turns = Metrics(), list[int]()
    rounds = Rounds("w", metrics)

    async def work() -> None:
        turns.append(1)
        if len(turns) < 3:
            fault = ERRORS[error]()
            raise fault

    async def some() -> None:
        task = asyncio.create_task(rounds.forever(work, 0))
        while len(turns) < 5:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(asyncio.wait_for(some(), 10))

    assert failures(metrics) == 2


@pytest.mark.parametrize("error", [*ERRORS, "the end of the program"])
def test_a_thread_goes_on_whatever_is_raised_in_it(error: str) -> None:
    metrics, turns, over = Metrics(), list[int](), threading.Event()
    rounds = Rounds("w", metrics)
    made = {**ERRORS, "the end of the program": SystemExit}[error]

    def work() -> None:
        turns.append(1)
        if len(turns) == 5:
            over.set()
        fault = made()
        raise fault

    rounds.until(over, work, 0)

    assert len(turns) == 5
    assert failures(metrics) == 5


def test_only_a_round_that_went_well_moves_the_time() -> None:
    metrics = Metrics()
    rounds = Rounds("w", metrics)
    metrics.of(RoundMetrics).last.labels("w").set(1.0)

    def fail() -> None:
        raise KeyError("x")

    with rounds.noted():
        fail()
    assert last(metrics) == 1.0
    with rounds.noted():
        pass

    assert last(metrics) > 1.0
