"""The checklist docs/hostile-inputs.md names codes, statuses and tests that there are."""

import re
from pathlib import Path

import pytest

from app.api.http.codes import EDGE_CODES
from app.api.http.problems import Code, status_of
from app.domain.refusals.base import REFUSALS
from app.domain.value_faults import VALUE_FAULTS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "hostile-inputs.md").read_text()
ROWS = dict(re.findall(r"^\| ([A-G]\d+) \| (.*) \|$", PAGE, re.MULTILINE))
CODES: dict[str, Code] = {**REFUSALS, **VALUE_FAULTS, **EDGE_CODES}


def test_no_number_stands_twice() -> None:
    assert len(ROWS) == len(re.findall(r"^\| [A-G]\d+ \|", PAGE, re.MULTILINE)) > 60


@pytest.mark.parametrize("row", ROWS)
def test_a_rows_codes_have_the_statuses_that_it_says(row: str) -> None:
    said = re.findall(r"(\d{3}) `([a-z_]+)`", ROWS[row])

    assert {code: str(status_of(CODES[code])) for _, code in said} == {c: s for s, c in said}


def test_the_tests_that_it_names_are_there() -> None:
    named = set(re.findall(r"`(tests/[a-z_/]+\.py)`", PAGE))

    assert len(named) > 15
    assert [name for name in sorted(named) if not (ROOT / name).is_file()] == []


def test_rows_that_tests_name_stand_in_it() -> None:
    ranges = re.compile(r"Rows? ((?:[A-G]\d+(?:-[A-G]\d+)?(?:, | and )?)+)")
    cited = {
        row
        for path in (ROOT / "tests").rglob("test_*.py")
        for found in ranges.findall(path.read_text())
        for row in re.findall(r"[A-G]\d+", found)
    }

    assert len(cited) > 10
    assert cited - ROWS.keys() == set()
