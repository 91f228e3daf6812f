"""The outermost layer, plain ASGI: request ids, limits and header rules, metrics.

It applies to every request, also to addresses without a route.
"""

import re
import time
from collections import Counter
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl

from prometheus_client import CollectorRegistry, Gauge, Histogram
from prometheus_client import Counter as PrometheusCounter
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.http.codes import (
    BAD_REQUEST,
    BODY_TOO_LARGE,
    DUPLICATE_HEADER,
    DUPLICATE_PARAMETER,
    TARGET_TOO_LONG,
    UNSUPPORTED_MEDIA_TYPE,
)
from app.api.http.problems import Problem, problem_response
from app.domain.refusals.base import NotFound
from app.runtime import clock, logs
from app.runtime.metrics import SECONDS, Metrics
from app.runtime.tracing import answered, server_span

MAX_TARGET_BYTES: Final = 8_192
_CHARSET: Final = rb'([ \t]*;[ \t]*charset=("utf-8"|utf-8))?'
_JSON: Final = re.compile(rb"(?i)application/json" + _CHARSET)
_LINES: Final = re.compile(rb"(?i)application/(json|x-ndjson)" + _CHARSET)
_BATCHES: Final = re.compile(r"/v1/funds/[^/]+/batches")
_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9-]{1,64}")
_ONCE: Final = {
    b"authorization",
    b"content-encoding",
    b"content-length",
    b"content-type",
    b"host",
    b"idempotency-key",
    b"x-jws-signature",
}
"""Headers that must not occur twice, because a proxy may use the one and the service the other."""
_UNMATCHED: Final = "unmatched"
_log = logs.get(__name__)
_POLLED: Final = ("/livez", "/readyz", "/metrics")
"""Asked every few seconds by machines: a line each would hide all others."""
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """The longest bodies, in bytes: of any request, and of a batch."""

    single: int
    batch: int

    def of(self, path: str) -> int:
        """The limit at this path."""
        return self.batch if _BATCHES.fullmatch(path) else self.single


class FrameMetrics:
    """Metrics of all requests."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = PrometheusCounter(
            "ledger_http_requests",
            "Requests by route template, method and status.",
            ["route", "method", "code"],
            registry=registry,
        )
        self.latency = Histogram(
            "ledger_http_request_duration_seconds",
            "Time to answer, by route template and method.",
            ["route", "method"],
            buckets=SECONDS,
            registry=registry,
        )
        self.in_progress = Gauge(
            "ledger_http_requests_in_progress", "Requests being answered.", registry=registry
        )


class Outermost:
    """Gives the request its id, checks its form, counts its answer."""

    def __init__(self, app: ASGIApp, metrics: Metrics, limits: BodyLimits) -> None:
        self._app = app
        self._metrics = metrics.of(FrameMetrics)
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        tracer = scope["app"].state.tracer
        if tracer is None:
            await self._answer(scope, receive, send)
            return
        method = scope["method"] if scope["method"] in _METHODS else "_OTHER"
        with server_span(tracer, method, scope["scheme"], scope["headers"]) as span:
            status = HTTPStatus.INTERNAL_SERVER_ERROR.value
            try:
                status = await self._answer(scope, receive, send)
            finally:
                route = getattr(scope.get("route"), "path", None)
                answered(span, method, route, status, scope.get("request_id"))

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> int:
        """Answer one request; its status."""
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        scope["request_id"] = request_id = _request_id(headers)
        logs.request_id.set(request_id)
        started = time.perf_counter()
        status = HTTPStatus.INTERNAL_SERVER_ERROR.value

        async def answer(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message["headers"],
                    (b"request-id", request_id.encode()),
                    (b"x-content-type-options", b"nosniff"),
                ]
            await send(message)

        self._metrics.in_progress.inc()
        try:
            problem = self._frame_problem(scope, headers)
            if problem is not None:
                response = problem_response(
                    problem.kind,
                    problem.detail,
                    scope,
                    headers=problem.headers,
                )
                await response(scope, receive, answer)
            else:
                limited = _limited(receive, self._limits.of(scope["path"]))
                await self._app(scope, limited, answer)
        finally:
            self._metrics.in_progress.dec()
            seconds = time.perf_counter() - started
            self._count(scope, status, seconds)
            _log_request(scope, status, seconds)
        return status

    def _frame_problem(self, scope: Scope, headers: list[tuple[bytes, bytes]]) -> Problem | None:
        """The problem with the request's form, found before its content is read; or None."""
        values = dict(headers)
        repeated = Counter(name for name, _ in headers)
        if any(repeated[name] > 1 for name in _ONCE):
            return Problem(DUPLICATE_HEADER, "A header stands twice that may stand once.")
        return _target_problem(scope) or self._body_problem(scope, values)

    def _body_problem(self, scope: Scope, values: dict[bytes, bytes]) -> Problem | None:
        if b"content-length" in values and b"transfer-encoding" in values:
            # Two lengths: a proxy in front may have believed the other one (RFC 9112 section 6.3).
            return Problem(BAD_REQUEST, "Two lengths for one body.", {"Connection": "close"})
        # The server has refused a Content-Length that is not a number.
        length = values.get(b"content-length", b"0")
        limit = self._limits.of(scope["path"])
        if len(length) > 18 or int(length) > limit:
            return _too_large(limit)
        return _media_problem(values, scope["path"]) if scope["method"] == "POST" else None

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        # The route's template, because a path may hold any text and would make endless labels.
        route = getattr(scope.get("route"), "path", _UNMATCHED)
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._metrics.requests.labels(route, method, status).inc()
        self._metrics.latency.labels(route, method).observe(seconds)


def _log_request(scope: Scope, status: int, seconds: float) -> None:
    """One line: what was asked, by whose person, what was answered; no body and no token."""
    route = getattr(scope.get("route"), "path", None)
    if route in _POLLED:
        return
    said = {
        "method": scope["method"],
        # The path itself only where it is nobody's: else it has the identifiers of things.
        "route": route or scope["path"],
        "status": status,
        "duration_ms": round(seconds * 1_000, 1),
        "fund": scope.get("path_params", {}).get("fund"),
        "party": scope.get("party"),
        "code": scope.get("problem"),
    }
    _log.info("http_request", **{name: value for name, value in said.items() if value is not None})


def _limited(receive: Receive, limit: int) -> Receive:
    """The same stream; it ends with 413 when it is longer than `limit`."""
    taken = 0

    async def limited() -> Any:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > limit:
            raise _too_large(limit)
        return message

    return limited


def _too_large(limit: int) -> Problem:
    detail = f"A body has at most {limit} bytes here."
    return Problem(BODY_TOO_LARGE, detail, {"Connection": "close"})


def _target_problem(scope: Scope) -> Problem | None:
    if len(scope["raw_path"]) + len(scope["query_string"]) > MAX_TARGET_BYTES:
        return Problem(TARGET_TOO_LONG, f"At most {MAX_TARGET_BYTES} bytes.")
    if "\n" in scope["path"]:
        # A route's pattern would let one pass at the end of an address.
        return Problem(NotFound, "There is nothing at this address.")
    query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    if len({name for name, _ in query}) != len(query):
        return Problem(DUPLICATE_PARAMETER, "A query parameter stands twice.")
    return None


def _media_problem(values: dict[bytes, bytes], path: str) -> Problem | None:
    if values.get(b"content-encoding", b"identity").lower() != b"identity":
        return Problem(UNSUPPORTED_MEDIA_TYPE, "Send the body without an encoding.")
    allowed = _LINES if _BATCHES.fullmatch(path) else _JSON
    if not allowed.fullmatch(values.get(b"content-type", b"")):
        return Problem(UNSUPPORTED_MEDIA_TYPE, "Send application/json in UTF-8.")
    return None


def _request_id(headers: list[tuple[bytes, bytes]]) -> str:
    """The caller's own id if it has safe characters only, otherwise a new one."""
    for name, value in headers:
        if name == b"request-id" and _REQUEST_ID.fullmatch(value):
            return value.decode("ascii")
    return clock.new_id(clock.now())
