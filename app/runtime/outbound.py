"""Requests to other servers, with limits on how much of an answer is read."""

import ssl
from functools import cache
from typing import NamedTuple

import httpx


class Reply(NamedTuple):
    """Status, media type and body. `cut_off` says that the body was longer than the limit."""

    status: int
    media_type: str
    body: bytes
    cut_off: bool


@cache
def trusted() -> ssl.SSLContext:
    """The TLS context of all clients; made once, as that takes as long as several requests."""
    return httpx.create_ssl_context()


async def post(
    client: httpx.AsyncClient, address: str, body: bytes, at_most: int, media_type: str
) -> Reply:
    """The answer to a request, cut off after about `at_most` bytes.

    No compressed answer is asked for, because a small one can expand to a huge one. Raises
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
