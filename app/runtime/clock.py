"""The clock and identifiers: the only module that reads the time or draws random ids."""

import os
import time
from datetime import UTC, datetime, timedelta
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def now() -> datetime:
    """The present, aware, in UTC."""
    return datetime.now(UTC)  # noqa: TID251  this is the place


def elapsed() -> float:
    """Seconds that this machine has been running, also while it slept. Nobody can set it."""
    source = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime(source)


def new_id(at: datetime) -> str:
    """A UUIDv7 (RFC 9562 section 5.7): milliseconds of `at`, then 74 random bits."""
    chance = os.urandom(10).hex()
    variant = "89ab"[int(chance[3], 16) & 0b11]
    return f"{_milliseconds(at)}-7{chance[:3]}-{variant}{chance[4:7]}-{chance[7:19]}"


@lru_cache(maxsize=16)
def _milliseconds(at: datetime) -> str:
    """The first digits of an id; kept, because all ids of a batch are made for one time."""
    digits = f"{(at - _EPOCH) // timedelta(milliseconds=1):012x}"
    return f"{digits[:8]}-{digits[8:]}"
