"""Production by hand, as docs/operators.md has it: accounts, keys, TLS, two processes, a proxy."""

import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from app.store.engine import Database
from tests.support import postgres
from tests.support.builders import TRUSTEE, Person, a_charter, a_pledge, money, treasury
from tests.support.certificates import certify
from tests.support.issuers import a_row, a_token
from tests.support.ports import free_port
from tests.support.prometheus import prometheus
from tests.support.waiting import until

ROOT = Path(__file__).resolve().parents[2]
RUN = [sys.executable, "-m", "app.cli"]
DE = treasury("DE")
MISSING = [tool for tool in ("haproxy", "prometheus") if shutil.which(tool) is None]

pytestmark = pytest.mark.skipif(
    bool(MISSING), reason=f"there is no {' and no '.join(MISSING)} here"
)


@dataclass
class Production:
    """The processes, by name, and where the proxy listens."""

    folder: Path
    environment: dict[str, str]
    ports: tuple[int, int]
    proxy: int
    processes: dict[str, "subprocess.Popen[bytes]"]

    def client(self, who: Person = DE) -> httpx.Client:
        trusted = ssl.create_default_context(cafile=str(self.folder / "cert.pem"))
        token = token_of(who)
        return httpx.Client(
            base_url=f"https://localhost:{self.proxy}",
            verify=trusted,
            timeout=30,
            headers={"Authorization": f"Bearer {token}"},
        )

    def log_of(self, port: int) -> list[dict[str, Any]]:
        raw = (self.folder / f"{port}.log").read_text().splitlines()
        return [json.loads(line) for line in raw if line.startswith("{")]

    def start(self, port: int) -> None:
        """One process of the service."""
        log = (self.folder / f"{port}.log").open("ab")
        self.processes[str(port)] = subprocess.Popen(
            [*RUN, "serve", "--port", str(port)],
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=log,
            cwd=ROOT,
        )
        log.close()
        until(lambda: _answers(f"http://127.0.0.1:{port}/readyz"))


def token_of(who: Person) -> str:
    """A token of the person's own identity provider."""
    return a_token(iss=f"https://login.example/{who.party}", sub=who.subject, roles=[str(who.role)])


def _answers(address: str) -> bool:
    try:
        return httpx.get(address, timeout=5).is_success
    except httpx.TransportError:
        return False


def _ran(environment: dict[str, str], *command: str) -> str:
    done = subprocess.run(
        [*RUN, *command], env=environment, capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, (command, done.stderr)
    return done.stdout


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Production]:
    folder = tmp_path_factory.mktemp("production")
    with ExitStack() as stack:
        server = stack.enter_context(postgres.server())
        admin = make_url(server)
        database = Database(server)
        with database.write() as connection:
            assert connection.execute(text("SHOW server_encoding")).scalar_one() == "UTF8"
        database.close()
        certify(folder)
        rows = [
            a_row(issuer=f"https://login.example/{who.party}", party=who.party, roles=[who.role])
            for who in (DE, TRUSTEE)
        ]
        (folder / "issuers.json").write_text(json.dumps({"issuers": rows}))

        def account(name: str) -> str:
            url = admin.set(username=f"fundledger_{name}") if name else admin
            return url.render_as_string(hide_password=False)

        # The numbered steps of docs/operators.md.
        plain = {k: v for k, v in os.environ.items() if not k.startswith("FUNDLEDGER_")}
        environment = plain | {
            "FUNDLEDGER_ENV": "production",
            "FUNDLEDGER_DATA_DIR": str(folder / "data"),
            "FUNDLEDGER_LOG_ORIGIN": "ledger.example/funds",
            "FUNDLEDGER_ISSUERS_FILE": str(folder / "issuers.json"),
            "FUNDLEDGER_DATABASE_URL": account("app"),
        }
        _ran({**environment, "FUNDLEDGER_DATABASE_URL": account("")}, "migrate", "--roles")
        _ran({**environment, "FUNDLEDGER_DATABASE_URL": account("migrator")}, "migrate")
        _ran(environment, "keys", "init")
        assert "FUNDLEDGER_ENV=production" in _ran(environment, "check-config")
        here = Production(folder, environment, (free_port(), free_port()), free_port(), {})
        stack.callback(_end_all, here)
        for port in here.ports:
            here.start(port)
        _start_proxy(here)
        with here.client(TRUSTEE) as trustee:
            charter = a_charter(fund="era")
            answer = trustee.post("/v1/funds", json=charter, headers={"Idempotency-Key": "open"})
            assert answer.status_code == 201, answer.text
        yield here


def _start_proxy(here: Production) -> None:
    environment = {
        "LISTEN": f"127.0.0.1:{here.proxy}",
        "METRICS": f"127.0.0.1:{free_port()}",
        "CERTIFICATE": str(here.folder / "both.pem"),
        "API_1": f"127.0.0.1:{here.ports[0]}",
        "API_2": f"127.0.0.1:{here.ports[1]}",
        "PATH": os.environ["PATH"],
    }
    log = (here.folder / "haproxy.log").open("ab")
    configuration = str(ROOT / "deploy" / "haproxy" / "haproxy.cfg")
    here.processes["haproxy"] = subprocess.Popen(
        ["haproxy", "-db", "-f", configuration], env=environment, stdout=log, stderr=log
    )
    log.close()

    def serves() -> bool:
        with here.client() as client:
            try:
                return client.get("/v1/funds").is_success
            except httpx.TransportError:
                return False

    until(serves)


def _end_all(here: Production) -> None:
    for process in here.processes.values():
        process.terminate()
    for process in here.processes.values():
        process.wait(40)


def pledged(client: httpx.Client, key: str) -> httpx.Response:
    body, headers = a_pledge(money(1)), {"Idempotency-Key": key}
    return client.post("/v1/funds/era/pledges", json=body, headers=headers)


def test_a_treasury_posts_over_tls_and_the_log_names_the_request(production: Production) -> None:
    with production.client() as client:
        answer = pledged(client, "over-tls")

    assert answer.status_code == 201
    assert "strict-transport-security" in answer.headers
    asked = answer.headers["request-id"]
    lines = [line for port in production.ports for line in production.log_of(port)]
    until(
        lambda: [
            line
            for port in production.ports
            for line in production.log_of(port)
            if line.get("request_id") == asked and line["event"] == "http_request"
        ]
    )
    assert all({"time", "level", "event"} <= line.keys() for line in lines)


def test_metrics_are_not_for_everybody_and_slow_or_strange_requests_end(
    production: Production,
) -> None:
    with production.client() as client:
        assert client.get("/metrics").status_code == 404
        assert client.request("TRACE", "/v1/funds").status_code == 405
        assert client.get("/v1/funds", headers={"X": "y" * 40_000}).status_code in (400, 431)


def test_a_process_that_is_killed_loses_nothing_and_the_other_serves(
    production: Production,
) -> None:
    victim = production.processes[str(production.ports[0])]
    with production.client() as client:
        size = client.get("/v1/funds/era").json()["size"]
        victim.send_signal(signal.SIGKILL)
        victim.wait(20)

        def recorded() -> bool:
            answer = pledged(client, "while-one-is-dead")
            assert answer.status_code in (201, 502, 503), answer.text
            return answer.status_code == 201

        until(recorded)
        assert client.get("/v1/funds/era").json()["size"] == size + 1
    production.start(production.ports[0])


def test_a_process_that_is_told_to_stop_answers_what_it_has_begun(production: Production) -> None:
    port = production.ports[0]
    process = production.processes[str(port)]
    token = token_of(DE)
    items = [
        {"op": "pledge.announced", "key": f"graceful-{n}", "data": a_pledge(money(1))}
        for n in range(400)
    ]
    lines = "".join(json.dumps(item) + "\n" for item in items)

    def body() -> Iterator[bytes]:
        yield lines[:1_000].encode()
        process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        yield lines[1_000:].encode()

    answer = httpx.post(
        f"http://127.0.0.1:{port}/v1/funds/era/batches",
        params={"mode": "atomic"},
        content=body(),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/x-ndjson"},
        timeout=30,
    )

    assert answer.status_code == 201, answer.text
    assert all(one["status"] == 201 for one in answer.json()["results"])
    process.wait(40)
    production.start(port)


def test_a_supervisor_is_told_that_it_is_ready_and_alive(production: Production) -> None:
    path = production.folder / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        supervisor.bind(str(path))
        supervisor.settimeout(20)
        port = free_port()
        environment = production.environment | {"NOTIFY_SOCKET": str(path)}
        with _process(environment, port):
            told = {supervisor.recv(100) for _ in range(2)}
        told.add(supervisor.recv(100))

    assert {b"READY=1", b"WATCHDOG=1"} <= told


@contextmanager
def _process(environment: dict[str, str], port: int) -> Iterator[None]:
    process = subprocess.Popen(
        [*RUN, "serve", "--port", str(port)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=ROOT,
    )
    try:
        until(lambda: _answers(f"http://127.0.0.1:{port}/livez"))
        yield
    finally:
        process.terminate()
        process.wait(40)


def test_prometheus_sees_both_processes(production: Production, tmp_path: Path) -> None:
    targets = [f"127.0.0.1:{port}" for port in production.ports]
    with prometheus(tmp_path, *targets) as running:
        until(lambda: len(running.ask('up{job="fundledger"} == 1')) == 2)
        until(lambda: running.ask("min(ledger_ready) == 1"))
        until(lambda: running.firing() <= {"Watchdog"})


def test_a_check_by_the_account_that_only_reads_finds_nothing(production: Production) -> None:
    url = re.sub(
        "fundledger_app", "fundledger_scrub", production.environment["FUNDLEDGER_DATABASE_URL"]
    )

    said = _ran({**production.environment, "FUNDLEDGER_DATABASE_URL": url}, "check", "era")

    assert "The log is what was signed" in said
