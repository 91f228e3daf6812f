"""Public Ed25519 keys that are none: points under which anybody can sign.

RFC 8032 lets a verifier accept a key of small order; under some of them one signature holds for
every message. A key is accepted here only as the canonical encoding (section 5.1.3) of a point of
the curve whose order is not 1, 2, 4 or 8.
"""

from functools import lru_cache
from typing import Final

_P: Final = 2**255 - 19
_D: Final = -121665 * pow(121666, -1, _P) % _P
_ROOT_OF_MINUS_ONE: Final = pow(2, (_P - 1) // 4, _P)
_NEUTRAL: Final = (0, 1)


@lru_cache(maxsize=1_024)
def is_sound(public: bytes) -> bool:
    """Whether only the holder of the private key can sign under these 32 bytes."""
    point = _decoded(public)
    if point is None:
        return False
    for _ in range(3):
        point = _doubled(point)
    return point != _NEUTRAL


def _decoded(public: bytes) -> tuple[int, int] | None:
    """The point, by RFC 8032 section 5.1.3; None when the bytes are not its one encoding."""
    number = int.from_bytes(public, "little")
    sign, y = number >> 255, number & (2**255 - 1)
    if len(public) != 32 or y >= _P:
        return None
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if x * x % _P != square:
        x = x * _ROOT_OF_MINUS_ONE % _P
    if x * x % _P != square or (x == 0 and sign):
        return None
    return (x if x % 2 == sign else _P - x), y


def _doubled(point: tuple[int, int]) -> tuple[int, int]:
    x, y = point
    xx, yy = x * x % _P, y * y % _P
    both = _D * xx * yy % _P
    return (
        2 * x * y * pow(1 + both, -1, _P) % _P,
        (yy + xx) * pow(1 - both, -1, _P) % _P,
    )
