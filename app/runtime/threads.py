"""Blocking work beside an event loop."""

from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar

from anyio.to_thread import run_sync

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The result of `function`, called in a thread of anyio's pool.

    Cancelling waits for the thread, which may use a connection of a database that is about to be
    closed.
    """
    return await run_sync(partial(function, *args, **kwargs))
