"""The ledger's keys over their life: one more, introduced by the one before, named by the log."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.audit.report import Report
from app.audit.verify import verify
from app.chain.checkpoint import open_checkpoint
from app.chain.note import COSIGNATURE, Note, NoteError, NoteKey
from app.chain.policy import Policy
from app.cli.main import main
from app.client import Refused
from app.domain.values import Role
from app.export.bundle import Wanted, write_bundle
from app.ledger.notary import ForkDetected
from app.main import check_start
from app.runtime import clock
from app.runtime.settings import Settings
from app.store import checkpoints
from app.store.engine import Database
from app.store.log_names import NoSuchFund
from app.trust import keyring
from app.trust.ledger_keys import EXPORT, LOG, KeyUnusable, load_keys
from tests.support import tampering
from tests.support.builders import AUDITOR, TRUSTEE, Person, a_ballot, a_pledge, money, treasury
from tests.support.service import FUND, Service, in_environment, running
from tests.support.tampering import Bundle


def settings_in(folder: Path, template: Path) -> Settings:
    """Settings of a service on a new SQLite database."""
    shutil.copy(template, folder / "ledger.db")
    return Settings(data_dir=folder)


@pytest.fixture
def settings(sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Those settings, in the environment too."""
    made = settings_in(tmp_path, sqlite_template)
    in_environment(monkeypatch, made)
    return made


def introduced(
    settings: Settings, fund: str = "test-fund", compromised: int | None = None
) -> dict[str, Any]:
    """The subject of the proposal for the newest log key."""
    database = Database(settings.database)
    try:
        keys = keyring.open_keys(settings, create=False)
        return keyring.introduction(database, keys, fund, compromised)
    finally:
        database.close()


@contextmanager
def restarted(settings: Settings) -> Iterator[Service]:
    """A second service on the same database, whose idempotency keys are not the first one's."""
    with running(settings) as service:
        for _ in range(100):
            service.key()
        yield service


def decided(service: Service, subject: dict[str, Any]) -> list[str]:
    """What both governments' acceptance brought about."""
    body = {"title": "Another log key", "subject": subject}
    made = service.post(TRUSTEE, "/proposals", body)["entry"]["derived"]["proposal_id"]
    digest = service.get(AUDITOR, f"/proposals/{made}")["proposal"]["digest"]
    answers = [
        service.post(
            Person(party, Role.TREASURY_APPROVER),
            f"/votes/{made}/ballots",
            a_ballot(made, digest),
        )
        for party in ("DE", "FR")
    ]
    return [entry["type"] for entry in answers[-1]["consequences"]]


@pytest.fixture(scope="module")
def life(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bundle]:
    """The bundle of a log whose key was replaced: some entries before, some behind."""
    settings = settings_in(tmp_path_factory.mktemp("keyring"), sqlite_template)
    with running(settings) as service:
        service.open()
        service.post(treasury("DE"), "/pledges", a_pledge(money(1)))
    keyring.make_key(settings, LOG)
    with restarted(settings) as service:
        service.post(treasury("DE"), "/pledges", a_pledge(money(2)))
        assert decided(service, introduced(settings)) == ["decision.made", "log_key.changed"]
        service.post(treasury("DE"), "/pledges", a_pledge(money(3)))
        yield tampering.made_by(service, settings.data_dir)


@pytest.fixture
def bundle(life: Bundle, tmp_path: Path) -> Bundle:
    mine = copy(life)
    mine.files, mine.folder = dict(life.files), tmp_path
    return mine


def both(bundle: Bundle) -> tuple[NoteKey, NoteKey]:
    """The old key and the new one, under the log's name."""
    old, new = (NoteKey("ledger.localhost/test-fund", key) for key in bundle.keys.log)
    return old, new


def report(bundle: Bundle, trusted: NoteKey) -> Report:
    policy = Policy.parse(f"log {trusted.verifier}\nquorum none\n".encode())
    return verify(bundle.write(), policy)


def test_the_log_is_signed_by_the_key_that_was_introduced(bundle: Bundle) -> None:
    old, new = both(bundle)
    note = bundle.files["checkpoint"]

    assert open_checkpoint(note, new.verifier).size == len(bundle.lines)
    with pytest.raises(NoteError, match="no verifiable"):
        open_checkpoint(note, old.verifier)


@pytest.mark.parametrize("place", [0, 1], ids=["old", "new"])
def test_an_auditor_who_knows_either_key_accepts_the_bundle(bundle: Bundle, place: int) -> None:
    found = report(bundle, both(bundle)[place])

    assert (found.result, found.problems) == ("ok", [])
    assert found.signed_by == str(both(bundle)[1].verifier)


@pytest.mark.parametrize("place", [0, 1], ids=["old", "new"])
def test_behind_the_change_the_old_key_signs_no_checkpoint(bundle: Bundle, place: int) -> None:
    old, _ = both(bundle)
    text = Note.parse(bundle.files["checkpoint"]).text
    bundle.files["checkpoint"] = Note(text, ()).signed_by(old).to_bytes()
    bundle.resign()

    found = report(bundle, both(bundle)[place])

    assert found.result == "wrong"
    assert [problem.check for problem in found.problems] == [3]


def test_a_new_key_that_the_old_one_has_not_introduced_is_refused(settings: Settings) -> None:
    with running(settings) as service:
        service.open()
        keyring.make_key(settings, LOG)
        good = introduced(settings)
        keyring.make_key(settings, LOG)
        other = introduced(settings)

        with pytest.raises(Refused) as told:
            decided(service, {**good, "introduction": other["introduction"]})

    assert told.value.code == "attestation_false"


def test_a_service_without_the_new_key_signs_nothing_until_it_has_it(settings: Settings) -> None:
    with running(settings) as service:
        service.open()
        service.open(fund="other-fund")
        keyring.make_key(settings, LOG)
        # The proposal names a key that this process, started before, has not read.
        with pytest.raises(Refused) as told:
            decided(service, introduced(settings))
        again = service.raw(treasury("DE"), "POST", f"{FUND}/pledges", json=a_pledge(money(1)))
        other = service.raw(
            treasury("DE"), "POST", "/v1/funds/other-fund/pledges", json=a_pledge(money(1))
        )
        ready = service.raw(treasury("DE"), "GET", "/readyz")

    with restarted(settings) as service:
        service.post(treasury("DE"), "/pledges", a_pledge(money(2)))
        bundle = tampering.made_by(service, settings.data_dir)

    assert told.value.code == "outcome_unknown"
    assert (again.status_code, other.status_code, ready.status_code) == (503, 201, 503)
    assert report(bundle, both(bundle)[0]).result == "ok"


def test_a_backup_from_before_the_change_is_a_fork(settings: Settings) -> None:
    backup = settings.data_dir / "backup.db"
    with running(settings) as service:
        service.open()
    shutil.copy(settings.data_dir / "ledger.db", backup)
    keyring.make_key(settings, LOG)
    with restarted(settings) as service:
        decided(service, introduced(settings))
    for file in settings.data_dir.glob("ledger.db*"):
        file.unlink()
    shutil.copy(backup, settings.data_dir / "ledger.db")

    with pytest.raises(ForkDetected, match="no key that the log names"):
        check_start(settings)


def test_the_command_makes_keys_and_shows_all_of_them(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["keys", "init"]) == 0
    before = capsys.readouterr().out.splitlines()
    assert main(["keys", "new", "log", "--fund", "era"]) == 0
    log = capsys.readouterr().out.splitlines()
    assert main(["keys", "new", "export"]) == 0
    export = capsys.readouterr().out.splitlines()
    assert main(["keys"]) == 0
    after = capsys.readouterr().out.splitlines()

    keys = load_keys(settings.keys_dir, settings.log_origin, create=False)
    assert log == [
        f"made: {settings.keys_dir / 'log-2.pem'}",
        f"log key of era: {keys.of_log('era').verifier}",
    ]
    assert export[0] == f"made: {settings.keys_dir / 'export-2.pem'}"
    (jwk,) = json.loads(export[1].removeprefix("export key: "))["keys"]
    assert (jwk["kid"], "d" in jwk) == (keys.export_kid, False)
    assert (len(before), len(after), after[0]) == (2, 3, before[0])
    assert f"{keys.of_log('FUND').verifier}  (name and id depend on the fund)" in after[1]
    assert json.loads(after[2].removeprefix("export key: ")) == keys.jwks()


@pytest.mark.parametrize("purpose", [LOG, EXPORT])
def test_the_first_new_key_of_all_is_the_first_file(settings: Settings, purpose: str) -> None:
    where, _ = keyring.make_key(settings, purpose)

    assert where == str(settings.keys_dir / f"{purpose}.pem")
    assert Path(where).stat().st_mode & 0o777 == 0o600


def test_the_command_prints_the_proposal_that_replaces_the_log_key(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    with running(settings) as service:
        service.open()
        assert main(["keys", "introduce", "test-fund"]) == 2
        assert main(["keys", "new", "log"]) == 0
        assert main(["keys", "introduce", "test-fund"]) == 0
        assert main(["keys", "introduce", "no-such-fund"]) == 2

        said = capsys.readouterr()
        subject = json.loads(said.out.splitlines()[-1])
        body = {"title": "Another log key", "subject": subject}
        opened = service.post(TRUSTEE, "/proposals", body)

    assert opened["entry"]["data"]["subject"] == subject
    assert "is the one in force: `fundledger keys new log` makes another" in said.err
    assert "there is no fund no-such-fund" in said.err


def test_no_introduction_is_made_under_another_name(settings: Settings) -> None:
    with running(settings) as service:
        service.open()
    keyring.make_key(settings, LOG)

    with pytest.raises(KeyUnusable, match="test-fund; FUNDLEDGER_LOG_ORIGIN"):
        introduced(settings.model_copy(update={"log_origin": "elsewhere.example"}))
    with pytest.raises(NoSuchFund):
        introduced(settings, "no-such-fund")


def on_a_token(settings: Settings, pin_file: Path) -> Settings:
    return settings.model_copy(
        update={"pkcs11_module": "/m.so", "pkcs11_token": "t", "pkcs11_pin_file": pin_file}
    )


def test_a_pin_file_is_one_line_that_nobody_else_reads(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "pin"
    mine = on_a_token(settings, file)

    with pytest.raises(KeyUnusable, match="the file of the PIN, is missing"):
        keyring.open_keys(mine, create=True)
    file.touch(mode=0o600)
    for content in (b"", b"\n", b"one\ntwo\n"):
        file.write_bytes(content)
        with pytest.raises(KeyUnusable, match="must hold one line, the PIN"):
            keyring.open_keys(mine, create=True)
    file.write_bytes(b"\xff")
    with pytest.raises(KeyUnusable, match="cannot be read"):
        keyring.open_keys(mine, create=True)
    file.write_bytes(b"8231")
    file.chmod(0o640)
    with pytest.raises(KeyUnusable, match="chmod 600"):
        keyring.open_keys(mine, create=True)
    assert not settings.keys_dir.exists()


def test_without_the_library_a_token_is_refused_and_files_are_not(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyring, "find_spec", lambda _name: None)

    with pytest.raises(KeyUnusable, match="python-pkcs11"):
        keyring.open_keys(on_a_token(settings, tmp_path / "pin"), create=True)
    assert keyring.open_keys(settings, create=True).log


def test_behind_a_compromise_the_old_key_leads_nowhere_and_the_new_one_verifies(
    settings: Settings, tmp_path: Path
) -> None:
    with running(settings) as service:
        service.open()
    keyring.make_key(settings, LOG)
    with restarted(settings) as service:
        stolen = introduced(settings, compromised=1)
        with pytest.raises(Refused) as refused:
            decided(service, {**stolen, "possession": "A" * 86 + "=="})
        decided(service, stolen)
        # A refusal behind the change: the new key alone has signed the second log.
        service.raw(TRUSTEE, "POST", f"{FUND}/pledges", json=a_pledge(money(1)))
        bundle = tampering.made_by(service, tmp_path)
    old, new = both(bundle)

    by_old, by_new = report(bundle, old), report(bundle, new)

    assert refused.value.code == "attestation_false"
    assert by_old.result == "cannot_tell"
    assert by_new.access_entries > 0
    assert by_old.first is not None
    assert "compromised" in by_old.first.why
    assert by_new.problems == []


def test_an_export_from_before_a_change_brings_a_second_log_that_the_old_key_signed(
    settings: Settings, tmp_path: Path
) -> None:
    """As while witnesses lag behind: the export stands under a checkpoint of the old key."""
    with running(settings) as service:
        service.open()
        service.raw(TRUSTEE, "POST", "/v1/funds/test-fund/pledges", json=a_pledge(money(1)))
        witness = NoteKey("w.example", Ed25519PrivateKey.generate(), COSIGNATURE)
        _cosigned(service, witness, "test-fund")
    keyring.make_key(settings, LOG)
    with restarted(settings) as service:
        decided(service, introduced(settings))
        service.raw(TRUSTEE, "POST", "/v1/funds/test-fund/pledges", json=a_pledge(money(1)))
        keys = service.inside.notary.keys
        policy = Policy.parse(f"witness w {witness.verifier}\nquorum w\n".encode(), needs_log=False)
        with service.inside.database.read() as connection:
            wanted = Wanted(witnesses=policy)
            pieces = write_bundle(connection, "test-fund", keys, clock.now(), wanted)
            (tmp_path / "lag.zip").write_bytes(b"".join(pieces))
    old = NoteKey("ledger.localhost/test-fund", keys.log[0])
    trust = Policy.parse(f"log {old.verifier}\nquorum none\n".encode())

    found = verify(tmp_path / "lag.zip", trust)

    assert found.problems == []
    assert found.signed_by == str(old.verifier)
    assert found.access_entries == 1


def _cosigned(service: Service, witness: NoteKey, name: str) -> None:
    """The newest checkpoint of a log, cosigned as a witness would."""
    with service.inside.database.read() as connection:
        note = Note.parse(checkpoints.newest_checkpoint(connection, name) or b"")
    line = note.cosigned_by(witness, 1_700_000_000).signatures[-1].line()
    size = int(note.text.split("\n")[1])
    with service.inside.database.write() as connection:
        checkpoints.keep_cosignature(connection, name, size, witness.verifier, line)
