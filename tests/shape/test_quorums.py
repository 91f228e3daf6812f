"""The table of quorums in docs/trust.md is right, line by line."""

import re
from pathlib import Path

import pytest

TABLE = Path("docs/trust.md").read_text()
ROWS = re.findall(r"^\| (\d+) \| (\d+) \| (\d+) \| (yes|no)\b.*\|$", TABLE, re.MULTILINE)


def test_the_table_is_there() -> None:
    assert len(ROWS) == 9


@pytest.mark.parametrize(("n", "f", "k", "met"), ROWS, ids=str)
def test_a_quorum_is_the_smallest_that_liars_cannot_split(n: str, f: str, k: str, met: str) -> None:
    witnesses, liars, quorum = int(n), int(f), int(k)

    # Two quorums share more witnesses than may lie: so they share an honest one.
    assert 2 * quorum > witnesses + liars
    assert 2 * (quorum - 1) <= witnesses + liars
    assert (quorum <= witnesses - liars) == (met == "yes")
