"""Where time and chance enter: the only file that looks at the clock or draws an identifier."""

import os
from datetime import UTC, datetime
from uuid import UUID  # noqa: TID251  this is the place


def now() -> datetime:
    """The present, aware, in UTC."""
    return datetime.now(UTC)  # noqa: TID251  this is the place


def new_id(at: datetime) -> str:
    """A UUIDv7 (RFC 9562 section 5.7): milliseconds of `at`, then 74 random bits."""
    milliseconds = int(at.timestamp() * 1000) & (2**48 - 1)
    chance = int.from_bytes(os.urandom(10), "big")
    value = milliseconds << 80 | 0x7 << 76 | (chance >> 68 & 0xFFF) << 64
    value |= 0b10 << 62 | (chance & (2**62 - 1))
    return str(UUID(int=value))
