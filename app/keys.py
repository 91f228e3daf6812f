"""The ledger's own keys: one that signs checkpoints, one that signs exports. One purpose each.

Files that nobody but the service may read. They are made on first use in development; in
production they must exist, so that a lost key is noticed instead of replaced.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from app.chain.jws import public_jwk, thumbprint
from app.chain.note import NoteKey
from app.faults import Fault


class KeyUnusable(Fault):
    """A key file is missing, unreadable, or readable by others."""


@dataclass(frozen=True, slots=True)
class LedgerKeys:
    """Both private keys, held in memory."""

    log: Ed25519PrivateKey
    export: ec.EllipticCurvePrivateKey
    origin: str

    def of_log(self, fund: str) -> NoteKey:
        """The key under the fund's own name, which is its log's origin."""
        return NoteKey(f"{self.origin}/{fund}", self.log)

    @property
    def export_kid(self) -> str:
        return thumbprint(self.export.public_key())

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """The public export key, as `/.well-known/jwks.json` shows it."""
        return {"keys": [public_jwk(self.export.public_key())]}


def load_keys(folder: Path, origin: str, *, create: bool) -> LedgerKeys:
    """Read both keys; make those that are missing if `create`. Raises KeyUnusable."""
    log = read_or_make(folder / "log.pem", Ed25519PrivateKey.generate, create=create)
    export = read_or_make(
        folder / "export.pem", lambda: ec.generate_private_key(ec.SECP256R1()), create=create
    )
    if not isinstance(log, Ed25519PrivateKey):
        raise KeyUnusable(f"{folder / 'log.pem'} is not an Ed25519 key")
    if not isinstance(export, ec.EllipticCurvePrivateKey):
        raise KeyUnusable(f"{folder / 'export.pem'} is not an EC key")
    return LedgerKeys(log, export, origin)


PrivateKey = Ed25519PrivateKey | ec.EllipticCurvePrivateKey


def read_or_make(path: Path, make: Callable[[], PrivateKey], *, create: bool) -> PrivateKey:
    """The key in a PEM file of mode 0600. Raises KeyUnusable."""
    if not path.exists():
        if not create:
            raise KeyUnusable(f"{path} is missing")
        _write(path, make())
    if path.stat().st_mode & 0o077:
        raise KeyUnusable(f"{path} can be read by others: chmod 600")
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except ValueError:
        raise KeyUnusable(f"{path} is not a private key in PEM") from None
    if not isinstance(key, Ed25519PrivateKey | ec.EllipticCurvePrivateKey):
        raise KeyUnusable(f"{path} holds a kind of key that is not used here")
    return key


def read_signing_key(path: Path, *, create: bool = False) -> ec.EllipticCurvePrivateKey:
    """A party's own key, in a PEM file of mode 0600; a new one on P-256 if `create`.

    Raises KeyUnusable.
    """
    key = read_or_make(path, lambda: ec.generate_private_key(ec.SECP256R1()), create=create)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise KeyUnusable(f"{path} is not an EC key")
    return key


def _write(path: Path, key: PrivateKey) -> None:
    """Create the file whole or not at all: two processes may start at once."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    aside = path.with_suffix(f".{os.getpid()}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())
    try:
        # A link, unlike a rename, fails when another process was first: its key stays.
        os.link(aside, path)
    except FileExistsError:
        pass
    finally:
        aside.unlink()
