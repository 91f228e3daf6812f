"""The rows of a run as a table, and the ratios that the project holds itself to."""

from collections.abc import Sequence
from typing import Any

Row = dict[str, Any]
_COLUMNS = (
    ("what", 28),
    ("database", 10),
    ("processes", 9),
    ("funds", 5),
    ("connections", 11),
    ("batch", 5),
    ("hot_accounts", 12),
    ("rate", 8),
    ("p50_ms", 8),
    ("p99_ms", 8),
)


def table(rows: Sequence[Row], *, header: bool = True) -> str:
    """Markdown: one line a row."""
    lines = [_line({name: name for name, _ in _COLUMNS})] if header else []
    if header:
        lines.append("|" + "|".join("-" * (width + 2) for _, width in _COLUMNS) + "|")
    return "\n".join([*lines, *map(_line, rows)])


def comparisons(rows: Sequence[Row]) -> str:
    """The ratios within this run, one a line, each with what is asked of it; those whose rows are
    missing are left out.
    """
    single = _rate(rows, scenario="singles", connections=64, hot_accounts=2)
    pairs = (
        (
            "single receipts : one command a commit (at least 4)",
            single,
            _rate(rows, scenario="one-per-commit"),
        ),
        (
            "single receipts : pgbench with 8 clients (at least 0.6)",
            single,
            _rate(rows, scenario="yardstick"),
        ),
        (
            "single receipts : pgbench with 8 clients, one call a receipt",
            single,
            _rate(rows, what="pgbench, one call"),
        ),
        ("batches of 1,000 : single receipts (at least 5)", _rate(rows, batch=1_000), single),
        (
            "batches of 1,000 : single receipts over 8 connections",
            _rate(rows, batch=1_000),
            _rate(rows, scenario="singles", connections=8),
        ),
        (
            "1,000 hot accounts : 2 hot accounts",
            _rate(rows, scenario="singles", hot_accounts=1_000),
            single,
        ),
        (
            "two processes : one, on one fund (at least 1)",
            _rate(rows, scenario="processes", processes=2, funds=1),
            _rate(rows, scenario="processes", processes=1, funds=1),
        ),
        (
            "two processes : one, on two funds",
            _rate(rows, scenario="processes", processes=2, funds=2),
            _rate(rows, scenario="processes", processes=1, funds=2),
        ),
        (
            "signed approvals : unsigned ones",
            _rate(rows, what="approvals, signed"),
            _rate(rows, what="approvals"),
        ),
        (
            "receipts with three witnesses : with none",
            _rate(rows, what="receipts, 3 witnesses"),
            _rate(rows, what="receipts, no witness"),
        ),
    )
    lines = [f"{what}: {one / two:.2f}" for what, one, two in pairs if one and two]
    lines += [
        f"p99 : p50 at 64 connections, {row['hot_accounts']} hot accounts (at most 3): "
        f"{row['p99_ms'] / row['p50_ms']:.2f}"
        for row in rows
        if row.get("scenario") == "singles" and row["connections"] == 64
    ]
    return "\n".join(lines)


def long_comparisons(rows: Sequence[Row]) -> str:
    """What a long log costs against a short one, one line for each thing that was measured."""
    measured = [row for row in rows if row.get("p50_ms")]
    lengths = sorted({row["entries"] for row in measured})
    lines = []
    for what in dict.fromkeys(row["what"] for row in measured):
        short, long = (
            next(row for row in measured if (row["what"], row["entries"]) == (what, size))
            for size in (lengths[0], lengths[-1])
        )
        most = "1.2" if what == "receipts" else "2"
        lines.append(
            f"{what} at {lengths[-1]:,} entries against {lengths[0]:,} (within {most} x): "
            f"rate {long['rate'] / short['rate']:.2f}, p50 {long['p50_ms'] / short['p50_ms']:.2f}"
        )
    return "\n".join(lines)


def _rate(rows: Sequence[Row], **wanted: Any) -> float:
    found = [row for row in rows if all(row.get(name) == value for name, value in wanted.items())]
    return float(found[0]["rate"]) if found else 0.0


def _line(row: Row) -> str:
    cells = [_cell(row.get(name, "")).ljust(width) for name, width in _COLUMNS]
    return "| " + " | ".join(cells) + " |"


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"
    return str(value)


def long_table(rows: Sequence[Row]) -> str:
    """Markdown: what was measured at which length of the log."""
    columns = ("what", "entries", "connections", "rate", "p50_ms", "p99_ms", "before_mb", "peak_mb")
    lines = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    lines += [
        "| " + " | ".join(_cell(row.get(name, "")) for name in columns) + " |" for row in rows
    ]
    return "\n".join(lines)
