"""Receipts, checked at any later time: the ledger's answer to a write, and a trust file.

A batch's answer has one receipt for many entries. It proves the last one; each entry names the hash
of the one before it, which proves that one too.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from app.audit.format.archive import CannotTell
from app.chain.canonical import NotCanonical, decode, encode
from app.chain.checkpoint import Checkpoint
from app.chain.note import Note, NoteError
from app.chain.policy import Policy
from app.chain.proof import TlogProof
from app.chain.tree import ProofError, leaf_hash

_MEMBERS: Final = {
    *("entry", "consequences", "receipt", "results", "replayed"),
    *("sentence", "leaf_hash"),
}
"""The members that answers of the ledger and of its client have; others were added."""
CREATED: Final = 201


@dataclass(frozen=True, slots=True)
class VerifiedAnswer:
    """Positions `first` to `seq` of the entries, and the checkpoint that covers them."""

    seq: int
    checkpoint: Checkpoint
    first: int
    unproven: int = 0
    """Consequences in the answer to a single write, whose receipt proves its entry only."""


def verify_answer(answer: bytes, policy: Policy) -> VerifiedAnswer:
    """Check that a trusted log signed a tree with exactly the answered entries in it.

    `answer` is JSON: a write's answer or that of `GET .../entries/{seq}`, with `entry` and
    `receipt`, or a batch's answer, with `results` and `receipt`. Raises ProofError when something
    is wrong, CannotTell when it cannot be judged.
    """
    entries, text, unproven = _read(answer)
    try:
        receipt = TlogProof.parse(text)
        origin = Checkpoint.parse(Note.parse(receipt.checkpoint).text).origin
        keys = policy.keys_of(origin)
        if not keys:
            raise CannotTell(f"the trust file does not name the log {origin}")
        if not Note.parse(receipt.checkpoint).is_signed_by(keys):
            raise CannotTell(
                f"no key that the trust file names has signed it for {origin}: if the log's key "
                f"was replaced since, name that one too"
            )
        if receipt.index not in entries:
            named = ", ".join(map(str, sorted(entries)[:10]))
            raise ProofError(f"entry {named} was answered, the receipt is that of {receipt.index}")
        checkpoint = receipt.verify(encode(entries[receipt.index]), *keys)
        signers = Note.parse(receipt.checkpoint).verify([*keys, *policy.witnesses.values()])
    except NoteError as error:
        raise ProofError(str(error)) from None
    if not policy.satisfied_by(signed.key for signed in signers):
        raise CannotTell(
            f"the quorum {policy.quorum} has not cosigned this checkpoint yet: fetch the receipt "
            f"again, GET …/entries/{receipt.index}, once the witnesses have"
        )
    return VerifiedAnswer(receipt.index, checkpoint, _walk_back(entries, receipt.index), unproven)


def _walk_back(entries: dict[int, dict[str, Any]], proven: int) -> int:
    """Follow `prev` from a proven entry back to the first entry that it proves; return that
    position.

    Raises ProofError; CannotTell for entries that the walk does not reach.
    """
    first = proven
    while first - 1 in entries:
        before = leaf_hash(encode(entries[first - 1])).hex()
        if entries[first].get("prev") != before:
            raise ProofError(f"entry {first - 1} is not the one that entry {first} names")
        first -= 1
    # Entries of an earlier request are elsewhere in the log.
    apart = sorted(seq for seq in entries if not first <= seq <= proven)
    if apart:
        raise CannotTell(
            f"the receipt proves entries {first} to {proven}; others were recorded earlier and "
            f"have receipts of their own: {', '.join(map(str, apart[:10]))}"
        )
    return first


def _read(answer: bytes) -> tuple[dict[int, dict[str, Any]], str, int]:
    """The answered entries by position, the receipt, and how many entries the receipt cannot prove.

    Raises CannotTell, ProofError.
    """
    unknown = CannotTell("not an answer of the ledger: it has `entry` or `results`, and `receipt`")
    try:
        members = decode(answer)
        if not members.keys() <= _MEMBERS or {"entry", "results"} <= members.keys():
            raise unknown
        receipt, found = members["receipt"], list(_entries(members))
    except (NotCanonical, AttributeError, KeyError, TypeError):
        raise unknown from None
    entries: dict[int, dict[str, Any]] = {}
    for entry in found:
        if type(entry) is not dict or type(entry.get("seq")) is not int:
            raise unknown
        if encode(entries.setdefault(entry["seq"], entry)) != encode(entry):
            raise ProofError(f"two different entries {entry['seq']}")
    if not entries or type(receipt) is not str:
        raise unknown
    alone = len(members.get("consequences", ())) if "results" not in members else 0
    return entries, receipt, alone


def _entries(members: dict[str, Any]) -> Iterator[Any]:
    """The answered entry; for a batch every entry that was recorded. Raises KeyError, TypeError."""
    if "results" not in members:
        yield members["entry"]
        return
    if any(one["status"] == CREATED and "entry" not in one for one in members["results"]):
        raise ProofError("a command is said to be recorded, and its entry is not there")
    yield from answered(members)


def answered(members: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every entry in an answer, consequences too, whether or not its receipt proves it.

    Raises AttributeError, KeyError, TypeError when it is no such answer.
    """
    for part in members.get("results", [members]):
        if "entry" in part:
            yield part["entry"]
            yield from part.get("consequences", ())
