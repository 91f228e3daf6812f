"""Serving HTTP: how every server of this project listens."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import uvicorn

from app.runtime.supervisor import ALIVE, READY, STOPPING, notify

ALIVE_S = 5
"""How often the supervisor is told, in seconds."""
GRACE_S = 20
"""How many seconds running requests may take when a server is told to stop."""


class _Announcing(uvicorn.Server):
    """A server that prints a sentence once it listens."""

    def __init__(self, config: uvicorn.Config, said: str, alive: Callable[[], bool]) -> None:
        super().__init__(config)
        self._said = said
        self._alive = alive

    async def startup(self, sockets: list[Any] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            print(self._said, flush=True)
            notify(READY)

    async def on_tick(self, counter: int) -> bool:
        """Called ten times a second."""
        if counter % (10 * ALIVE_S) == 0 and self._alive():
            notify(ALIVE)
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[Any] | None = None) -> None:
        notify(STOPPING)
        await super().shutdown(sockets)


def serve(
    app: Any, host: str, port: int, said: str, alive: Callable[[], bool] = lambda: True
) -> bool:
    """Serve an ASGI application until the process is told to stop; returns whether it ever
    listened.

    `said` is printed once it listens; the supervisor is told so long as it is `alive`.
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
    server = _Announcing(config, said, alive)
    # After Ctrl-C the server has stopped normally and raises KeyboardInterrupt again.
    with suppress(KeyboardInterrupt):
        server.run()
    return server.started
