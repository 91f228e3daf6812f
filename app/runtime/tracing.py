"""Traces, on by OpenTelemetry's own variables: one span for each request.

`OTEL_EXPORTER_OTLP_ENDPOINT` turns them on (or `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`);
`OTEL_TRACES_EXPORTER=none` and `OTEL_SDK_DISABLED=true` turn them off. The SDK reads the others.
"""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from threading import Thread
from typing import Final

from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from app.runtime import logs

FLUSH_S: Final = 3
"""How long the end of the service waits for spans to be sent."""
_PROPAGATOR: Final = TraceContextTextMapPropagator()
_CONTINUED: Final = (b"traceparent", b"tracestate")
_log = logs.get(__name__)


def _wanted() -> bool:
    get = os.environ.get  # noqa: TID251  variables that a standard names
    to = get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") or get("OTEL_EXPORTER_OTLP_ENDPOINT")
    off = get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    return bool(to) and not off and get("OTEL_TRACES_EXPORTER", "otlp").strip() == "otlp"


@contextmanager
def tracing() -> Iterator[Tracer | None]:
    """The tracer while the service runs, in the process that serves; None if none is wanted."""
    if not _wanted():
        yield None
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError:
        _log.warning("no_traces", why="install joint-fund-ledger[telemetry]")
        yield None
        return
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    try:
        yield provider.get_tracer("fundledger")
    finally:
        # A collector that does not answer must not keep the service from ending.
        closing = Thread(target=provider.shutdown, daemon=True)
        closing.start()
        closing.join(FLUSH_S)


def server_span(
    tracer: Tracer, method: str, scheme: str, headers: list[tuple[bytes, bytes]]
) -> AbstractContextManager[Span]:
    """The span of one request. It continues the sender's trace; baggage is not read."""
    told = {k.decode("latin-1"): v.decode("latin-1") for k, v in headers if k in _CONTINUED}
    return tracer.start_as_current_span(
        method,
        _PROPAGATOR.extract(told, Context()),
        SpanKind.SERVER,
        {"http.request.method": method, "url.scheme": scheme},
        record_exception=False,
        set_status_on_exception=False,
    )


def answered(
    span: Span, method: str, route: str | None, status: int, request_id: str | None
) -> None:
    """Name the span by its route's template, and say what was answered."""
    if request_id is not None:
        span.set_attribute("fundledger.request_id", request_id)
    if route is not None:
        span.update_name(f"{method} {route}")
        span.set_attribute("http.route", route)
    span.set_attribute("http.response.status_code", status)
    if status >= 500:
        span.set_attribute("error.type", str(status))
        span.set_status(StatusCode.ERROR)
