"""`make picture`: draws docs/picture.txt as docs/picture.svg, with the standard library alone.

The text is a grid of characters: lines of boxes become strokes, arrowheads become triangles, words
stay words.
"""

import re
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Final

DOCS: Final = Path(__file__).resolve().parents[2] / "docs"
TEXT, PICTURE = DOCS / "picture.txt", DOCS / "picture.svg"
WIDTH, HEIGHT, MARGIN = 8, 18, 12
"""Of one character, and of the edge, in pixels."""
RIGHT, LEFT, DOWN, UP = (1, 0), (-1, 0), (0, 1), (0, -1)
LINES: Final[dict[str, tuple[tuple[int, int], ...]]] = {
    "─": (LEFT, RIGHT),
    "│": (UP, DOWN),
    "┌": (RIGHT, DOWN),
    "┐": (LEFT, DOWN),
    "└": (RIGHT, UP),
    "┘": (LEFT, UP),
}
"""To which sides of its cell a character draws a line, from the middle."""
HEADS: Final = {"▶": RIGHT, "◀": LEFT, "▼": DOWN, "▲": UP}
LINES.update({head: ((-dx, -dy),) for head, (dx, dy) in HEADS.items()})
WORDS: Final = re.compile(r"[!-~]+(?: [!-~]+)*")
"""Words with single spaces between them."""


def svg(text: str) -> str:
    """The picture of a text."""
    rows = text.splitlines()
    width = MARGIN * 2 + WIDTH * max(map(len, rows))
    height = MARGIN * 2 + HEIGHT * len(rows)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
        "<title>A write, the log, its witnesses and an auditor</title>",
        f'<rect width="{width}" height="{height}" rx="6" fill="#ffffff"/>',
        f'<path stroke="#57606a" fill="none" d="{"".join(_strokes(rows))}"/>',
        f'<path fill="#57606a" d="{"".join(_heads(rows))}"/>',
        '<g fill="#1f2328" font-family="ui-monospace, Menlo, Consolas, monospace" font-size="13">',
        *_texts(rows),
        "</g>",
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _cells(rows: list[str]) -> Iterator[tuple[str, int, int]]:
    """Every character, and the middle of its cell."""
    for y, row in enumerate(rows):
        for x, character in enumerate(row):
            yield character, MARGIN + WIDTH * x + WIDTH // 2, MARGIN + HEIGHT * y + HEIGHT // 2


def _strokes(rows: list[str]) -> Iterator[str]:
    for character, x, y in _cells(rows):
        for dx, dy in LINES.get(character, ()):
            yield f"M{x} {y}l{dx * WIDTH // 2} {dy * HEIGHT // 2}"


def _heads(rows: list[str]) -> Iterator[str]:
    for character, x, y in _cells(rows):
        if character in HEADS:
            dx, dy = HEADS[character]
            corners = ((dx, dy), (-dx - dy, dx - dy), (dy - dx, -dx - dy))
            yield "M" + "L".join(f"{x + 4 * cx} {y + 4 * cy}" for cx, cy in corners) + "Z"


def _texts(rows: list[str]) -> Iterator[str]:
    """Each piece as wide as its characters, whatever the font is."""
    for y, row in enumerate(rows):
        for piece in WORDS.finditer(row):
            place = f'x="{MARGIN + WIDTH * piece.start()}" y="{MARGIN + HEIGHT * y + 13}"'
            yield f'<text {place} textLength="{WIDTH * len(piece[0])}">{escape(piece[0])}</text>'


if __name__ == "__main__":
    PICTURE.write_text(svg(TEXT.read_text()))
