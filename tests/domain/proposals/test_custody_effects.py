"""What accepted proposals change of the log's custody: its keys, its end."""

from typing import Any

import pytest

from app.domain.event import Event
from app.domain.governance.log_keys import ExportKey, Log, LogKey
from app.domain.proposals.custody_effects import ExportKeyChanged, LogClosed, LogKeyChanged
from app.domain.proposals.proposals import Proposal, ProposalState
from tests.support.builders import EXPORT_KID, LOG_VKEY, a_motion, money
from tests.support.custody import NEW_KID, NEW_VKEY, a_closing, a_log_key, an_export_key, wanted
from tests.support.domain import Door, entry, funded, lines, refused, replayed, said
from tests.support.proposals import now_of, proposed, voted


def decided(paper: Door, subject: dict[str, Any]) -> Proposal:
    """Both governments want it."""
    proposal = wanted(paper, subject)
    voted(paper, proposal.proposal_id, "DE", "FR")
    return proposal


def test_an_introduced_key_speaks_from_its_entry_on() -> None:
    paper = funded()

    decided(paper, a_log_key())

    changed = entry(paper, "log_key.changed").act.seq
    old = LogKey(vkey=LOG_VKEY, since_seq=0, introduced=False, trusted_through=None)
    new = LogKey(vkey=NEW_VKEY, since_seq=changed, introduced=True, trusted_through=None)
    assert paper.book.get(Log).keys == (old, new)
    assert said(paper, "log_key.changed") == (
        f"From here on {NEW_VKEY} signs the log, introduced by the key before it."
    )
    assert lines(paper, "log_key.changed") == {}
    assert replayed(paper) == paper.book


def test_a_compromised_key_is_trusted_through_a_size_and_introduces_nobody() -> None:
    paper = funded()
    subject = {"kind": "log_key", "vkey": NEW_VKEY, "possession": "AAAA", "trusted_through": 1}

    decided(paper, subject)

    old, new = paper.book.get(Log).keys
    assert (old.trusted_through, new.introduced) == (1, False)
    assert "compromised and trusted through 1 entries" in said(paper, "log_key.changed")
    assert replayed(paper) == paper.book


def test_another_key_signs_exports_from_its_entry_on() -> None:
    paper = funded()

    decided(paper, an_export_key())

    changed = entry(paper, "export_key.changed").act.seq
    assert paper.book.get(Log).export_keys == (
        ExportKey(kid=EXPORT_KID, since_seq=0),
        ExportKey(kid=NEW_KID, since_seq=changed),
    )
    assert said(paper, "export_key.changed") == f"From here on exports are signed by {NEW_KID}."
    assert lines(paper, "export_key.changed") == {}
    assert replayed(paper) == paper.book


def test_nothing_follows_the_end_of_a_log() -> None:
    paper = funded(DE=100)
    decided(paper, a_closing(successor="next-fund"))

    assert paper.book.get(Log).closed_seq == len(paper.log) - 1
    assert said(paper, "log.closed") == "This log has ended; next-fund continues it."
    assert lines(paper, "log.closed") == {}
    with refused(paper, "log_is_closed"):
        proposed(paper, a_motion())
    with refused(paper, "log_is_closed"):
        paper.requested(money(1))
    assert replayed(paper) == paper.book


def test_a_log_may_end_without_a_successor() -> None:
    paper = funded()

    decided(paper, a_closing())

    assert said(paper, "log.closed") == "This log has ended."


def test_what_was_refused_changes_no_key() -> None:
    paper = funded()
    proposal = wanted(paper, a_log_key())

    voted(paper, proposal.proposal_id, "DE", choice="against")

    assert now_of(paper, proposal).state is ProposalState.REFUSED
    assert len(paper.book.get(Log).keys) == 1


@pytest.mark.parametrize(
    "effect",
    [
        lambda known: LogKeyChanged(**known, vkey=NEW_VKEY, introduced=True),
        lambda known: ExportKeyChanged(**known, kid=NEW_KID),
        lambda known: LogClosed(**known),
    ],
)
def test_an_effect_follows_an_accepted_proposal_only(effect: Any) -> None:
    paper = funded()
    proposal = wanted(paper, a_log_key())
    event: Event = effect({"proposal_id": proposal.proposal_id, "cause": 1})

    with refused(paper, "proposal_closed", "open"):
        event.permit(paper.book, paper.log[-1].act)


def test_of_two_proposals_for_one_key_only_the_first_takes_effect() -> None:
    paper = funded()
    first, second = wanted(paper, a_log_key()), wanted(paper, a_log_key())
    voted(paper, first.proposal_id, "DE", "FR")
    voted(paper, second.proposal_id, "DE")

    with refused(paper, "already_exists"):
        voted(paper, second.proposal_id, "FR")
