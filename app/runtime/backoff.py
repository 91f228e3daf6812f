"""Backoff: each failure doubles the wait before the next try, up to a limit, for each key by
itself.
"""

from collections.abc import Callable, Iterable
from time import monotonic

FIRST_S, LAST_S = 2.0, 60.0


class Backoff:
    """When each key is tried next. A key that never failed is due at once."""

    def __init__(
        self,
        first_s: float = FIRST_S,
        last_s: float = LAST_S,
        now: Callable[[], float] = monotonic,
    ) -> None:
        self._first_s = first_s
        self._last_s = last_s
        self._now = now
        self._next: dict[str, tuple[float, float]] = {}
        """By key: the moment of the next try, and how long the last wait was."""

    def is_due(self, key: str) -> bool:
        """Whether it may be tried now."""
        return self._now() >= self._next.get(key, (0.0, 0.0))[0]

    def failed(self, key: str) -> float:
        """Note a failure; returns how many seconds the key waits now."""
        _, last = self._next.get(key, (0.0, self._first_s / 2))
        wait = min(2 * last, self._last_s)
        self._next[key] = (self._now() + wait, wait)
        return wait

    def succeeded(self, key: str, again_in_s: float = 0.0) -> None:
        """Note a success: the key is due again in `again_in_s`, and its next failure waits as the
        first.
        """
        if again_in_s:
            self._next[key] = (self._now() + again_in_s, self._first_s / 2)
        else:
            self._next.pop(key, None)

    def forget_all_but(self, keys: Iterable[str]) -> None:
        """Drop all other keys."""
        self._next = {key: self._next[key] for key in keys if key in self._next}
