"""The ledger's own keys: some sign checkpoints, some sign exports, none does both.

They are in files that only the service may read (`log.pem`, then `log-2.pem` …, `export.pem` …), or
in a security module. They are made on first use in development; in production they must exist, so
that a lost key is noticed and not replaced. A fund's own log names the ones in force for it.
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

from app.chain.jws import EcSigner, public_jwk, thumbprint
from app.chain.note import Ed25519Signer, NoteKey, VerifierKey
from app.runtime.faults import Fault

LOG, EXPORT = "log", "export"


class KeyUnusable(Fault):
    """A key is missing, malformed or readable by others, or its module is not available."""


@dataclass(frozen=True, slots=True)
class LedgerKeys:
    """The private keys, oldest first. A new fund is given the newest of each purpose."""

    log: tuple[Ed25519Signer, ...]
    export: tuple[EcSigner, ...]
    origin: str

    def of_log(self, log: str, vkey: str = "") -> NoteKey:
        """A key under the log's origin as its name: the one of `vkey`, or the newest.

        A fund's second log is signed by the fund's key, under the second log's name. Raises
        KeyUnusable when this service has no such key.
        """
        name = f"{self.origin}/{log}"
        if not vkey:
            return NoteKey(name, self.log[-1])
        public = VerifierKey.parse(vkey).public
        for key in self.log:
            if key.public_key().public_bytes_raw() == public:
                return NoteKey(name, key)
        raise KeyUnusable(f"the log of {log} names the key {vkey}, which this service has not")

    def of_exports(self, kid: str = "") -> EcSigner:
        """The export key of this thumbprint, or the newest. Raises KeyUnusable."""
        if not kid:
            return self.export[-1]
        for key in self.export:
            if thumbprint(key.public_key()) == kid:
                return key
        raise KeyUnusable(f"the log names the export key {kid}, which this service has not")

    @property
    def export_kid(self) -> str:
        return thumbprint(self.export[-1].public_key())

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """The public export keys, as `/.well-known/jwks.json` shows them."""
        return {"keys": [public_jwk(key.public_key()) for key in self.export]}


def load_keys(folder: Path, origin: str, *, create: bool) -> LedgerKeys:
    """Read all keys; make the first of each purpose if missing and `create`. Raises KeyUnusable."""
    log, export = list[Ed25519Signer](), list[EcSigner]()
    for path in key_files(folder, LOG):
        log.append(read_log_key(path, create=create))
    for path in key_files(folder, EXPORT):
        export.append(read_signing_key(path, create=create))
    return LedgerKeys(tuple(log), tuple(export), origin)


def add_key(folder: Path, purpose: str) -> Path:
    """Create one more key of a purpose; returns its file. No fund uses it yet."""
    found = key_files(folder, purpose)
    # Without any key yet, the first file is made and not the second.
    path = folder / f"{purpose}-{len(found) + 1}.pem" if found[0].exists() else found[0]
    if purpose == LOG:
        read_log_key(path, create=True)
    else:
        read_signing_key(path, create=True)
    return path


def key_files(folder: Path, purpose: str) -> list[Path]:
    """The files of one purpose, oldest first; the first is listed even if it does not exist."""
    found = [folder / f"{purpose}.pem"]
    while (path := folder / f"{purpose}-{len(found) + 1}.pem").exists():
        found.append(path)
    return found


PrivateKey = Ed25519PrivateKey | ec.EllipticCurvePrivateKey


def read_or_make(path: Path, make: Callable[[], PrivateKey], *, create: bool) -> PrivateKey:
    """The key in a PEM file of mode 0600. Raises KeyUnusable."""
    if not path.exists():
        if not create:
            raise KeyUnusable(
                f"{path} is missing: `fundledger keys init` makes the first keys, in the folder "
                "that FUNDLEDGER_DATA_DIR names"
            )
        _write(path, make())
    require_private(path)
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except ValueError:
        raise KeyUnusable(f"{path} is not a private key in PEM") from None
    if not isinstance(key, Ed25519PrivateKey | ec.EllipticCurvePrivateKey):
        raise KeyUnusable(f"{path} holds a kind of key that is not used here")
    return key


def read_log_key(path: Path, *, create: bool = False) -> Ed25519PrivateKey:
    """A key that signs checkpoints, in a PEM file of mode 0600. Raises KeyUnusable."""
    key = read_or_make(path, Ed25519PrivateKey.generate, create=create)
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyUnusable(f"{path} is not an Ed25519 key")
    return key


def require_private(path: Path) -> None:
    """Check that only the owner may read a file that holds a secret. Raises KeyUnusable."""
    if path.stat().st_mode & 0o077:
        raise KeyUnusable(f"{path} can be read by others: chmod 600")


def read_signing_key(path: Path, *, create: bool = False) -> ec.EllipticCurvePrivateKey:
    """A party's own key, in a PEM file of mode 0600; a new one on P-256 if `create`.

    Raises KeyUnusable.
    """
    key = read_or_make(path, lambda: ec.generate_private_key(ec.SECP256R1()), create=create)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise KeyUnusable(f"{path} is not an EC key")
    return key


def _write(path: Path, key: PrivateKey) -> None:
    """Create the file with all of its content or not at all: two processes may start at once."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    aside = path.with_suffix(f".{os.getpid()}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())
    try:
        # A link fails when another process was first, so that its key is kept; a rename would
        # replace it.
        os.link(aside, path)
    except FileExistsError:
        pass
    finally:
        aside.unlink()
