"""The measurements. Each answers with rows: what was measured, under which conditions, the figures.

Rates are commands a second. Load generator, ledger and database share the machine's cores, and
other people's work may share them too: compare within one run, never between runs.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from app.chain.canonical import encode
from app.chain.jws import public_jwk
from app.client import Client
from app.domain.values import Role
from app.trust.signatures import check_signature, sign
from tests.bench import load
from tests.bench.load import Measured
from tests.bench.servers import TODAY, Ledger, durable_postgres, item, ledger
from tests.bench.yardstick import pgbench, prepare
from tests.support.builders import (
    REQUESTER,
    Person,
    a_charter,
    a_request,
    an_approval,
    money,
    treasury,
)

Row = dict[str, Any]
SECONDS = int(os.environ.get("BENCH_SECONDS", "8"))
FUND = "bench"


def yardstick(folder: Path) -> Iterator[Row]:
    """`pgbench` with eight clients, writing the same rows without a chain, rules or HTTP."""
    with durable_postgres() as url:
        prepare(url)
        for one_call, what in ((False, "pgbench, same rows"), (True, "pgbench, one call")):
            rate = pgbench(url, folder, SECONDS, one_call=one_call)
            if rate is None:
                raise load.NoLoadGenerator("pgbench is not installed, and cannot be")
            yield {
                "what": what,
                "database": "postgresql",
                "connections": 8,
                "batch": 1,
                "rate": rate,
            }


def one_per_commit(folder: Path) -> Iterator[Row]:
    """The same service, held to one command per commit."""
    with durable_postgres() as url, ledger(folder, url, batch_limit=1) as running:
        ids = _warmed(running, 2)
        yield a_row("receipts, one a commit", receipts(running, ids, 64), 64)


def singles(folder: Path) -> Iterator[Row]:
    """Single receipts over HTTP: tokens, rules, receipts, full durability."""
    with durable_postgres() as url, ledger(folder, url) as running:
        ids = _warmed(running, 2)
        for connections in (1, 8, 64, 256):
            yield a_row("receipts", receipts(running, ids, connections), connections)
        many = running.agreed(FUND, 1_000)
        yield a_row("receipts", receipts(running, many, 64), 64, hot=1_000)


def batches(folder: Path) -> Iterator[Row]:
    """The same receipts, many in a request."""
    with durable_postgres() as url, ledger(folder, url) as running:
        ids = _warmed(running, 2)
        for size in (100, 1_000):
            measured = batched(running, ids, size)
            yield {**a_row("receipts, batched", measured, 2, factor=size), "batch": size}


def approvals(folder: Path) -> Iterator[Row]:
    """Single approvals: each by the person whom the step asks, on requests that wait; then the
    same, each with its party's own signature; and what checking a signature alone takes.
    """
    yield {"what": "ES256 checks, one core", "rate": _checks_a_second()}
    for signed in (False, True):
        inside = folder / f"signed-{signed}"
        with durable_postgres() as url, ledger(inside, url) as running:
            lines = inside / "approvals.txt"
            # More than can be given in the time: each line is sent once.
            lines.write_text("".join(_approvals(running, 400 * SECONDS, signed=signed)))
            begun = load.begin(running.addresses[0], 64, SECONDS, "lines", str(lines))
            what = "approvals, signed" if signed else "approvals"
            yield a_row(what, load.finish(begun), 64)


def _checks_a_second() -> float:
    """Detached signatures that this machine checks, one after the other."""
    key, payload = ec.generate_private_key(ec.SECP256R1()), b"{}" * 200
    jws = sign(payload, key, fund=FUND, op="approval.given", nonce="n")
    jwk, count, begun = public_jwk(key.public_key()), 0, time.perf_counter()
    while time.perf_counter() - begun < SECONDS / 4:
        check_signature(jws, payload, FUND, jwk)
        count += 1
    return count / (time.perf_counter() - begun)


def processes(folder: Path) -> Iterator[Row]:
    """One and two API processes, on one fund and on two."""
    for count, funds in ((1, 1), (2, 1), (1, 2), (2, 2)):
        inside = folder / f"{count}-{funds}"
        with durable_postgres() as url, ledger(inside, url, count) as running:
            ids = {f"bench-{n}": _warmed(running, 2, f"bench-{n}") for n in range(funds)}
            names = list(ids)
            loads = [
                _begin_receipts(running, ids[name], 32, SECONDS, place % count, fund=name)
                for place, name in enumerate([names[0], names[-1]])
            ]
            together = Measured.together([load.finish(one) for one in loads])
            row = a_row("receipts", together, 64)
            yield {**row, "processes": count, "funds": funds}


def embedded(folder: Path) -> Iterator[Row]:
    """The embedded default: SQLite, every commit on disk."""
    with ledger(folder) as running:
        ids = _warmed(running, 2)
        for connections in (1, 64):
            row = a_row("receipts", receipts(running, ids, connections), connections)
            yield {**row, "database": "sqlite"}


def _warmed(running: Ledger, agreements: int, fund: str = FUND) -> list[str]:
    """A fund with agreements; plans and caches are there before anything is measured."""
    ids = running.opened(fund, agreements)
    load.finish(_begin_receipts(running, ids, 8, 2, fund=fund))
    return ids


def receipts(
    running: Ledger, ids: list[str], connections: int, seconds: float = SECONDS
) -> Measured:
    """Receipts on these agreements, one a request, for some seconds."""
    return load.finish(_begin_receipts(running, ids, connections, seconds))


def batched(running: Ledger, ids: list[str], size: int, seconds: float = SECONDS) -> Measured:
    """Receipts in batches of `size`, over two connections."""
    token, prefix = running.token(treasury("DE")), f"b{time.monotonic_ns()}"
    arguments = ("batch", token, FUND, prefix, TODAY, str(size), *ids)
    return load.finish(load.begin(running.addresses[0], 2, seconds, *arguments))


def reads(running: Ledger, paths: dict[str, list[str]], size: int) -> Iterator[Row]:
    """Each kind of read in turn, over eight connections."""
    token = running.token(treasury("DE"))
    for name, addresses in paths.items():
        begun = load.begin(running.addresses[0], 8, 5, "read", token, *addresses)
        yield {**a_row(name, load.finish(begun), 8), "entries": size}


def _begin_receipts(
    running: Ledger,
    ids: list[str],
    connections: int,
    seconds: float,
    process: int = 0,
    fund: str = FUND,
) -> Any:
    token, prefix = running.token(treasury("DE")), f"r{time.monotonic_ns()}"
    arguments = ("receipt", token, fund, prefix, TODAY, *ids)
    return load.begin(running.addresses[process], connections, seconds, *arguments)


def a_row(what: str, measured: Measured, connections: int, *, hot: int = 2, factor: int = 1) -> Row:
    return {
        "what": what,
        "database": "postgresql",
        "processes": 1,
        "funds": 1,
        "connections": connections,
        "batch": 1,
        "hot_accounts": hot,
        "rate": measured.rate * factor,
        "p50_ms": measured.p50_ms,
        "p99_ms": measured.p99_ms,
    }


def _approvals(running: Ledger, requests: int, *, signed: bool) -> Iterator[str]:
    """Lines for the load generator: the first approvals of many requests, in any order."""
    running.opened(FUND, 1)
    keys = {party: _registered(running, party) for party in ("DE", "FR")} if signed else {}
    path = f"/v1/funds/{FUND}"
    asked = [
        item("disbursement.requested", f"ask-{n}", a_request(money(1))) for n in range(requests)
    ]
    made = running.client(REQUESTER).batch(f"{path}/batches", asked)["results"]
    digests: dict[str, str] = {}
    following: str | None = f"{path}/disbursements?limit=500"
    while following:
        page = running.client(REQUESTER).get(following)
        digests |= {row["disbursement_id"]: row["digest"] for row in page["items"]}
        following = page["next"]
    steps = [step for step in a_charter()["approval_steps"] if not step.get("after")]
    tokens = {
        (party, step["id"]): running.token(Person(party, step["role"]))
        for party in ("DE", "FR")
        for step in steps
    }
    for number, result in enumerate(made):
        identifier = result["entry"]["derived"]["disbursement_id"]
        for (party, step), token in tokens.items():
            body = an_approval(identifier, step, digests[identifier])
            address = f"{path}/disbursements/{identifier}/approvals"
            text, nonce = str(body).replace("'", '"'), f"approve-{number}-{party}-{step}"
            jws = ""
            if party in keys:
                payload = encode(body)
                jws = sign(payload, keys[party], fund=FUND, op="approval.given", nonce=nonce)
            yield f"{token}\t{address}\t{nonce}\t{jws}\t{text}\n"


def _registered(running: Ledger, party: str) -> ec.EllipticCurvePrivateKey:
    """A key that its party has registered."""
    key, admin = ec.generate_private_key(ec.SECP256R1()), Person(party, Role.ADMIN)
    with Client(running.addresses[0], running.token(admin), key) as client:
        client.register_key(FUND, f"key-{party}")
    return key


@contextmanager
def timed(row: Row, count: int) -> Iterator[None]:
    """Put the rate of whatever happens inside into the row."""
    started = time.perf_counter()
    yield
    row["rate"] = count / (time.perf_counter() - started)
