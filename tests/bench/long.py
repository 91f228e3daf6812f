"""Long logs: filled through the write door in batches, then read, exported, verified, extended.

Whether a write or a read costs more on a long log than on a short one, and whether export and
verifier stay within constant memory. Five million entries take one to two hours to fill; fewer are
asked for with ENTRIES.
"""

import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from app.domain.command import Actor
from app.domain.inflow.receipts import BookReceipt
from app.ledger.submission import KeyedCommand, Submission
from app.ledger.writer import Ledger as Door
from app.main import assemble
from app.runtime.metrics import Metrics
from tests.bench import scenarios
from tests.bench.__main__ import conditions
from tests.bench.scenarios import FUND, Row
from tests.bench.servers import TODAY, Ledger, durable_postgres, ledger
from tests.bench.table import long_comparisons, long_table
from tests.support.builders import treasury

SHORT = 10_000
EXPORTED = 1_000_000
AT_ONCE = 1_000
DAYS = 400
"""Days over which a log's receipts are spread: what a balance as of a day has to look through."""


def long(folder: Path, entries: int) -> Iterator[Row]:
    """The same measurements at ten thousand entries and at `entries`."""
    with durable_postgres() as url:
        with ledger(folder, url) as running:
            ids = running.opened(FUND, 100)
        sizes = (SHORT, min(EXPORTED, entries), entries)
        for place, size in enumerate(sizes):
            # Each part of the log has days of its own, and they climb.
            days = (DAYS * place // len(sizes), DAYS * (place + 1) // len(sizes))
            filled = _fill(running, ids, size, days)
            yield {
                "what": "filled through the door",
                "entries": size,
                "rate": filled,
                "batch": 1_000,
            }
            with ledger(folder, url) as running:
                if size in (SHORT, entries):
                    yield from _measured(running, ids, size, days[1])
                if size == min(EXPORTED, entries):
                    yield from _exported(running, folder)


def _measured(running: Ledger, ids: list[str], size: int, through: int) -> Iterator[Row]:
    scenarios.receipts(running, ids, 64, seconds=3)  # plans, caches
    written = scenarios.receipts(running, ids, 64)
    yield {
        "what": "receipts",
        "entries": size,
        "connections": 64,
        "rate": written.rate,
        "p50_ms": written.p50_ms,
        "p99_ms": written.p99_ms,
    }
    yield from scenarios.reads(running, _paths(ids, size, through), size)


def _day(number: int) -> date:
    """The day of this number, of those over which receipts are spread; the last one is today."""
    return date.fromisoformat(TODAY) - timedelta(days=DAYS - number)


def _paths(ids: list[str], size: int, through: int) -> dict[str, list[str]]:
    """Addresses all over the log and the days up to `through`, for each kind of read."""
    base = f"/v1/funds/{FUND}"
    days = [_day(through * n // 37) for n in range(1, 37)]
    places = [size * n // 37 for n in range(1, 37)]
    account = f"{base}/balance?account=cash/BANK-EUR&currency=EUR"
    own = [f"{base}/balance?account=receivable/{one}&currency=EUR" for one in ids[:36]]
    return {
        "balance": own,
        "balance as of an entry": [f"{account}&as_of={place}" for place in places],
        "balance as of a day": [f"{account}&on={day}" for day in days],
        "page of 100 entries": [f"{base}/entries?after={place}" for place in places],
        "entry with its proof": [f"{base}/entries/{place}" for place in places],
    }


def _fill(running: Ledger, ids: list[str], size: int, days: tuple[int, int]) -> float:
    """Receipts of these days until the log has `size` entries; the rate at which they went in."""
    here, _ = assemble(running.settings, Metrics())
    door = here.ledger
    door.start()
    try:
        return asyncio.run(_send(door, ids, size, days))
    finally:
        door.stop()
        here.database.close()


async def _send(door: Door, ids: list[str], size: int, days: tuple[int, int]) -> float:
    who = treasury("DE")
    actor = Actor(who.party, who.subject, frozenset({who.role}))
    label, started, first, reached = time.monotonic_ns(), time.perf_counter(), 0, 0
    number = 0
    while reached < size:
        count = min(AT_ONCE, size - reached) if reached else 1
        day = _day(days[0] + (days[1] - days[0]) * reached // size)
        asked = tuple(_asked(ids, f"{label}-{number + n}", day) for n in range(count))
        answer = await door.pass_through(Submission(FUND, actor, asked, single=False))
        number += count
        newest = answer.outcomes[-1]
        reached = getattr(newest, "seq", 0) + 1
        first = first or reached
    return (reached - first) / (time.perf_counter() - started) if reached > first else 0.0


def _asked(ids: list[str], name: str, day: date) -> KeyedCommand:
    body: dict[str, Any] = {
        "agreement_id": ids[hash(name) % len(ids)],
        "amount": {"amount": "0.01", "currency": "EUR"},
        "bank_account": "BANK-EUR",
        "bank_reference": name,
        "value_date": day,
    }
    return KeyedCommand(BookReceipt.model_validate(body), name, sha256(name.encode()).digest())


def _exported(running: Ledger, folder: Path) -> Iterator[Row]:
    """Export and verification, each in a process whose memory is watched."""
    size = int(running.client(treasury("DE")).get(f"/v1/funds/{FUND}")["size"])
    bundle, trust = folder / "bench.zip", folder / "trust"
    shown = running.client(treasury("DE")).get(f"/v1/funds/{FUND}")
    trust.write_text(f"log {shown['log_vkey']}\nquorum none\n")
    before = _resident_mb(running.pids[0])
    export: Row = {"what": "export", "entries": size}
    with scenarios.timed(export, size), bundle.open("wb") as file:
        for piece in running.client(treasury("DE")).download(f"/v1/funds/{FUND}/exports/audit"):
            file.write(piece)
    export["peak_mb"] = _resident_mb(running.pids[0], peak=True)
    export["before_mb"] = before
    yield export
    verified: Row = {"what": "verify, all of it", "entries": size}
    with scenarios.timed(verified, size):
        verified["peak_mb"] = _verify(bundle, trust)
    yield verified
    walked: Row = {"what": "verify, form, chain and tree, one core", "entries": size}
    with scenarios.timed(walked, size):
        _walk(bundle, size)
    yield walked


def _verify(bundle: Path, trust: Path) -> float:
    """Run the verifier; the most memory that it took, in MB."""
    code = (
        "import resource, sys; from app.cli.main import main; code = main(sys.argv[1:]);"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "verify", str(bundle), "--trust", str(trust), "--quiet"],
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout.strip().splitlines()[-1]) / 1024


def _walk(bundle: Path, size: int) -> None:
    """Check 4 alone."""
    code = (
        "import sys, zipfile;"
        "from app.audit.checks.chain import Walk;"
        "from app.audit.checks.entry_files import EntryFiles;"
        "from app.audit.checks.growing_tree import GrowingTree;"
        "from app.audit.format.archive import Archive;"
        "files = EntryFiles(Archive(zipfile.ZipFile(sys.argv[1])), 0, int(sys.argv[2]));"
        "found = []; walk = Walk(lambda *what: found.append(what), GrowingTree());"
        "[walk.take(*entry) for entry in files.lines()]; walk.finish(); assert not found"
    )
    subprocess.run([sys.executable, "-c", code, str(bundle), str(size)], check=True)


def _resident_mb(pid: int, *, peak: bool = False) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    name = "VmHWM" if peak else "VmRSS"
    found = re.search(rf"{name}:\s+([0-9]+) kB", status)
    return int(found[1]) / 1024 if found else 0.0


def main() -> None:
    """`python -m tests.bench.long [ENTRIES]`: print and write the rows."""
    entries = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000_000
    out = Path("build/bench")
    out.mkdir(parents=True, exist_ok=True)
    rows, held = [], conditions()
    print(json.dumps(held, indent=2))
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_FOLDER")) as folder:
        for row in long(Path(folder), entries):
            rows.append(row)
            print(json.dumps(row), flush=True)
    (out / "long.json").write_text(json.dumps({"conditions": held, "rows": rows}, indent=2) + "\n")
    print(long_table(rows))
    print(long_comparisons(rows))


if __name__ == "__main__":
    main()
