"""The verifier and the archive: files, views, manifest, and what is no archive at all."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.audit.format.archive import CannotTell
from app.audit.memory import Memory
from app.audit.verify import verify
from app.chain.canonical import encode
from app.chain.jws import sign_detached
from tests.support.tampering import ENTRIES, Bundle


@pytest.mark.parametrize("path", ["views/journal.csv", "views/trial_balance.csv"])
def test_a_view_that_the_entries_do_not_give_is_found(bundle: Bundle, path: str) -> None:
    bundle.files[path] = bundle.files[path].replace(b"600.00", b"600.01", 1)
    bundle.resign()

    assert {problem.check for problem in bundle.report().problems} == {6}


def test_control_totals_that_the_entries_do_not_give_are_found(bundle: Bundle) -> None:
    totals = {**bundle.manifest["totals"], "debits": {"EUR": "1.00"}}
    bundle.resign(totals=totals)

    assert {problem.check for problem in bundle.report().problems} == {6}


@pytest.mark.parametrize("path", ["README.txt", "keys.json", "views/events.csv"])
def test_a_file_that_was_changed_is_found(bundle: Bundle, path: str) -> None:
    bundle.files[path] += b" "

    assert 7 in {problem.check for problem in bundle.report().problems}


@pytest.mark.parametrize("path", ["views/events.csv", "keys.json", ENTRIES, "checkpoint"])
def test_a_file_that_is_missing_is_found(bundle: Bundle, path: str) -> None:
    del bundle.files[path]

    assert bundle.report().result == "wrong"


@pytest.mark.parametrize("path", ["views/extra.csv", "../outside", "entries/00000009.jsonl"])
def test_a_file_that_does_not_belong_there_is_found(bundle: Bundle, path: str) -> None:
    bundle.extra.append((path, b"x"))

    assert {problem.check for problem in bundle.report().problems} == {7}


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_file_that_stands_twice_is_found(bundle: Bundle) -> None:
    bundle.extra.append(("README.txt", bundle.files["README.txt"]))

    assert {problem.check for problem in bundle.report().problems} == {7}


def test_a_file_that_the_manifest_does_not_list_is_found(bundle: Bundle) -> None:
    files = [file for file in bundle.manifest["files"] if file["path"] != "views/events.csv"]
    manifest = encode({**bundle.manifest, "files": files})
    bundle.files["manifest.json"] = manifest
    header = {"typ": "fund-ledger-export+jws", "fund": "test-fund"}
    bundle.files["manifest.jws"] = sign_detached(
        manifest, bundle.keys.of_exports(), header
    ).encode()

    assert {problem.check for problem in bundle.report().problems} >= {7}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda lines: lines[1].replace(b'{"at"', b'{ "at"'),
        lambda lines: lines[1] + b" ",
        lambda lines: lines[1][:-1],
        lambda lines: b"\xef\xbb\xbf" + lines[1],
        lambda lines: lines[1].replace(b'"v":1', b'"v":1.0'),
        lambda lines: lines[1].replace(b'"v":1', b'"v":2'),
        lambda lines: lines[1].replace(b'"seq":1,', b'"seq":1,"seq":1,'),
        lambda _: b"",
        lambda _: b"x" * 70_000,
    ],
)
def test_a_line_that_is_no_canonical_entry_is_named(
    bundle: Bundle, spoil: Callable[[list[bytes]], bytes]
) -> None:
    lines = bundle.lines
    lines[1] = spoil(lines)
    bundle.lines = lines
    bundle.resign()

    first = bundle.report().first

    assert first is not None
    assert (first.seq, first.check) == (1, 4)


def test_a_last_line_without_its_newline_is_found(bundle: Bundle) -> None:
    bundle.files[ENTRIES] = bundle.files[ENTRIES][:-1]
    bundle.resign()

    assert any("newline" in problem.why for problem in bundle.report().problems)


@pytest.mark.parametrize(
    "content",
    [b"", b"not a zip", b"PK\x03\x04" + b"\0" * 100],
)
def test_what_is_no_archive_tells_nothing(bundle: Bundle, content: bytes) -> None:
    path = bundle.folder / "none.zip"
    path.write_bytes(content)

    with pytest.raises(CannotTell):
        verify(path, bundle.policy())


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "fund-ledger-audit/1"},
        {"format": "fund-ledger-audit/3"},
        {"from": 5},
        {"from": "0"},
        {"to": 0},
        {"to": "all"},
        {"root": None},
        {"surprise": 1},
        {"files": {}},
        {"files": [{"path": "README.txt"}]},
        {"files": [{"path": "../x", "sha256": "", "bytes": 0}]},
    ],
)
def test_a_manifest_of_another_form_tells_nothing(bundle: Bundle, changes: dict[str, Any]) -> None:
    bundle.files["manifest.json"] = encode({**bundle.manifest, **changes})

    with pytest.raises(CannotTell):
        bundle.report()


def test_a_manifest_with_a_newline_at_its_end_tells_nothing(bundle: Bundle) -> None:
    bundle.files["manifest.json"] += b"\n"

    with pytest.raises(CannotTell, match="canonical"):
        bundle.report()


def test_a_manifest_may_claim_any_size_and_costs_nothing(bundle: Bundle) -> None:
    bundle.resign(to=2**53 - 1, tree_size=2**53 - 1)

    report = bundle.report()

    assert report.result == "wrong"
    assert len(report.problems) < 20


def test_a_bundle_without_a_manifest_tells_nothing(bundle: Bundle) -> None:
    del bundle.files["manifest.json"]

    with pytest.raises(CannotTell, match=r"manifest\.json"):
        bundle.report()


def test_a_zip_that_unpacks_without_end_is_not_unpacked(bundle: Bundle) -> None:
    path = bundle.folder / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in bundle.files.items():
            archive.writestr(name, content)
        archive.writestr("views/zeros.csv", b"\0" * 50_000_000)

    report = verify(path, bundle.policy())

    assert {problem.check for problem in report.problems} == {7}


def test_the_report_for_machines_says_the_same(bundle: Bundle) -> None:
    bundle.change(3, lambda entry: entry["by"].update(subject="somebody-else"))
    bundle.resign()

    report = bundle.report().as_json()

    assert (report["result"], report["first_bad_seq"]) == ("wrong", 3)
    assert json.loads(json.dumps(report)) == report


def test_a_memory_that_was_forged_tells_nothing(bundle: Bundle, tmp_path: Path) -> None:
    memory = Memory(tmp_path, bundle.policy())
    memory.keep(bundle.files["checkpoint"].replace(b"AAAA", b"AAAB") + b"x")

    with pytest.raises(CannotTell, match="remembered"):
        memory.recall("ledger.localhost/test-fund")
