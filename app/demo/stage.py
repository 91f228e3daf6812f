"""The demo's tools: a server of its own, the auditor's commands, a bundle with one byte changed."""

import json
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx

from app.domain.values import Money
from app.runtime.settings import Settings

START_TIMEOUT_S: Final = 20.0


class DemoFailed(AssertionError):
    """A step of the demo did not give what it should."""


def verify_and_tamper(out: Path) -> None:
    """Check that the bundle verifies, and that a copy with one byte changed does not, with its
    entry named.
    """
    bundle, trust = out / "era-audit.zip", out / "trust.policy"
    print("\nThe auditor verifies, offline:")
    expect(_fundledger("verify", str(bundle), "--trust", str(trust), "--quiet"), 0)
    copy = out / "tampered.zip"
    seq = _change_one_byte(bundle, copy)
    print(f"\nOne byte of entry {seq} changed in a copy:")
    report = json.loads(_output("verify", str(copy), "--trust", str(trust), "--quiet", "--json"))
    expect((report["result"], report["first_bad_seq"]), ("wrong", seq))
    expect(_fundledger("verify", str(copy), "--trust", str(trust), "--quiet"), 1)


def _change_one_byte(bundle: Path, copy: Path) -> int:
    """Copy the archive with one digit of one receipt changed; the entry that holds it."""
    with zipfile.ZipFile(bundle) as old, zipfile.ZipFile(copy, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "entries/00000000.jsonl":
                lines = content.split(b"\n")
                seq = next(n for n, line in enumerate(lines) if b'"receipt.booked"' in line)
                lines[seq] = lines[seq].replace(b'"amount":"2', b'"amount":"1', 1)
                content = b"\n".join(lines)
            new.writestr(name, content)
    return seq


def _fundledger(*arguments: str) -> int:
    return subprocess.run([sys.executable, "-m", "app.cli", *arguments], check=False).returncode


def _output(*arguments: str) -> str:
    command = [sys.executable, "-m", "app.cli", *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True).stdout


@contextmanager
def server(settings: Settings) -> Iterator[str]:
    """`fundledger serve --demo` on a free port, ended when the block ends."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "app.cli", "serve", "--demo", "--port", str(port)],
        env=settings.environment(),
        stdout=subprocess.DEVNULL,
    )
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_until_ready(address, server)
        yield address
    finally:
        server.terminate()
        server.wait(timeout=30)


def _wait_until_ready(address: str, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and server.poll() is None:
        try:
            if httpx.get(f"{address}/readyz").is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise DemoFailed("the server did not become ready")


def shown(value: Any) -> str:
    """Wire money in readable form; anything else as text."""
    return str(Money.read(value)) if isinstance(value, dict) else str(value)


def expect(found: object, expected: object) -> None:
    """Check what a step of the demo has found. Raises DemoFailed when it is not as expected."""
    if found != expected:
        raise DemoFailed(f"expected {expected}, found {found}")
