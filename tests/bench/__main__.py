"""`make bench`: measure, print a table, write `build/bench/*.json`.

python -m tests.bench [SCENARIO ...]
"""

import json
import os
import platform
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.bench import scenarios, trust
from tests.bench.load import NoLoadGenerator
from tests.bench.scenarios import SECONDS, Row
from tests.bench.servers import durable_postgres, program
from tests.bench.table import comparisons, table

OUT = Path("build/bench")

SCENARIOS: dict[str, Callable[[Path], Iterator[Row]]] = {
    "yardstick": scenarios.yardstick,
    "one-per-commit": scenarios.one_per_commit,
    "singles": scenarios.singles,
    "batches": scenarios.batches,
    "approvals": scenarios.approvals,
    "processes": scenarios.processes,
    "embedded": scenarios.embedded,
    "witnessed": trust.witnessed,
    "witness": trust.witness,
    "tiles": trust.tiles,
}


def conditions() -> dict[str, Any]:
    """What the figures hold under."""
    from app.store.engine import Database

    with durable_postgres() as url:
        database = Database(url)
        with database.read() as connection:
            version = str(connection.exec_driver_sql("SHOW server_version").scalar_one())
        database.close()
    wrk = program("wrk", "wrk")
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "processor": _processor(),
        "python": platform.python_version(),
        "postgresql": f"{version}, fsync, synchronous_commit and full_page_writes on",
        "sqlite": f"{sqlite3.sqlite_version}, write-ahead log, synchronous=FULL",
        "tokens": "one for all requests of a run: checked once, then known for a minute",
        "load_generator": subprocess.run(
            [wrk, "--version"], capture_output=True, text=True, check=False
        ).stdout.splitlines()[0]
        if wrk
        else "none",
        "seconds_a_run": SECONDS,
        "load_average": os.getloadavg(),
        "shared": "load generator, ledger and database on the same cores",
    }


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def main(chosen: list[str]) -> int:
    """Run the scenarios that were named, or all."""
    OUT.mkdir(parents=True, exist_ok=True)
    rows, held = list[Row](), conditions()
    print(json.dumps(held, indent=2))
    for name in chosen or SCENARIOS:
        folder = Path(tempfile.mkdtemp(prefix="bench-"))
        try:
            for row in SCENARIOS[name](folder):
                rows.append({"scenario": name, **row})
                print(table([rows[-1]], header=False), flush=True)
        except NoLoadGenerator as missing:
            print(f"skipped {name}: {missing}")
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    (OUT / "bench.json").write_text(json.dumps({"conditions": held, "rows": rows}, indent=2) + "\n")
    print(table(rows))
    print(comparisons(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
