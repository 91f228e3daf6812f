"""A time authority for tests (RFC 3161): its answers are made by `openssl`, its root is its own."""

import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from asn1crypto import cms, tsp
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from app.runtime import clock
from app.trust.timestamps import stamp_request

_CONTENT_TYPE = "1.2.840.113549.1.9.16.1.4"
_CONFIG = """
[tsa]
default_tsa = here
[here]
serial = serial
crypto_device = builtin
default_policy = 1.2.3.4.1
digests = sha1, sha256, sha512
signer_digest = sha256
ess_cert_id_alg = sha256
ordering = yes
"""


@dataclass(frozen=True)
class Holder:
    """A certificate and its private key."""

    certificate: x509.Certificate
    private: ec.EllipticCurvePrivateKey

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)


def a_certificate(
    name: str,
    issuer: Holder | None = None,
    purpose: x509.ObjectIdentifier | None = ExtendedKeyUsageOID.TIME_STAMPING,
    *,
    ends: datetime | None = None,
    serial: int | None = None,
    critical: bool = True,
    besides: x509.ObjectIdentifier | None = None,
    ca: bool = False,
) -> Holder:
    """One under `issuer`, for this purpose alone, or for one `besides` it; a root of its own
    without an issuer.
    """
    private = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer is not None else subject)
        .serial_number(serial or x509.random_serial_number())
        .public_key(private.public_key())
        .not_valid_before(clock.now() - timedelta(days=1))
        .not_valid_after(ends or clock.now() + timedelta(days=1))
        .add_extension(
            x509.BasicConstraints(ca=ca or issuer is None, path_length=None), critical=True
        )
    )
    if issuer is not None and purpose is not None:
        purposes = [purpose] if besides is None else [purpose, besides]
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=critical)
    signer = issuer.private if issuer is not None else private
    return Holder(builder.sign(signer, hashes.SHA256()), private)


@dataclass
class Authority:
    """A root, and the certificate that it stamps with."""

    folder: Path
    root: Holder = field(default_factory=lambda: a_certificate("A root for tests"))
    signer: Holder = field(init=False)

    def __post_init__(self) -> None:
        if shutil.which("openssl") is None:
            pytest.skip("the time authority for tests needs the command `openssl`")
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "tsa.cnf").write_text(_CONFIG)
        self.signer = a_certificate("A time authority for tests", self.root)

    @property
    def roots(self) -> list[x509.Certificate]:
        return [self.root.certificate]

    def stamp(self, text: bytes, question: bytes | None = None) -> bytes:
        """The answer to a question about `text`, as of now."""
        (self.folder / "question").write_bytes(question or stamp_request(text).as_bytes())
        self._openssl(
            *("ts", "-reply", "-config", "tsa.cnf", "-section", "here"),
            *("-queryfile", "question", "-out", "answer"),
            *self._signing(self.signer),
        )
        return (self.folder / "answer").read_bytes()

    def signed_by(self, holder: Holder, answer: bytes, at: datetime | None = None) -> bytes:
        """The content of an answer, signed by another certificate; `at` replaces its time."""
        token = tsp.TimeStampResp.load(answer)["time_stamp_token"]
        said = token["content"]["encap_content_info"]["content"].parsed
        if at is not None:
            said["gen_time"] = at
        (self.folder / "said").write_bytes(said.dump())
        self._openssl(
            *("cms", "-sign", "-binary", "-nodetach", "-cades", "-econtent_type", _CONTENT_TYPE),
            *("-in", "said", "-outform", "DER", "-out", "signed"),
            *self._signing(holder),
        )
        return _answer((self.folder / "signed").read_bytes())

    def _signing(self, holder: Holder) -> tuple[str, ...]:
        certificate = holder.certificate.public_bytes(Encoding.PEM)
        key = holder.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (self.folder / "signer.pem").write_bytes(certificate)
        (self.folder / "signer.key").write_bytes(key)
        return ("-signer", "signer.pem", "-inkey", "signer.key")

    def _openssl(self, *arguments: str) -> None:
        done = subprocess.run(
            ["openssl", *arguments], cwd=self.folder, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr.decode()


def with_certificates(answer: bytes, *more: Holder) -> bytes:
    """An answer with more certificates in it; they are not signed over."""
    token = tsp.TimeStampResp.load(answer)["time_stamp_token"]
    return _answer(token.dump(), [holder.der for holder in more])


def of_status(answer: bytes, status: str) -> bytes:
    """The answer with another status: `rejection`, `waiting`, …"""
    return _answer(tsp.TimeStampResp.load(answer)["time_stamp_token"].dump(), status=status)


def _answer(token: bytes, more: Iterable[bytes] = (), status: str = "granted") -> bytes:
    content = cms.ContentInfo.load(token)
    signed = content["content"]
    # DER puts the members of a set in order.
    certificates = sorted([*(one.dump() for one in signed["certificates"]), *more])
    signed["certificates"] = cms.CertificateSet(
        [cms.CertificateChoices.load(one) for one in certificates]
    )
    parts = {
        "status": {"status": status},
        "time_stamp_token": {"content_type": "signed_data", "content": signed},
    }
    dumped: bytes = tsp.TimeStampResp(parts).dump(force=True)
    return dumped
