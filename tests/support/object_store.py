"""An S3 server for tests: moto's, in a process of its own, behind a wire that can be cut.

Moto compares and then writes without a lock, so that two writers can both win; a real store is
atomic. Here one request is served at a time.
"""

import http.client
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote

BUCKET = "checkpoints"


def serve() -> None:
    """Serve until killed; the first line of output is the port."""
    # Here, because moto brings half of Amazon along and only its own process needs it.
    from moto.moto_server.werkzeug_app import (  # noqa: PLC0415
        DomainDispatcherApplication,
        create_backend_app,
    )
    from werkzeug.serving import make_server  # noqa: PLC0415

    turn, application = threading.Lock(), DomainDispatcherApplication(create_backend_app)

    def one_by_one(environment: Any, start: Any) -> list[bytes]:
        with turn:
            return list(application(environment, start))

    server = make_server("127.0.0.1", 0, one_by_one, threaded=True)
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()


Fault = Callable[["_Wire"], bool]
"""Answers a request in its own way; False lets it go on as usual."""


@dataclass
class ObjectServer:
    """The address of the wire, and what it does to the next requests."""

    behind: int
    address: str = ""
    fault: Fault | None = None

    def url(self, prefix: str = "") -> str:
        return f"s3://{BUCKET}/{prefix}?endpoint={quote(self.address, safe='')}&region=eu-west-1"


class _Wire(BaseHTTPRequestHandler):
    """Passes a request on, or does what the fault says."""

    protocol_version = "HTTP/1.1"
    here: ObjectServer

    def pass_on(self) -> tuple[int, list[tuple[str, str]], bytes]:
        """What the server answers."""
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        behind = http.client.HTTPConnection("127.0.0.1", self.here.behind, timeout=20)
        headers = {name: value for name, value in self.headers.items() if name != "Connection"}
        behind.request(self.command, self.path, body, headers)
        answer = behind.getresponse()
        content = answer.read()
        behind.close()
        kept = [(n, v) for n, v in answer.getheaders() if n.lower() in ("etag", "last-modified")]
        return answer.status, kept, content

    def answer(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def drop(self) -> None:
        """End the connection without a word."""
        self.close_connection = True
        self.connection.close()

    def do_GET(self) -> None:
        if self.here.fault is not None and self.here.fault(self):
            return
        self.answer(*self.pass_on())

    def do_PUT(self) -> None:
        self.do_GET()

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        self.do_GET()

    def do_DELETE(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def object_server() -> Iterator[ObjectServer]:
    """A server with an empty bucket, until the block ends."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-W",
            "ignore",
            "-c",
            "from tests.support import object_store as o; o.serve()",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    here = ObjectServer(int(process.stdout.readline()))
    wire = ThreadingHTTPServer(("127.0.0.1", 0), type("_Here", (_Wire,), {"here": here}))
    here.address = f"http://127.0.0.1:{wire.server_port}"
    thread = threading.Thread(target=wire.serve_forever, daemon=True)
    thread.start()
    made = http.client.HTTPConnection("127.0.0.1", here.behind, timeout=20)
    signed = "AWS4-HMAC-SHA256 Credential=test/20260101/eu-west-1/s3/aws4_request, Signature=x"
    where = "<LocationConstraint>eu-west-1</LocationConstraint>"
    location = f"<CreateBucketConfiguration>{where}</CreateBucketConfiguration>"
    made.request("PUT", f"/{BUCKET}", location, {"Authorization": signed})
    assert made.getresponse().status == 200
    made.close()
    try:
        yield here
    finally:
        wire.shutdown()
        wire.server_close()
        thread.join()
        process.kill()
        process.wait()
        process.stdout.close()
