"""The log's own standing: its keys, and that nothing follows its end."""

import pytest

from app.domain.governance.logs import Log, first_standing, require_open_log
from app.domain.refusals import LogIsClosed
from tests.builders import EXPORT_KID, LOG_VKEY
from tests.domain import funded


def test_the_first_entry_names_the_keys_that_speak_for_the_log() -> None:
    standing = funded().book.get(Log)

    assert standing == first_standing(LOG_VKEY, EXPORT_KID, 0)
    assert (standing.vkey, standing.export_kid) == (LOG_VKEY, EXPORT_KID)
    assert standing.origin == "paper"
    standing.require_open()


def test_the_name_of_a_log_is_found_where_its_keys_base64_holds_a_plus_sign() -> None:
    standing = first_standing("paper/era+00000000+A+" + "A" * 42, EXPORT_KID, 0)

    assert standing.origin == "paper/era"


def test_a_log_that_has_ended_says_where() -> None:
    paper = funded()
    closed = paper.book.put(paper.book.get(Log).but(closed_seq=7))

    with pytest.raises(LogIsClosed, match="entry 7"):
        require_open_log(closed)
    require_open_log(paper.book)
