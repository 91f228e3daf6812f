"""`make faults`: every fault on a running service, a table of what it did, and what must hold.

`python -m tests.drills --short` runs some of them and writes no page. Ends with 1 if anything that
must hold did not.
"""

import platform
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from app.runtime import clock
from tests.drills import commands, postgresql, sqlite, surroundings, tampering
from tests.drills.table import Seen, summary, table, write_page
from tests.drills.watching import Watching, watching
from tests.support import postgres


def main(arguments: list[str]) -> int:
    """Run the drills."""
    short = "--short" in arguments
    rows: list[Seen] = []
    with (
        tempfile.TemporaryDirectory() as where,
        postgres.server() as server,
        postgres.databases(server) as make,
        watching(Path(where) / "prometheus") as eye,
    ):
        folder = Path(where)
        rows += (postgresql.short_drill if short else postgresql.drill)(folder, make, server, eye)
        for kind, url in _databases(folder, make).items():
            (folder / kind).mkdir()
            rows += _on(folder / kind, url, eye, short=short)
        rows += sqlite.drill(folder, eye, short=short)
        rows += commands.drill(folder, make, short=short)
    sys.stdout.write(f"{table(rows)}\n{summary(rows)}\n")
    if not short:
        at, system = clock.now().date(), f"Python {platform.python_version()}"
        alerts = "with" if eye is not None else "without"
        write_page(rows, f"Made on {at} on {system}, {alerts} Prometheus.")
    return 0 if all(row.held for row in rows) else 1


def _databases(folder: Path, make: Callable[[], str]) -> dict[str, Callable[[str], str]]:
    """For each kind of database: a fresh one of that kind, by name."""
    return {
        "on-sqlite": lambda name: f"sqlite:///{folder / name}.db",
        "on-postgresql": lambda _: make(),
    }


def _on(
    folder: Path, url: Callable[[str], str], eye: Watching | None, *, short: bool
) -> list[Seen]:
    return [
        *surroundings.drill(folder, url, eye, short=short),
        *tampering.drill(folder, url, eye, short=short),
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
