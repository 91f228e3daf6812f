"""What the measurements run against: PostgreSQL, ledger processes, a fund with agreements."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from app.api.auth.devissuer import DevelopmentIssuer
from app.client import Client
from app.runtime.settings import Settings
from app.store.engine import Database
from app.store.migrate import migrate
from tests.support import postgres
from tests.support.builders import TRUSTEE, Person, a_charter, an_agreement, money, treasury

START_TIMEOUT_S = 30
TODAY = datetime.now(UTC).date().isoformat()


@dataclass
class Ledger:
    """Ledger processes on one database, and the people who use them."""

    settings: Settings
    addresses: list[str]
    issuer: DevelopmentIssuer
    pids: list[int] = field(default_factory=list)

    def token(self, who: Person) -> str:
        return self.issuer.token(who.party, [str(who.role)], who.subject)

    def client(self, who: Person) -> Client:
        return Client(self.addresses[0], self.token(who))

    def size(self, fund: str) -> int:
        """How long the fund's log is."""
        found: int = self.client(treasury("DE")).get(f"/v1/funds/{fund}")["size"]
        return found

    def opened(self, fund: str, agreements: int) -> list[str]:
        """A fund of two governments with agreements in force of DE; their ids."""
        self.client(TRUSTEE).post("/v1/funds", a_charter(fund=fund), f"open-{fund}")
        return self.agreed(fund, agreements)

    def agreed(self, fund: str, count: int) -> list[str]:
        """That many more agreements in force, in two batches."""
        path = f"/v1/funds/{fund}"
        mine, trustees = self.client(treasury("DE")), self.client(TRUSTEE)
        label = f"{fund}-{time.monotonic_ns()}"
        drafts = [
            item("agreement.drafted", f"draft-{label}-{n}", an_agreement(money(10**9)))
            for n in range(count)
        ]
        drafted = mine.batch(f"{path}/batches", drafts)["results"]
        ids = [result["entry"]["derived"]["agreement_id"] for result in drafted]
        signatures = [
            {"agreement_id": one, "digest": mine.get(f"{path}/agreements/{one}")["digest"]}
            for one in ids
        ]
        for client, who in ((mine, "de"), (trustees, "trustee")):
            signed = [
                item("agreement.signed", f"sign-{label}-{who}-{n}", signature)
                for n, signature in enumerate(signatures)
            ]
            client.batch(f"{path}/batches", signed)
        return ids


def item(operation: str, key: str, data: dict[str, Any]) -> dict[str, Any]:
    """One command of a batch."""
    return {"op": operation, "key": key, "data": data}


@contextmanager
def durable_postgres() -> Iterator[str]:
    """The URL of an empty, migrated database on a server with full durability."""
    with postgres.server() as server, postgres.databases(server) as make:
        url = make()
        database = Database(url)
        with database.read() as connection:
            for name in ("fsync", "synchronous_commit", "full_page_writes"):
                found = connection.exec_driver_sql(f"SHOW {name}").scalar_one()
                assert found == "on", f"{name} is {found}: this would not be full durability"
        database.close()
        yield url


@contextmanager
def ledger(folder: Path, url: str = "", processes: int = 1, **options: Any) -> Iterator[Ledger]:
    """Ledger processes that share `url` (none: SQLite in the folder) and one data folder."""
    settings = Settings(data_dir=folder / "data", database_url=url, **options)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    database = Database(settings.database)
    migrate(database)
    database.close()
    issuer = DevelopmentIssuer.open(settings)
    with ExitStack() as stack:
        running = Ledger(settings, [], issuer)
        for _ in range(processes):
            address, pid = stack.enter_context(_process(settings))
            running.addresses.append(address)
            running.pids.append(pid)
        yield running


@contextmanager
def _process(settings: Settings) -> Iterator[tuple[str, int]]:
    port = free_port()
    command = [sys.executable, "-m", "app.cli", "serve", "--port", str(port)]
    process = subprocess.Popen(command, env=settings.environment(), stdout=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not _answers(address):
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError("the ledger did not start")
            time.sleep(0.05)
        yield address, process.pid
    finally:
        process.terminate()
        process.wait(START_TIMEOUT_S)


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/livez", timeout=1).is_success
    except httpx.TransportError:
        return False


def free_port() -> int:
    """A port that nobody listens at now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def program(name: str, package: str) -> str | None:
    """The path of a program; installed from the system's packages where that is possible."""
    wheels = Path(sys.prefix).glob(f"lib/python*/site-packages/*/pginstall*/bin/{name}")
    installed = Path("/usr/lib/postgresql").glob(f"*/bin/{name}")
    found = shutil.which(name) or next(map(str, [*installed, *wheels]), None)
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(["apt-get", "update", "-qq"], check=False)
        subprocess.run(["apt-get", "install", "-y", "-qq", package], check=False)
        found = shutil.which(name)
    return found
