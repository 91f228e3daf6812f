"""Every metric that the code declares, by the names that Prometheus stores it under."""

import ast
import re
from pathlib import Path

APP = Path(__file__).resolve().parents[2] / "app"
KINDS = {"Counter", "PrometheusCounter", "Gauge", "Histogram"}


def declared() -> set[str]:
    """All names of series."""
    names: set[str] = set()
    for path in APP.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            if node.func.id in KINDS and node.args and isinstance(node.args[0], ast.Constant):
                names |= _series(node.func.id, str(node.args[0].value))
    return names


def _series(kind: str, name: str) -> set[str]:
    if kind == "Histogram":
        return {f"{name}_{part}" for part in ("bucket", "sum", "count")}
    return {name} if kind == "Gauge" else {f"{name}_total"}


def asked_for(expression: str) -> set[str]:
    """The ledger's series that an expression names."""
    return set(re.findall(r"\bledger_[a-z0-9_]+", expression))
