"""Asking strangers: whatever they answer, no more of it is taken than was wanted."""

import asyncio
import gzip
from collections.abc import Iterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from app.runtime.outbound import Reply, post
from tests.support.service import serving

PACKED = gzip.compress(b"0" * 10_000_000)


async def _packed(request: Request) -> Response:
    return Response(PACKED, headers={"Content-Encoding": "gzip"}, media_type="text/stamp")


async def _endless(request: Request) -> Response:
    def more() -> Iterator[bytes]:
        while True:
            yield b"0" * 1_000

    return StreamingResponse(more())


async def _echo(request: Request) -> Response:
    said = "|".join(request.headers[name] for name in ("accept-encoding", "content-type"))
    return Response(said.encode() + b"|" + await request.body(), status_code=409)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    routes = [
        Route(f"/{name}", answering, methods=["POST"])
        for name, answering in (("packed", _packed), ("endless", _endless), ("echo", _echo))
    ]
    with serving(Starlette(routes=routes)) as here:
        yield here


def asked(address: str, at_most: int) -> Reply:
    async def ask() -> Reply:
        async with httpx.AsyncClient() as client:
            return await post(client, address, b"question", at_most, "text/question")

    return asyncio.run(ask())


def test_an_answer_that_would_unpack_to_a_lot_stays_packed(address: str) -> None:
    answer = asked(f"{address}/packed", 20_000)

    assert answer == Reply(200, "text/stamp; charset=utf-8", PACKED, cut_off=False)


def test_an_answer_without_end_is_cut_off(address: str) -> None:
    answer = asked(f"{address}/endless", 5_000)

    assert answer.cut_off
    assert 5_000 < len(answer.body) < 1_000_000


def test_whoever_is_asked_is_told_what_it_is_and_not_to_pack(address: str) -> None:
    answer = asked(f"{address}/echo", 1_000)

    assert answer.status == 409
    assert answer.body == b"identity|text/question|question"
    assert not answer.cut_off
