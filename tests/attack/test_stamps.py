"""Time stamps that are forged, borrowed, or dressed up: each is refused, and an old one stands."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.x509 import ObjectIdentifier
from cryptography.x509.oid import ExtendedKeyUsageOID
from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

from app.runtime import clock
from app.trust.timestamps import (
    MAX_STAMP_BYTES,
    StampError,
    read_stamp,
    stamp_request,
    verify_stamp,
)
from tests.support.authority import Authority, a_certificate, of_status, with_certificates

TEXT = b"ledger.example/era\n42\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
OTHER = TEXT.replace(b"42", b"43")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def stamp(authority: Authority) -> bytes:
    return authority.stamp(TEXT)


def test_a_stamp_is_of_its_text_at_its_time(authority: Authority, stamp: bytes) -> None:
    stamped = verify_stamp(stamp, TEXT, authority.roots)

    assert stamped.utcoffset() == timedelta(0)
    assert abs(clock.now() - stamped) < timedelta(minutes=1)


def test_a_stamp_of_another_text_is_refused(authority: Authority, stamp: bytes) -> None:
    with pytest.raises(StampError, match="of something else"):
        verify_stamp(stamp, OTHER, authority.roots)


def test_a_stamp_under_another_root_is_refused(stamp: bytes, tmp_path: Path) -> None:
    with pytest.raises(StampError, match="not stamped by a trusted"):
        verify_stamp(stamp, TEXT, Authority(tmp_path).roots)


def test_without_a_root_nothing_is_trusted(stamp: bytes) -> None:
    with pytest.raises(StampError, match="not stamped by a trusted"):
        verify_stamp(stamp, TEXT, [])


def test_a_stranger_who_brings_the_root_along_is_refused(
    authority: Authority, stamp: bytes, tmp_path: Path
) -> None:
    """Their own chain, with the trusted root and the trusted signer injected beside it."""
    stranger = Authority(tmp_path)
    foreign = stranger.stamp(TEXT)

    for more in ([authority.root], [authority.root, authority.signer, stranger.root]):
        dressed = with_certificates(foreign, *more)
        read_stamp(dressed, TEXT)
        with pytest.raises(StampError, match="not stamped by a trusted"):
            verify_stamp(dressed, TEXT, authority.roots)


def test_a_strangers_root_under_the_trusted_ones_name_is_refused(
    authority: Authority, stamp: bytes, tmp_path: Path
) -> None:
    impostor = a_certificate("A root for tests", serial=authority.root.certificate.serial_number)
    stranger = Authority(tmp_path, impostor)

    dressed = with_certificates(stranger.stamp(TEXT), impostor)

    with pytest.raises(StampError, match="not stamped by a trusted"):
        verify_stamp(dressed, TEXT, authority.roots)


def test_injected_certificates_change_nothing_about_a_true_stamp(
    authority: Authority, stamp: bytes
) -> None:
    injected = [a_certificate("A stranger"), a_certificate("No time authority", authority.root)]

    dressed = with_certificates(stamp, *injected)

    assert verify_stamp(dressed, TEXT, authority.roots) == read_stamp(stamp, TEXT).tst_info.gen_time


@pytest.mark.parametrize(
    "purpose", [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CODE_SIGNING, None]
)
def test_a_certificate_of_the_same_root_for_something_else_stamps_nothing(
    authority: Authority, stamp: bytes, purpose: object
) -> None:
    """Somebody with a web server's certificate is no time authority, even with a twin that is."""
    borrowed = a_certificate("A web server", authority.root, purpose)  # type: ignore[arg-type]
    forged = authority.signed_by(borrowed, stamp)
    serial = borrowed.certificate.serial_number
    twin = a_certificate("A web server", a_certificate("A root for tests"), serial=serial)

    for answer in (forged, with_certificates(forged, twin)):
        for _ in range(4):  # the library looks through a set, in no order
            with pytest.raises(StampError, match="not stamped by a trusted"):
                verify_stamp(answer, TEXT, authority.roots)


def test_a_purpose_that_is_not_critical_is_no_purpose(authority: Authority, stamp: bytes) -> None:
    loose = a_certificate("Loose", authority.root, critical=False)

    with pytest.raises(StampError, match="not stamped by a trusted"):
        verify_stamp(authority.signed_by(loose, stamp), TEXT, authority.roots)


def test_a_certificate_with_a_second_purpose_stamps_nothing(
    authority: Authority, stamp: bytes
) -> None:
    unknown = ObjectIdentifier("1.3.6.1.4.1.99999.7")
    both = a_certificate("Two purposes", authority.root, besides=unknown)

    with pytest.raises(StampError, match="for time stamps alone"):
        verify_stamp(authority.signed_by(both, stamp), TEXT, authority.roots)


def test_an_authority_for_certificates_stamps_nothing(authority: Authority, stamp: bytes) -> None:
    with pytest.raises(StampError, match=r"not stamped by|for certificates"):
        verify_stamp(
            authority.signed_by(a_certificate("A CA", authority.root, ca=True), stamp),
            TEXT,
            authority.roots,
        )


def test_an_authority_that_has_ended_leaves_stamps_that_stand(
    authority: Authority, stamp: bytes
) -> None:
    ends = clock.now().replace(microsecond=0) - timedelta(hours=1)
    ended = a_certificate("Has ended", authority.root, ends=ends)

    before, after = (
        authority.signed_by(ended, stamp, at=ends + timedelta(seconds=late)) for late in (-1, 1)
    )

    assert verify_stamp(before, TEXT, authority.roots) == ends - timedelta(seconds=1)
    with pytest.raises(StampError, match="expired"):
        verify_stamp(after, TEXT, authority.roots)


def test_an_answer_to_another_question_is_refused(authority: Authority) -> None:
    asked, other = stamp_request(TEXT), stamp_request(TEXT)
    answer = authority.stamp(TEXT, asked.as_bytes())

    verify_stamp(answer, TEXT, authority.roots, asked.nonce)
    with pytest.raises(StampError, match="Nonce"):
        verify_stamp(answer, TEXT, authority.roots, other.nonce)


@pytest.mark.parametrize("status", ["rejection", "waiting", "granted_with_mods"])
def test_an_answer_that_grants_nothing_is_no_stamp(
    authority: Authority, stamp: bytes, status: str
) -> None:
    with pytest.raises(StampError):
        verify_stamp(of_status(stamp, status), TEXT, authority.roots)


def test_a_stamp_over_another_kind_of_digest_is_refused(authority: Authority) -> None:
    asked = TimestampRequestBuilder().data(TEXT).hash_algorithm(HashAlgorithm.SHA512).build()

    with pytest.raises(StampError, match="of something else"):
        read_stamp(authority.stamp(TEXT, asked.as_bytes()), TEXT)


def test_no_changed_byte_of_a_stamp_says_something_else(authority: Authority, stamp: bytes) -> None:
    """Each byte in turn: refused, or of the same text at the same time by the same authority."""
    true, passed = verify_stamp(stamp, TEXT, authority.roots), []
    for position in range(len(stamp)):
        changed = stamp[:position] + bytes([stamp[position] ^ 0x01]) + stamp[position + 1 :]
        try:
            assert verify_stamp(changed, TEXT, authority.roots) == true
        except StampError:
            continue
        passed.append(position)

    assert set(passed) <= _said_of_itself(stamp)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda raw: raw[:-1],
        lambda raw: raw + b"\0",
        lambda raw: raw * 2,
        lambda _: b"",
        lambda _: b"\x30\x80" * 5_000,
        lambda _: b"\x30\x84\xff\xff\xff\xff",
        lambda raw: raw + b"\0" * MAX_STAMP_BYTES,
    ],
    ids=["cut", "longer", "twice", "empty", "nested", "endless", "giant"],
)
def test_what_is_no_answer_is_refused_without_harm(
    authority: Authority, stamp: bytes, spoil: Callable[[bytes], bytes]
) -> None:
    with pytest.raises(StampError, match=r"not an answer|at most"):
        verify_stamp(spoil(stamp), TEXT, authority.roots)


def _said_of_itself(stamp: bytes) -> set[int]:
    """Bytes that no signature covers and that decide nothing: the two version numbers, and the name
    of the signature's algorithm, which the signer's key gives.
    """
    versions = {stamp.index(b"\x02\x01\x03\x31") + 2, stamp.rindex(b"\x02\x01\x01\x30") + 2}
    ecdsa_with_sha256 = bytes.fromhex("06082a8648ce3d040302")
    start = stamp.rindex(ecdsa_with_sha256)
    return versions | set(range(start + 2, start + len(ecdsa_with_sha256)))
