"""A receipt, checked years later: the ledger's answer to a write, and a trust file."""

from dataclasses import dataclass
from typing import Any

from app.audit.archive import CannotTell
from app.chain.canonical import NotCanonical, decode, encode
from app.chain.checkpoint import Checkpoint
from app.chain.note import Note, NoteError
from app.chain.policy import Policy
from app.chain.proof import Receipt
from app.chain.tree import ProofError


@dataclass(frozen=True, slots=True)
class Verified:
    """An entry's position and the checkpoint that covers it."""

    seq: int
    checkpoint: Checkpoint


def verify_answer(answer: bytes, policy: Policy) -> Verified:
    """Check that a trusted log signed a tree with exactly the answered entry in it.

    `answer` is the JSON of a write's answer, or of `GET .../entries/{seq}`: it has `entry` and
    `receipt`. Raises ProofError when something is wrong, CannotTell when it cannot be judged.
    """
    entry, text = _read(answer)
    try:
        receipt = Receipt.parse(text)
        origin = Checkpoint.parse(Note.parse(receipt.checkpoint).text).origin
        log = policy.log_named(origin)
        if log is None:
            raise CannotTell(f"the trust file does not name the log {origin}")
        checkpoint = receipt.verify(encode(entry), log)
        signers = Note.parse(receipt.checkpoint).verify([log, *policy.witnesses.values()])
    except NoteError as error:
        raise ProofError(str(error)) from None
    if not policy.satisfied_by(signed.key for signed in signers):
        raise ProofError(f"the quorum {policy.quorum} has not cosigned the checkpoint")
    if receipt.index != entry.get("seq"):
        raise ProofError(f"entry {entry.get('seq')} stands at index {receipt.index}")
    return Verified(receipt.index, checkpoint)


def _read(answer: bytes) -> tuple[dict[str, Any], str]:
    try:
        members = decode(answer)
        entry, receipt = members["entry"], members["receipt"]
    except (NotCanonical, KeyError, TypeError):
        raise CannotTell("not an answer of the ledger: it has `entry` and `receipt`") from None
    if type(entry) is not dict or type(receipt) is not str:
        raise CannotTell("not an answer of the ledger: it has `entry` and `receipt`")
    return entry, receipt
