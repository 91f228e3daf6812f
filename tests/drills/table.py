"""The table of faults: what each row saw, and the page that it becomes."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
HEADING: Final = "## The table\n"


@dataclass
class Seen:
    """What one fault did to those who use the service, and whether it came through."""

    fault: str
    on: str
    answers: Counter[str] = field(default_factory=Counter)
    """Statuses and codes, or exit codes, and how often."""
    log: set[str] = field(default_factory=set)
    alerts: set[str] = field(default_factory=set)
    back: str = "by itself"
    """How service came back: by itself, restarted, or that it is refused for good reason."""
    wrong: list[str] = field(default_factory=list)
    """Every invariant that did not hold."""

    @property
    def held(self) -> bool:
        return not self.wrong

    def row(self) -> str:
        answers = ", ".join(f"{code}: {count}" for code, count in sorted(self.answers.items()))
        cells = (
            self.fault,
            self.on,
            answers or "-",
            ", ".join(f"`{event}`" for event in sorted(self.log)) or "-",
            ", ".join(sorted(self.alerts)) or "-",
            self.back,
            "held" if self.held else "; ".join(self.wrong),
        )
        return "| " + " | ".join(cells) + " |"


def table(rows: Iterable[Seen]) -> str:
    """The rows as Markdown."""
    head = (
        "| fault | on | what callers got | what the log said | alerts | back | invariants |\n"
        "| --- | --- | --- | --- | --- | --- | --- |\n"
    )
    return head + "".join(row.row() + "\n" for row in rows)


def summary(rows: list[Seen]) -> str:
    """One sentence on all of them."""
    bad = [row for row in rows if not row.held]
    return f"{len(rows)} faults; the invariants held in {len(rows) - len(bad)}."


def write_page(rows: list[Seen], conditions: str) -> None:
    """Put the table into the page; the text above it is kept."""
    above, _, _ = PAGE.read_text().partition(HEADING)
    PAGE.write_text(f"{above}{HEADING}\n{conditions} {summary(rows)}\n\n{table(rows)}")
