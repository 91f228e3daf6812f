"""Documents say what is there: paths, links, targets of make, commands, the picture."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.cli.main import main
from tests.support import picture

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    name
    for name in subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "*.md"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    if (ROOT / name).is_file()
)
PATH = re.compile(
    r"(?<![\w/.-])(?:\.ci|app|deploy|docs|migrations|openapi|requirements|tests)/[\w./-]*"
)
LINK = re.compile(r"\]\(([^)#\s]+)")
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`]+)`")
TARGET = re.compile(r"(?:^|\$ |&& |; |[A-Z_]+=\S+ )make ([a-z][a-z-]*|\.venv/[a-z]+)", re.MULTILINE)
COMMAND = re.compile(r"(?<![\w-])fundledger ([a-z][a-z-]*(?: [a-z][a-z-]*)?)([^\n|&;]*)")
ROOM = re.compile(
    r"(?<![\w/.-])(?:api|audit|chain|cli|domain|export|interop|ledger|ops|runtime|store|trust|workers)"
    r"/[a-z_][a-z_/]*"
)


def text(page: str) -> str:
    return (ROOT / page).read_text()


def code(page: str) -> Iterator[str]:
    """What a reader would type: blocks, with continued lines in one, and spans."""
    whole = text(page)
    for block in FENCED.findall(whole):
        yield block.replace("\\\n", " ")
    for span in SPAN.findall(FENCED.sub("", whole)):
        yield " ".join(span.split())


def there(name: str) -> bool:
    path = ROOT / name.rstrip(".")
    return path.exists() or path.with_name(f"{path.name}.py").exists()


def usages() -> set[tuple[str, tuple[str, ...]]]:
    """Every use of the command `fundledger` in a document: its subcommand and options."""
    return {
        (command, tuple(re.findall(r"(?<![\w-])--[a-z-]+", rest)))
        for page in PAGES
        for piece in code(page)
        for command, rest in COMMAND.findall(piece)
    }


def test_there_are_documents() -> None:
    assert {"README.md", "CONTRIBUTING.md", "SECURITY.md", "docs/glossary.md"} <= set(PAGES)


@pytest.mark.parametrize("page", PAGES)
def test_every_path_that_a_document_names_is_there(page: str) -> None:
    assert [name for name in PATH.findall(text(page)) if not there(name)] == []


@pytest.mark.parametrize("page", [page for page in PAGES if "decisions" in page or "arch" in page])
def test_every_path_that_is_named_inside_app_is_there(page: str) -> None:
    assert [name for name in ROOM.findall(text(page)) if not there(f"app/{name}")] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_relative_link_leads_somewhere(page: str) -> None:
    folder = (ROOT / page).parent
    links = [link for link in LINK.findall(text(page)) if "://" not in link]

    assert [link for link in links if not (folder / link).exists()] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_target_of_make_that_a_document_names_is_there(page: str) -> None:
    rules = (ROOT / "Makefile").read_text().replace("$(VENV)", ".venv")
    targets = set(re.findall(r"^([\w./-]+):", rules, re.MULTILINE))
    named = {name for piece in code(page) for name in TARGET.findall(piece)}

    assert named - targets == set()


@pytest.mark.parametrize(("command", "options"), sorted(usages()), ids=str)
def test_every_command_that_a_document_names_is_there(
    command: str, options: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*command.split(), "--help"])

    said = capsys.readouterr()
    assert ended.value.code == 0, said.err
    assert [name for name in options if name not in said.out] == []


def test_documents_name_commands() -> None:
    assert len(usages()) > 20


def test_the_picture_is_what_its_text_gives() -> None:
    assert picture.PICTURE.read_text() == picture.svg(picture.TEXT.read_text()), "`make picture`"


def test_the_readme_is_short() -> None:
    assert len(text("README.md").splitlines()) < 150
