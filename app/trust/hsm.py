"""The ledger's keys in a PKCS#11 security module, which signs and never reveals a private key.

Keys are found by label, as the files are by name: `log`, `log-2` …, `export`, `export-2` … Every
fault of module, token, PIN or key is KeyUnusable, with a message of one line that holds no secret.

Needs the extra `hsm` (python-pkcs11), which only a service with a token has to install.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Final

import pkcs11
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, Hash
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass
from pkcs11.types import SignMixin

from app.trust.ledger_keys import EXPORT, LOG, KeyUnusable, LedgerKeys

_ED25519: Final = bytes.fromhex("06032b6570")
_EDWARDS25519: Final = b"\x13\x0cedwards25519"
"""The curve by its name, which PKCS#11 3.0 allows beside the identifier."""
_P256: Final = bytes.fromhex("06082a8648ce3d030107")
_P384: Final = bytes.fromhex("06052b81040022")
_CURVES: Final[dict[bytes, ec.EllipticCurve]] = {_P256: ec.SECP256R1(), _P384: ec.SECP384R1()}
_ED25519_KEY_BYTES: Final = 32
_ED25519_SIGNATURE_BYTES: Final = 64
_TEST: Final = b"fund-ledger/key-test\n"
"""What each key signs as a test when it is loaded; it can be taken for no other message."""
_WRONG_PIN: Final = (pkcs11.PinIncorrect, pkcs11.PinInvalid, pkcs11.PinLenRange)

# A module is told at its start that one thread at a time calls it (C_Initialize without locks);
# so one lock for all keys, whatever token they are on.
_ONE_AT_A_TIME: Final = threading.Lock()


class _TokenKey:
    """A private key on the token, with the session in which it was found."""

    def __init__(self, label: str, private: SignMixin) -> None:
        self.label = label
        self._private = private
        self._process = os.getpid()

    def _ask(self, data: bytes, mechanism: Mechanism, length: int) -> bytes:
        """The token's signature, of `length` bytes. Raises KeyUnusable."""
        if os.getpid() != self._process:
            raise KeyUnusable(f"the session of key {self.label} belongs to another process")
        with _ONE_AT_A_TIME, _told(f"the token cannot sign with {self.label}"):
            signature = bytes(self._private.sign(data, mechanism=mechanism))
        if len(signature) != length:
            raise KeyUnusable(
                f"the token's signature with {self.label} has {len(signature)} bytes, not {length}"
            )
        return signature


class TokenEd25519(_TokenKey):
    """An `Ed25519Signer` on a token."""

    def __init__(self, label: str, private: SignMixin, public: Ed25519PublicKey) -> None:
        super().__init__(label, private)
        self._public = public

    def public_key(self) -> Ed25519PublicKey:
        return self._public

    def sign(self, data: bytes, /) -> bytes:
        """64 bytes of Ed25519. Raises KeyUnusable."""
        return self._ask(data, Mechanism.EDDSA, _ED25519_SIGNATURE_BYTES)


class TokenEc(_TokenKey):
    """An `EcSigner` on a token. The data is hashed here, because not every token can hash."""

    def __init__(self, label: str, private: SignMixin, public: ec.EllipticCurvePublicKey) -> None:
        super().__init__(label, private)
        self._public = public

    def public_key(self) -> ec.EllipticCurvePublicKey:
        return self._public

    def sign(self, data: bytes, signature_algorithm: ec.ECDSA, /) -> bytes:
        """A signature in DER. Raises KeyUnusable."""
        algorithm = signature_algorithm.algorithm
        if not isinstance(algorithm, SHA256 | SHA384):
            raise KeyUnusable(f"{self.label} signs over SHA-256 or SHA-384 only")
        digest = Hash(algorithm)
        digest.update(data)
        width = _width(self._public.curve)
        raw = self._ask(digest.finalize(), Mechanism.ECDSA, 2 * width)
        r, s = (int.from_bytes(half, "big") for half in (raw[:width], raw[width:]))
        return encode_dss_signature(r, s)


def load_token_keys(module: str, token: str, pin: str, origin: str) -> LedgerKeys:
    """Every key of the token, each tested once; none is created. Raises KeyUnusable."""
    with _ONE_AT_A_TIME:
        session = _open(module, token, pin)
        log = [_ed25519_key(session, label) for label in _labels(session, LOG)]
        export = [_ec_key(session, label) for label in _labels(session, EXPORT)]
    return _tried(LedgerKeys(tuple(log), tuple(export), origin))


def add_token_key(
    module: str, token: str, pin: str, origin: str, purpose: str
) -> tuple[str, LedgerKeys]:
    """Create one more key of a purpose on the token; returns its label, and keys with it alone.

    Raises KeyUnusable.
    """
    with _ONE_AT_A_TIME:
        session = _open(module, token, pin, writing=True)
        label = next(label for label in _names(purpose) if not _found(session, label))
        with _told(f"the token cannot make the key {label}"):
            _generate(session, purpose, label)
        if purpose == LOG:
            made = LedgerKeys((_ed25519_key(session, label),), (), origin)
        else:
            made = LedgerKeys((), (_ec_key(session, label),), origin)
    return label, _tried(made)


def _open(module: str, token: str, pin: str, *, writing: bool = False) -> pkcs11.Session:
    """A session on the token, logged in, until the process ends. Raises KeyUnusable."""
    with _told(f"the module {module} cannot be used"):
        library = pkcs11.lib(module)
    with _told(f"the token {token!r} cannot be opened"):
        try:
            found = library.get_token(token_label=token)
            return found.open(rw=writing, user_pin=pin)
        except pkcs11.NoSuchToken:
            raise KeyUnusable(f"the module {module} has no token {token!r}") from None
        except pkcs11.UserAlreadyLoggedIn:
            # A login holds for the process, and `serve` loads its keys twice.
            return found.open(rw=writing)
        except _WRONG_PIN:
            raise KeyUnusable(f"the token {token!r} refuses the PIN") from None


def _names(purpose: str) -> Iterator[str]:
    yield purpose
    yield from (f"{purpose}-{number}" for number in count(2))


def _labels(session: pkcs11.Session, purpose: str) -> list[str]:
    """The labels of one purpose that the token has, oldest first. Raises KeyUnusable."""
    labels: list[str] = []
    for label in _names(purpose):
        if not _found(session, label):
            break
        labels.append(label)
    if not labels:
        raise KeyUnusable(
            f"the token has no key {purpose}: `fundledger keys new {purpose}` makes it"
        )
    return labels


def _found(session: pkcs11.Session, label: str) -> list[SignMixin]:
    wanted = {Attribute.CLASS: ObjectClass.PRIVATE_KEY, Attribute.LABEL: label}
    with _told(f"the token does not say whether it has a key {label}"):
        return [one for one in session.get_objects(wanted) if isinstance(one, SignMixin)]


def _pair(session: pkcs11.Session, label: str) -> tuple[SignMixin, bytes, bytes]:
    """The private key, the curve's parameters and the public point. Raises KeyUnusable."""
    wanted = {Attribute.CLASS: ObjectClass.PUBLIC_KEY, Attribute.LABEL: label}
    with _told(f"the token's key {label} cannot be read"):
        private, public = _found(session, label), list(session.get_objects(wanted))
        if len(private) != 1 or len(public) != 1:
            raise KeyUnusable(
                f"the token has {len(private)} private and {len(public)} public keys {label}, "
                "not one of each"
            )
        if private[0][Attribute.EXTRACTABLE] or not private[0][Attribute.SENSITIVE]:
            raise KeyUnusable(f"the token would give its key {label} away")
        parameters = bytes(public[0][Attribute.EC_PARAMS])
        return private[0], parameters, bytes(public[0][Attribute.EC_POINT])


def _ed25519_key(session: pkcs11.Session, label: str) -> TokenEd25519:
    private, parameters, point = _pair(session, label)
    if parameters not in (_ED25519, _EDWARDS25519):
        raise KeyUnusable(f"the token's key {label} is not an Ed25519 key")
    bare = _bare(point, _ED25519_KEY_BYTES, label)
    return TokenEd25519(label, private, Ed25519PublicKey.from_public_bytes(bare))


def _ec_key(session: pkcs11.Session, label: str) -> TokenEc:
    private, parameters, point = _pair(session, label)
    curve = _CURVES.get(parameters)
    if curve is None:
        raise KeyUnusable(f"the token's key {label} is not an EC key on P-256 or P-384")
    bare = _bare(point, 1 + 2 * _width(curve), label)
    try:
        public = ec.EllipticCurvePublicKey.from_encoded_point(curve, bare)
    except ValueError:
        raise KeyUnusable(f"the token's key {label} is no point on its curve") from None
    return TokenEc(label, private, public)


def _bare(point: bytes, size: int, label: str) -> bytes:
    """The point of `size` bytes: as it is, in an octet string, or in a bit string."""
    for prefix in (b"", bytes([4, size]), bytes([3, size + 1, 0])):
        if len(point) == len(prefix) + size and point.startswith(prefix):
            return point[len(prefix) :]
    raise KeyUnusable(f"the token's public key {label} has a form that is not known here")


def _tried(keys: LedgerKeys) -> LedgerKeys:
    """The keys, after each has signed once, so that a wrong pair is noticed before it is used."""
    algorithm = ec.ECDSA(SHA256())
    try:
        for key in keys.log:
            key.public_key().verify(key.sign(_TEST), _TEST)
        for one in keys.export:
            one.public_key().verify(one.sign(_TEST, algorithm), _TEST, algorithm)
    except InvalidSignature:
        raise KeyUnusable(
            "a private key on the token is not the public key's of its name"
        ) from None
    return keys


def _generate(session: pkcs11.Session, purpose: str, label: str) -> None:
    """Create a key pair on the token; its private half cannot be exported."""
    kind, parameters, mechanism = (
        (KeyType.EC_EDWARDS, _ED25519, Mechanism.EC_EDWARDS_KEY_PAIR_GEN)
        if purpose == LOG
        else (KeyType.EC, _P256, Mechanism.EC_KEY_PAIR_GEN)
    )
    curve = session.create_domain_parameters(kind, {Attribute.EC_PARAMS: parameters}, local=True)
    curve.generate_keypair(
        label=label,
        id=label.encode(),
        store=True,
        mechanism=mechanism,
        capabilities=pkcs11.MechanismFlag.SIGN | pkcs11.MechanismFlag.VERIFY,
        public_template={Attribute.PRIVATE: False},
        private_template={
            Attribute.PRIVATE: True,
            Attribute.SENSITIVE: True,
            Attribute.EXTRACTABLE: False,
        },
    )


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Turn the module's errors into KeyUnusable."""
    try:
        yield
    except pkcs11.PKCS11Error as error:
        raise KeyUnusable(f"{what}: {str(error) or type(error).__name__}") from None


def _width(curve: ec.EllipticCurve) -> int:
    return (curve.key_size + 7) // 8
