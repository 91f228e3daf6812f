"""A real service on a real socket, in a thread of the test's own process."""

import asyncio
import copy
import itertools
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import httpx
import pytest
import uvicorn

from app.api.auth.devissuer import DevelopmentIssuer
from app.api.services import Services
from app.client import Client
from app.main import create_app
from app.runtime.outbound import trusted
from app.runtime.settings import Settings
from tests.support.builders import (
    AUDITOR,
    RECENTLY,
    REQUESTER,
    TRUSTEE,
    Person,
    a_charter,
    a_recent_receipt,
    a_request,
    an_agreement,
    an_approval,
    treasury,
)

FUND = "/v1/funds/test-fund"


class Service:
    """A running service, tokens for everybody, and the steps that stories are made of.

    All that is said of a fund is said of `fund`.
    """

    def __init__(self, address: str, settings: Settings, app: Any) -> None:
        self.address = address
        self.settings = settings
        self.fund = "test-fund"
        self._app = app
        self._issuer = DevelopmentIssuer.open(settings)
        self._clients: dict[tuple[str, ...], Client] = {}
        self._raw = httpx.Client(base_url=address, timeout=30, verify=trusted())
        self._making = threading.Lock()
        self._numbers = itertools.count(1)

    @property
    def path(self) -> str:
        """The fund's address."""
        return f"/v1/funds/{self.fund}"

    def another(self, **changes: Any) -> Self:
        """The same service and another fund in it, open: nobody else records anything there."""
        apart = copy.copy(self)
        apart.fund = f"fund-{next(self._numbers)}"
        apart.open(**changes)
        return apart

    @property
    def inside(self) -> Services:
        """The service's own parts, for looking at what HTTP does not show."""
        here: Services = self._app.state.services
        return here

    def token(self, who: Person, *, subject: str | None = None) -> str:
        return self._issuer.token(who.party, [str(who.role)], subject or who.subject)

    def client(self, who: Person, *, subject: str | None = None) -> Client:
        label = (who.party, who.role, subject or who.subject)
        with self._making:
            if label not in self._clients:
                self._clients[label] = Client(self.address, self.token(who, subject=subject))
            return self._clients[label]

    def seen(self) -> dict[str, Any]:
        """The newest checkpoint, as a party acknowledges it."""
        return self.client(AUDITOR).seen(self.fund)

    def key(self) -> str:
        """An idempotency key that nobody has used."""
        return f"key-{next(self._numbers)}"

    def raw(self, who: Person, method: str, path: str, **options: Any) -> httpx.Response:
        """One request with a token, and the whole response."""
        headers = {"Authorization": f"Bearer {self.token(who)}", **options.pop("headers", {})}
        if method == "POST":
            headers = {"Idempotency-Key": self.key(), **headers}
        return self._raw.request(method, path, headers=headers, **options)

    def post(self, who: Person, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return self.client(who).post(self.path + path, body, self.key())

    def get(self, who: Person, path: str) -> dict[str, Any]:
        return self.client(who).get(self.path + path)

    # -- steps of stories ------------------------------------------------------------------------

    def open(self, **changes: Any) -> dict[str, Any]:
        return self.client(TRUSTEE).post(
            "/v1/funds", a_charter(**{"fund": self.fund, **changes}), self.key()
        )

    def agreed(self, party: str, amount: dict[str, str], window: str = "budget") -> str:
        """The id of an agreement in force."""
        drafted = self.post(treasury(party), "/agreements", an_agreement(amount, window))
        identifier: str = drafted["entry"]["derived"]["agreement_id"]
        digest = self.get(treasury(party), f"/agreements/{identifier}")["digest"]
        signature = {"agreement_id": identifier, "digest": digest}
        for signer in (treasury(party), TRUSTEE):
            self.post(signer, f"/agreements/{identifier}/signatures", signature)
        return identifier

    def paid(self, party: str, amount: dict[str, str], window: str = "budget") -> str:
        """The id of an agreement in force on which the whole amount was received."""
        identifier = self.agreed(party, amount, window)
        body = a_recent_receipt(identifier, amount, f"IN-{self.key()}")
        self.post(treasury(party), "/receipts", body)
        return identifier

    def requested(self, amount: dict[str, str], window: str = "budget") -> str:
        asked = self.post(REQUESTER, "/disbursements", a_request(amount, window))
        identifier: str = asked["entry"]["derived"]["disbursement_id"]
        return identifier

    def waiting(self, identifier: str) -> list[tuple[Person, str, dict[str, Any]]]:
        """Who is asked, for which step, and the body that would approve it; in order."""
        view = self.get(REQUESTER, f"/disbursements/{identifier}")
        digest = view["disbursement"]["digest"]
        order = [step["id"] for step in a_charter()["approval_steps"]]
        rows = [row for row in view["approvals"] if row["answer"] == "pending"]
        rows.sort(key=lambda row: (order.index(row["step"]), row["party"]))
        return [
            (
                Person(row["party"], row["role"]),
                f"/disbursements/{identifier}/approvals",
                an_approval(identifier, row["step"], digest),
            )
            for row in rows
        ]

    def approved(self, identifier: str, *, but: int = 0) -> None:
        """Give every approval that waits, but the last `but`."""
        waiting = self.waiting(identifier)
        for who, path, body in waiting[: len(waiting) - but]:
            self.post(who, path, body)

    def settled(self, identifier: str, currency: str = "EUR") -> None:
        """Instruct the bank and record that it has paid."""
        path = f"/disbursements/{identifier}"
        instruction = {"disbursement_id": identifier, "bank_account": f"BANK-{currency}"}
        self.post(TRUSTEE, f"{path}/instruction", instruction)
        settlement = {
            "disbursement_id": identifier,
            "bank_reference": f"OUT-{self.key()}",
            "value_date": RECENTLY,
        }
        self.post(TRUSTEE, f"{path}/settlement", settlement)

    def export(self, path: Path) -> Path:
        """The audit bundle, in a file."""
        with path.open("wb") as file:
            for piece in self.client(REQUESTER).download(f"{self.path}/exports/audit"):
                file.write(piece)
        return path

    def trust(self, path: Path) -> Path:
        """The trust file, in a file."""
        vkey = self.inside.notary.keys.of_log(self.fund).verifier
        path.write_text(f"log {vkey}\nquorum none\n")
        return path

    def sign_out(self) -> None:
        """Everybody gets a new token with the next request."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    def close(self) -> None:
        self.sign_out()
        self._raw.close()


def settings_of(folder: Path, template: Path) -> Settings:
    """Settings of a service on an empty SQLite file in the folder."""
    (folder / "ledger.db").write_bytes(template.read_bytes())
    return settings_in(folder)


def settings_in(folder: Path) -> Settings:
    """Settings of a service on the SQLite file that is in the folder."""
    return Settings(database_url=f"sqlite:///{folder / 'ledger.db'}", data_dir=folder)


def in_environment(patch: pytest.MonkeyPatch, settings: Settings) -> None:
    """Give the commands that a test runs in its own process these settings."""
    for name, value in settings.environment().items():
        patch.setenv(name, value)


@contextmanager
def running(settings: Settings) -> Iterator[Service]:
    """A service with these settings, until the block ends."""
    app = create_app(settings)
    with serving(app) as address:
        service = Service(address, settings, app)
        try:
            yield service
        finally:
            service.close()


class _Prompt(uvicorn.Server):
    """Begins and ends as soon as it can; uvicorn's own looks ten times a second."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.begun = threading.Event()
        self._ended = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        self.begun.set()

    def end(self) -> None:
        """Called from another thread."""
        self.should_exit = True
        if self._loop is not None:
            # One that refused to start has closed its loop.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._ended.set)

    async def main_loop(self) -> None:
        while not self._ended.is_set():
            await self.on_tick(0)  # the time of day in every answer's head
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), 1)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        while self.server_state.connections or self.server_state.tasks:
            await asyncio.sleep(0.001)
        for server in self.servers:
            await server.wait_closed()
        await self.lifespan.shutdown()


@contextmanager
def serving(app: Any) -> Iterator[str]:
    """The address of a server of this application, until the block ends."""
    server = _Prompt(
        uvicorn.Config(app, http="h11", log_level="warning", access_log=False, server_header=False)
    )
    # The protocol by name: only then does asyncio switch Nagle's delay off.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))

    def serve() -> None:
        # A service that refuses to start ends its process; here that is the end of its thread.
        try:
            with suppress(SystemExit):
                server.run(sockets=[listening])
        finally:
            server.begun.set()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        if not server.begun.wait(20) or not server.started:
            raise AssertionError("the service did not start")
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.end()
        thread.join()
        listening.close()
