"""Custody: what may be proposed of the log's keys and of its end."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from app.domain.governance.log_keys import public_part
from app.domain.proposals.custody import LogKeyChange
from app.domain.proposals.proposals import Subject
from tests.support.builders import EXPORT_KID, LOG_VKEY
from tests.support.custody import a_closing, a_log_key, an_export_key, wanted
from tests.support.domain import funded, refused


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
