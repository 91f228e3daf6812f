"""Time stamps (RFC 3161): a third party's signature that a checkpoint existed at a time.

A time authority signs a digest together with its clock. The answer proves for ever that the
digested text existed then: certificates are checked as of the time in the token, so that it is
valid after they expire. The whole answer (TimeStampResp, DER) is kept as it came.
"""

import hashlib
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography.x509 import (
    BasicConstraints,
    Certificate,
    ExtendedKeyUsage,
    ExtensionNotFound,
    load_der_x509_certificate,
    load_pem_x509_certificates,
)
from cryptography.x509.oid import ExtendedKeyUsageOID
from rfc3161_client import (
    HashAlgorithm,
    TimeStampRequest,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from app.runtime.faults import Fault

MAX_STAMP_BYTES: Final = 20_000
_SHA256: Final = "2.16.840.1.101.3.4.2.1"


class StampError(ValueError):
    """The answer is no valid time stamp of this text by a trusted authority."""


class CertificatesUnusable(Fault):
    """The file with the authority's certificates cannot be used."""


def stamp_request(text: bytes) -> TimeStampRequest:
    """A request to a time authority, with a nonce that its answer must repeat."""
    return TimestampRequestBuilder().data(text).hash_algorithm(HashAlgorithm.SHA256).build()


def read_stamp(raw: bytes, text: bytes) -> TimeStampResponse:
    """An answer that states exactly this text; its signature is not verified. Raises StampError."""
    if len(raw) > MAX_STAMP_BYTES:
        raise StampError(f"a time stamp has at most {MAX_STAMP_BYTES} bytes")
    try:
        answer = decode_timestamp_response(raw)
        imprint = answer.tst_info.message_imprint
        algorithm, digest = imprint.hash_algorithm.dotted_string, imprint.message
    except (ValueError, TypeError):
        raise StampError("not an answer of a time authority") from None
    if algorithm != _SHA256 or digest != hashlib.sha256(text).digest():
        raise StampError("the time stamp is of something else")
    return answer


def verify_stamp(
    raw: bytes, text: bytes, roots: Iterable[Certificate], nonce: int | None = None
) -> datetime:
    """The time (UTC) at which an authority under one of `roots` stamped the text.

    Certificates in the answer are used only as links to a root, and are checked as of the time in
    it. Raises StampError.
    """
    answer = read_stamp(raw, text)
    builder = VerifierBuilder(roots=list(roots), nonce=nonce)
    try:
        builder.build().verify_message(answer, text)
        _require_stamping_only(_signer(answer))
    except (VerificationError, ValueError, TypeError) as error:
        raise StampError(f"not stamped by a trusted time authority: {error}") from None
    return answer.tst_info.gen_time


def _signer(answer: TimeStampResponse) -> Certificate:
    """The certificate that the token was signed with. Raises StampError."""
    signers = answer.signed_data.signer_infos
    certificates = [load_der_x509_certificate(one) for one in answer.signed_data.certificates]
    found = [
        certificate
        for certificate in certificates
        for signer in signers
        if (certificate.issuer, certificate.serial_number) == (signer.issuer, signer.serial_number)
    ]
    if len(signers) != 1 or len(found) != 1:
        raise StampError("it does not have one signer")
    return found[0]


def _require_stamping_only(certificate: Certificate) -> None:
    """Check that the key may sign time stamps and nothing else (RFC 3161 section 2.3): a key that
    signs other things can be led to sign what looks like a stamp. Raises StampError.
    """
    extensions = certificate.extensions
    try:
        purposes = extensions.get_extension_for_class(ExtendedKeyUsage)
        alone = purposes.critical and list(purposes.value) == [ExtendedKeyUsageOID.TIME_STAMPING]
    except ExtensionNotFound:
        alone = False
    if not alone:
        raise StampError("its certificate is not for time stamps alone")
    with suppress(ExtensionNotFound):
        if extensions.get_extension_for_class(BasicConstraints).value.ca:
            raise StampError("its certificate is an authority's for certificates")


def read_certificates(path: Path) -> list[Certificate]:
    """The authority's root certificates, in PEM. Raises CertificatesUnusable."""
    try:
        return load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError):
        raise CertificatesUnusable(f"{path} holds no certificates in PEM") from None
