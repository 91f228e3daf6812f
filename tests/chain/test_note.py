"""Signed notes: who stands for a text, and what spoils it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.chain.note import (
    COSIGNATURE,
    ED25519,
    MAX_NOTE_BYTES,
    MAX_SIGNATURES,
    Note,
    NoteError,
    NoteKey,
    NoteSignature,
    VerifiedSignature,
    VerifierKey,
    cosignature_message,
)
from app.chain.spelling import write_base64
from tests.support.chain import a_key, flipped, key_names, key_types, modest, seeds

TEXT = "fund.example/era\n42\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
AT = 1_736_500_000

printable = st.characters(exclude_categories=["Cs"], min_codepoint=0x20)
note_texts = st.lists(st.text(printable, max_size=20), min_size=1, max_size=5).map(
    lambda lines: "\n".join(lines) + "\n"
)


def refused_note(raw: bytes, reason: str) -> None:
    with pytest.raises(NoteError, match=f"^{re.escape(reason)}$"):
        Note.parse(raw)


@modest
@given(note_texts, key_names, seeds, key_types, st.integers(0, 2**64 - 1))
def test_a_note_survives_signing_writing_reading_and_verifying(
    text: str, name: str, seed: bytes, key_type: int, at: int
) -> None:
    key = NoteKey.from_seed(name, seed, key_type)
    note = Note(text, ())
    signed = note.signed_by(key) if key_type == ED25519 else note.cosigned_by(key, at)

    read = Note.parse(signed.to_bytes())

    assert read == signed
    assert read.text == text
    timestamp = at if key_type == COSIGNATURE else None
    assert read.verify([key.verifier]) == [VerifiedSignature(key.verifier, timestamp)]


def test_the_signed_bytes_are_the_text_with_its_final_newline() -> None:
    key = a_key()

    note = Note("first\n\nthird\n", ()).signed_by(key)

    line = write_base64(key.verifier.id + key.private.sign(b"first\n\nthird\n"))
    expected = f"first\n\nthird\n\n\u2014 fund.example/era {line}\n"
    assert note.to_bytes() == expected.encode()


def test_a_cosignature_signs_the_time_and_the_text() -> None:
    witness = a_key("witness.example/w", 2, COSIGNATURE)

    note = Note(TEXT, ()).cosigned_by(witness, AT)

    message = b"cosignature/v1\ntime 1736500000\n" + TEXT.encode()
    assert cosignature_message(TEXT, AT) == message
    value = AT.to_bytes(8, "big") + witness.private.sign(message)
    assert note.signatures == (NoteSignature("witness.example/w", witness.verifier.id, value),)


def test_every_known_key_that_signed_is_returned_in_order() -> None:
    log, witness, unknown = a_key(), a_key("w", 2, COSIGNATURE), a_key("x", 3)
    note = Note(TEXT, ()).signed_by(unknown).signed_by(log).cosigned_by(witness, AT)

    verified = note.verify([witness.verifier, log.verifier])

    assert verified == [
        VerifiedSignature(log.verifier, None),
        VerifiedSignature(witness.verifier, AT),
    ]


@pytest.mark.parametrize("bit", [0, 100, 511])
def test_a_known_key_with_a_broken_signature_spoils_the_note(bit: int) -> None:
    good, bad = a_key("good", 1), a_key("bad", 2)
    note = Note(TEXT, ()).signed_by(good).signed_by(bad)
    label, broken = note.signatures[1], flipped(note.signatures[1].value, bit)
    note = Note(TEXT, (note.signatures[0], NoteSignature("bad", label.key_id, broken)))

    with pytest.raises(NoteError, match=f"^invalid signature for key bad\\+{label.key_id.hex()}$"):
        note.verify([good.verifier, bad.verifier])


def test_an_unknown_key_with_a_broken_signature_is_ignored() -> None:
    good, bad = a_key("good", 1), a_key("bad", 2)
    broken = NoteSignature("bad", bad.verifier.id, bytes(64))
    note = Note(TEXT, (broken, *Note(TEXT, ()).signed_by(good).signatures))

    assert note.verify([good.verifier]) == [VerifiedSignature(good.verifier, None)]


def test_a_key_is_known_by_name_and_id_together() -> None:
    key = a_key()
    value = key.sign(TEXT.encode())
    other_name = Note(TEXT, (NoteSignature("fund.example/eru", key.verifier.id, value),))
    other_id = Note(TEXT, (NoteSignature(key.name, flipped(key.verifier.id, 0), value),))

    for note in (other_name, other_id, Note(TEXT, ())):
        with pytest.raises(NoteError, match=r"^note has no verifiable signatures$"):
            note.verify([key.verifier])


def test_only_the_first_signature_of_a_key_counts() -> None:
    key = a_key()
    good = Note(TEXT, ()).signed_by(key).signatures[0]
    broken = NoteSignature(key.name, good.key_id, flipped(good.value, 5))

    assert Note(TEXT, (good, good, broken)).verify([key.verifier]) == [
        VerifiedSignature(key.verifier, None)
    ]
    with pytest.raises(NoteError, match=r"^invalid signature for key"):
        Note(TEXT, (broken, good)).verify([key.verifier])


def test_no_changed_byte_of_a_signed_note_verifies() -> None:
    key = a_key()
    raw = Note(TEXT, ()).signed_by(key).to_bytes()

    for at in range(len(raw)):
        with pytest.raises(NoteError):
            Note.parse(raw[:at] + flipped(raw[at : at + 1], at % 6) + raw[at + 1 :]).verify(
                [key.verifier]
            )


def test_no_changed_byte_of_a_cosignature_verifies() -> None:
    witness = a_key("w", 2, COSIGNATURE)
    (signature,) = Note(TEXT, ()).cosigned_by(witness, AT).signatures

    assert len(signature.value) == 72
    for at in range(72):
        with pytest.raises(NoteError, match=r"^invalid signature for key w\+"):
            witness.verifier.verify(TEXT, flipped(signature.value, 8 * at))


@pytest.mark.parametrize("kept", [0, 1, 7, 8, 9, 71])
def test_a_truncated_cosignature_is_invalid(kept: int) -> None:
    witness = a_key("w", 2, COSIGNATURE)
    (signature,) = Note(TEXT, ()).cosigned_by(witness, AT).signatures

    with pytest.raises(NoteError, match=r"^invalid signature for key w\+"):
        witness.verifier.verify(TEXT, signature.value[:kept])


@pytest.mark.parametrize("extra", [b"", b"\x00"])
def test_a_plain_signature_has_64_bytes(extra: bytes) -> None:
    key = a_key()
    value = key.sign(TEXT.encode())

    with pytest.raises(NoteError, match=r"^invalid signature for key"):
        key.verifier.verify(TEXT, value + extra if extra else value[:-1])


def test_a_signature_of_one_type_is_none_of_the_other() -> None:
    log, witness = a_key("w", 2), a_key("w", 2, COSIGNATURE)
    plain = log.sign(TEXT.encode())
    message = cosignature_message(TEXT, AT)

    assert log.verifier.verify(TEXT, plain) is None
    assert witness.verifier.verify(TEXT, AT.to_bytes(8, "big") + log.sign(message)) == AT
    with pytest.raises(NoteError, match=r"^invalid signature"):
        witness.verifier.verify(TEXT, AT.to_bytes(8, "big") + plain)
    with pytest.raises(NoteError, match=r"^invalid signature"):
        log.verifier.verify(TEXT, log.sign(message))


def test_a_public_key_of_another_length_verifies_nothing() -> None:
    key = VerifierKey("short", ED25519, bytes(31))

    with pytest.raises(NoteError, match=r"^invalid signature for key short\+"):
        key.verify(TEXT, bytes(64))


SIGNATURE = Note("a\n", ()).signed_by(a_key("k")).signatures[0].line()


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"a\xff\n\n" + SIGNATURE.encode(), "malformed note (invalid UTF-8)"),
        (b"a\xed\xa0\x80\n\n" + SIGNATURE.encode(), "malformed note (invalid UTF-8)"),
        (b"a\x00\n\n" + SIGNATURE.encode(), "malformed note (control character)"),
        (b"a\r\n\n" + SIGNATURE.encode(), "malformed note (control character)"),
        (b"a\tb\n\n" + SIGNATURE.encode(), "malformed note (control character)"),
        (f"a\n\n{SIGNATURE[:-1]}".encode(), "malformed note (no final newline)"),
        (b"", "malformed note (no final newline)"),
        (b"a\n", "malformed note (no signatures)"),
        (b"a\n\n", "malformed note (no signatures)"),
        (f"\n{SIGNATURE}".encode(), "malformed note (no signatures)"),
        (f"a\n\n{SIGNATURE}\n".encode(), "malformed note (no signatures)"),
        (f"a\n\n{SIGNATURE}b\n".encode(), "malformed note (not a signature line)"),
        (f"a\n\nb\n{SIGNATURE}".encode(), "malformed note (not a signature line)"),
        (f"a\n\n-{SIGNATURE[1:]}".encode(), "malformed note (not a signature line)"),
        (f"a\n\n {SIGNATURE}".encode(), "malformed note (not a signature line)"),
        ("a\n\n\u2014 k\n".encode(), "malformed note (not a signature line)"),
        ("a\n\n\u2014 k \n".encode(), "malformed note (signature too short)"),
        ("a\n\n\u2014 k AQIDBA==\n".encode(), "malformed note (signature too short)"),
        ("a\n\n\u2014 k AQIDBAU\n".encode(), "malformed note (signature is not base64)"),
        ("a\n\n\u2014 k AQIDBAV=\n".encode(), "malformed note (signature is not base64)"),
        ("a\n\n\u2014 k AQIDBAU= \n".encode(), "malformed note (signature is not base64)"),
        ("a\n\n\u2014 k k AQIDBAU=\n".encode(), "malformed note (signature is not base64)"),
    ],
)
def test_a_malformed_note_is_refused_with_its_reason(raw: bytes, reason: str) -> None:
    refused_note(raw, reason)


@pytest.mark.parametrize("name", ["", "a+b", "a\u00a0b", "\u2028", "a\x7f"])
def test_a_signature_line_carries_a_key_name(name: str) -> None:
    refused_note(
        f"a\n\n\u2014 {name} AQIDBAU=\n".encode(),
        "a key name is not empty and holds no space and no '+'",
    )


def test_a_note_is_split_at_its_last_blank_line() -> None:
    for text in ("a\n\nb\n", "a\n\n", "\n", "\n\n\n", "\u2014 k AQIDBAU=\n\nb\n"):
        assert Note.parse(f"{text}\n{SIGNATURE}".encode()).text == text


def test_a_note_bears_a_hundred_signatures_and_not_one_more() -> None:
    full = ("a\n\n" + SIGNATURE * MAX_SIGNATURES).encode()

    assert len(Note.parse(full).signatures) == MAX_SIGNATURES == 100
    refused_note(full + SIGNATURE.encode(), "malformed note (more than 100 signatures)")


def test_a_note_has_at_most_a_million_bytes() -> None:
    tail = f"\n\n{SIGNATURE}".encode()
    longest = b"a" * (MAX_NOTE_BYTES - len(tail)) + tail

    assert len(longest) == MAX_NOTE_BYTES == 1_000_000
    assert Note.parse(longest).to_bytes() == longest
    refused_note(b"a" + longest, "malformed note (too large)")
