"""Faults of the disk under SQLite: system calls of the running process are made to fail."""

import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.drills.bench import Bench, bench, observed
from tests.drills.table import Seen
from tests.drills.watching import Watching

SYSTEM_CALLS = {
    "fsync of the database fails in COMMIT (EIO)": ("fdatasync", "error=EIO"),
    "fsync of the second store fails (EIO)": ("fsync", "error=EIO"),
    "the disk is full while pages are written (ENOSPC)": ("pwrite64", "error=ENOSPC"),
    "writing fails (EIO)": ("pwrite64", "error=EIO"),
    "the disk is slow (0.3 s for each fsync)": ("fdatasync", "delay_exit=300000"),
}


@contextmanager
def injected(here: Bench, calls: str, what: str) -> Iterator[None]:
    """strace makes these calls of the process fail until the block ends."""
    assert here.process is not None
    command = ["strace", "-f", "-qq", "-o", "/dev/null", "-p", str(here.process.pid)]
    tracer = subprocess.Popen(
        [*command, "-e", f"trace={calls}", "-e", f"inject={calls}:{what}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    time.sleep(0.3)
    try:
        yield
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.wait(20)


def drill(folder: Path, eye: Watching | None, *, short: bool) -> list[Seen]:
    """Every fault of the disk; and a file that somebody else holds locked."""
    rows: list[Seen] = []
    if shutil.which("strace") is not None:
        for number, (name, (calls, what)) in enumerate(SYSTEM_CALLS.items()):
            if short and number:
                break
            url = f"sqlite:///{folder / f'disk-{number}.db'}"
            with bench(folder / f"disk-{number}", url, eye) as here:
                _disk(here, name, calls, what, rows)
    path = folder / "locked.db"
    with (
        bench(folder / "locked", f"sqlite:///{path}", eye) as here,
        observed(here, "another process holds the file locked for seven seconds", rows),
        closing(sqlite3.connect(path, isolation_level=None)) as other,
    ):
        other.execute("BEGIN IMMEDIATE")
        time.sleep(7)
        other.execute("ROLLBACK")
    return rows


def _disk(here: Bench, name: str, calls: str, what: str, rows: list[Seen]) -> None:
    """The disk fails, and is well again; where that leaves the process unable to write, its
    supervisor restarts it, as it would.
    """
    with observed(here, name, rows) as seen:
        with injected(here, calls, what):
            time.sleep(1.5)
        if here.status("/livez") == 503:
            seen.back = "restarted by its supervisor (`/livez` 503)"
            assert here.process is not None
            here.process.kill()
            here.process.wait(20)
            here.start()
