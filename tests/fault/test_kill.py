"""kill -9 under load: what was acknowledged is there, once, and the bundle verifies."""

import itertools
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.api.auth.devissuer import DevelopmentIssuer
from app.audit.verify import verify
from app.chain.policy import Policy
from app.chain.proof import TlogProof
from app.client import Client, Refused, Unreachable
from app.runtime.settings import Settings
from app.trust.ledger_keys import load_keys
from tests.support.builders import AUDITOR, TRUSTEE, Person, a_charter, a_pledge, money, treasury
from tests.support.service import FUND

pytestmark = pytest.mark.slow
ROUNDS = 3
LOAD_S = 1.5
WORKERS = 8


class Load:
    """Clients that post until they are told to stop, and what they were told."""

    def __init__(self, address: str, token: str) -> None:
        self._address = address
        self._token = token
        self.acknowledged: dict[str, dict[str, Any]] = {}
        self.unanswered: set[str] = set()
        self._stop = threading.Event()

    def run(self, prefix: str) -> list[threading.Thread]:
        threads = [
            threading.Thread(target=self._work, args=(f"{prefix}-{n}",)) for n in range(WORKERS)
        ]
        for thread in threads:
            thread.start()
        return threads

    def stop(self, threads: list[threading.Thread]) -> None:
        self._stop.set()
        for thread in threads:
            thread.join()
        self._stop.clear()

    def _work(self, prefix: str) -> None:
        with Client(self._address, self._token) as client:
            for number in itertools.count():
                if self._stop.is_set():
                    break
                key = f"{prefix}-{number}"
                try:
                    self.acknowledged[key] = client.post(f"{FUND}/pledges", a_pledge(money(1)), key)
                except (Unreachable, Refused):
                    self.unanswered.add(key)
                    break


@contextmanager
def served(settings: Settings, port: int) -> Iterator["subprocess.Popen[bytes]"]:
    """`fundledger serve` in a process of its own, ready."""
    server = subprocess.Popen(
        [sys.executable, "-m", "app.cli", "serve", "--port", str(port)],
        env=settings.environment(),
        cwd=Path(__file__).resolve().parents[2],
    )
    try:
        for _ in range(200):
            try:
                if httpx.get(f"http://127.0.0.1:{port}/readyz").is_success:
                    break
            except httpx.TransportError:
                time.sleep(0.05)
        else:
            raise AssertionError("the server did not become ready")
        yield server
    finally:
        if server.poll() is None:
            server.terminate()
        server.wait(timeout=30)


def test_no_acknowledged_entry_is_lost_and_none_is_there_twice(
    service_settings: Settings,
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    issuer = DevelopmentIssuer.open(service_settings)

    def token(who: Person) -> str:
        return issuer.token(who.party, [str(who.role)], who.subject)

    load = Load(address, token(treasury("DE")))
    with served(service_settings, port), Client(address, token(TRUSTEE)) as trustee:
        trustee.post("/v1/funds", a_charter(), "open")

    for number in range(ROUNDS):
        with served(service_settings, port) as server:
            threads = load.run(f"round-{number}")
            time.sleep(LOAD_S)
            os.kill(server.pid, signal.SIGKILL)
            server.wait()
            load.stop(threads)

    auditor = Client(address, token(AUDITOR))
    with served(service_settings, port), Client(address, token(treasury("DE"))) as client, auditor:
        before = client.get(FUND)["size"]
        again = {
            key: client.post(f"{FUND}/pledges", a_pledge(money(1)), key) for key in load.unanswered
        }
        size = client.get(FUND)["size"]
        bundle = service_settings.data_dir / "bundle.zip"
        bundle.write_bytes(b"".join(auditor.download(f"{FUND}/exports/audit")))
        stored = {seq: client.get(f"{FUND}/entries/{seq}") for seq in range(1, size, 7)}

    log = (
        load_keys(service_settings.keys_dir, service_settings.log_origin, create=False)
        .of_log("test-fund")
        .verifier
    )
    report = verify(bundle, Policy.parse(f"log {log}\nquorum none\n".encode()))
    seqs = [answer["entry"]["seq"] for answer in (load.acknowledged | again).values()]
    assert len(load.acknowledged) > 20 * ROUNDS
    assert report.problems == []
    assert sorted(seqs) == list(range(1, size))
    assert sum(not answer["replayed"] for answer in again.values()) == size - before
    by_seq = {answer["entry"]["seq"]: answer for answer in load.acknowledged.values()}
    for seq, shown in stored.items():
        if seq in by_seq:
            assert shown["entry"] == by_seq[seq]["entry"]
            assert shown["receipt"] == by_seq[seq]["receipt"]
    assert TlogProof.parse(by_seq[min(by_seq)]["receipt"]).index == min(by_seq)
