"""Writes the Grafana boards beside this file: `python deploy/grafana/boards.py`.

A board is rows of panels, a panel is a title and what Prometheus is asked. A test compares the
files with what this gives, and asks a running Prometheus every question.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SOURCE = {"type": "prometheus", "uid": "${source}"}
WIDTH, HEIGHT = 24, 8


@dataclass(frozen=True)
class Panel:
    """One picture: a time series, or a single number where `single`."""

    title: str
    queries: dict[str, str]
    unit: str = "short"
    single: bool = False
    help: str = ""


OPERATOR: dict[str, list[Panel]] = {
    "Is it well?": [
        Panel("Ready", {"{{instance}} {{check}}": "ledger_ready"}, help="1 where a check is well."),
        Panel(
            "Answers by status",
            {"{{code}}": "sum by (code) (rate(ledger_http_requests_total[5m]))"},
        ),
        Panel(
            "Errors of ours",
            {
                "share": 'sum(rate(ledger_http_requests_total{code=~"5.."}[5m])) '
                "/ sum(rate(ledger_http_requests_total[5m]))"
            },
            unit="percentunit",
        ),
    ],
    "Writing": [
        Panel(
            "Time to answer a write",
            {
                f"p{quantile * 100:.0f}": f"histogram_quantile({quantile}, sum by (le) "
                '(rate(ledger_http_request_duration_seconds_bucket{method="POST"}[5m])))'
                for quantile in (0.5, 0.99)
            },
            unit="s",
        ),
        Panel(
            "Commands by what became of them",
            {"{{result}}": "sum by (result) (rate(ledger_append_total[5m]))"},
        ),
        Panel("Waiting for the writer", {"{{instance}}": "ledger_append_queue_depth"}),
        Panel(
            "Commit",
            {
                "p99": "histogram_quantile(0.99, sum by (le) "
                "(rate(ledger_commit_duration_seconds_bucket[5m])))"
            },
            unit="s",
        ),
        Panel(
            "Commands in a transaction",
            {
                "mean": "sum(rate(ledger_append_batch_size_sum[5m])) "
                "/ sum(rate(ledger_append_batch_size_count[5m]))"
            },
        ),
        Panel("Faults of the writer", {"{{instance}}": "increase(ledger_writer_faults_total[1h])"}),
    ],
    "The record": [
        Panel("Entries", {"{{fund}}": "max by (fund) (ledger_chain_head_seq) + 1"}, single=True),
        Panel(
            "Damaged entries", {"{{fund}}": "max by (fund) (ledger_damaged_entries)"}, single=True
        ),
        Panel("Funds that take nothing", {"funds": "max(ledger_funds_halted)"}, single=True),
        Panel("Read again up to", {"{{fund}}": "max by (fund) (ledger_chain_last_verified_seq)"}),
        Panel(
            "Since the last round of each worker",
            {
                "{{worker}}": "time() - "
                "max by (worker) (ledger_worker_last_success_timestamp_seconds)"
            },
            unit="s",
        ),
        Panel(
            "Witnesses behind",
            {"{{witness}} {{log}}": "max by (log, witness) (ledger_witness_behind_seconds)"},
            unit="s",
        ),
        Panel(
            "What witnesses answer",
            {"{{witness}} {{result}}": "increase(ledger_witness_cosign_total[1h])"},
        ),
    ],
    "Surroundings": [
        Panel(
            "Clock against others", {"{{instance}} {{other}}": "ledger_clock_offset_seconds"}, "s"
        ),
        Panel(
            "Free on the data folder's disk", {"{{instance}}": "ledger_disk_free_bytes"}, "bytes"
        ),
        Panel(
            "Age of issuers' keys",
            {"{{party}}": "time() - max by (party) (ledger_jwks_last_success_timestamp_seconds)"},
            "s",
        ),
        Panel(
            "Refused tokens",
            {"{{reason}}": "sum by (reason) (rate(ledger_auth_failures_total[5m]))"},
        ),
    ],
}
TREASURY: dict[str, list[Panel]] = {
    "What waits": [
        Panel(
            "Approvals that wait",
            {"{{step}}": "max by (step) (ledger_approvals_pending)"},
            single=True,
        ),
        Panel(
            "The oldest waits since",
            {"{{step}}": "max by (step) (ledger_approval_oldest_pending_seconds)"},
            unit="s",
            single=True,
        ),
        Panel(
            "Approvals that wait, over time",
            {"{{step}}": "max by (step) (ledger_approvals_pending)"},
        ),
        Panel(
            "Age of the oldest, over time",
            {"{{step}}": "max by (step) (ledger_approval_oldest_pending_seconds)"},
            unit="s",
        ),
    ],
    "What was recorded": [
        Panel(
            "Entries of a day by kind",
            {"{{type}}": "sum by (type) (increase(ledger_entries_appended_total[1d]))"},
        ),
        Panel(
            "Requests that the rules refused",
            {"refused": 'sum(increase(ledger_append_total{result="refused"}[1d]))'},
        ),
        Panel(
            "Requests to repeat (outcome unknown)",
            {"unknown": 'sum(increase(ledger_append_total{result="unknown"}[1d]))'},
        ),
        Panel(
            "Can writes be sent?", {"{{instance}}": "min by (instance) (ledger_ready)"}, single=True
        ),
    ],
}
BOARDS = {
    "operator": ("Fund ledger: operation", OPERATOR),
    "treasury": ("Fund ledger: what waits", TREASURY),
}


def board(uid: str, title: str, rows: dict[str, list[Panel]]) -> dict[str, Any]:
    """The board as Grafana imports it."""
    panels: list[dict[str, Any]] = []
    top = 0
    for name, row in rows.items():
        panels.append(_row(len(panels) + 1, name, top))
        top += 1
        for number, panel in enumerate(row):
            place = {
                "x": number % 3 * (WIDTH // 3),
                "y": top + number // 3 * HEIGHT,
                "w": WIDTH // 3,
                "h": HEIGHT,
            }
            panels.append(_panel(len(panels) + 1, panel, place))
        top += -(-len(row) // 3) * HEIGHT
    source = {"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus"}
    return {
        "uid": f"fundledger-{uid}",
        "title": title,
        "tags": ["fundledger"],
        "timezone": "utc",
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [source]},
        "panels": panels,
    }


def _row(identifier: int, title: str, top: int) -> dict[str, Any]:
    place = {"x": 0, "y": top, "w": WIDTH, "h": 1}
    return {"id": identifier, "type": "row", "title": title, "gridPos": place, "panels": []}


def _panel(identifier: int, panel: Panel, place: dict[str, int]) -> dict[str, Any]:
    targets = [
        {"refId": chr(ord("A") + n), "datasource": SOURCE, "expr": expr, "legendFormat": legend}
        for n, (legend, expr) in enumerate(panel.queries.items())
    ]
    return {
        "id": identifier,
        "type": "stat" if panel.single else "timeseries",
        "title": panel.title,
        "description": panel.help,
        "datasource": SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": targets,
    }


def files() -> dict[str, str]:
    """Each board's file by name."""
    return {
        f"{uid}.json": json.dumps(board(uid, title, rows), indent=2) + "\n"
        for uid, (title, rows) in BOARDS.items()
    }


if __name__ == "__main__":
    for name, content in files().items():
        (HERE / name).write_text(content)
