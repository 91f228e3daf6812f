"""Checkpoints on the record: what outsiders attest of this log, recorded in it by the ledger.

Witnesses cosign checkpoints and a time authority stamps them, both outside the log. Where a rule or
an auditor needs that later, an entry records the checkpoint and the signatures themselves.
`app/trust/attestations.py` verifies them, when the entry is made and in every replay; a replay also
compares the root with the log's own.
"""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from app.domain.book import Book, Key
from app.domain.charter.attested import AttestedCheckpoint, Base64
from app.domain.command import Actor, Command
from app.domain.event import Act, Event, Terms, TimedEvent
from app.domain.governance.funds import charter_of, fund_key
from app.domain.governance.log_keys import Log, log_key, name_of
from app.domain.governance.party_keys import PartyKey, party_key
from app.domain.refusals.base import AlreadyExists, NotFound
from app.domain.refusals.decisions import StaleProposal
from app.domain.refusals.people import KeyNotValid, WrongParty
from app.domain.refusals.record import NotWitnessed
from app.domain.values import KeyId, PartyId, Text

MAX_STATEMENTS = 100


class Cosignature(Terms):
    """A witness's cosignature: its key's name, and what a signature line of C2SP holds."""

    witness: Annotated[str, Field(strict=True, pattern="^[!-*,-~]{1,200}$")]
    signature: Base64


class WitnessedTerms(AttestedCheckpoint):
    """A checkpoint, and the cosignatures of at least the quorum."""

    cosignatures: Annotated[tuple[Cosignature, ...], Field(min_length=1, max_length=50)]


class CheckpointWitnessed(WitnessedTerms, TimedEvent, type="checkpoint.witnessed"):
    """The charter's quorum of witnesses has cosigned this checkpoint of the log."""

    def permit(self, book: Book, act: Act) -> None:
        """Check that the checkpoint is newer than the one on record, and cosigned by at least the
        charter's quorum of its witnesses, each once. Raises NotFound when the charter names no
        witnesses, StaleProposal, AlreadyExists, NotWitnessed.
        """
        asked = charter_of(book).witnessing
        if asked is None:
            raise NotFound("The charter names no witnesses.")
        _require_newer(self, book.get(Log).witnessed, act)
        known = {name_of(vkey) for vkey in asked.witnesses}
        named = {one.witness for one in self.cosignatures}
        if len(named) < len(self.cosignatures) or not named <= known or len(named) < asked.quorum:
            raise NotWitnessed(f"{asked.quorum} of the charter's witnesses are needed, each once.")

    def fold(self, book: Book, act: Act) -> Book:
        seen = AttestedCheckpoint(size=self.size, root=self.root)
        return book.put(book.get(Log).but(witnessed=seen))

    def sentence(self, act: Act) -> str:
        names = ", ".join(one.witness for one in self.cosignatures)
        return f"The log of {self.size} entries was cosigned by {names}."


class RecordWitnessed(WitnessedTerms, Command, event=CheckpointWitnessed, internal=True):
    """Put on record that the quorum has cosigned. Only the ledger itself asks for this."""

    def reads(self, book: Book, actor: Actor) -> Iterator[Key]:
        yield fund_key()
        yield log_key()

    def decide(self, book: Book, act: Act) -> Event:
        return CheckpointWitnessed(**self.stated())


class StampTerms(AttestedCheckpoint):
    """A checkpoint, and a time authority's token (RFC 3161, DER in base64) over its three lines."""

    token: Base64


class CheckpointStamped(StampTerms, TimedEvent, type="checkpoint.stamped"):
    """A time authority has confirmed that the log had this checkpoint at a certain time."""

    def permit(self, book: Book, act: Act) -> None:
        """Check that the checkpoint lies within the log and is newer than the last one that was
        stamped. Raises StaleProposal, AlreadyExists.
        """
        _require_newer(self, book.get(Log).stamped, act)

    def fold(self, book: Book, act: Act) -> Book:
        stamped = AttestedCheckpoint(size=self.size, root=self.root)
        return book.put(book.get(Log).but(stamped=stamped))

    def sentence(self, act: Act) -> str:
        return f"A time authority stamped the log of {self.size} entries."


class RecordStamp(StampTerms, Command, event=CheckpointStamped, internal=True):
    """Put a time token on record. Only the ledger itself asks for this."""

    def reads(self, book: Book, actor: Actor) -> Iterator[Key]:
        yield log_key()

    def decide(self, book: Book, act: Act) -> Event:
        return CheckpointStamped(**self.stated())


class Statement(AttestedCheckpoint):
    """The newest checkpoint that a party knows, signed by it.

    A detached JWS over the canonical `{"fund","root","size"}`, with the header of any party's
    signature, `op` being `log.recovered`.
    """

    party: PartyId
    kid: KeyId
    jws: Annotated[str, Field(strict=True, pattern="^[A-Za-z0-9_.-]{1,2000}$")]


class RecoveryTerms(AttestedCheckpoint):
    """How far the log was restored, why that was needed, and the newest checkpoint that each party
    knows.
    """

    reason: Text
    statements: Annotated[tuple[Statement, ...], Field(min_length=1, max_length=MAX_STATEMENTS)]


class LogRecovered(RecoveryTerms, TimedEvent, type="log.recovered"):
    """The log was restored, and the parties' quorum confirms that nothing they know of is lost."""

    def permit(self, book: Book, act: Act) -> None:
        """Check that the entry states the log's present size, and that a quorum of governments has
        made one statement each, with keys that are trusted. Raises StaleProposal, WrongParty,
        KeyNotValid.
        """
        charter = charter_of(book)
        if self.size != act.seq or any(one.size > act.seq for one in self.statements):
            raise StaleProposal(f"The log has {act.seq} entries.")
        parties = {one.party for one in self.statements}
        governments = parties & set(charter.governments)
        if len(parties) < len(self.statements) or len(governments) < charter.quorum:
            raise WrongParty(f"It takes {charter.quorum} governments, each with one statement.")
        for one in self.statements:
            signing = book.find(PartyKey, one.kid)
            if signing is None or signing.party != one.party or not signing.trusts(act.seq):
                raise KeyNotValid(f"{one.party} has no such key.")

    def fold(self, book: Book, act: Act) -> Book:
        return book

    def sentence(self, act: Act) -> str:
        names = ", ".join(one.party for one in self.statements)
        return f"The log was restored to {self.size} entries, as {names} confirm: {self.reason}"


class RecordRecovery(RecoveryTerms, Command, event=LogRecovered, internal=True):
    """Put a recovery on record, as `fundledger recover` asks."""

    def reads(self, book: Book, actor: Actor) -> Iterator[Key]:
        yield fund_key()
        yield from (party_key(one.kid) for one in self.statements)

    def decide(self, book: Book, act: Act) -> Event:
        return LogRecovered(**self.stated())


def require_witnessed(book: Book, seq: int | None) -> None:
    """Check that witnesses have cosigned the log with entry `seq`, if the charter wants that.

    Raises NotWitnessed.
    """
    asked = charter_of(book).witnessing
    if asked is None or seq is None:
        return
    witnessed = book.get(Log).witnessed
    if witnessed is None or witnessed.size <= seq:
        raise NotWitnessed(
            f"{asked.quorum} witnesses must have cosigned the log with entry {seq}; it comes by "
            f"itself: try again in a moment."
        )


def _require_newer(newer: AttestedCheckpoint, known: AttestedCheckpoint | None, act: Act) -> None:
    """Check that the checkpoint lies within the log (StaleProposal) and covers more entries than
    the one that is on record (AlreadyExists).
    """
    if newer.size > act.seq:
        raise StaleProposal(f"The log has {act.seq} entries.")
    if known is not None and newer.size <= known.size:
        raise AlreadyExists(f"The checkpoint of {known.size} entries is on record already.")
