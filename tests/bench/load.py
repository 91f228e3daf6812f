"""The load: `wrk` with a script, for a bounded time, to loopback only."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.servers import program

SCRIPT = Path(__file__).with_name("load.lua")


class NoLoadGenerator(Exception):
    """There is no `wrk`, and no right to install it."""


@dataclass(frozen=True)
class Measured:
    """What one run gave. Latencies in milliseconds."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    refused: int
    broken: int

    @property
    def rate(self) -> float:
        """Answered requests a second."""
        return self.requests / self.seconds

    @classmethod
    def together(cls, runs: list["Measured"]) -> "Measured":
        """Runs that took place side by side, as one; the worse latency of them."""
        return cls(
            requests=sum(run.requests for run in runs),
            seconds=max(run.seconds for run in runs),
            p50_ms=max(run.p50_ms for run in runs),
            p99_ms=max(run.p99_ms for run in runs),
            max_ms=max(run.max_ms for run in runs),
            refused=sum(run.refused for run in runs),
            broken=sum(run.broken for run in runs),
        )


def begin(
    address: str, connections: int, seconds: float, *arguments: str
) -> "subprocess.Popen[str]":
    """Start one load; `finish` waits for it. Raises NoLoadGenerator."""
    wrk = program("wrk", "wrk")
    if wrk is None:
        raise NoLoadGenerator("wrk is not installed, and cannot be")
    return subprocess.Popen(
        [
            *(wrk, "-t", "1", "-c", str(connections), "-d", f"{seconds:.0f}s", "--timeout", "30s"),
            *("-s", str(SCRIPT), address, "--", *arguments),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )


def finish(running: "subprocess.Popen[str]") -> Measured:
    """The result of a load. Fails unless every request was answered with success."""
    output, _ = running.communicate(timeout=300)
    measured = Measured(**_last_line(output))
    assert not measured.refused, f"{measured.refused} requests were refused"
    assert not measured.broken, f"{measured.broken} requests were not answered"
    return measured


def _last_line(output: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(output.strip().splitlines()[-1])
    return found
