"""An identity provider for drills, over TLS on a real socket, whose answers can be spoiled."""

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.support.builders import AUDITOR, TRUSTEE, Person, treasury
from tests.support.certificates import certify
from tests.support.issuers import JWK, a_row, a_token

PEOPLE = (treasury("DE"), TRUSTEE, AUDITOR)
Spoiling = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Provider:
    """Signs tokens for everybody in the drill, and publishes its keys."""

    folder: Path
    port: int = 0
    keys: list[Any] = field(default_factory=lambda: [JWK])
    spoiling: Spoiling | None = None
    asked: list[str] = field(default_factory=list)

    @property
    def certificate(self) -> Path:
        return self.folder / "cert.pem"

    def registry(self) -> Path:
        """The registry's file: one row for each party, all with this provider's keys."""
        roles: dict[str, set[str]] = {}
        for who in PEOPLE:
            roles.setdefault(who.party, set()).add(str(who.role))
        address = f"https://127.0.0.1:{self.port}/keys"
        rows = [
            a_row(issuer=f"https://{party}", party=party, roles=sorted(held), jwks=None)
            | {"jwks_uri": address}
            for party, held in roles.items()
        ]
        path = self.folder / "issuers.json"
        path.write_text(json.dumps({"issuers": rows}))
        return path

    def token(self, who: Person) -> str:
        return a_token(iss=f"https://{who.party}", sub=who.subject, roles=[str(who.role)])

    @contextmanager
    def misbehaving(self, how: Spoiling) -> Iterator[None]:
        """Answer so until the block ends."""
        self.spoiling = how
        try:
            yield
        finally:
            self.spoiling = None

    @staticmethod
    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        for _ in range(100):
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.1)

    @staticmethod
    def fail(handler: BaseHTTPRequestHandler) -> None:
        handler.send_error(500)

    @staticmethod
    def page(handler: BaseHTTPRequestHandler) -> None:
        _answer(handler, b"<html>Please sign in</html>", "text/html")

    @staticmethod
    def redirect(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("Location", "https://127.0.0.1:1/elsewhere")
        handler.end_headers()


def _answer(handler: BaseHTTPRequestHandler, content: bytes, kind: str) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", kind)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content)


@contextmanager
def provider(folder: Path) -> Iterator[Provider]:
    """A provider that serves until the block ends."""
    folder.mkdir(parents=True)
    here = Provider(folder)
    certify(folder)

    class Serving(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            here.asked.append(self.path)
            if here.spoiling is not None:
                here.spoiling(self)
            else:
                _answer(self, json.dumps({"keys": here.keys}).encode(), "application/json")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Quiet(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """Whoever hangs up has a reason."""

    server = Quiet(("127.0.0.1", 0), Serving)
    secure = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    secure.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    server.socket = secure.wrap_socket(server.socket, server_side=True)
    here.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield here
    finally:
        server.shutdown()
        server.server_close()
