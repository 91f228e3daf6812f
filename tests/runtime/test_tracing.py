"""Traces: on by OpenTelemetry's variables, one span a request, and never in the way of the end."""

import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from app.runtime.tracing import tracing
from tests.support.builders import AUDITOR
from tests.support.service import running, settings_of

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Collector(ThreadingHTTPServer):
    """Takes what OTLP over HTTP sends."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Taking)
        self.spans: list[Span] = []


class _Taking(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        assert isinstance(self.server, Collector)
        for resource in ExportTraceServiceRequest.FromString(raw).resource_spans:
            for scope in resource.scope_spans:
                self.server.spans += scope.spans
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    server = Collector()
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_request_is_a_span_named_by_its_route(
    collector: Collector, tmp_path: Path, sqlite_template: Path
) -> None:
    with running(settings_of(tmp_path, sqlite_template)) as service:
        service.open()
        headers = {"traceparent": PARENT, "baggage": "user=secret"}
        answer = service.raw(AUDITOR, "GET", service.path, headers=headers)

    spans = [span for span in collector.spans if span.name == "GET /v1/funds/{fund}"]
    (span,) = spans
    said = {one.key: one.value for one in span.attributes}
    assert span.trace_id.hex() == PARENT.split("-")[1]
    assert span.parent_span_id.hex() == PARENT.split("-")[2]
    assert said["http.response.status_code"].int_value == 200
    assert said["fundledger.request_id"].string_value == answer.headers["request-id"]
    assert "secret" not in str(collector.spans)


@pytest.mark.parametrize(
    ("name", "value"), [("OTEL_SDK_DISABLED", "true"), ("OTEL_TRACES_EXPORTER", "none")]
)
def test_the_standard_variables_turn_it_off(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    with tracing() as tracer:
        assert tracer is None


def test_without_a_collector_the_service_ends_all_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, sqlite_template: Path
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setattr("app.runtime.tracing.FLUSH_S", 0.2)

    with running(settings_of(tmp_path, sqlite_template)) as service:
        assert httpx.get(f"{service.address}/livez").is_success
        begun = time.monotonic()

    assert time.monotonic() - begun < 10
