"""What attacks share: raw requests, forged tokens, and the proof that nothing was recorded."""

import base64
import hashlib
import hmac
import http.client
import itertools
import json
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from app.api.auth.devissuer import PREFIX
from app.chain.jws import public_jwk, thumbprint
from app.domain.values import Role
from tests.support.builders import AUDITOR, Person, treasury
from tests.support.service import Service

MEDIA_TYPE: Final = "application/problem+json"
_MEMBERS: Final = {"type", "title", "status", "detail", "code", "instance"}
_keys = itertools.count()


@dataclass(frozen=True)
class Answer:
    """A response, whole."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def content(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The problem's code; the status where there is none."""
        found: str = self.content.get("code", str(self.status))
        return found


def fresh_key() -> str:
    return f"attack-{next(_keys)}"


class Attacker:
    """One connection that stays open and sends exactly what it is given."""

    def __init__(self, service: Service) -> None:
        self._service = service
        host, _, port = service.address.removeprefix("http://").partition(":")
        self._connection = http.client.HTTPConnection(host, int(port), timeout=30)
        self._tokens: dict[Person, str] = {}

    def send(
        self, method: str, path: str, headers: dict[str, str], body: bytes | None = None
    ) -> Answer:
        try:
            return self._send(method, path, headers, body)
        except (ConnectionError, http.client.HTTPException):
            # After a fault the service hangs up; the next request needs a new connection.
            self._connection.close()
            return self._send(method, path, headers, body)

    def _send(self, method: str, path: str, headers: dict[str, str], body: bytes | None) -> Answer:
        if self._connection.sock is None:
            self._connection.connect()
        self._connection.request(method, path, body, headers)
        # The test's own server leaves Nagle's algorithm on: acknowledge at once, or wait 40 ms.
        self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        response = self._connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, found, response.read())

    def token(self, who: Person) -> str:
        if who not in self._tokens:
            self._tokens[who] = self._service.token(who)
        return self._tokens[who]

    def get(self, who: Person, path: str) -> Answer:
        return self.send("GET", path, {"Authorization": f"Bearer {self.token(who)}"})

    def post(self, who: Person, path: str, body: Any, **headers: str) -> Answer:
        """A POST below the fund, or of an absolute path; bytes are sent as they are."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        everything = {
            "Authorization": f"Bearer {self.token(who)}",
            "Idempotency-Key": fresh_key(),
            "Content-Type": "application/json",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        where = path if path.startswith("/v1") else self._service.path + path
        return self.send("POST", where, everything, content)

    def close(self) -> None:
        self._connection.close()


def posting(who: Person, path: str, body: Any, **headers: str) -> Callable[[Attacker], Answer]:
    """A POST to be sent later."""
    return lambda attacker: attacker.post(who, path, body, **headers)


def at_once(service: Service, requests: Sequence[Callable[[Attacker], Answer]]) -> list[Answer]:
    """Send all requests at the same time, each on a connection of its own."""

    def run(request: Callable[[Attacker], Answer]) -> Answer:
        attacker = Attacker(service)
        try:
            return request(attacker)
        finally:
            attacker.close()

    with ThreadPoolExecutor(len(requests)) as pool:
        return list(pool.map(run, requests))


def snapshot(service: Service) -> tuple[Any, ...]:
    """What the fund has recorded: how many entries, and everything that is counted."""
    attacker = Attacker(service)
    size = attacker.get(AUDITOR, service.path).content["size"]
    summary = attacker.get(AUDITOR, f"{service.path}/summary").content["positions"]
    balances = attacker.get(AUDITOR, f"{service.path}/balances?limit=500").content["items"]
    attacker.close()
    return size, summary, balances


def size_of(service: Service) -> int:
    size: int = service.get(AUDITOR, "")["size"]
    return size


@contextmanager
def nothing_recorded(service: Service) -> Iterator[None]:
    """Check that the block records no entry and moves no money."""
    before = snapshot(service)
    yield
    assert snapshot(service) == before


def wrong(answer: Answer, status: int, code: str, *echoes: str) -> str:
    """What is wrong with a refusal; empty when it is the right one in the right form."""
    if answer.status != status:
        return f"{answer.status} instead of {status} {code}: {answer.body[:120]!r}"
    if answer.headers.get("content-type") != MEDIA_TYPE:
        return f"not a problem: {answer.headers}"
    problem = answer.content
    expected = {
        "type": f"urn:fundledger:problem:{code}",
        "status": status,
        "code": code,
        "instance": answer.headers.get("request-id"),
    }
    if set(problem) - {"errors"} != _MEMBERS or {**problem, **expected} != problem:
        return f"instead of {code}: {answer.body[:200]!r}"
    text = answer.body.decode()
    for echo in echoes:
        if len(echo) > 3 and (echo in text or json.dumps(echo)[1:-1] in text):
            return f"echoes {echo[:40]!r}"
    return ""


def assert_refused(answer: Answer, status: int, code: str, *echoes: str) -> None:
    assert wrong(answer, status, code, *echoes) == ""


def exchange(service: Service, data: bytes, *, timeout: float = 5) -> bytes:
    """Send bytes on a socket of their own and read until the service hangs up."""
    host, _, port = service.address.removeprefix("http://").partition(":")
    received = b""
    with socket.create_connection((host, int(port)), timeout) as connection:
        try:
            connection.sendall(data)
            while piece := connection.recv(65_536):
                received += piece
        except ConnectionError:
            pass
    return received


def read_answer(data: bytes) -> Answer:
    """The first response in what came back."""
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    length = int(headers.get("content-length", len(body)))
    return Answer(int(first.split(" ")[1]), headers, body[:length])


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Forge:
    """Makes tokens as the development issuer would, and invalid ones."""

    def __init__(self, service: Service) -> None:
        pem = (service.settings.keys_dir / "development-issuer.pem").read_bytes()
        key = load_pem_private_key(pem, None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        self.key = key
        self.kid = thumbprint(key.public_key())

    def claims(self, *without: str, **changes: Any) -> dict[str, Any]:
        """The claims of DE's treasury, with some changed and some left out."""
        now = int(time.time())
        person = treasury("DE")
        claims = {
            "iss": PREFIX + person.party,
            "sub": person.subject,
            "aud": "fundledger",
            "iat": now,
            "exp": now + 600,
            "jti": fresh_key(),
            "roles": [str(Role.TREASURY)],
            **changes,
        }
        return {name: value for name, value in claims.items() if name not in without}

    def header(self, *without: str, **changes: Any) -> dict[str, Any]:
        header = {"alg": "ES256", "typ": "at+jwt", "kid": self.kid, **changes}
        return {name: value for name, value in header.items() if name not in without}

    def token(self, claims: Any = None, header: Any = None) -> str:
        """Signed with the issuer's real key, whatever it says."""
        content = signed_part(header or self.header(), self.claims() if claims is None else claims)
        return f"{content}.{b64(ecdsa(self.key, content))}"

    def hmac_token(self, secret: bytes, **header: Any) -> str:
        content = signed_part(self.header(alg="HS256", **header), self.claims())
        return f"{content}.{b64(hmac.digest(secret, content.encode(), 'sha256'))}"

    def public_forms(self) -> dict[str, bytes]:
        """The public key in every form that somebody could take for a secret."""
        public = self.key.public_key()
        spki, openssh = PublicFormat.SubjectPublicKeyInfo, PublicFormat.OpenSSH
        pem = public.public_bytes(Encoding.PEM, spki)
        jwk = json.dumps(public_jwk(public)).encode()
        return {
            "pem": pem,
            "pem without newline": pem.strip(),
            "der": public.public_bytes(Encoding.DER, spki),
            "point": public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint),
            "ssh": public.public_bytes(Encoding.OpenSSH, openssh),
            "jwk": jwk,
            "jwks": b'{"keys":[' + jwk + b"]}",
            "hash": hashlib.sha256(pem).digest(),
            "nothing": b"",
        }


def signed_part(header: Any, claims: Any) -> str:
    """Header and claims; bytes are taken as they are."""
    parts = (p if isinstance(p, bytes) else json.dumps(p).encode() for p in (header, claims))
    return ".".join(map(b64, parts))


def ecdsa(
    key: ec.EllipticCurvePrivateKey, content: str, digest: HashAlgorithm | None = None
) -> bytes:
    signature = key.sign(content.encode(), ec.ECDSA(digest or SHA256()))
    size = (key.curve.key_size + 7) // 8
    return b"".join(number.to_bytes(size, "big") for number in decode_dss_signature(signature))


def rsa_signature(key: rsa.RSAPrivateKey, content: str, algorithm: str) -> bytes:
    digests = {"256": SHA256(), "384": SHA384(), "512": SHA512()}
    digest = digests[algorithm[2:]]
    if algorithm.startswith("PS"):
        pss = padding.PSS(padding.MGF1(digest), digest.digest_size)
        return key.sign(content.encode(), pss, digest)
    return key.sign(content.encode(), padding.PKCS1v15(), digest)
