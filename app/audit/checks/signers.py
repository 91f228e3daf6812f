"""Who had to sign: the keys that the log itself names, linked to one that the auditor trusts.

The trust file names a key of the log. Where the log has changed its key, each key after the trusted
one must have been introduced by the key before it. A key that was declared compromised introduces
no other, and the auditor needs the new one from the partners.
"""

from collections.abc import Sequence

from app.audit.format.archive import Archive, CannotTell
from app.audit.format.layout import (
    JWS_TYPE,
    KEYS,
    MANIFEST,
    MANIFEST_JWS,
    MAX_MANIFEST_BYTES,
    MAX_SMALL_FILE_BYTES,
)
from app.chain.canonical import decode
from app.chain.jws import SignatureError, key_from_jwk, thumbprint, verify_detached
from app.chain.note import VerifierKey
from app.domain.governance.log_keys import Log


class Distrusted(ValueError):
    """The keys that the log names cannot be traced to one that is trusted. `seq` is the entry
    where.
    """

    def __init__(self, why: str, seq: int, *, check: int = 9, unknown: bool = False) -> None:
        super().__init__(why)
        self.seq, self.check, self.unknown = seq, check, unknown


def speakers(trusted: Sequence[VerifierKey], log_state: Log) -> list[VerifierKey]:
    """The keys whose signatures count, oldest first; the last one is in force now.

    Raises Distrusted.
    """
    named = [VerifierKey.parse(key.vkey) for key in log_state.keys]
    places = [place for place, key in enumerate(named) if key in trusted]
    if not places:
        raise Distrusted("the log names another key than the trust file", 0)
    for later in log_state.keys[places[-1] + 1 :]:
        if not later.introduced:
            why = "the trust file's key was declared compromised: get the new one from the partners"
            raise Distrusted(
                f"seq {later.since_seq}: {why}", later.since_seq, check=3, unknown=True
            )
    return named


def check_manifest(archive: Archive, named: str | None, fund: str) -> None:
    """Check the manifest's signature by the export key of this thumbprint, made for this fund.

    The log names the thumbprint, so it does not matter where the key itself comes from. Raises
    SignatureError.
    """
    try:
        keys = decode(archive.small(KEYS, MAX_SMALL_FILE_BYTES))
        (jwk,) = [jwk for jwk in keys["jwks"]["keys"] if jwk.get("kid") == named]
        key = key_from_jwk(jwk)
        jws = archive.small(MANIFEST_JWS, MAX_SMALL_FILE_BYTES).decode()
        raw = archive.small(MANIFEST, MAX_MANIFEST_BYTES)
    except (AttributeError, KeyError, TypeError, ValueError, CannotTell) as error:
        why = str(error) if isinstance(error, SignatureError) else "no key that the log names"
        raise SignatureError(why) from None
    header = verify_detached(jws, raw, key)
    if thumbprint(key) != named:
        raise SignatureError("the key is not the one that the log names")
    if (header.get("typ"), header.get("fund")) != (JWS_TYPE, fund):
        raise SignatureError("it was made for something else")
