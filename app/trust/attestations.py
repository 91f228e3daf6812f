"""Attestations: whether what outsiders sign about the log is valid, for exactly this log.

Cosignatures of witnesses, time tokens, the old key's introduction of a new one, parties' statements
after a recovery: each is in an entry, and is verified here when the entry is made and in every
replay. The rules decide what follows from them (`domain/governance/checkpoints`).
"""

from app.chain.canonical import encode
from app.chain.checkpoint import Checkpoint
from app.chain.jws import SignatureError
from app.chain.note import (
    COSIGNATURE,
    ED25519,
    Note,
    NoteError,
    NoteSignature,
    VerifierKey,
)
from app.chain.spelling import read_base64
from app.domain.book import Book
from app.domain.charter.attested import AttestedCheckpoint
from app.domain.charter.charter import Charter
from app.domain.event import Event
from app.domain.governance.checkpoints import (
    CheckpointStamped,
    CheckpointWitnessed,
    LogRecovered,
    Statement,
)
from app.domain.governance.funds import Fund, FundOpened, charter_of
from app.domain.governance.log_keys import Log
from app.domain.governance.party_keys import PartyKey
from app.domain.proposals.custody import LogKeyChange
from app.domain.proposals.custody_effects import LogKeyChanged
from app.domain.proposals.proposals import (
    CharterChange,
    Proposal,
    ProposalOpened,
    ProposalRevised,
    Subject,
)
from app.domain.refusals.record import AttestationFalse
from app.trust.signatures import check_signature
from app.trust.timestamps import StampError, read_stamp

RECOVERED = LogRecovered.type


def attest(book: Book, event: Event) -> None:
    """Verify what outsiders have signed in an event. Raises AttestationFalse, NotFound."""
    try:
        match event:
            case FundOpened():
                _check_witnesses(event.charter(), event.log_vkey)
            case ProposalOpened() | ProposalRevised():
                _check_subject(book, event.subject)
            case LogKeyChanged():
                # The log's key may have changed again since the proposal was opened.
                _check_subject(book, book.get(Proposal, event.proposal_id).subject)
            case CheckpointWitnessed():
                _check_cosignatures(book, event)
            case CheckpointStamped():
                read_stamp(read_base64(event.token), checkpoint_text(book, event))
            case LogRecovered():
                for statement in event.statements:
                    _check_statement(book, statement)
            case _:
                pass
    except (NoteError, SignatureError, StampError, ValueError) as error:
        raise AttestationFalse(f"What is attested does not hold: {error}") from None


def checkpoint_text(book: Book, named: AttestedCheckpoint) -> bytes:
    """The three lines of a checkpoint of this fund's log, which are cosigned and stamped."""
    root = bytes.fromhex(named.root)
    return Checkpoint(book.get(Log).origin, named.size, root).text().encode()


def introduction_message(origin: str, vkey: str) -> bytes:
    """What a log's key signs to introduce its successor, and that one to prove possession."""
    return f"fund-ledger/log-key\n{origin}\n{vkey}\n".encode()


def statement_payload(fund: str, size: int, root: str) -> bytes:
    """What a party signs to say which checkpoint it knows."""
    return encode({"fund": fund, "root": root, "size": size})


def witness_keys(charter: Charter) -> dict[str, VerifierKey]:
    """The keys of the charter's witnesses by name; empty where it names none."""
    vkeys = charter.witnessing.witnesses if charter.witnessing is not None else ()
    return {key.name: key for key in map(VerifierKey.parse, vkeys)}


def _check_witnesses(charter: Charter, *logs: str) -> None:
    """Check that the witnesses' keys are of the right kind, are no keys of the log, and have one
    name each. Raises NoteError.
    """
    witnessing, keys = charter.witnessing, witness_keys(charter)
    if keys and {key.public for key in keys.values()} & {VerifierKey.parse(k).public for k in logs}:
        raise NoteError("a log is no witness of itself")
    if any(key.type != COSIGNATURE for key in keys.values()):
        raise NoteError("a witness signs with a type 4 key")
    named = witnessing.witnesses if witnessing is not None else ()
    if len({key.public for key in keys.values()}) < len(named):
        raise NoteError("one witness under two names, or two under one, would count twice")


def _check_subject(book: Book, subject: Subject) -> None:
    match subject:
        case CharterChange():
            _check_witnesses(subject.charter, *(key.vkey for key in book.get(Log).keys))
        case LogKeyChange():
            _check_log_key(book.get(Log), subject)


def _check_log_key(log_state: Log, change: LogKeyChange) -> None:
    key = VerifierKey.parse(change.vkey)
    if key.type != ED25519 or key.name != log_state.origin:
        raise NoteError(f"a key of this log has type 1 and the name {log_state.origin}")
    message = introduction_message(log_state.origin, change.vkey).decode()
    key.verify(message, read_base64(change.possession))
    if change.introduction is not None:
        VerifierKey.parse(log_state.vkey).verify(message, read_base64(change.introduction))


def _check_cosignatures(book: Book, event: CheckpointWitnessed) -> None:
    text, keys = checkpoint_text(book, event).decode(), witness_keys(charter_of(book))
    for one in event.cosignatures:
        value = read_base64(one.signature)
        note = Note(text, (NoteSignature(one.witness, value[:4], value[4:]),))
        known = keys.get(one.witness)
        note.verify([known] if known is not None else [])


def _check_statement(book: Book, statement: Statement) -> None:
    fund, key = book.get(Fund).charter.fund, book.find(PartyKey, statement.kid)
    if key is None:
        raise SignatureError(f"{statement.party} has no such key")
    payload = statement_payload(fund, statement.size, statement.root)
    signature = check_signature(statement.jws, payload, fund, key.jwk.model_dump())
    if (signature.op, signature.kid) != (RECOVERED, statement.kid):
        raise SignatureError("it was made for something else")
