"""What a mirror reads: a log as tiles (C2SP tlog-tiles), and its witnesses' checkpoints."""

from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Final, Self

import httpx

from app.chain.entry import MAX_ENTRY_BYTES
from app.chain.note import MAX_NOTE_BYTES, Note, NoteError
from app.chain.tiles import TILE_WIDTH, tile_path

TIMEOUT_S: Final = 30.0
MAX_BUNDLE_BYTES: Final = TILE_WIDTH * (MAX_ENTRY_BYTES + 2)


class Unreadable(Exception):
    """The log or a witness does not answer, or not in the required form."""


class LogSource:
    """One fund's log over HTTP. `token` is called for each request, because tokens expire."""

    def __init__(self, server: str, fund: str, token: Callable[[], str]) -> None:
        self._prefix = f"{server.rstrip('/')}/v1/funds/{fund}/log"
        self._token = token
        # Compressed answers are not asked for, because a small one can expand to a huge one.
        plain = {"Accept-Encoding": "identity"}
        self._http = httpx.Client(timeout=TIMEOUT_S, follow_redirects=False, headers=plain)

    def checkpoint(self) -> bytes:
        """The newest checkpoint that the log shows. Raises Unreadable."""
        return _note(self._get(f"{self._prefix}/checkpoint", MAX_NOTE_BYTES))

    def entries(self, start: int, end: int) -> Iterator[bytes]:
        """Entries [start, end), bundle by bundle. Raises Unreadable."""
        for number in range(start // TILE_WIDTH, -(-end // TILE_WIDTH)):
            first = number * TILE_WIDTH
            width = min(TILE_WIDTH, end - first)
            url = f"{self._prefix}/tile/entries/{tile_path(number, width)}"
            raw = self._get(url, MAX_BUNDLE_BYTES, {"Authorization": f"Bearer {self._token()}"})
            lines = _split(raw)
            if len(lines) != width:
                raise Unreadable(f"bundle {number} has {len(lines)} entries, not {width}")
            yield from lines[max(0, start - first) :]

    def view_of(self, url: str, origin: str) -> bytes | None:
        """The checkpoint that a witness at `url` cosigned last; None before its first. Raises
        Unreadable.
        """
        digest = sha256(origin.encode()).hexdigest()
        try:
            return _note(self._get(f"{url.rstrip('/')}/{digest}/checkpoint", MAX_NOTE_BYTES))
        except _NotThere:
            return None

    def _get(self, url: str, limit: int, headers: dict[str, str] | None = None) -> bytes:
        content = bytearray()
        try:
            with self._http.stream("GET", url, headers=headers) as response:
                if response.status_code == httpx.codes.NOT_FOUND:
                    raise _NotThere(f"{url}: there is none")
                if response.status_code != httpx.codes.OK:
                    raise Unreadable(f"{url}: status {response.status_code}")
                for piece in response.iter_raw():
                    content += piece
                    if len(content) > limit:
                        raise Unreadable(f"{url}: more than {limit} bytes")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Unreadable(f"{url}: {type(error).__name__}") from None
        return bytes(content)

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _NotThere(Unreadable):
    """The answer was 404."""


def _note(raw: bytes) -> bytes:
    """The answer, if it has the form of a note: a proxy's page says nothing about the log. Raises
    Unreadable.
    """
    try:
        Note.parse(raw)
    except NoteError as error:
        raise Unreadable(f"the answer is no checkpoint: {error}") from None
    return raw


def _split(raw: bytes) -> list[bytes]:
    """The entries of a bundle, each after its length in two bytes. Raises Unreadable."""
    lines, at = [], 0
    while at < len(raw):
        length = int.from_bytes(raw[at : at + 2], "big")
        line = raw[at + 2 : at + 2 + length]
        if len(line) != length:
            raise Unreadable("a bundle ends within an entry")
        lines.append(line)
        at += 2 + length
    return lines
