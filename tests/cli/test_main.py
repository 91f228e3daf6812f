"""The command: exit codes, what it says, what it refuses."""

import json
from pathlib import Path

import pytest

from app.cli.main import main
from app.runtime.settings import Settings
from app.store.engine import Database
from app.store.migrate import check_schema
from tests.audit.conftest import bundle, life
from tests.support.builders import TRUSTEE, a_pledge, an_agreement, money, treasury
from tests.support.service import FUND, in_environment, running
from tests.support.tampering import Bundle

__all__ = ["bundle", "life"]


@pytest.fixture
def trust(bundle: Bundle) -> str:
    path = bundle.folder / "trust.policy"
    path.write_text(f"log {bundle.keys.of_log('test-fund').verifier}\nquorum none\n")
    return str(path)


def test_a_good_bundle_is_ok(
    bundle: Bundle, trust: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", str(bundle.write()), "--trust", trust]) == 0

    said = capsys.readouterr()
    assert "ok: every check passed" in said.out
    assert "not checked: that money stands behind the entries" in said.out
    assert f"{len(bundle.lines)} of {len(bundle.lines)} entries" in said.err


def test_a_bad_bundle_is_wrong_and_its_entry_is_named(
    bundle: Bundle, trust: str, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle.change(3, lambda entry: entry["by"].update(subject="somebody-else"))
    bundle.resign()
    path = str(bundle.write())

    assert main(["verify", path, "--trust", trust, "--quiet"]) == 1
    assert "WRONG: first bad seq 3" in capsys.readouterr().out
    assert main(["verify", path, "--trust", trust, "--json", "--quiet"]) == 1
    assert json.loads(capsys.readouterr().out)["first_bad_seq"] == 3


def test_without_a_trust_file_it_never_says_ok(
    bundle: Bundle, trust: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(bundle.write())
    empty = bundle.folder / "empty.policy"
    empty.touch()

    assert main(["verify", path]) == 2
    assert main(["verify", path, "--trust", "no-such-file"]) == 2
    assert main(["verify", path, "--trust", str(empty), "--json"]) == 2
    assert main(["verify", "no-such-bundle", "--trust", trust]) == 2
    said = capsys.readouterr()
    assert "ok" not in said.out
    assert said.err.count("cannot tell") == 4


def test_what_a_newer_version_may_know_is_exit_code_two(bundle: Bundle, trust: str) -> None:
    bundle.change(bundle.first("approval.given"), lambda entry: entry.update(type="a.b"))
    bundle.rechain()
    bundle.resign(log=True)

    assert main(["verify", str(bundle.write()), "--trust", trust, "--quiet"]) == 2


def test_it_remembers_and_demands_consistency(bundle: Bundle, trust: str, tmp_path: Path) -> None:
    memory = str(tmp_path / "memory")
    arguments = ["--trust", trust, "--remember", memory, "--quiet"]

    assert main(["verify", str(bundle.write()), *arguments]) == 0
    bundle.lines = bundle.lines[:-1]
    bundle.resign(log=True)

    assert main(["verify", str(bundle.write()), *arguments]) == 1


def test_a_known_checkpoint_does_not_stand_in_for_the_remembered_one(
    bundle: Bundle, trust: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The log was cut, but not as far as the checkpoint that is named."""
    early = tmp_path / "early"
    early.write_bytes(bundle.signed(3))
    arguments = ["--trust", trust, "--remember", str(tmp_path / "memory"), "--quiet"]
    assert main(["verify", str(bundle.write()), *arguments]) == 0
    bundle.lines = bundle.lines[:-1]
    bundle.resign(log=True)

    assert main(["verify", str(bundle.write()), *arguments, "--since", str(early)]) == 1
    assert "entries were verified before, now there are" in capsys.readouterr().out


def test_a_fund_is_checked_and_rebuilt(
    service_settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    in_environment(monkeypatch, service_settings)
    with running(service_settings) as service:
        service.open()
        service.post(treasury("DE"), "/pledges", a_pledge(money(1)))

    assert main(["check", "test-fund"]) == 0
    assert main(["rebuild", "test-fund"]) == 0
    assert main(["check", "no-such-fund"]) == 2
    assert "2 entries folded" in capsys.readouterr().out


def test_a_database_is_migrated_and_its_keys_are_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FUNDLEDGER_DATA_DIR", str(tmp_path))

    assert main(["migrate"]) == 0
    assert main(["keys"]) == 2
    assert main(["keys", "init"]) == 0
    assert main(["keys"]) == 0
    database = Database(Settings().database)
    with database.read() as connection:
        check_schema(connection)
    database.close()
    said = capsys.readouterr().out
    assert "ledger.localhost/FUND+" in said
    assert "PRIVATE" not in said


def test_production_hands_out_no_tokens(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FUNDLEDGER_ENV", "production")

    assert main(["token", "--party", "DE", "--role", "treasury", "--subject", "de-1"]) == 2
    assert "no development issuer" in capsys.readouterr().err


def test_a_receipt_is_checked_without_the_service(
    service_settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with running(service_settings) as service:
        service.open()
        answer = service.post(treasury("DE"), "/pledges", a_pledge(money(1)))
        identifier = service.post(treasury("DE"), "/agreements", an_agreement(money(5)))["entry"][
            "derived"
        ]["agreement_id"]
        digest = service.get(treasury("DE"), f"/agreements/{identifier}")["digest"]
        signature = {"agreement_id": identifier, "digest": digest}
        for signer in (treasury("DE"), TRUSTEE):
            path = f"/agreements/{identifier}/signatures"
            followed = service.post(signer, path, signature)
        trust = str(service.trust(tmp_path / "trust.policy"))
    (tmp_path / "followed.json").write_text(json.dumps(followed))
    kept, forged = tmp_path / "kept.json", tmp_path / "forged.json"
    kept.write_text(json.dumps(answer))
    forged.write_text(json.dumps(answer).replace("1.00", "9.00"))
    other = tmp_path / "other.json"
    other.write_text("{}")

    assert main(["receipt", "verify", str(kept), "--trust", trust]) == 0
    assert main(["receipt", "verify", str(forged), "--trust", trust]) == 1
    assert main(["receipt", "verify", str(other), "--trust", trust]) == 2
    assert main(["receipt", "verify", "no-such-file", "--trust", trust]) == 2
    assert "ok: entry 1 stands in ledger.localhost/test-fund" in capsys.readouterr().out
    assert main(["receipt", "verify", str(tmp_path / "followed.json"), "--trust", trust]) == 0
    assert "not proven: its 1 consequence(s)" in capsys.readouterr().out


def test_a_batchs_receipt_is_checked_for_all_its_entries(
    service_settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    batch = [
        {"op": "pledge.announced", "key": f"k-{number}", "data": a_pledge(money(number))}
        for number in (1, 2, 3)
    ]
    with running(service_settings) as service:
        service.open()
        answer = service.raw(treasury("DE"), "POST", f"{FUND}/batches", json=batch).json()
        trust = str(service.trust(tmp_path / "trust.policy"))
    kept, forged, short = (tmp_path / name for name in ("kept", "forged", "short"))
    kept.write_text(json.dumps(answer))
    forged.write_text(json.dumps(answer).replace('"amount": "1.00"', '"amount": "9.00"'))
    short.write_text(json.dumps({**answer, "results": answer["results"][::2]}))

    assert main(["receipt", "verify", str(kept), "--trust", trust]) == 0
    assert main(["receipt", "verify", str(forged), "--trust", trust]) == 1
    assert main(["receipt", "verify", str(short), "--trust", trust]) == 2
    said = capsys.readouterr()
    assert "ok: entries 1 to 3 stand in ledger.localhost/test-fund" in said.out
    assert "WRONG: entry 1 is not the one that entry 2 names" in said.out
    assert "others were recorded earlier" in said.err


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"FUNDLEDGER_DATABASE_URL": "mysql://x"}, "sqlite:///"),
        ({"FUNDLEDGER_ENV": "prod"}, "FUNDLEDGER_ENV: "),
        ({"FUNDLEDGER_BATCH_LIMIT": "abc"}, "FUNDLEDGER_BATCH_LIMIT: "),
        ({"FUNDLEDGER_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/x"}, "does not answer"),
        ({"FUNDLEDGER_ISSUERS_FILE": "no-such-file"}, "no-such-file"),
        ({}, "run migrate"),
    ],
)
def test_what_is_wrong_with_the_surroundings_is_said_in_one_line(
    variables: dict[str, str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("FUNDLEDGER_DATA_DIR", str(tmp_path))
    if "FUNDLEDGER_ISSUERS_FILE" in variables:
        main(["migrate"])
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert main(["serve", "--port", "0"]) == 2

    error = capsys.readouterr().err.strip()
    assert error.startswith("fundledger: ")
    assert said in error
    assert "\n" not in error


def test_both_published_files_are_written(tmp_path: Path) -> None:
    assert main(["openapi", str(tmp_path)]) == 0

    assert set(json.loads((tmp_path / "events.json").read_text())) >= {"receipt.booked"}
    assert json.loads((tmp_path / "openapi.json").read_text())["openapi"].startswith("3.")
