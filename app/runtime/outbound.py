"""Asking strangers over HTTP: whatever they answer, it costs little."""

import ssl
from functools import cache
from typing import NamedTuple

import httpx


class Reply(NamedTuple):
    """Status, media type and body. A body that is `cut_off` was longer than anybody wanted."""

    status: int
    media_type: str
    body: bytes
    cut_off: bool


@cache
def trusted() -> ssl.SSLContext:
    """Whom TLS trusts; one for all clients, for reading it takes as long as several requests."""
    return httpx.create_ssl_context()


async def post(
    client: httpx.AsyncClient, address: str, body: bytes, at_most: int, media_type: str
) -> Reply:
    """The answer to a question, never more than about `at_most` bytes of it.

    It is asked for as it is and never unpacked: a little could become a lot. Raises
    httpx.HTTPError, httpx.InvalidURL.
    """
    headers = {"Accept-Encoding": "identity", "Content-Type": media_type}
    answer = bytearray()
    async with client.stream("POST", address, content=body, headers=headers) as response:
        async for piece in response.aiter_raw():
            answer += piece
            if len(answer) > at_most:
                break
        kind = response.headers.get("content-type", "")
        return Reply(response.status_code, kind, bytes(answer), len(answer) > at_most)
