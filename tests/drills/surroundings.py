"""Faults around the service: process, second store, clock, witnesses, identity providers."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx

from tests.drills.bench import RUN, Bench, bench, environment_of, observed
from tests.drills.providers import provider
from tests.drills.table import Seen
from tests.drills.watching import Watching
from tests.support.builders import AUDITOR
from tests.support.issuers import JWK
from tests.support.ports import free_port

FAKETIME: Final = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")
TEN_YEARS: Final = "+3650d"


def drill(
    folder: Path, url: Callable[[str], str], eye: Watching | None, *, short: bool
) -> list[Seen]:
    """Every fault on one kind of database."""
    rows: list[Seen] = []
    with bench(folder / "process", url("process"), eye) as here:
        _processes(here, rows, short=short)
        _second_store(here, rows)
    if not short:
        _clock(folder, url, eye, rows)
        _witnesses(folder, url, eye, rows)
        _providers(folder, url, eye, rows)
    return rows


# -- the process ----------------------------------------------------------------------------------


def _processes(here: Bench, rows: list[Seen], *, short: bool) -> None:
    with observed(here, "the process is killed (SIGKILL)", rows) as seen:
        assert here.process is not None
        here.process.kill()
        here.process.wait(20)
        here.start()
        seen.back = "restarted by its supervisor"
    if short:
        return
    with observed(here, "the process is told to stop, with requests in flight", rows) as seen:
        here.stop()
        here.start()
        seen.back = "restarted"
    with observed(here, "the process is frozen for three seconds", rows):
        assert here.process is not None
        os.kill(here.process.pid, signal.SIGSTOP)
        time.sleep(3)
        os.kill(here.process.pid, signal.SIGCONT)
    other = Bench(here.folder, here.url, None, numbers=here.numbers)
    with observed(here, "a second process writes to the same fund", rows):
        other.start()
        with other.posting():
            time.sleep(1.5)
        other.stop()
        here.acknowledged |= other.acknowledged
    _another_host(here, rows)


def _another_host(here: Bench, rows: list[Seen]) -> None:
    """A process with a data folder of its own, as on another host: it must not serve."""
    elsewhere = here.folder / "another-host"
    shutil.copytree(here.settings.keys_dir, elsewhere / "keys")
    environment = environment_of(
        FUNDLEDGER_DATABASE_URL=here.url, FUNDLEDGER_DATA_DIR=str(elsewhere)
    )
    command = [*RUN, "serve", "--port", str(free_port())]
    with observed(here, "another host serves it with a folder of its own", rows) as seen:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        seen.back = "the other host's start is refused (exit 2)"
        if done.returncode != 2:
            seen.wrong.append(f"it ended with {done.returncode}")


# -- the second store -----------------------------------------------------------------------------


def _second_store(here: Bench, rows: list[Seen]) -> None:
    folder = here.settings.second_store_dir
    aside = folder.with_name("aside")
    with observed(here, "the second store's folder is away", rows):
        folder.rename(aside)
        time.sleep(8)
        # What was made in its place meanwhile is not it.
        shutil.rmtree(folder, ignore_errors=True)
        aside.rename(folder)
    with observed(here, "a file stands where the second store's folder was", rows):
        folder.rename(aside)
        folder.write_text("not a folder")
        time.sleep(1.5)
        folder.unlink()
        aside.rename(folder)


# -- the clock ------------------------------------------------------------------------------------


def _clock(folder: Path, url: Callable[[str], str], eye: Watching | None, rows: list[Seen]) -> None:
    """libfaketime sets the clock of the process while it runs; what it cannot set is the time since
    the machine was started.
    """
    if not FAKETIME.exists():
        return
    offset = folder / "offset"
    offset.write_text("+0")
    extra = {
        "LD_PRELOAD": str(FAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(offset),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    with bench(folder / "clock", url("clock"), eye, extra=extra) as here:
        for name, said in (
            ("the clock says 2036 for three seconds", TEN_YEARS),
            ("the clock is an hour ahead for three seconds", "+3600"),
            ("the clock is an hour behind for three seconds", "-3600"),
        ):
            with observed(here, name, rows) as seen:
                offset.write_text(said)
                time.sleep(3)
                offset.write_text("+0")
                here.until(here.is_ready)
            newest = max(_times(here))
            if not newest.startswith(time.strftime("%Y-%m-%dT", time.gmtime())):
                seen.wrong.append(f"an entry is dated {newest}")


def _times(here: Bench) -> list[str]:
    return [str(entry["at"]) for entry in here._entries()]


# -- witnesses ------------------------------------------------------------------------------------


@contextmanager
def _witness(here: Bench, data: Path, port: int, *more: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [*RUN, "witness", "--data", str(data), "--name", "witness.example/w"]
    log = (here.folder / "witness-log").open("ab")
    process = subprocess.Popen(
        [*command, "--logs", str(here.folder / "watched"), "--port", str(port), *more],
        env=environment_of(),
        stdout=log,
        stderr=log,
    )
    log.close()
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)


def _witnesses(
    folder: Path, url: Callable[[str], str], eye: Watching | None, rows: list[Seen]
) -> None:
    data, port = folder / "witness-data", free_port()
    key = subprocess.run(
        [*RUN, "witness", "--data", str(data), "--name", "witness.example/w", "--key"],
        env=environment_of(),
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    policy = folder / "witnesses.policy"
    policy.write_text(f"{key} http://127.0.0.1:{port}\nquorum none\n")
    extra = {"FUNDLEDGER_WITNESSES_FILE": str(policy)}
    with bench(folder / "witnessed", url("witnessed"), eye, extra=extra) as here:
        fund = here.ask(AUDITOR, "GET", "/v1/funds/era")
        assert fund is not None
        (here.folder / "watched").write_text(f"log {fund.json()['log_vkey']}\nquorum none\n")

        def cosigned() -> bool:
            return 'ledger_witness_cosign_total{result="cosigned"' in _metrics(here)

        with _witness(here, data, port):
            here.until(cosigned)
        with observed(here, "the only witness is away", rows):
            time.sleep(1.5)
        (data / "views.db").unlink()
        with (
            observed(here, "a witness lost what it remembered and was told to go on", rows) as seen,
            _witness(here, data, port, "--accept-loss"),
        ):
            here.until(lambda: "forgotten" in str(_alarmed(here)))
            seen.back = "never gone: nothing waits for a witness"


def _metrics(here: Bench) -> str:
    return httpx.get(f"{here.address}/metrics", timeout=10).text


def _alarmed(here: Bench) -> list[str]:
    lines = _metrics(here).splitlines()
    return [
        line
        for line in lines
        if line.startswith("ledger_witness_cosign_total") and not line.endswith(" 0.0")
    ]


# -- identity providers ---------------------------------------------------------------------------

STRANGE: Final[dict[str, list[Any]]] = {
    "a post-quantum key in an issuer's set": [{"kty": "AKP", "alg": "ML-DSA-65", "kid": "pq"}],
    "an encryption key without an id": [{"kty": "RSA", "use": "enc", "n": "AQAB", "e": "AQAB"}],
    "twenty-one keys": [{**JWK, "kid": str(n)} for n in range(21)],
    "a fraction in some member": [{**JWK, "kid": "f", "x5t": 1.5}],
}


def _providers(
    folder: Path, url: Callable[[str], str], eye: Watching | None, rows: list[Seen]
) -> None:
    """A provider over TLS whose answers change; treasuries sign in with its tokens."""
    with provider(folder / "provider") as idp:
        extra = {
            "FUNDLEDGER_ISSUERS_FILE": str(idp.registry()),
            "SSL_CERT_FILE": str(idp.certificate),
        }
        with bench(folder / "signing-in", url("signing-in"), eye, extra=extra, idp=idp) as here:
            for name, keys in STRANGE.items():
                with observed(here, name, rows):
                    idp.keys = [*keys, JWK]
                    idp.asked.clear()
                    here.restart()
            for name, fault in (
                ("an issuer drips a byte every moment", idp.drip),
                ("an issuer answers 500", idp.fail),
                ("an issuer answers with a page", idp.page),
                ("an issuer redirects", idp.redirect),
            ):
                with observed(here, name, rows), idp.misbehaving(fault):
                    time.sleep(1.5)
