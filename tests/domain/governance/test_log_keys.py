"""What a log says of itself: its keys, and that nothing follows its end."""

import pytest

from app.domain.governance.log_keys import (
    Log,
    first_log_state,
    name_of,
    public_part,
    require_open_log,
)
from app.domain.refusals.record import LogIsClosed
from tests.support.builders import EXPORT_KID, LOG_VKEY
from tests.support.domain import funded


def test_the_first_entry_names_the_keys_that_speak_for_the_log() -> None:
    log_state = funded().book.get(Log)

    assert log_state == first_log_state(LOG_VKEY, EXPORT_KID, 0)
    assert (log_state.vkey, log_state.export_kid) == (LOG_VKEY, EXPORT_KID)
    assert log_state.origin == "paper"
    log_state.require_open()


def test_a_log_that_has_ended_says_where() -> None:
    paper = funded()
    closed = paper.book.put(paper.book.get(Log).but(closed_seq=7))

    with pytest.raises(LogIsClosed, match="entry 7"):
        require_open_log(closed)
    require_open_log(paper.book)


def test_a_plus_in_a_key_is_no_part_of_its_name() -> None:
    vkey = "ledger.example/era+0a1b2c3d+" + "+" * 44

    assert name_of(vkey) == "ledger.example/era"
    assert public_part(vkey) == "+" * 44
    assert first_log_state(vkey, EXPORT_KID, 0).origin == "ledger.example/era"
