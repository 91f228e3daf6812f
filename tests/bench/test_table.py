"""The table of a run, and its ratios."""

from typing import Any

from tests.bench.table import comparisons, long_comparisons, table


def a_row(**changes: Any) -> dict[str, Any]:
    row = {"scenario": "singles", "what": "receipts", "connections": 64, "batch": 1}
    return {**row, "hot_accounts": 2, "rate": 800.0, "p50_ms": 50.0, "p99_ms": 100.0, **changes}


def test_a_row_is_a_line_under_the_header() -> None:
    lines = table([a_row()]).splitlines()

    assert len(lines) == 3
    assert "receipts" in lines[2]
    assert "800" in lines[2]


def test_ratios_are_of_one_run_and_those_without_rows_are_left_out() -> None:
    rows = [a_row(), a_row(scenario="yardstick", connections=8, rate=1_600.0)]

    said = comparisons(rows)

    assert "single receipts : pgbench with 8 clients (at least 0.6): 0.50" in said
    assert "p99 : p50 at 64 connections, 2 hot accounts (at most 3): 2.00" in said
    assert "batches" not in said


def test_a_long_log_is_compared_with_a_short_one() -> None:
    rows = [
        a_row(entries=10_000),
        a_row(entries=5_000_000, rate=720.0, p50_ms=55.0),
        {"what": "export", "entries": 1_000_000, "rate": 5_000.0},
    ]

    assert long_comparisons(rows) == (
        "receipts at 5,000,000 entries against 10,000 (within 1.2 x): rate 0.90, p50 1.10"
    )
