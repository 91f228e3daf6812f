"""The tree's own rules: sizes, names, what the verifier loads, what must not be written."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60
FORBIDDEN_NAMES = {"manager", "helper", "helpers", "util", "utils", "handler", "common", "misc"}


def sources(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def tracked() -> Iterator[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            yield ROOT / name


def test_no_file_is_longer_than_a_reader_can_hold() -> None:
    long = {
        str(path.relative_to(ROOT)): count
        for path in sources("app", "tests")
        if (count := len(path.read_text().splitlines())) > MAX_FILE_LINES
    }

    assert long == {}


def test_no_function_is_longer_than_a_screen() -> None:
    long = {}
    for path in sources("app"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > MAX_FUNCTION_LINES:
                    long[f"{path.relative_to(ROOT)}:{node.name}"] = lines

    assert long == {}


def test_no_module_is_named_after_nothing() -> None:
    assert [path for path in sources("app") if path.stem in FORBIDDEN_NAMES] == []


def test_the_verifier_loads_neither_web_nor_database() -> None:
    program = (
        "import sys, app.audit.verify, app.audit.memory;"
        "found = {'fastapi', 'starlette', 'sqlmodel', 'sqlalchemy', 'jose', 'httpx', 'uvicorn'}"
        " & set(sys.modules);"
        "sys.exit(', '.join(sorted(found)) or 0)"
    )

    finished = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, check=False, capture_output=True, text=True
    )

    assert (finished.returncode, finished.stderr) == (0, "")


def test_the_command_verify_loads_neither_web_nor_database(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom app.cli.main import main\n"
        f"code = main(['verify', {str(tmp_path / 'none.zip')!r}, '--trust', 'none'])\n"
        "found = {'fastapi', 'sqlmodel', 'sqlalchemy', 'jose', 'httpx'} & set(sys.modules)\n"
        "sys.exit(repr((code, found)) if (code, found) != (2, set()) else 0)"
    )

    finished = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, check=False, capture_output=True, text=True
    )

    assert finished.returncode == 0, finished.stderr


def test_no_package_index_and_no_path_of_a_machine_is_named_anywhere() -> None:
    # Written in pieces, so that this file does not name them either.
    hosts = ["py" + "pi.org", "python" + "hosted", "registry.n" + "pmjs", "deb.de" + "bian.org"]
    paths = ["/ro" + "ot/", "/wo" + "rk/", "/ho" + "me/"]
    found = []
    for path in tracked():
        text = path.read_bytes().decode("utf-8", "replace")
        found += [(str(path.relative_to(ROOT)), word) for word in hosts + paths if word in text]

    assert found == []


def test_requirements_carry_hashes_and_name_no_address() -> None:
    for path in (ROOT / "requirements").glob("*.txt"):
        text = path.read_text()
        pins = re.findall(r"^[a-z0-9][\w.\[\]-]*==", text, re.MULTILINE)

        assert len(pins) > 20
        assert text.count("--hash=sha256:") >= len(pins)
        assert "://" not in text
        assert "--index-url" not in text


@pytest.mark.parametrize("folder", ["chain", "domain"])
def test_every_module_of_the_core_has_its_tests(folder: str) -> None:
    missing = []
    for path in sources(f"app/{folder}"):
        if path.stem != "__init__":
            inside = path.relative_to(ROOT / "app")
            mirror = ROOT / "tests" / inside.parent / f"test_{path.name}"
            missing += [] if mirror.exists() else [str(mirror.relative_to(ROOT))]

    assert missing == []


def test_nobody_silences_a_tool_without_naming_what() -> None:
    blanket = re.compile(r"#\s*noqa\s*$|#\s*type:\s*ignore\s*$")
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in sources("app", "tests", "migrations")
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if blanket.search(line)
    ]

    assert found == []
