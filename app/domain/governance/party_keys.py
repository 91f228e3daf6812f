"""Keys: each party's own, with which it signs what it states.

The key registers itself: the entry is signed by it, over the digest of the charter in force and a
checkpoint that the party has seen. The first key of a party is active at once. A later one waits
until it is endorsed: by a key that the party has, or, where that is lost, by another party, and
then all earlier keys of the party end. `app/trust/signatures.py` verifies the signature itself;
whether the key is trusted at a position in the log is decided here.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from app.domain.book import Book, Key, State, key
from app.domain.command import Actor, Command
from app.domain.event import Act, Event, Terms
from app.domain.governance.funds import Fund, fund_key
from app.domain.refusals.base import AlreadyExists
from app.domain.refusals.decisions import ProposalClosed, StaleProposal
from app.domain.refusals.people import KeyNotValid, SignatureRequired, WrongParty
from app.domain.values import Digest, KeyId, PartyId, Role, Seq, Text

_Coordinate = Annotated[str, Field(strict=True, pattern="^[A-Za-z0-9_-]{43}([A-Za-z0-9_-]{21})?$")]


class PublicKey(Terms):
    """An EC public key as a JWK (RFC 7517), required members only: never a private key."""

    kty: Literal["EC"]
    crv: Literal["P-256", "P-384"]
    x: _Coordinate
    y: _Coordinate


class KeyState(StrEnum):
    """pending -> active -> revoked. A pending key may be revoked too."""

    PENDING = "pending"
    ACTIVE = "active"
    REVOKED = "revoked"


class PartyKey(State, table="party_keys", key=("kid",), listed_by="registered_seq"):
    """A party's key, since which entry it is active, and through which entry it is trusted."""

    kid: KeyId
    party: PartyId
    jwk: PublicKey
    state: KeyState
    registered_seq: Seq
    active_seq: Seq | None
    endorsed_by: PartyId | None
    trusted_through: Seq | None

    def trusts(self, seq: int) -> bool:
        """Whether a signature that it made at this position is trusted."""
        return self.trusted_through is None or seq <= self.trusted_through


class Keyring(State, table="keyrings", key=("party",)):
    """Which keys are active for a party now. The row exists from a party's first key on."""

    party: PartyId
    active: tuple[KeyId, ...]


class SignatureUse(State, table="signatures", key=("party", "nonce")):
    """A signature that a party has used; its nonce is not accepted again."""

    party: PartyId
    nonce: str
    kid: KeyId
    signed_seq: Seq


class SeenCheckpoint(Terms):
    """A checkpoint that the party verified: the size of the log and its root."""

    size: Annotated[int, Field(strict=True, ge=1, le=2**53 - 1)]
    root: Digest


class KeyTerms(Terms):
    """The key, and what its party acknowledges by signing with it."""

    jwk: PublicKey
    charter_digest: Digest
    checkpoint: SeenCheckpoint


class KeyRegistered(KeyTerms, Event, type="key.registered", roles=(Role.ADMIN,)):
    """A party has registered a key."""

    kid: KeyId

    def permit(self, book: Book, act: Act) -> None:
        """Check that a new key signs its own registration, over the charter in force and a
        checkpoint within the log. Raises SignatureRequired, KeyNotValid, AlreadyExists,
        StaleProposal.
        """
        if not act.kid:
            raise SignatureRequired("A key is registered by an entry that it signs.")
        if self.kid != act.kid:
            raise KeyNotValid("The entry is signed by another key than the one it registers.")
        if book.find(PartyKey, self.kid) is not None:
            raise AlreadyExists("This key was registered before; a key is never used again.")
        digest = book.get(Fund).charter_digest
        if self.charter_digest != digest:
            raise StaleProposal(f"The charter in force has digest {digest}.")
        if self.checkpoint.size > act.seq:
            raise StaleProposal(f"The log has {act.seq} entries.")

    def fold(self, book: Book, act: Act) -> Book:
        first = book.find(Keyring, act.party) is None
        registered = PartyKey(
            kid=self.kid,
            party=act.party,
            jwk=self.jwk,
            state=KeyState.ACTIVE if first else KeyState.PENDING,
            registered_seq=act.seq,
            active_seq=act.seq if first else None,
            endorsed_by=None,
            trusted_through=None,
        )
        book = book.put(registered)
        return book.put(Keyring(party=act.party, active=(self.kid,))) if first else book

    def sentence(self, act: Act) -> str:
        return f"{act.party} registered key {self.kid}."


class RegisterKey(KeyTerms, Command, event=KeyRegistered):
    """Register a key of your party; the request is signed with it."""

    def reads(self, book: Book, actor: Actor) -> Iterator[Key]:
        yield fund_key()
        yield keyring_key(actor.party)

    def decide(self, book: Book, act: Act) -> Event:
        if not act.kid:
            raise SignatureRequired("Sign the request with the key that it registers.")
        return KeyRegistered(**self.stated(), kid=act.kid)


class EndorsementTerms(Terms):
    """Names the key that is endorsed."""

    kid: KeyId


class KeyEndorsed(EndorsementTerms, Event, type="key.endorsed", roles=(Role.ADMIN,)):
    """A pending key is active from here on."""

    def permit(self, book: Book, act: Act) -> None:
        """Check that the key is pending, and that the endorsement is signed: by an active key of
        the key's own party, or by any key of another party. Raises NotFound, ProposalClosed,
        SignatureRequired.
        """
        waiting = book.get(PartyKey, self.kid)
        if waiting.state is not KeyState.PENDING:
            raise ProposalClosed(f"The key is {waiting.state}.")
        own = book.find(Keyring, act.party)
        if act.party == waiting.party and (own is None or act.kid not in own.active):
            raise SignatureRequired(
                "Your party endorses a key with one that it has; where that is lost, another "
                "party does."
            )
        if act.party != waiting.party and not act.kid:
            raise SignatureRequired("Another party's key is endorsed with a key of your own.")

    def fold(self, book: Book, act: Act) -> Book:
        waiting = book.get(PartyKey, self.kid)
        ring = book.get(Keyring, waiting.party)
        kept = ring.active
        if act.party != waiting.party:
            # A lost key may be in somebody else's hands, so all earlier ones end.
            for kid in ring.active:
                book = book.put(_revoked(book.get(PartyKey, kid), act.seq))
            kept = ()
        book = book.put(
            waiting.but(state=KeyState.ACTIVE, active_seq=act.seq, endorsed_by=act.party)
        )
        return book.put(ring.but(active=(*kept, self.kid)))

    def sentence(self, act: Act) -> str:
        return f"{act.party} endorsed key {self.kid}."


class EndorseKey(EndorsementTerms, Command, event=KeyEndorsed):
    """Endorse a pending key: your own party's, or, where its old keys are lost, another's."""

    def reads(self, book: Book, actor: Actor) -> Iterator[Key]:
        yield party_key(self.kid)
        yield keyring_key(actor.party)
        waiting = book.peek(PartyKey, self.kid)
        if waiting is not None:
            yield keyring_key(waiting.party)
            ring = book.peek(Keyring, waiting.party)
            yield from (party_key(kid) for kid in (ring.active if ring is not None else ()))

    def decide(self, book: Book, act: Act) -> Event:
        return KeyEndorsed(**self.stated())


class RevocationTerms(Terms):
    """Which key, through which entry it is trusted, and why."""

    kid: KeyId
    trusted_through: Seq
    reason: Text


class KeyRevoked(RevocationTerms, Event, type="key.revoked", roles=(Role.ADMIN,)):
    """A key signs no more, and what it signed after a certain entry is not trusted."""

    def permit(self, book: Book, act: Act) -> None:
        """Check that the key is the actor's party's, and that the revocation names an earlier entry
        and takes trust that the key still has. Raises NotFound, WrongParty, ProposalClosed.
        """
        revoked = book.get(PartyKey, self.kid)
        if revoked.party != act.party:
            raise WrongParty(f"This key is {revoked.party}'s.")
        if not revoked.trusts(self.trusted_through + 1) or self.trusted_through >= act.seq:
            raise ProposalClosed("A revocation names an entry before it, and only takes trust.")

    def fold(self, book: Book, act: Act) -> Book:
        revoked = book.get(PartyKey, self.kid)
        ring = book.get(Keyring, act.party)
        book = book.put(_revoked(revoked, self.trusted_through))
        return book.put(ring.but(active=tuple(kid for kid in ring.active if kid != self.kid)))

    def sentence(self, act: Act) -> str:
        return (
            f"{act.party} revoked key {self.kid}, trusted through entry "
            f"{self.trusted_through}: {self.reason}"
        )


class RevokeKey(RevocationTerms, Command, event=KeyRevoked):
    """Revoke a key of your party; `trusted_through` may be an entry in the past."""

    def reads(self, book: Book, actor: Actor) -> Iterator[Key]:
        yield party_key(self.kid)
        yield keyring_key(actor.party)

    def decide(self, book: Book, act: Act) -> Event:
        return KeyRevoked(**self.stated())


def party_key(kid: str) -> Key:
    """The key of a key's row."""
    return key(PartyKey, kid)


def is_trusted(book: Book, kid: str | None, seq: int) -> bool:
    """Whether what this key signed at this position is trusted; true without a signature."""
    signing = book.find(PartyKey, kid) if kid is not None else None
    return signing is None or signing.trusts(seq)


def keyring_key(party: str) -> Key:
    """The key of a party's keyring."""
    return key(Keyring, party)


def signing_keys(act_kid: str, nonce: str, party: str) -> Iterator[Key]:
    """The rows that judging a signature reads."""
    if act_kid:
        yield party_key(act_kid)
        yield key(SignatureUse, party, nonce)


def require_signed(book: Book, event: Event, act: Act) -> None:
    """Check that an event which the charter wants signed is signed by an active key of the party,
    with a nonce that was not used. Raises SignatureRequired, KeyNotValid.
    """
    if not act.kid:
        if event.type in book.get(Fund).charter.signed:
            raise SignatureRequired(f"The charter asks for your party's signature on {event.type}.")
        return
    if book.find(SignatureUse, act.party, act.nonce) is not None:
        raise KeyNotValid("Your party has signed under this nonce before; every one serves once.")
    if isinstance(event, KeyRegistered):
        return
    signing = book.find(PartyKey, act.kid)
    if signing is None or signing.party != act.party or signing.state is not KeyState.ACTIVE:
        raise KeyNotValid("This key does not speak for your party at this entry of the log.")


def remembered(book: Book, act: Act) -> Book:
    """The book in which the signature of this entry, where it has one, is recorded as used."""
    if not act.kid:
        return book
    return book.put(SignatureUse(party=act.party, nonce=act.nonce, kid=act.kid, signed_seq=act.seq))


def _revoked(revoked: PartyKey, through: int) -> PartyKey:
    return revoked.but(state=KeyState.REVOKED, trusted_through=through)
