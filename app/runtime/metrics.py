"""Metrics for Prometheus: each group of instruments is declared beside the class that it measures.

No amounts, no subjects, no free text in labels. Each process has one registry and is one scrape
target.
"""

from collections.abc import Callable
from typing import Any, Final, TypeVar

from prometheus_client import CollectorRegistry

SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Histogram buckets of durations, in seconds."""
SIZES: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
"""Histogram buckets of counts."""
G = TypeVar("G")


class Metrics:
    """The instruments of one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._groups: dict[Callable[[CollectorRegistry], Any], Any] = {}

    def of(self, group: Callable[[CollectorRegistry], G]) -> G:
        """The instruments of one class, made when they are first asked for."""
        if group not in self._groups:
            self._groups[group] = group(self.registry)
        found: G = self._groups[group]
        return found
