"""A new subject touches its own files and what is generated: a made-up one shows it.

`made_up/` holds a subject whole: an event, a command, a row, an error code, routes, a metric, a
view. The test puts it into a copy of the project, generates, and uses it over HTTP.
"""

import csv
import io
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
COPIED = (
    "app",
    "migrations",
    "openapi",
    "docs",
    "tests/support",
    "tests/__init__.py",
    "tests/golden/released.txt",
)
SUBJECT = {
    "app/domain/inflow/notices.py",
    "app/api/routes/notices.py",
    "app/audit/format/views/notices.py",
}
FUNDLEDGER = ("-c", "import sys; from app.cli.main import main; sys.exit(main())")
_NEXT = len(list((ROOT / "migrations/versions").glob("[0-9]*.py"))) + 1
MIGRATION = f"migrations/versions/{_NEXT:04d}_notices.py"
GENERATED = {
    MIGRATION,
    "openapi/openapi.json",
    "openapi/events.json",
    "docs/errors.md",
    "docs/wire-format.md",
    "docs/vectors/bundle/bundle.zip",
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with the made-up subject in it, and everything generated."""
    folder = tmp_path_factory.mktemp("made-up")
    for name in COPIED:
        _copy(ROOT / name, folder / name)
    for path in SUBJECT:
        shutil.copy(HERE / "made_up" / f"{path}.txt", folder / path)
    _python(folder, "-m", "migrations.draft", "Notices")
    _python(folder, *FUNDLEDGER, "openapi", "openapi")
    _python(folder, "-m", "tests.support.contract")
    return folder


def test_only_its_own_files_and_generated_ones_differ(project: Path) -> None:
    files = [path for name in COPIED for path in [project / name, *(project / name).rglob("*")]]
    relative = [str(path.relative_to(project)) for path in files if path.is_file()]
    changed = {name for name in relative if not _same(project / name, ROOT / name)}

    assert {name for name in changed if "__pycache__" not in name} == SUBJECT | GENERATED


def test_what_is_generated_names_it(project: Path) -> None:
    events = json.loads((project / "openapi/events.json").read_text())
    paths = json.loads((project / "openapi/openapi.json").read_text())["paths"]
    errors = (project / "docs/errors.md").read_text()

    assert events["notice.posted"]["meaning"] == "A government has told its partners something."
    assert set(paths["/v1/funds/{fund}/notices"]) == {"get", "post"}
    assert "| `notice_about_nothing` | 422 | The notice says nothing but its title |" in errors
    assert "create_table('notices'" in (project / MIGRATION).read_text().replace("\n        ", "")


def test_it_is_recorded_refused_listed_counted_and_verified(project: Path, tmp_path: Path) -> None:
    shutil.copy(HERE / "made_up/story.py.txt", project / "story.py")
    found = json.loads(_python(project, "-m", "story", str(tmp_path)))
    bundle, trust = str(tmp_path / "bundle.zip"), str(tmp_path / "trust.txt")
    verified = _python(project, *FUNDLEDGER, "verify", bundle, "--trust", trust)

    with zipfile.ZipFile(bundle) as archive:
        rows = list(csv.DictReader(io.StringIO(archive.read("views/notices.csv").decode())))
    assert found == {
        "refused": [422, "notice_about_nothing"],
        "titles": ["Holiday"],
        "metrics": ["ledger_notices_read_total 1.0"],
    }
    assert [(row["event"], row["party"], row["title"]) for row in rows] == [
        ("notice.posted", "DE", "Holiday")
    ]
    assert "2 entries" in verified


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)


def _python(folder: Path, *arguments: str) -> str:
    """What a Python in that folder prints."""
    command = [sys.executable, "-B", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def _same(one: Path, other: Path) -> bool:
    return other.is_file() and one.read_bytes() == other.read_bytes()
