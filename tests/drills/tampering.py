"""Rows that somebody edits, guards and all, under a service that is being used."""

import subprocess
from collections.abc import Callable
from pathlib import Path

from app.chain.tree import leaf_hash
from app.store import log
from app.store.engine import Database
from app.store.guards import create_guards, drop_guards
from tests.drills.bench import FUND, RUN, Bench, bench, environment_of
from tests.drills.table import Seen
from tests.drills.watching import Watching
from tests.support.builders import AUDITOR


def _edit(here: Bench, statement: str, *values: object) -> None:
    database = Database(here.url)
    with database.write() as connection:
        drop_guards(connection)
        plain = statement if database.dialect == "sqlite" else statement.replace("?", "%s")
        connection.exec_driver_sql(plain, values)
        create_guards(connection)
    database.close()


def _forged(here: Bench, seq: int) -> bytes:
    database = Database(here.url)
    with database.read() as connection:
        (line,) = log.bodies(connection, FUND, seq, seq + 1)
    database.close()
    return line.replace(b'"amount":"1', b'"amount":"9', 1)


def body(here: Bench) -> None:
    text = _forged(here, 2).decode()
    _edit(here, "UPDATE entries SET body = ? WHERE fund = ? AND seq = 2", text, FUND)


def body_and_hash(here: Bench) -> None:
    line = _forged(here, 2)
    _edit(
        here,
        "UPDATE entries SET body = ?, leaf = ? WHERE fund = ? AND seq = 2",
        line.decode(),
        leaf_hash(line),
        FUND,
    )


def hash_alone(here: Bench) -> None:
    _edit(here, "UPDATE entries SET leaf = ? WHERE fund = ? AND seq = 2", b"x" * 32, FUND)


def unreadable(here: Bench) -> None:
    _edit(here, "UPDATE entries SET body = ? WHERE fund = ? AND seq = 2", "{", FUND)


EDITS: dict[str, Callable[[Bench], None]] = {
    "an entry's bytes are edited": body,
    "an entry's bytes and hash are edited": body_and_hash,
    "an entry's stored hash is edited": hash_alone,
    "an entry's bytes become unreadable": unreadable,
}


def drill(
    folder: Path, url: Callable[[str], str], eye: Watching | None, *, short: bool
) -> list[Seen]:
    """Each edit: found by the scrub, known after a restart, put back from a mirror's bytes."""
    rows: list[Seen] = []
    for number, (name, edit) in enumerate(EDITS.items()):
        if short and number:
            break
        with bench(folder / f"edit-{number}", url(f"edit-{number}"), eye) as here:
            rows.append(_one(here, name, edit))
    return rows


def _one(here: Bench, name: str, edit: Callable[[Bench], None]) -> Seen:
    seen, since = Seen(name, here.on, back="by `fundledger repair`"), here.log_size()
    for _ in range(6):
        here.post()
    kept = _mirrored(here)
    edit(here)
    here.until(lambda: not here.is_ready())
    here.answers.clear()
    _expect(seen, here.post() == "503 `fork_detected`", "it still takes entries")
    read = here.ask(AUDITOR, "GET", f"/v1/funds/{FUND}/entries/2")
    _expect(seen, read is not None and read.status_code == 500, "it serves the entry")
    _expect(seen, here.status("/readyz?for=reading") == 200, "it does not read")
    if here.watching is not None:
        seen.alerts |= here.watching.seen()
    here.stop()
    here.start(wait=False)
    here.until(lambda: here.status("/livez") == 200)
    _expect(seen, here.post() == "503 `fork_detected`", "a restart forgets it")
    seen.answers.update(here.answers)
    _repaired(here, kept)
    here.until(here.is_ready)
    _expect(seen, here.post() == "201", "it does not take entries again")
    seen.log = here.events(since)
    seen.wrong += here.broken_invariants()
    return seen


def _mirrored(here: Bench) -> Path:
    path = here.folder / "entries.jsonl"
    database = Database(here.url)
    with database.read() as connection:
        lines = list(log.bodies(connection, FUND, 0, 100_000))
    database.close()
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


def _repaired(here: Bench, kept: Path) -> None:
    environment = environment_of(
        FUNDLEDGER_DATABASE_URL=here.url, FUNDLEDGER_DATA_DIR=str(here.settings.data_dir)
    )
    command = [*RUN, "repair", FUND, "--entries", str(kept), "--reason", "A drill"]
    subprocess.run(command, env=environment, check=True, capture_output=True)


def _expect(seen: Seen, holds: bool, otherwise: str) -> None:
    if not holds:
        seen.wrong.append(otherwise)
