"""Custody: what may be proposed of the log's keys and of its end."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from app.domain.decisions.custody import LogKeyChange
from app.domain.decisions.proposals import Proposal, Subject
from app.domain.governance.logs import public_part
from tests.builders import EXPORT_KID, LOG_VKEY
from tests.domain import Door, funded, refused
from tests.domain.decisions.test_proposals import proposed

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


@pytest.mark.parametrize(
    "changes",
    [{"introduction": None}, {"trusted_through": 3}],
    ids=["neither", "both"],
)
def test_a_log_key_is_introduced_or_replaces_a_compromised_one(changes: dict[str, Any]) -> None:
    body = {name: value for name, value in a_log_key(**changes).items() if value is not None}

    with pytest.raises(ValidationError, match="introduces the new one, or it is compromised"):
        TypeAdapter(Subject).validate_python(body)


def test_a_key_that_spoke_before_is_never_used_again() -> None:
    paper = funded()

    with refused(paper, "already_exists", "log"):
        wanted(paper, a_log_key("paper+00000009+" + public_part(LOG_VKEY)))
    with refused(paper, "already_exists", "exports"):
        wanted(paper, an_export_key(EXPORT_KID))


def test_a_key_of_this_log_has_its_name() -> None:
    paper = funded()

    with refused(paper, "stale_proposal", "paper"):
        wanted(paper, a_log_key("elsewhere+00000001+" + "B" * 44))


def test_a_log_is_not_its_own_successor() -> None:
    paper = funded()

    with refused(paper, "already_exists", "successor"):
        wanted(paper, a_closing(successor="test-fund"))


def test_what_is_wanted_is_a_proposal_like_any_other() -> None:
    paper = funded()

    proposal = wanted(paper, a_log_key())

    assert isinstance(proposal.subject, LogKeyChange)
    assert proposal.decision == "log_key"


def test_a_compromised_key_is_not_trusted_beyond_the_log() -> None:
    paper = funded()
    subject = a_log_key(trusted_through=9)
    del subject["introduction"]

    with refused(paper, "stale_proposal", "1 entries"):
        wanted(paper, subject)
