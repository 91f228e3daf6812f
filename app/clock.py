"""Where time and chance enter: the only file that looks at the clock or draws an identifier."""

import os
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def now() -> datetime:
    """The present, aware, in UTC."""
    return datetime.now(UTC)  # noqa: TID251  this is the place


def new_id(at: datetime) -> str:
    """A UUIDv7 (RFC 9562 section 5.7): milliseconds of `at`, then 74 random bits."""
    milliseconds = (at - _EPOCH) // timedelta(milliseconds=1)
    chance = int.from_bytes(os.urandom(10), "big")
    value = milliseconds << 80 | 0x7 << 76 | (chance >> 68 & 0xFFF) << 64
    value |= 0b10 << 62 | (chance & (2**62 - 1))
    digits = f"{value:032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
