"""The service's log: one line an event, JSON for machines or text for people.

An event has a name that stays (`docs/logs.md` lists them), and values beside it: never a
token, an amount or a body. What libraries log goes through the same processors. Values from outside
are cut to a length, and control and bidirectional characters escaped, so that no line can pretend
to be two, or to be another.
"""

import logging
import sys
import time
import traceback
from collections.abc import MutableMapping
from contextvars import ContextVar
from threading import Lock
from typing import Any, Final, TextIO

import structlog
from structlog.stdlib import BoundLogger, ProcessorFormatter
from structlog.typing import Processor

from app.runtime import clock

MAX_VALUE: Final = 500
"""So many characters of a value are written."""
FRAMES: Final = 6
"""So many places of an error's trace, the innermost …"""
CAUSES: Final = 2
"""… and so many errors that led to it."""
SELDOM_S: Final = 60.0
"""How many seconds lie between lines about something that lasts."""
_LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The request that is being answered; it stands in every line that is written meanwhile."""


def get(name: str) -> BoundLogger:
    """The log of a module."""
    found: BoundLogger = structlog.stdlib.get_logger(name)
    return found


def configure(*, level: str = "info", pretty: bool = False, stream: TextIO | None = None) -> None:
    """Write the log of this process to `stream`, by default standard error."""
    renderer: Processor = (
        structlog.dev.ConsoleRenderer(colors=False)
        if pretty
        else structlog.processors.JSONRenderer(sort_keys=False)
    )
    traces: Processor = structlog.processors.format_exc_info if pretty else _one_line_trace
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=_SHARED,
            processors=[ProcessorFormatter.remove_processors_meta, traces, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(_LEVELS[level])
    for chatty in ("httpx", "httpcore", "alembic", "uvicorn.access"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    for own in ("uvicorn", "uvicorn.error"):
        logging.getLogger(own).handlers = []
        logging.getLogger(own).propagate = True


class _Seldom:
    """Which events were written lately, and how many were left out since."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._written: dict[tuple[str, str], tuple[float, int]] = {}

    def left_out(self, key: tuple[str, str]) -> int | None:
        """How many were left out since the last line, if one is due; else None, and it counts."""
        with self._lock:
            at, count = self._written.get(key, (-SELDOM_S, 0))
            if time.monotonic() - at < SELDOM_S:
                self._written[key] = (at, count + 1)
                return None
            if len(self._written) > 1_000:
                self._written.clear()
            self._written[key] = (time.monotonic(), 0)
            return count


_seldom: Final = _Seldom()


def seldom(
    log: BoundLogger, event: str, about: str = "", /, *, level: str = "warning", **values: Any
) -> None:
    """Say something that lasts, at most once a minute for what it is about.

    The line tells how many like it were left out before.
    """
    left_out = _seldom.left_out((event, about))
    if left_out is not None:
        more = {"left_out": left_out} if left_out else {}
        getattr(log, level)(event, **values, **more)


def safe(value: str) -> str:
    """A text as it may stand in a line: cut, and without characters that deceive.

    Not printable are control characters, line ends, those that change the direction of writing or
    have no width, and lone surrogates.
    """
    cut = value if len(value) <= MAX_VALUE else f"{value[:MAX_VALUE]}…"
    if cut.isprintable():
        return cut
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut)


def _safe_values(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    event.pop("color_message", None)  # uvicorn says everything twice
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = safe(value)
    return event


def _in_order(_: Any, level: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Time, level and name first, because people read lines from the left."""
    asked = request_id.get()
    return {
        "time": clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": event.pop("level", level),
        "event": event.pop("event", ""),
        **({"request_id": asked} if asked else {}),
        **event,
    }


def _one_line_trace(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """An error and its causes in one object: type, message, and where. No values of variables."""
    given = event.pop("exc_info", None)
    error = given[1] if isinstance(given, tuple) else given
    if given is True:
        error = sys.exc_info()[1]
    if isinstance(error, BaseException):
        event["exception"] = _told(error, CAUSES)
    return event


def _told(error: BaseException, more: int) -> dict[str, Any]:
    frames = traceback.extract_tb(error.__traceback__, limit=-FRAMES)
    told: dict[str, Any] = {
        "type": type(error).__qualname__,
        # Of a driver's error the lines that follow quote the row, which is a party's.
        "message": safe(str(error).partition("\n")[0]),
        "at": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    }
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None and more:
        told["cause"] = _told(cause, more - 1)
    return told


_SHARED: Final[list[Processor]] = [
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.processors.StackInfoRenderer(),
    _safe_values,
    _in_order,
]
structlog.configure(
    processors=[
        structlog.stdlib.filter_by_level,
        *_SHARED,
        ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=BoundLogger,
    cache_logger_on_first_use=True,
)
