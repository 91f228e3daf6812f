"""What attacks on trust share: a small fund, forged entries, and a server that shows them."""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.chain.canonical import encode
from app.chain.checkpoint import Checkpoint
from app.chain.note import NoteKey
from app.chain.tree import Frontier, leaf_hash
from app.domain.command import Command
from app.ledger.submission import LEDGER_ITSELF, KeyedCommand
from app.runtime.clock import new_id
from tests.support.builders import a_pledge, money, treasury
from tests.support.service import Service, running, serving, settings_of
from tests.support.tampering import Bundle, made_by

PLEDGES = 5


def a_fund_of_pledges(service: Service) -> None:
    service.open(governments=("DE",))
    for number in range(PLEDGES):
        service.post(treasury("DE"), "/pledges", a_pledge(money(number + 1)))


def small_bundle(
    folder: Path, template: Path, fill: Callable[[Service], None] = a_fund_of_pledges
) -> Bundle:
    """The bundle of a fund, made by a service that has ended."""
    with running(settings_of(folder, template)) as service:
        fill(service)
        return made_by(service, folder)


def copied(bundle: Bundle, folder: Path | None = None) -> Bundle:
    return Bundle(dict(bundle.files), bundle.keys, folder or bundle.folder)


def one_more(lines: list[bytes], **members: object) -> bytes:
    """A line after these: a pledge that every rule permits and the server never recorded."""
    last = json.loads(lines[-1])
    pledge = next(e for e in map(json.loads, lines) if e["type"] == "pledge.announced")
    moment = datetime.fromisoformat(last["at"])
    entry = {
        **pledge,
        "seq": last["seq"] + 1,
        "prev": leaf_hash(lines[-1]).hex(),
        "at": last["at"],
        "id": new_id(moment),
        "derived": {"pledge_id": new_id(moment)},
    }
    return encode(
        {name: value for name, value in {**entry, **members}.items() if value is not None}
    )


def note_of(lines: list[bytes], key: NoteKey) -> bytes:
    """The signed checkpoint of these entries."""
    frontier = Frontier.of(list(map(leaf_hash, lines)))
    return Checkpoint(key.name, frontier.size, frontier.root()).note().signed_by(key).to_bytes()


def head(lines: list[bytes], size: int, origin: str) -> Checkpoint:
    """The checkpoint of the first entries."""
    return Checkpoint(origin, size, Frontier.of(list(map(leaf_hash, lines[:size]))).root())


def recorded(service: Service, command: Command) -> None:
    """Record a command of the ledger itself. Raises Refusal."""
    key = service.key()
    asked = KeyedCommand(command, key, sha256(key.encode()).digest())
    asyncio.run(service.inside.ledger.submit("test-fund", LEDGER_ITSELF, asked))


def a_stranger(key: NoteKey) -> NoteKey:
    """Another key under the log's own name."""
    return NoteKey(key.name, Ed25519PrivateKey.generate())


@dataclass
class Shown:
    """What a log server shows; `spoil` changes its bundles of entries."""

    lines: list[bytes]
    note: bytes
    spoil: Callable[[bytes], bytes] = field(default=lambda raw: raw)
    address: str = ""


@contextmanager
def showing(shown: Shown) -> Iterator[Shown]:
    """A server that shows whatever it is told to, until the block ends."""

    async def checkpoint(_: Request) -> Response:
        return Response(shown.note)

    async def entries(request: Request) -> Response:
        number, _, width = request.path_params["number"].partition(".p/")
        first = int(number.replace("x", "").replace("/", "")) * 256
        lines = shown.lines[first : first + int(width or 256)]
        raw = b"".join(len(line).to_bytes(2, "big") + line for line in lines)
        return Response(shown.spoil(raw))

    prefix = "/v1/funds/test-fund/log"
    routes = [
        Route(f"{prefix}/checkpoint", checkpoint),
        Route(f"{prefix}/tile/entries/{{number:path}}", entries),
    ]
    with serving(Starlette(routes=routes)) as address:
        shown.address = address
        yield shown
