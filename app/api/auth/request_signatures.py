"""Parties' signatures on requests: verified here and passed to the writer.

They are verified in a thread, so that the one writer need not do it; the rules decide whether the
key is trusted at the entry's position. An invalid signature is passed on too, because its refusal
is recorded.
"""

import re
from typing import Any, Final

from fastapi import Request

from app.api.http.codes import DUPLICATE_HEADER
from app.api.http.problems import Problem
from app.chain.canonical import NotCanonical, decode, encode
from app.chain.jws import SignatureError
from app.domain.command import Command
from app.domain.governance.party_keys import PartyKey, RegisterKey
from app.domain.refusals.base import Refusal
from app.domain.refusals.decisions import StaleProposal
from app.domain.refusals.people import KeyNotValid, SignatureMismatch
from app.runtime.threads import in_thread
from app.store import log, queries
from app.store.engine import Database
from app.trust.signatures import PartySignature, check_signature, named_key

HEADER: Final = "x-jws-signature"
_THUMBPRINT: Final = re.compile(r"[A-Za-z0-9_-]{43}")
MAX_KNOWN: Final = 10_000


class PartyKeys:
    """What verifying a signature needs: registered keys by thumbprint, and the log's earlier roots.

    A key's name is its digest, so the key under a name never changes.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[tuple[str, str], dict[str, Any]] = {}
        self._roots: dict[tuple[str, int], str] = {}

    def find(self, fund: str, kid: str) -> dict[str, Any] | None:
        """The key with this thumbprint, whatever its state; None when nobody registered it."""
        if not _THUMBPRINT.fullmatch(kid):
            return None
        known = self._known.get((fund, kid))
        if known is not None:
            return known
        with self._database.read() as connection:
            row = queries.one(connection, fund, PartyKey, kid)
        if row is None:
            return None
        if len(self._known) >= MAX_KNOWN:
            self._known.clear()
        self._known[fund, kid] = found = row.jwk.model_dump()
        return found

    def has_been(self, fund: str, size: int, root: str) -> bool:
        """Whether the fund's log, when it had this size, had this root (hex)."""
        if (fund, size) not in self._roots:
            with self._database.read() as connection:
                head = log.read_head(connection, fund)
                if head is None or not 0 < size <= head.size:
                    return False
                if len(self._roots) >= MAX_KNOWN:
                    self._roots.clear()
                # The root at a given size never changes, so it may be kept.
                self._roots[fund, size] = log.hashes(connection, fund).root(size).hex()
        return self._roots[fund, size] == root


async def signature_of(
    request: Request, fund: str, command: Command, keys: PartyKeys
) -> PartySignature | Refusal | None:
    """The request's valid signature, the refusal of an invalid one, or None. Raises Problem."""
    headers = request.headers.getlist(HEADER)
    if not headers:
        return None
    if len(headers) > 1:
        raise Problem(DUPLICATE_HEADER, "A request carries one signature.")
    return await in_thread(_over_body, headers[0], fund, command, await request.body(), keys)


def _over_body(
    jws: str, fund: str, command: Command, raw: bytes, keys: PartyKeys
) -> PartySignature | Refusal:
    """As `checked`, for a body that has been read as the command already."""
    return checked(jws, fund, command, decode(raw, floats=True), keys)


def checked(
    jws: str, fund: str, command: Command, stated: Any, keys: PartyKeys
) -> PartySignature | Refusal:
    """A valid signature over the canonical form of what was stated, or a refusal."""
    try:
        kid = named_key(jws)
        own = command.jwk.model_dump() if isinstance(command, RegisterKey) else None
        jwk = own or keys.find(fund, kid)
        if jwk is None:
            return KeyNotValid("Nobody has registered the key that this is signed with.")
        signature = check_signature(jws, encode(stated), fund, jwk)
        return _other_log(signature, fund, command, keys) or signature
    except SignatureError as error:
        return SignatureMismatch(f"The signature is refused: {error}.")
    except NotCanonical:
        return SignatureMismatch("The body has no canonical form that could be signed.")


def _other_log(
    signature: PartySignature, fund: str, command: Command, keys: PartyKeys
) -> Refusal | None:
    """A refusal if the signer has seen a checkpoint that is not of this log; else None."""
    seen = [signature.seen] if signature.seen is not None else []
    if isinstance(command, RegisterKey):
        seen.append((command.checkpoint.size, command.checkpoint.root))
    if all(keys.has_been(fund, size, root) for size, root in seen):
        return None
    return StaleProposal(
        "The checkpoint that you name is none of this log. If it was signed by the log's key, "
        "keep it: it proves that you were shown another one."
    )
