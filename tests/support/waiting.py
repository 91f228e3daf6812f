"""Waiting for what is about to happen, and no longer than it takes."""

import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import pytest

from app.ledger.submission import Submission
from app.workers.approval_gauges import ApprovalGauges
from app.workers.cosigning import CosigningWorker
from app.workers.deadlines import DeadlineWorker
from app.workers.timestamping import TimestampWorker
from tests.support.service import Service

T = TypeVar("T")


def until(fact: Callable[[], T]) -> T:
    """What is asked for, once it is true; it comes about within a while."""
    deadline = time.monotonic() + 20
    while not (found := fact()):
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.005)
    return found


def without_pauses(patch: pytest.MonkeyPatch) -> None:
    """Services that start from here on see to what goes on beside requests again and again."""
    for work in (ApprovalGauges, CosigningWorker, TimestampWorker):
        patch.setattr(f"app.main.{work.__name__}", partial(work, pause_s=0.02))
    patch.setattr("app.main.DeadlineWorker", partial(DeadlineWorker, pause_s=0.02, apart_s=0.0))


def at_the_door(service: Service, patch: pytest.MonkeyPatch) -> list[bool]:
    """Grows with each request that comes to the write door: whether it waits for an earlier one."""
    door, came = service.inside.ledger, list[bool]()
    enqueue = door._enqueue

    def noted(mine: Submission) -> Submission | None:
        first = enqueue(mine)
        came.append(first is not None)
        return first

    patch.setattr(door, "_enqueue", noted)
    return came
