"""The script in the docs, with openssl, sha256sum and jq alone, on good and on forged bundles."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.attack.trust import copied, small_bundle
from tests.support.builders import a_pledge, money, treasury
from tests.support.service import Service
from tests.support.tampering import Bundle

SCRIPT = Path(__file__).resolve().parents[2] / "docs" / "verify-by-hand"
TOOLS = ("awk", "base64", "bash", "jq", "openssl", "sed", "sha256sum")
MISSING = [tool for tool in TOOLS if shutil.which(tool) is None]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"needs {', '.join(MISSING)}")


def eleven_entries(service: Service) -> None:
    """A tree of three subtrees; the script starts a dozen programs for each entry."""
    service.open()
    for number in range(10):
        service.post(treasury("DE"), "/pledges", a_pledge(money(number + 1)))


@pytest.fixture(scope="module")
def small(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return small_bundle(tmp_path_factory.mktemp("by-hand"), sqlite_template, eleven_entries)


@pytest.fixture
def bundle(small: Bundle, tmp_path: Path) -> Bundle:
    return copied(small, tmp_path)


def judged(bundle: Bundle) -> "subprocess.CompletedProcess[str]":
    trust = bundle.folder / "trust.policy"
    trust.write_text(f"log {bundle.keys.of_log('test-fund').verifier}\nquorum none\n")
    command = [str(SCRIPT), str(bundle.write()), str(trust)]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def test_it_accepts_what_the_service_exports(bundle: Bundle) -> None:
    finished = judged(bundle)

    assert finished.returncode == 0, finished.stderr
    assert f"these {len(bundle.lines)} entries are the signed ones" in finished.stdout


def test_it_refuses_a_changed_entry(bundle: Bundle) -> None:
    bundle.change(5, lambda entry: entry["by"].update(subject="somebody-else"))
    bundle.resign()

    assert "entry 6 does not name" in judged(bundle).stderr


@pytest.mark.parametrize("seq", [3, -1])
def test_it_refuses_a_chain_that_was_recomputed(bundle: Bundle, seq: int) -> None:
    bundle.change(
        seq % len(bundle.lines), lambda entry: entry["by"].update(subject="somebody-else")
    )
    bundle.rechain()
    bundle.resign()

    assert "do not make the signed root" in judged(bundle).stderr


def test_it_refuses_a_cut_tail(bundle: Bundle) -> None:
    bundle.lines = bundle.lines[:-1]
    bundle.resign()

    assert "are signed" in judged(bundle).stderr


def test_it_refuses_a_forged_checkpoint(bundle: Bundle) -> None:
    bundle.files["checkpoint"] = bundle.files["checkpoint"].replace(b"\n11\n", b"\n12\n", 1)
    bundle.resign()

    assert judged(bundle).returncode == 1
