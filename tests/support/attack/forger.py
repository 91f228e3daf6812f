"""A forger's tools: entries of a bundle found, moved, dropped, and signed anew with some key."""

import json
from datetime import datetime
from typing import Any

from app.chain.canonical import decode, encode
from app.chain.spelling import read_base64url
from app.runtime.clock import new_id
from app.trust.signatures import sign
from tests.support.signers import EcKey
from tests.support.tampering import Bundle

Entry = dict[str, Any]


def entries(bundle: Bundle) -> list[Entry]:
    return [json.loads(line) for line in bundle.lines]


def find(bundle: Bundle, event_type: str, after: int = -1, **data: Any) -> int:
    """The first entry of a type after another one; `data` are its members, `party` its actor."""
    party = data.pop("party", None)
    return next(
        seq
        for seq, entry in enumerate(entries(bundle))
        if seq > after
        and entry["type"] == event_type
        and data.items() <= {**entry["data"], **entry.get("derived", {})}.items()
        and party in (None, entry["by"]["party"])
    )


def put(bundle: Bundle, found: list[Entry]) -> None:
    bundle.lines = [encode(entry) for entry in found]


def drop(bundle: Bundle, seq: int) -> None:
    lines = bundle.lines
    del lines[seq]
    bundle.lines = lines


def move(bundle: Bundle, seqs: range, to: int) -> None:
    """Put entries before another one, recorded at the time of the one before that."""
    found = entries(bundle)
    at = found[to - 1]["at"]
    moved = [{**found[seq], "at": at, "id": new_id(datetime.fromisoformat(at))} for seq in seqs]
    left = [entry for seq, entry in enumerate(found) if seq not in seqs]
    put(bundle, [*left[:to], *moved, *left[to:]])


def signed_anew(entry: Entry, private: EcKey, **header: str) -> None:
    """Replace the entry's signature by one of this key, with the header otherwise unchanged."""
    old = decode(read_base64url(entry["jws"].partition(".")[0]))
    terms = {name: old[name] for name in ("fund", "op", "nonce")}
    entry["jws"] = sign(encode(entry["data"]), private, **{**terms, **header})
