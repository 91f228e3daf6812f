"""Random lives of a fund through the real door: what the tables say is what the log gives.

The lives are those of the laws (`tests/domain/lives`), and every law is asked after every step.
Here each command goes to a ledger with its database, alone, or in a batch with one that must fail.
"""

import shutil
from collections import Counter
from datetime import date
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from app.domain.book import Posting
from app.ops.rebuild import first_difference
from app.runtime.settings import Settings
from app.store import balances
from app.store.balances import AsOf
from tests.support.lives.lives import lived
from tests.support.through import FUND, Through


def added_up(postings: list[Posting]) -> dict[tuple[str, str], tuple[int, int]]:
    found: dict[tuple[str, str], tuple[int, int]] = {}
    for line in postings:
        left, right = found.get((line.account, line.currency), (0, 0))
        found[line.account, line.currency] = (
            left + max(line.minor, 0),
            right + max(-line.minor, 0),
        )
    return found


def balances_of(paper: Through, moment: AsOf) -> dict[tuple[str, str], tuple[int, int]]:
    with paper.here.database.read() as connection:
        rows = balances.balances(connection, FUND, moment)
        found = {(row.account, row.currency): (row.debits, row.credits) for row in rows}
    return {cell: sides for cell, sides in found.items() if sides != (0, 0)}


def test_what_the_tables_say_of_any_life_is_what_its_log_gives(sqlite_template: Path) -> None:
    ways, recorded, refusals = Counter[str](), Counter[str](), Counter[str]()

    @settings(max_examples=5, phases=(Phase.generate,))  # a life does not shrink
    @given(st.integers(0, 2**32))
    def lives(seed: int) -> None:
        random = Random(seed)  # noqa: S311  a seed makes a failure come back
        with TemporaryDirectory() as folder:
            shutil.copy(sqlite_template, Path(folder) / "ledger.db")
            paper = Through(Settings(data_dir=Path(folder)), random)
            try:
                life = lived(seed, 30, paper)
                assert first_difference(paper.here.database, FUND) is None
                _compare(paper, random)
            finally:
                paper.ledger.stop()
                paper.here.database.close()
        ways.update(paper.ways)
        recorded.update(life.recorded)
        refusals.update(life.refusals)

    lives()

    assert ways.keys() == {"alone", "each", "atomic"}
    assert sum(recorded.values()) > sum(refusals.values()) > 10
    assert recorded["receipt.booked"] > 10


def _compare(paper: Through, random: Random) -> None:
    """Balances as of some entries and some days are what the postings until then add up to."""
    postings = [(line.act.seq, posting) for line in paper.log for posting in line.postings]
    for seq in random.sample(range(len(paper.log)), 5):
        until = [posting for place, posting in postings if place <= seq]
        assert balances_of(paper, AsOf(seq=seq)) == added_up(until)
    days: set[date] = {posting.effective for _, posting in postings}
    for day in random.sample(sorted(days), min(8, len(days))):
        until = [posting for _, posting in postings if posting.effective <= day]
        assert balances_of(paper, AsOf(day=day)) == added_up(until)
