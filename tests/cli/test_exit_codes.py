"""Exit codes: 1 says that something is wrong, and nothing else says 1."""

import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from app.cli.main import main
from app.runtime.settings import Settings
from tests.support.service import Service, in_environment, running

RUN = [sys.executable, "-m", "app.cli"]


class SignIn(BaseHTTPRequestHandler):
    """A proxy that answers every request with a page for people."""

    def do_GET(self) -> None:
        page = b"<html>Please sign in</html>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def a_page() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), SignIn)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def trust(on_sqlite: Service, tmp_path: Path) -> Path:
    return on_sqlite.another().trust(tmp_path / "trust.policy")


def a_log_file(folder: Path) -> Path:
    path = folder / "rates.csv"
    path.write_text("Date,USD\n2026-10-30,1.1172\n")
    return path


@pytest.mark.parametrize("server", ["page", "nobody"])
def test_rates_that_reach_no_ledger_cannot_tell(
    server: str, a_page: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    address = a_page if server == "page" else "http://127.0.0.1:1"

    done = subprocess.run(
        [*RUN, "rates", str(a_log_file(tmp_path)), "--server", address, "--fund", "era"],
        input="token\n",
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr


def test_a_mirror_that_is_shown_a_sign_in_page_raises_no_alarm(
    on_sqlite: Service, a_page: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    service = on_sqlite.another()
    token = tmp_path / "token"
    token.write_text("a token")
    command = ["mirror", "--server", a_page, "--fund", service.fund, "--data", str(tmp_path / "m")]
    trust = service.trust(tmp_path / "trust.policy")

    code = main([*command, "--trust", str(trust), "--token", str(token), "--once"])

    said = capsys.readouterr().err
    assert code == 2
    assert "ALARM" not in said
    assert "no checkpoint" in said


def test_a_name_that_the_console_cannot_print_changes_no_verdict(
    on_sqlite: Service, tmp_path: Path
) -> None:
    service = on_sqlite.another()
    bundle, trust = service.export(tmp_path / "b.zip"), service.trust(tmp_path / "trust.policy")
    named = tmp_path / "Prüfung-審計.zip"
    bundle.rename(named)

    done = subprocess.run(
        [*RUN, "verify", str(named), "--trust", str(trust)],
        capture_output=True,
        env={"PYTHONIOENCODING": "ascii", "PATH": "/usr/bin:/bin", "PYTHONPATH": "."},
        check=False,
    )
    missing = subprocess.run(
        [*RUN, "verify", str(tmp_path / "審計.zip"), "--trust", str(trust)],
        capture_output=True,
        env={"PYTHONIOENCODING": "ascii", "PATH": "/usr/bin:/bin", "PYTHONPATH": "."},
        check=False,
    )

    assert (done.returncode, missing.returncode) == (0, 2)
    assert b"Traceback" not in done.stderr + missing.stderr


def test_a_reader_that_has_enough_is_no_fault(on_sqlite: Service, tmp_path: Path) -> None:
    service = on_sqlite.another()
    bundle, trust = service.export(tmp_path / "b.zip"), service.trust(tmp_path / "trust.policy")
    verify = f"{sys.executable} -m app.cli verify {bundle} --trust {trust} --json --quiet"

    done = subprocess.run(
        ["bash", "-c", f"{verify} | head -c 1 > /dev/null; echo ${{PIPESTATUS[0]}}"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stderr == ""
    assert done.stdout.strip() in ("0", "2")


def test_a_mistake_of_ours_cannot_tell(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr("app.cli.auditor._trusted", lambda _: 1 / 0)

    assert main(["verify", str(tmp_path / "x.zip"), "--trust", str(tmp_path / "t")]) == 2
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_a_token_is_not_made_where_no_service_lives(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("FUNDLEDGER_DATA_DIR", str(tmp_path / "elsewhere"))

    assert main(["token", "--party", "DE", "--role", "treasury", "--subject", "de-1"]) == 2
    assert "FUNDLEDGER_DATA_DIR" in capsys.readouterr().err
    assert not (tmp_path / "elsewhere").exists()


def test_check_config_shows_what_counts_and_judges_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FUNDLEDGER_DATABASE_URL", "postgresql://u:geheim@localhost/ledger")

    assert main(["check-config"]) == 0
    shown = capsys.readouterr().out
    assert main(["check-config", "--production"]) == 2
    refused = capsys.readouterr().err

    assert "FUNDLEDGER_DATABASE_URL=postgresql://u:****@localhost/ledger" in shown
    assert "fundledger: FUNDLEDGER_ISSUERS_FILE: " in refused
    assert "fundledger: FUNDLEDGER_LOG_ORIGIN: " in refused


@pytest.mark.parametrize("content", [None, "no JSON", '{"issuers": [{}]}'])
def test_check_config_reads_the_files_that_the_settings_name(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    content: str | None,
) -> None:
    issuers, witnesses = tmp_path / "issuers.json", tmp_path / "witnesses.policy"
    if content is not None:
        issuers.write_text(content)
    monkeypatch.setenv("FUNDLEDGER_ISSUERS_FILE", str(issuers))
    monkeypatch.setenv("FUNDLEDGER_WITNESSES_FILE", str(witnesses))

    assert main(["check-config"]) == 2

    told = capsys.readouterr().err
    assert f"issuer registry {issuers}: " in told
    assert f"{witnesses}: " in told


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["clock", "--confirm", "yesterday"], "a time is like 2026-11-29T05:40 (UTC)"),
        (["serve", "--port", "80000"], "a port is between 0 and 65535"),
    ],
)
def test_a_value_that_is_not_understood_is_explained(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert ended.value.code == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("folder", ["empty", "none", "the same"])
def test_checkpoints_are_moved_from_another_store_only(
    service_settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    folder: str,
) -> None:
    """Else a slip of the pen would bind the database to a store that has nothing."""
    with running(service_settings) as service:
        service.open()
    in_environment(monkeypatch, service_settings)
    source = service_settings.second_store_dir if folder == "the same" else tmp_path / folder
    if folder == "empty":
        source.mkdir()

    assert main(["second-store", "--move-from", str(source)]) == 2

    told = capsys.readouterr().err
    assert ("has no checkpoints" in told) == (folder != "the same")
    assert source.exists() == (folder != "none")
    assert main(["check", "test-fund"]) == 0
    assert main(["check", "test-fund/access"]) in {0, 2}
