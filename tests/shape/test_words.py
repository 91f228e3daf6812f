"""What docstrings must say."""

import ast
import re
from pathlib import Path

APP = Path(__file__).resolve().parents[2] / "app"
DEFINITIONS = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def only_raises(docstring: str) -> bool:
    sentences = re.split(r"(?<=\.)\s+", docstring.strip())
    return all(sentence.startswith("Raises ") for sentence in sentences)


def test_docstrings_say_what_is_done_and_not_only_what_it_raises() -> None:
    found = [
        f"{path.relative_to(APP.parent)}:{getattr(node, 'lineno', 1)}: {docstring}"
        for path in sorted(APP.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, DEFINITIONS)
        if (docstring := ast.get_docstring(node)) and only_raises(docstring)
    ]

    assert found == []
