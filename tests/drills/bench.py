"""The bench: a real process of the service, somebody who posts all the time, and what must hold."""

import itertools
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx

from app.api.auth.devissuer import DevelopmentIssuer
from app.audit.verify import verify
from app.chain.policy import Policy
from app.runtime.outbound import trusted
from app.runtime.settings import Settings
from app.store.engine import Database
from app.store.migrate import migrate
from tests.drills.providers import Provider
from tests.drills.table import Seen
from tests.drills.watching import Watching
from tests.support.builders import AUDITOR, TRUSTEE, Person, a_charter, a_pledge, money, treasury
from tests.support.ports import free_port

FUND: Final = "era"
DE: Final = treasury("DE")
SETTLES_S: Final = 40.0
"""How long service may take to come back."""
EVERYDAY: Final = {"http_request", "token_refused", "issuer_keys_changed"}
RUN: Final = [sys.executable, "-m", "app.cli"]


class DidNotComeBack(AssertionError):
    """The service did not take requests again in time."""


@dataclass
class Bench:
    """One service on one database."""

    folder: Path
    url: str
    watching: Watching | None
    extra: dict[str, str] = field(default_factory=dict)
    prefix: list[str] = field(default_factory=list)
    """What runs the service's command, for faults that are put under it."""
    idp: Provider | None = None
    """Who signs everybody's tokens; by default the development issuer."""
    port: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = None
    acknowledged: dict[str, int] = field(default_factory=dict)
    """By key: the entry that was answered with 201."""
    answers: Counter[str] = field(default_factory=Counter)
    numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.settings = Settings(database_url=self.url, data_dir=self.folder / "data")
        self._lock = threading.Lock()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def on(self) -> str:
        return "PostgreSQL" if self.url.startswith("postgresql") else "SQLite"

    # -- the process -----------------------------------------------------------------------------

    def prepare(self) -> None:
        """Migrate, and make the keys."""
        self.settings.data_dir.mkdir(parents=True, exist_ok=True)
        database = Database(self.url)
        migrate(database)
        database.close()

    def start(self, *, wait: bool = True) -> None:
        """Start the process; by default until it is ready."""
        environment = {**self.settings.environment(), "FUNDLEDGER_LOG_FORMAT": "json", **self.extra}
        log = (self.folder / "log").open("ab")
        self.process = subprocess.Popen(
            [*self.prefix, *RUN, "serve", "--port", str(self.port)],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=log,
        )
        log.close()
        if wait:
            self.until(self.is_ready)
            if self.watching is not None:
                self.watching.look_at(self.port)

    def stop(self) -> None:
        """Let the process end in good order."""
        if self.process is not None:
            self.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(40)
            self.process.kill()
            self.process.wait(20)
            self.process = None

    def restart(self) -> None:
        """As an operator would."""
        self.stop()
        self.start()

    def is_ready(self) -> bool:
        return self.status("/readyz") == 200

    def status(self, path: str) -> int:
        """The status of an answer; 0 without one."""
        try:
            return httpx.get(self.address + path, timeout=10).status_code
        except httpx.HTTPError:
            return 0

    def until(self, fact: Any, within_s: float = SETTLES_S) -> None:
        """Wait for it. Raises DidNotComeBack."""
        deadline = time.monotonic() + within_s
        while not fact():
            if time.monotonic() > deadline:
                raise DidNotComeBack(f"not within {within_s:.0f} s")
            time.sleep(0.05)

    # -- requests --------------------------------------------------------------------------------

    def token(self, who: Person) -> str:
        if self.idp is not None:
            return self.idp.token(who)
        return DevelopmentIssuer.open(self.settings).token(who.party, [str(who.role)], who.subject)

    def ask(self, who: Person, method: str, path: str, **options: Any) -> httpx.Response | None:
        """One request; None without an answer."""
        headers = {"Authorization": f"Bearer {self.token(who)}", **options.pop("headers", {})}
        try:
            return httpx.request(
                method,
                self.address + path,
                headers=headers,
                timeout=options.pop("timeout", 10),
                verify=trusted(),
                **options,
            )
        except httpx.HTTPError:
            return None

    def open(self) -> None:
        """Open the fund."""
        answer = self.ask(
            TRUSTEE,
            "POST",
            "/v1/funds",
            json=a_charter(fund=FUND),
            headers={"Idempotency-Key": "open"},
        )
        assert answer is not None, "no answer"
        assert answer.status_code == 201, answer.text

    def post(self, key: str | None = None, timeout: float = 10) -> str:
        """Post one pledge; its status and code, which are counted."""
        key = key or f"key-{next(self.numbers)}"
        answer = self.ask(
            DE,
            "POST",
            f"/v1/funds/{FUND}/pledges",
            json=a_pledge(money(1)),
            headers={"Idempotency-Key": key},
            timeout=timeout,
        )
        if answer is None:
            said = "no answer"
        elif answer.status_code == 201:
            said = "201"
            with self._lock:
                self.acknowledged[key] = answer.json()["entry"]["seq"]
        else:
            said = f"{answer.status_code} `{answer.json().get('code')}`"
        with self._lock:
            self.answers[said] += 1
        return said

    @contextmanager
    def posting(self, people: int = 3) -> Iterator[None]:
        """Treasuries post all the time until the block ends, and repeat what was not answered."""
        over = threading.Event()

        def post() -> None:
            while not over.is_set():
                key = f"key-{next(self.numbers)}"
                while self.post(key) != "201":
                    if over.wait(0.1):
                        return
                over.wait(0.01)

        threads = [threading.Thread(target=post) for _ in range(people)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            over.set()
            for thread in threads:
                thread.join()

    # -- what must hold --------------------------------------------------------------------------

    def events(self, since: int) -> set[str]:
        """What the log said from this byte on, apart from what it says every day."""
        found = set()
        raw = (self.folder / "log").read_bytes()[since:]
        for line in raw.decode(errors="replace").splitlines():
            with suppress(ValueError):
                found.add(str(json.loads(line)["event"]))
        return {event for event in found if event.isidentifier()} - EVERYDAY

    def log_size(self) -> int:
        path = self.folder / "log"
        return path.stat().st_size if path.exists() else 0

    def broken_invariants(self) -> list[str]:
        """Everything that does not hold, once service is back."""
        wrong = []
        listed = self._entries()
        by_seq = {entry["seq"]: entry for entry in listed}
        lost = [key for key, seq in self.acknowledged.items() if seq not in by_seq]
        if lost:
            wrong.append(f"{len(lost)} acknowledged entries are lost")
        if len(set(self.acknowledged.values())) != len(self.acknowledged):
            wrong.append("two keys have one entry")
        again = [key for key in list(self.acknowledged)[-5:] if not self._replays(key)]
        if again:
            wrong.append("a repeated request was recorded again")
        bundle, trust = self._bundle()
        if bundle is None:
            wrong.append("no export")
        else:
            report = verify(bundle, Policy.parse(trust))
            wrong += [f"verify: {problem.why}" for problem in report.problems[:2]]
        return wrong

    def _entries(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        path: str | None = f"/v1/funds/{FUND}/entries?limit=500"
        while path is not None:
            answer = self.ask(AUDITOR, "GET", path)
            assert answer is not None, "no answer"
            page = answer.json()
            found += page["items"]
            path = page["next"]
        return found

    def _replays(self, key: str) -> bool:
        before = self.acknowledged[key]
        return self.post(key) == "201" and self.acknowledged[key] == before

    def _bundle(self) -> tuple[Path | None, bytes]:
        fund = self.ask(AUDITOR, "GET", f"/v1/funds/{FUND}")
        answer = self.ask(AUDITOR, "GET", f"/v1/funds/{FUND}/exports/audit", timeout=60)
        if answer is None or fund is None or answer.status_code != 200:
            return None, b""
        path = self.folder / "bundle.zip"
        path.write_bytes(answer.content)
        return path, f"log {fund.json()['log_vkey']}\nquorum none\n".encode()


@contextmanager
def bench(folder: Path, url: str, watching: Watching | None, **options: Any) -> Iterator[Bench]:
    """A service that runs, with its fund open, until the block ends."""
    made = Bench(folder, url, watching, **options)
    made.prepare()
    try:
        made.start()
        made.open()
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def observed(here: Bench, fault: str, rows: list[Seen]) -> Iterator[Seen]:
    """One row: the block injects the fault and takes it away again, while treasuries post.

    After it, service must come back by itself, and everything that was promised must hold.
    """
    seen = Seen(fault, here.on)
    rows.append(seen)
    here.answers.clear()
    since = here.log_size()
    if here.watching is not None:
        here.watching.forget()
    try:
        with here.posting():
            here.until(lambda: here.answers["201"] >= 3)
            yield seen
            here.until(here.is_ready)
            done = here.answers["201"]
            here.until(lambda: here.answers["201"] >= done + 3)
        seen.answers = Counter(here.answers)
        seen.wrong += here.broken_invariants()
    except Exception as error:  # noqa: BLE001  a row that fails is a row
        seen.answers = Counter(here.answers)
        seen.wrong.append(f"{type(error).__name__}: {str(error)[:120]}")
    seen.log = here.events(since)
    if here.watching is not None:
        seen.alerts |= here.watching.seen()
    mark = "held" if seen.held else "; ".join(seen.wrong)
    sys.stderr.write(f"{seen.on:11} {fault}: {dict(seen.answers)} {mark}\n")


def environment_of(**more: str) -> dict[str, str]:
    """The environment of a command, without settings of ours."""
    plain = {k: v for k, v in os.environ.items() if not k.startswith("FUNDLEDGER_")}
    return {**plain, **more}
