"""The auditors' commands: a witness's key, a mirror's round, what the verifier may be given."""

import json
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from app.chain.note import COSIGNATURE, VerifierKey
from app.cli.main import main
from tests.support.builders import REQUESTER, money
from tests.support.service import Service


def test_a_witness_has_one_key_for_ever(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["witness", "--data", str(tmp_path), "--name", "no.example/w", "--key"]

    assert main(arguments) == main(arguments) == 0

    first, second = capsys.readouterr().out.splitlines()
    word, name, vkey = first.split()
    assert first == second
    assert (word, name) == ("witness", "no.example-w")
    assert VerifierKey.parse(vkey).type == COSIGNATURE
    assert (tmp_path / "witness.pem").stat().st_mode & 0o777 == 0o600


def test_a_witness_without_logs_does_not_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["witness", "--data", str(tmp_path), "--name", "no.example/w"]

    assert main(arguments) == 2
    assert "no log line" in capsys.readouterr().err


def test_a_witness_serves_as_a_process_of_its_own(fund: Service, tmp_path: Path) -> None:
    trust = fund.trust(tmp_path / "logs.policy")
    command = [sys.executable, "-m", "app.cli", "witness", "--data", str(tmp_path / "w")]
    command += ["--name", "no.example/w", "--logs", str(trust), "--port", "18173"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(2)]
        assert f"watching ledger.localhost/{fund.fund}" in said[1]
        note = httpx.get(f"{fund.address}{fund.path}/log/checkpoint").content
        answer = _asked("http://127.0.0.1:18173/add-checkpoint", b"old 0\n\n" + note)
    finally:
        process.terminate()
        process.communicate(timeout=10)
    assert answer.text.startswith("\u2014 no.example/w ")


def _asked(url: str, body: bytes) -> httpx.Response:
    """The answer, once somebody listens."""
    deadline = time.monotonic() + 20
    while True:
        try:
            return httpx.post(url, content=body)
        except httpx.ConnectError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_a_mirrors_round_says_how_much_it_keeps_and_ends_with_what_it_found(
    fund: Service, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fund.paid("DE", money(10))
    token = tmp_path / "token"
    token.write_text(fund.token(REQUESTER))
    trust = fund.trust(tmp_path / "trust.policy")
    arguments = ["mirror", "--server", fund.address, "--fund", fund.fund, "--once"]
    arguments += ["--trust", str(trust), "--data", str(tmp_path / "kept"), "--token", str(token)]
    size = fund.seen()["size"]

    assert main(arguments) == 0
    assert f"{size} entries of ledger.localhost/{fund.fund} are kept" in capsys.readouterr().out
    lines = (tmp_path / "kept" / "entries.jsonl").read_bytes().splitlines()
    assert [json.loads(line)["seq"] for line in lines] == list(range(size))

    arguments[2] = "http://127.0.0.1:9"
    assert main(arguments) == 2
    (tmp_path / "kept" / "checkpoint").write_bytes(_other_root(tmp_path / "kept" / "checkpoint"))
    arguments[2] = fund.address
    assert main(arguments) == 2
    assert "does not make the root" in capsys.readouterr().err


def _other_root(path: Path) -> bytes:
    origin, size, _, *rest = path.read_bytes().split(b"\n")
    return b"\n".join([origin, size, b"A" * 43 + b"=", *rest])


def test_a_checkpoint_that_is_known_must_be_contained(
    fund: Service, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = tmp_path / "checkpoint"
    known.write_bytes(httpx.get(f"{fund.address}{fund.path}/log/checkpoint").content)
    fund.paid("DE", money(10))
    bundle, trust = fund.export(tmp_path / "bundle.zip"), fund.trust(tmp_path / "trust.policy")
    arguments = ["verify", str(bundle), "--trust", str(trust), "--quiet", "--since", str(known)]

    assert main(arguments) == 0
    known.write_bytes(b"no checkpoint")
    assert main(arguments) == 2
    assert main([*arguments[:-2], "--time-authority", str(known)]) == 2
    assert "certificates" in capsys.readouterr().err
