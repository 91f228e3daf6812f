"""Changes of the log's keys and its end, proposed on paper."""

from typing import Any

from app.domain.proposals.proposals import Proposal
from tests.support.domain import Door
from tests.support.proposals import proposed

NEW_VKEY = "paper+00000001+" + "B" * 44


NEW_KID = "q" * 43


def a_log_key(vkey: str = NEW_VKEY, **changes: Any) -> dict[str, Any]:
    return {
        "kind": "log_key",
        "vkey": vkey,
        "possession": "AAAA",
        "introduction": "AAAA",
        **changes,
    }


def an_export_key(kid: str = NEW_KID) -> dict[str, Any]:
    return {"kind": "export_key", "kid": kid}


def a_closing(**changes: Any) -> dict[str, Any]:
    return {"kind": "closing", "reason": "The programme is over", **changes}


def wanted(paper: Door, subject: dict[str, Any]) -> Proposal:
    return proposed(paper, {"title": "Custody", "subject": subject})
