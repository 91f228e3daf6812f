"""Patience with a database that does not answer: it ends.

A server that is frozen, or lies behind a network that drops packets, neither answers nor refuses. A
thread that waits for it would wait as long as that lasts. Here every use of a connection has a
deadline; when it passes, the connection is cut, and the waiting thread gets the driver's error.
"""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from sqlalchemy import Connection

LOOK_S: Final = 1.0
"""How many seconds lie between looks: a connection may have so much more than its time."""


class Patience:
    """Cuts connections whose time is up. Its thread begins with the first use of one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._in_use: dict[int, tuple[float, Any]] = {}
        """By connection: when it is cut, and the driver's connection."""
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None

    @contextmanager
    def with_(self, connection: Connection, seconds: float) -> Iterator[None]:
        """Cut the connection if the block takes longer than this."""
        driver = connection.connection.driver_connection
        with self._lock:
            self._in_use[id(driver)] = (time.monotonic() + seconds, driver)
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="patience", daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            with self._lock:
                self._in_use.pop(id(driver), None)

    def end(self) -> None:
        """End the thread."""
        self._wake.set()

    def _watch(self) -> None:
        while not self._wake.wait(LOOK_S):
            with self._lock:
                now = time.monotonic()
                late = [driver for until, driver in self._in_use.values() if until <= now]
                # Under the lock: a connection that was given back is not cut for another's sake.
                for driver in late:
                    _cut(driver)


def _cut(driver: Any) -> None:
    """Wake the thread that waits for this connection, whatever state it is in."""
    with suppress(Exception):
        if hasattr(driver, "interrupt"):
            driver.interrupt()
            return
        with socket.socket(fileno=os.dup(driver.pgconn.socket)) as duplicate:
            duplicate.shutdown(socket.SHUT_RDWR)
