"""Versions: what a newer charter decides otherwise is not decided any more."""

from app.domain.charter.decision_rules import DecisionClass
from app.domain.governance.charter_versions import is_stale, require_current
from app.domain.governance.funds import Fund
from tests.support.domain import funded, refused

RELEASE = DecisionClass.RELEASE


def test_what_was_opened_before_its_class_is_read_anew_is_stale() -> None:
    paper = funded()
    paper.book = paper.book.put(paper.book.get(Fund).but(reread={RELEASE: 7}))

    assert is_stale(paper.book, RELEASE, 6)
    assert not is_stale(paper.book, RELEASE, 7)
    assert not is_stale(paper.book, DecisionClass.MOTION, 6)


def test_it_says_which_charter_ended_it() -> None:
    paper = funded()
    paper.book = paper.book.put(paper.book.get(Fund).but(reread={RELEASE: 7}))

    require_current(paper.book, RELEASE, 7)
    with refused(paper, "proposal_closed", "entry 7"):
        require_current(paper.book, RELEASE, 6)
