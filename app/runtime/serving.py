"""Serving HTTP: how every server of this project listens."""

from contextlib import suppress
from typing import Any

import uvicorn

GRACE_S = 5
"""How many seconds running requests may take when a server is told to stop."""


class _Announcing(uvicorn.Server):
    """A server that prints a sentence once it listens."""

    def __init__(self, config: uvicorn.Config, said: str) -> None:
        super().__init__(config)
        self._said = said

    async def startup(self, sockets: list[Any] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            print(self._said, flush=True)


def serve(app: Any, host: str, port: int, said: str) -> bool:
    """Serve an ASGI application until the process is told to stop; returns whether it ever
    listened.

    `said` is printed once it listens.
    """
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        # Named, because another HTTP parser that may be installed is less strict.
        http="h11",
        # Its lines go where all others go: `logs.configure`.
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_S,
    )
    server = _Announcing(config, said)
    # After Ctrl-C the server has stopped normally and raises KeyboardInterrupt again.
    with suppress(KeyboardInterrupt):
        server.run()
    return server.started
