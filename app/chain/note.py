"""Signed notes (C2SP signed-note): a text, and lines that say who stands for it.

    fund.example/era            the text, up to and with the newline before the blank line,
    42                          is what is signed
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

    \u2014 fund.example/era Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGz==

Keys are Ed25519: type 0x01 signs the text; type 0x04 is a witness's timestamped cosignature of a
checkpoint (C2SP tlog-cosignature v1). A key is known by name and id together; the id is a label,
trust comes from the configured public key.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from app.chain.points import is_sound
from app.chain.spelling import read_base64, write_base64

ED25519: Final = 0x01
COSIGNATURE: Final = 0x04
MAX_SIGNATURES: Final = 100
"""The limit of Go's reader; the specification asks for at least 16."""
MAX_NOTE_BYTES: Final = 1_000_000

_DASH: Final = "\u2014 "
_KEY_ID_BYTES: Final = 4
_TIME_BYTES: Final = 8
_KEY_BYTES: Final = 32


class NoteError(ValueError):
    """A note or a key is malformed, or a signature that must hold does not."""


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key with its name: `name+hex id+base64(type || key)`."""

    name: str
    type: int
    public: bytes

    @property
    def id(self) -> bytes:
        """SHA-256(name || newline || type || key)[:4]."""
        return sha256(self.name.encode() + b"\n" + self._typed()).digest()[:_KEY_ID_BYTES]

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """Read the `vkey` form. Raises NoteError."""
        try:
            text.encode()  # a lone surrogate cannot be encoded, so the name has no key id
            name, key_id, encoded = text.split("+", 2)
            typed = read_base64(encoded)
        except ValueError:
            raise NoteError("a verifier key is name+id+base64") from None
        _check_name(name)
        if len(typed) != 1 + _KEY_BYTES or typed[0] not in (ED25519, COSIGNATURE):
            raise NoteError("only Ed25519 keys (types 1 and 4) are known")
        if not is_sound(typed[1:]):
            raise NoteError("anybody can sign under this key: it is no point, or of small order")
        key = cls(name, typed[0], typed[1:])
        if key.id.hex() != key_id:
            raise NoteError(f"the key id is {key_id}, but the key has {key.id.hex()}")
        return key

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{write_base64(self._typed())}"

    def verify(self, text: str, signature: bytes) -> int | None:
        """Check one signature of `text`; a cosignature's POSIX time, else None.

        Raises NoteError.
        """
        message, timestamp = text.encode(), None
        if self.type == COSIGNATURE:
            timestamp = int.from_bytes(signature[:_TIME_BYTES], "big")
            signature = signature[_TIME_BYTES:]
            message = cosignature_message(text, timestamp)
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except (InvalidSignature, ValueError):
            raise NoteError(f"invalid signature for key {self.name}+{self.id.hex()}") from None
        return timestamp

    def _typed(self) -> bytes:
        return bytes([self.type]) + self.public


class Ed25519Signer(Protocol):
    """An Ed25519 private key: in memory (`Ed25519PrivateKey`), or in a security module."""

    def public_key(self) -> Ed25519PublicKey: ...

    def sign(self, data: bytes, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class NoteKey:
    """A private key with its name and type."""

    name: str
    private: Ed25519Signer
    type: int = ED25519

    @classmethod
    def parse(cls, text: str) -> "NoteKey":
        """Read Go's form `PRIVATE+KEY+name+hex id+base64(type || seed)`. Raises NoteError."""
        parts = text.strip("\n").split("+", 4)
        try:
            _, _, name, key_id, encoded = parts
            typed = read_base64(encoded)
        except ValueError:
            raise NoteError("a signing key is PRIVATE+KEY+name+id+base64") from None
        if parts[:2] != ["PRIVATE", "KEY"] or not typed:
            raise NoteError("a signing key is PRIVATE+KEY+name+id+base64")
        key = cls.from_seed(name, typed[1:], typed[0])
        if key.verifier.id.hex() != key_id:
            raise NoteError("the signing key's id does not fit its key")
        return key

    @classmethod
    def from_seed(cls, name: str, seed: bytes, type: int = ED25519) -> "NoteKey":  # noqa: A002
        """A key under `name` from 32 secret bytes. Raises NoteError."""
        _check_name(name)
        if len(seed) != _KEY_BYTES or type not in (ED25519, COSIGNATURE):
            raise NoteError("only Ed25519 keys (types 1 and 4) of 32 bytes are known")
        return cls(name, Ed25519PrivateKey.from_private_bytes(seed), type)

    @property
    def verifier(self) -> VerifierKey:
        """The public half."""
        return VerifierKey(self.name, self.type, self.private.public_key().public_bytes_raw())

    def sign(self, message: bytes) -> bytes:
        """64 bytes of Ed25519."""
        return self.private.sign(message)


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line: key name, key id, and what follows the id."""

    name: str
    key_id: bytes
    value: bytes

    def line(self) -> str:
        return f"{_DASH}{self.name} {write_base64(self.key_id + self.value)}\n"


@dataclass(frozen=True, slots=True)
class VerifiedSignature:
    """A signature that was found valid, and the time that a witness put on it (POSIX seconds)."""

    key: VerifierKey
    timestamp: int | None


@dataclass(frozen=True, slots=True)
class Note:
    """A text and its signatures, not yet checked."""

    text: str
    signatures: tuple[NoteSignature, ...]

    @classmethod
    def parse(cls, raw: bytes) -> "Note":
        """Split a note at its last blank line. Raises NoteError."""
        if len(raw) > MAX_NOTE_BYTES:
            raise NoteError("malformed note (too large)")
        try:
            whole = raw.decode("utf-8")
        except UnicodeDecodeError:
            raise NoteError("malformed note (invalid UTF-8)") from None
        if any(character < " " and character != "\n" for character in whole):
            raise NoteError("malformed note (control character)")
        if not whole.endswith("\n"):
            raise NoteError("malformed note (no final newline)")
        body, separator, tail = whole.rpartition("\n\n")
        if not separator or not tail:
            raise NoteError("malformed note (no signatures)")
        lines = tail.removesuffix("\n").split("\n")
        if len(lines) > MAX_SIGNATURES:
            raise NoteError(f"malformed note (more than {MAX_SIGNATURES} signatures)")
        return cls(body + "\n", tuple(map(_parse_signature, lines)))

    def to_bytes(self) -> bytes:
        return (self.text + "\n" + "".join(s.line() for s in self.signatures)).encode()

    def verify(self, keys: Iterable[VerifierKey]) -> list[VerifiedSignature]:
        """The known keys that signed, each once. A known key whose signature is invalid makes the
        note invalid.

        Raises NoteError, also when no known key signed.
        """
        known = {(key.name, key.id): key for key in keys}
        verified: dict[tuple[str, bytes], VerifiedSignature] = {}
        for signature in self.signatures:
            label = (signature.name, signature.key_id)
            if label in known and label not in verified:
                key = known[label]
                verified[label] = VerifiedSignature(key, key.verify(self.text, signature.value))
        if not verified:
            raise NoteError("note has no verifiable signatures")
        return list(verified.values())

    def is_signed_by(self, keys: Iterable[VerifierKey]) -> bool:
        """Whether a signature names one of these keys; whether it is valid is not checked."""
        known = {(key.name, key.id) for key in keys}
        return any((one.name, one.key_id) in known for one in self.signatures)

    def signed_by(self, signer: NoteKey) -> "Note":
        """This note with one more plain signature (type 0x01)."""
        key = signer.verifier
        signature = NoteSignature(key.name, key.id, signer.sign(self.text.encode()))
        return Note(self.text, (*self.signatures, signature))

    def cosigned_by(self, signer: NoteKey, timestamp: int) -> "Note":
        """This checkpoint with a witness's cosignature (type 0x04) as of POSIX `timestamp`."""
        key = signer.verifier
        signed = signer.sign(cosignature_message(self.text, timestamp))
        value = timestamp.to_bytes(_TIME_BYTES, "big") + signed
        return Note(self.text, (*self.signatures, NoteSignature(key.name, key.id, value)))


def cosignature_message(text: str, timestamp: int) -> bytes:
    """The bytes that a witness signs to say that at `timestamp` it had seen this checkpoint."""
    return f"cosignature/v1\ntime {timestamp}\n{text}".encode()


def _parse_signature(line: str) -> NoteSignature:
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not space:
        raise NoteError("malformed note (not a signature line)")
    _check_name(name)
    try:
        value = read_base64(encoded)
    except ValueError:
        raise NoteError("malformed note (signature is not base64)") from None
    if len(value) <= _KEY_ID_BYTES:
        raise NoteError("malformed note (signature too short)")
    return NoteSignature(name, value[:_KEY_ID_BYTES], value[_KEY_ID_BYTES:])


def _check_name(name: str) -> None:
    hidden = ("Cc", "Cs")  # control characters, surrogates
    if not name or any(c == "+" or c.isspace() or unicodedata.category(c) in hidden for c in name):
        raise NoteError("a key name is not empty and holds no space and no '+'")
