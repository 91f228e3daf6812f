"""The supervisor of this process, as systemd's protocol has it (sd_notify(3)).

It is told when the service listens, and from then on every few seconds that it is alive. One that
says nothing is restarted: a process whose writer has ended, or whose event loop hangs.
"""

import os
import socket
from contextlib import suppress
from typing import Final

READY: Final = "READY=1"
ALIVE: Final = "WATCHDOG=1"
STOPPING: Final = "STOPPING=1"


def notify(state: str) -> None:
    """Tell the supervisor, if there is one that wants to be told."""
    address = os.environ.get("NOTIFY_SOCKET")  # noqa: TID251  the supervisor's, not a setting
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    # Whether it hears is its own affair.
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagrams:
        datagrams.sendto(state.encode(), address)
