"""Times of entries: a clock that was set is remarked upon, and nothing is called wrong for it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.audit.checks.times import EntryTimes, dated_ahead
from app.audit.verify import verify
from app.chain.entry import Entry, time_text
from app.chain.note import Note, NoteKey
from tests.support.tampering import Bundle

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


def entry(seq: int, at: datetime) -> Entry:
    by = {"party": "DE", "role": "treasury", "subject": "x"}
    return Entry(
        fund="era", seq=seq, id="x", at=time_text(at), type="x", by=by, data={}, prev="0" * 64
    )


def taken(*times: datetime) -> EntryTimes:
    found = EntryTimes()
    for seq, at in enumerate(times):
        found.take(entry(seq, at), None)
    return found


def test_an_ordinary_log_is_not_remarked_upon() -> None:
    assert taken(NOW, NOW, NOW + timedelta(days=179)).remarks == []


def test_a_jump_of_ten_years_is_remarked_upon() -> None:
    (remark,) = taken(NOW, NOW + timedelta(days=3_650), NOW + timedelta(days=3_650)).remarks

    assert remark.startswith("seq 1: 3650 days after the entry before it")


def test_a_log_full_of_jumps_gives_a_hundred_remarks() -> None:
    times = [
        datetime(1750, 1, 1, tzinfo=UTC) + timedelta(days=181) * number for number in range(300)
    ]

    assert len(taken(*times).remarks) == 100


def test_an_entry_that_is_dated_ahead_of_the_present_is_told() -> None:
    times = taken(NOW, NOW + timedelta(minutes=11))

    assert list(dated_ahead(times.newest, NOW + timedelta(minutes=2))) == []
    assert "seq 1 is dated" in next(dated_ahead(times.newest, NOW))
    assert list(dated_ahead(EntryTimes().newest, NOW)) == []


@pytest.mark.parametrize(("ahead", "remarks"), [(timedelta(days=3_650), 1), (timedelta(), 0)])
def test_the_verifier_says_that_a_witness_saw_it_before_it_was_dated(
    bundle: Bundle, witness: NoteKey, ahead: timedelta, remarks: int
) -> None:
    """The entry is dated by a clock that said 2036; the witness cosigned it in 2026."""
    last = datetime.fromisoformat(bundle.entry(len(bundle.lines) - 1)["at"])
    note = Note.parse(bundle.files["checkpoint"])
    seen = int((last - ahead).timestamp())
    bundle.files["checkpoint"] = note.cosigned_by(witness, seen).to_bytes()
    bundle.resign()
    trust = f"witness w {witness.verifier}\nquorum w"

    report = verify(bundle.write(), bundle.policy(trust))

    assert report.result == "ok"
    said = [remark for remark in report.remarks if "one of their clocks was wrong" in remark]
    assert len(said) == remarks


@pytest.fixture
def witness() -> NoteKey:
    return NoteKey.from_seed("witness.example/w", bytes(range(32)), 4)


def test_a_cosignature_of_an_absurd_time_is_no_fault() -> None:
    times: Any = taken(NOW)

    times._compare(1, [("w", 2**63)])
    times._compare(0, [("w", 1)])
    times._compare(9, [("w", 1)])

    assert times.remarks == []
