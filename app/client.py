"""A small client: what a treasury's script needs to talk to a ledger over HTTP.

key = read_signing_key(Path("de.pem"))
with Client("https://ledger.example", token, key) as client:
    client.post(f"/v1/funds/era/disbursements/{id}/approvals", body, "dec-17", "approval.given")
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any, Self

import httpx
from cryptography.hazmat.primitives.asymmetric import ec

from app.chain.canonical import encode
from app.chain.checkpoint import Checkpoint
from app.chain.jws import public_jwk
from app.chain.note import Note
from app.interop.ecb import PublishedDay
from app.runtime.outbound import trusted
from app.trust.signatures import sign

TIMEOUT_S = 30.0
DAYS_AT_ONCE = 1_000


class Refused(Exception):
    """The ledger answered with a problem: its status, code and sentence."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        self.status = status
        self.code = str(problem.get("code", "unknown"))
        self.detail = str(problem.get("detail", ""))
        super().__init__(f"{status} {self.code}: {self.detail}")


class Unreachable(Exception):
    """No answer came. The same request can be sent again with the same key."""


class Client:
    """A connection of one person of one party to one ledger; with the party's key, if it signs."""

    def __init__(
        self, base_url: str, token: str, key: ec.EllipticCurvePrivateKey | None = None
    ) -> None:
        self._key = key
        self._http = httpx.Client(
            base_url=base_url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=TIMEOUT_S,
            verify=trusted(),
        )

    def post(
        self, path: str, body: dict[str, Any], key: str, op: str | None = None
    ) -> dict[str, Any]:
        """Record something; the answer has `entry`, `consequences`, `receipt`, `replayed`.

        With `op`, the type of the event that it asks for, the request is signed. When no answer
        came, send it again with the same key: it is recorded once. Raises Refused, Unreachable.
        """
        headers = {"Idempotency-Key": key}
        if op is not None:
            headers["X-JWS-Signature"] = self.signature(path, body, key, op)
        response = self._send("POST", path, json=body, headers=headers)
        answer = _answer(response)
        answer["replayed"] = response.headers.get("Idempotent-Replayed") == "true"
        return answer

    def signature(self, path: str, body: dict[str, Any], key: str, op: str) -> str:
        """The party's signature over a request under `/v1/funds/{fund}/`. Raises ValueError."""
        if self._key is None:
            raise ValueError("this client has no key to sign with")
        fund = path.split("/")[3]
        return sign(encode(body), self._key, fund=fund, op=op, nonce=key)

    def seen(self, fund: str) -> dict[str, Any]:
        """The log's newest checkpoint, in the form in which a party acknowledges it.

        Its signature is not verified here; verifying a bundle or a receipt does that. Raises
        Refused, Unreachable.
        """
        response = self._send("GET", f"/v1/funds/{fund}/log/checkpoint")
        if response.is_error:
            _answer(response)
        checkpoint = Checkpoint.parse(Note.parse(response.content).text)
        return {"size": checkpoint.size, "root": checkpoint.root.hex()}

    def register_key(self, fund: str, key: str) -> dict[str, Any]:
        """Register this client's key for its party, over the charter in force and the newest
        checkpoint; for an admin. Raises Refused, Unreachable, ValueError without a key.
        """
        if self._key is None:
            raise ValueError("this client has no key to register")
        jwk = public_jwk(self._key.public_key())
        body = {
            "jwk": {name: jwk[name] for name in ("kty", "crv", "x", "y")},
            "charter_digest": self.get(f"/v1/funds/{fund}")["charter_digest"],
            "checkpoint": self.seen(fund),
        }
        return self.post(f"/v1/funds/{fund}/keys", body, key, "key.registered")

    def batch(
        self, path: str, items: Iterable[dict[str, Any]], mode: str = "atomic"
    ) -> dict[str, Any]:
        """Record many commands, each an object of `op`, `key` and `data`, sent as lines.

        The answer has `results` in order, and one `receipt`. When no answer came, the same batch
        can be sent again. Raises Refused.
        """
        lines = "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in items)
        headers = {"Content-Type": "application/x-ndjson"}
        query = {"mode": mode}
        content = lines.encode()
        return _answer(self._send("POST", path, params=query, content=content, headers=headers))

    def enter_rates(self, fund: str, days: Iterable[PublishedDay]) -> list[dict[str, Any]]:
        """Enter published exchange rates, each day by itself; the result of each, in order.

        Their keys name file and day, so rates that are sent again are recorded once. Raises
        Refused.
        """
        items = [
            {
                "op": "rates.published",
                "key": f"rates-{day.day}-{day.evidence[:16]}",
                "data": day.command(),
            }
            for day in days
        ]
        results: list[dict[str, Any]] = []
        for start in range(0, len(items), DAYS_AT_ONCE):
            part = items[start : start + DAYS_AT_ONCE]
            results += self.batch(f"/v1/funds/{fund}/batches", part, "each")["results"]
        return results

    def rates(self, fund: str) -> dict[str, dict[str, str]]:
        """The exchange rates in the log, by day. Raises Refused, Unreachable."""
        found: dict[str, dict[str, str]] = {}
        following: str | None = f"/v1/funds/{fund}/rates?limit=500"
        while following:
            page = self.get(following)
            found |= {row["day"]: row["rates"] for row in page["items"]}
            following = page["next"]
        return found

    def get(self, path: str) -> dict[str, Any]:
        """Read something. Raises Refused, Unreachable."""
        return _answer(self._send("GET", path))

    def download(self, path: str) -> Iterator[bytes]:
        """The bytes of something large, piece by piece. Raises Refused."""
        with self._http.stream("GET", path) as response:
            if response.is_error:
                response.read()
                _answer(response)
            yield from response.iter_bytes()

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, **options)
        except httpx.TransportError as error:
            raise Unreachable(f"no answer from {self._http.base_url}: {error}") from error

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _answer(response: httpx.Response) -> dict[str, Any]:
    try:
        content: dict[str, Any] = response.json()
    except ValueError:
        # A proxy's page, or a sign-in page: somebody else has answered.
        kind = response.headers.get("content-type", "no type")
        said = f"{response.url.path} answered {response.status_code} with {kind}"
        raise Unreachable(f"this is not the ledger's answer: {said}") from None
    if response.is_error:
        raise Refused(response.status_code, content)
    return content
