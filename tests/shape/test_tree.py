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
FORBIDDEN_NAMES = {
    *("common", "data", "handler", "helper", "helpers", "info", "manager", "misc", "service"),
    *("util", "utils"),
    # What was there and said nothing to somebody new.
    *("asking", "auditing", "choice", "claims", "clockwork", "commands", "garbage", "heads"),
    *("keptbooks", "published", "second", "tagged", "things", "upkeep"),
}


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


def test_no_page_is_cited_that_is_not_in_the_repository() -> None:
    files = list(tracked())
    names = {path.name for path in files}
    # Pages that this project began with, in pieces, so that this file does not cite them either.
    begun = ["LED" + "GER", "DOM" + "AIN", "ARCHI" + "TECTURE", "ST" + "YLE", "HOSTILE-" + "INPUTS"]
    begun += ["C2SP-" + "NOTES", "DOMAIN-" + "REFERENCE", "PRACTICE-" + "REFERENCE"]
    found = []
    for path in files:
        text = path.read_bytes().decode("utf-8", "replace")
        cited = set(re.findall(r"[\w-]+\.md\b", text)) - names
        cited |= {name for name in begun if re.search(rf"\b{name}\.md\b", text)}
        cited |= {word for word in ["shared/" + "design"] if word in text}
        found += [(str(path.relative_to(ROOT)), name) for name in sorted(cited)]

    assert found == []


def test_requirements_carry_hashes_and_name_no_address() -> None:
    for path in (ROOT / "requirements").glob("*.txt"):
        text = path.read_text()
        pins = re.findall(r"^[a-z0-9][\w.\[\]-]*==", text, re.MULTILINE)

        assert len(pins) > 20
        assert text.count("--hash=sha256:") >= len(pins)
        assert "://" not in text
        assert "--index-url" not in text


MIRRORED = (
    "api",
    "audit",
    "chain",
    "cli",
    "demo",
    "domain",
    "export",
    "interop",
    "ledger",
    "mirror",
    "ops",
    "runtime",
    "store",
    "trust",
    "witness",
    "workers",
)


def named_after(module: Path) -> list[Path]:
    """The files that test a module: named after it, or after the package that it is a part of."""
    inside = module.relative_to(ROOT / "app")
    folder = ROOT / "tests" / inside.parent
    own = [*folder.glob(f"test_{module.stem}.py"), *folder.glob(f"test_{module.stem}_*.py")]
    return own or list(folder.parent.glob(f"test_{folder.name}.py"))


@pytest.mark.parametrize("room", ["chain", "domain"])
def test_every_module_of_the_core_has_its_tests(room: str) -> None:
    modules = [path for path in sources(f"app/{room}") if path.stem != "__init__"]

    assert [str(path.relative_to(ROOT)) for path in modules if not named_after(path)] == []


def test_every_room_is_mirrored() -> None:
    rooms = {path.name for path in (ROOT / "app").iterdir() if (path / "__init__.py").exists()}

    assert rooms == set(MIRRORED)


@pytest.mark.parametrize("room", MIRRORED)
def test_every_test_of_a_room_is_named_after_what_it_tests(room: str) -> None:
    strangers = []
    for path in sources(f"tests/{room}"):
        if not path.name.startswith("test_"):
            continue
        folder = ROOT / "app" / path.parent.relative_to(ROOT / "tests")
        name = path.stem.removeprefix("test_")
        known = [one.stem for one in folder.iterdir() if one.suffix == ".py" or one.is_dir()]
        if not any(name == one or name.startswith(f"{one}_") for one in known):
            strangers.append(str(path.relative_to(ROOT)))

    assert strangers == []


def test_what_tests_share_lies_in_support() -> None:
    borrowed = [
        f"{path.relative_to(ROOT)}: {node.module}"
        for path in sources("tests")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and ".test_" in (node.module or "")
    ]

    assert borrowed == []


def test_class_names_stand_once() -> None:
    found: dict[str, list[str]] = {}
    for path in sources("app"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                found.setdefault(node.name.lstrip("_"), []).append(str(path.relative_to(ROOT)))

    assert len(found) > 300
    assert {name: places for name, places in found.items() if len(places) > 1} == {}


def test_the_house_has_few_rooms_on_its_first_floor() -> None:
    rooms = [one for one in (ROOT / "app").iterdir() if one.is_dir() and one.name != "__pycache__"]

    assert len(rooms) <= 18
    assert sorted(one.name for one in (ROOT / "app").glob("*.py")) == [
        "__init__.py",
        "client.py",
        "main.py",
    ]


def test_nobody_silences_a_tool_without_naming_what() -> None:
    blanket = re.compile(r"#\s*noqa\s*$|#\s*type:\s*ignore\s*$")
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in sources("app", "tests", "migrations")
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if blanket.search(line)
    ]

    assert found == []
