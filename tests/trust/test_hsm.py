"""Keys on a token: the same signatures as from files, and nothing private to be had.

The token is SoftHSM2's, a real one in a folder of the test; `deploy/test-hsm` installs it.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pkcs11
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from pkcs11 import Attribute, KeyType, ObjectClass

from app.audit.verify import verify
from app.chain.checkpoint import Checkpoint, open_checkpoint
from app.chain.jws import sign_detached, verify_detached
from app.chain.note import VerifierKey
from app.chain.policy import Policy
from app.chain.spelling import read_base64
from app.cli.main import main
from app.runtime.settings import Settings
from app.trust.attestations import introduction_message
from app.trust.hsm import add_token_key, load_token_keys
from app.trust.ledger_keys import EXPORT, LOG, KeyUnusable, LedgerKeys, load_keys
from tests.support.builders import a_pledge, money, treasury
from tests.support.service import FUND, in_environment, running

ORIGIN = "ledger.example"
PIN, OTHER_PIN = "8231-pin", "1328-pin"
PLACES = ("/usr/lib/softhsm", "/usr/lib64", "/usr/lib64/softhsm", "/usr/local/lib/softhsm")
P384 = bytes.fromhex("06052b81040022")


@dataclass(frozen=True)
class Token:
    """A token with the label `ledger`, and where its files are."""

    module: str
    folder: Path
    pin_file: Path

    @property
    def access(self) -> tuple[str, str, str]:
        return self.module, "ledger", PIN

    def add(self, *purposes: str) -> None:
        for purpose in purposes:
            add_token_key(*self.access, ORIGIN, purpose)

    def load(self) -> LedgerKeys:
        return load_token_keys(*self.access, ORIGIN)

    def session(self) -> pkcs11.Session:
        """Somebody else's session, with the PIN, for writing."""
        found = pkcs11.lib(self.module).get_token(token_label="ledger")
        try:
            return found.open(rw=True, user_pin=PIN)
        except pkcs11.UserAlreadyLoggedIn:
            return found.open(rw=True)

    def settings(self, data_dir: Path) -> Settings:
        return Settings(
            data_dir=data_dir,
            log_origin=ORIGIN,
            pkcs11_module=self.module,
            pkcs11_token="ledger",
            pkcs11_pin_file=self.pin_file,
        )


def softhsm() -> str:
    """SoftHSM2's module. Skips where it is not installed, unless the run says that it must be."""
    found = [path for place in PLACES if (path := Path(place, "libsofthsm2.so")).exists()]
    if found and shutil.which("softhsm2-util"):
        return str(found[0])
    why = "SoftHSM2 (libsofthsm2.so, softhsm2-util) is not installed: `make test-hsm` installs it"
    if os.environ.get("REQUIRE_SOFTHSM2"):
        pytest.fail(why)
    pytest.skip(why)


@pytest.fixture
def token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Token]:
    """A new token without keys."""
    module, folder = softhsm(), tmp_path / "tokens"
    folder.mkdir()
    configuration = tmp_path / "softhsm2.conf"
    configuration.write_text(f"directories.tokendir = {folder}\nobjectstore.backend = file\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(configuration))
    made = ("--init-token", "--free", "--label", "ledger", "--so-pin", "so-pin", "--pin", PIN)
    subprocess.run(["softhsm2-util", *made], check=True, capture_output=True)
    pin_file = tmp_path / "pin"
    pin_file.touch(mode=0o600)
    pin_file.write_text(f"{PIN}\n")
    yield Token(module, folder, pin_file)
    # The next test has another folder of tokens, and is not logged in.
    pkcs11.lib(module).finalize()


def test_both_kinds_of_signature_verify(token: Token) -> None:
    token.add(LOG, EXPORT)
    keys, algorithm = token.load(), ec.ECDSA(SHA256())

    log, export = keys.log[0].sign(b"text"), keys.export[0].sign(b"text", algorithm)

    keys.log[0].public_key().verify(log, b"text")
    keys.export[0].public_key().verify(export, b"text", algorithm)
    with pytest.raises(InvalidSignature):
        keys.log[0].public_key().verify(log, b"other text")
    with pytest.raises(InvalidSignature):
        keys.export[0].public_key().verify(export, b"other text", algorithm)


def test_keys_are_found_oldest_first_and_are_the_same_when_loaded_again(token: Token) -> None:
    token.add(LOG, EXPORT, LOG, LOG, EXPORT)

    first, second = token.load(), token.load()

    raw = [[key.public_key().public_bytes_raw() for key in keys.log] for keys in (first, second)]
    made = add_token_key(*token.access, ORIGIN, LOG)
    assert raw[0] == raw[1]
    assert len(set(raw[0])) == 3
    assert (made[0], len(token.load().log)) == ("log-4", 4)
    assert token.load().of_log("era").verifier == made[1].of_log("era").verifier
    assert first.jwks() == second.jwks()
    assert len(first.jwks()["keys"]) == 2


def test_key_files_move_to_a_token_and_stay_the_same_keys(token: Token, tmp_path: Path) -> None:
    files = load_keys(tmp_path / "keys", ORIGIN, create=True)
    for label in (LOG, EXPORT):
        file = str(tmp_path / "keys" / f"{label}.pem")
        at = ("--token", "ledger", "--label", label, "--id", label.encode().hex(), "--pin", PIN)
        made = ("softhsm2-util", "--import", file, *at)
        subprocess.run(made, check=True, capture_output=True)

    keys = token.load()

    assert keys.of_log("era").verifier == files.of_log("era").verifier
    assert keys.jwks() == files.jwks()


def test_a_checkpoint_signed_by_a_token_is_a_note_like_any_other(token: Token) -> None:
    token.add(LOG, EXPORT)
    key = token.load().of_log("era")
    checkpoint = Checkpoint(key.name, 42, b"\1" * 32)

    note = checkpoint.note().signed_by(key).to_bytes()

    assert open_checkpoint(note, key.verifier) == checkpoint


def test_a_jws_signed_by_a_token_holds_on_both_curves(token: Token) -> None:
    token.add(LOG, EXPORT)
    curve = token.session().create_domain_parameters(
        KeyType.EC, {Attribute.EC_PARAMS: P384}, local=True
    )
    hidden = {Attribute.EXTRACTABLE: False, Attribute.SENSITIVE: True}
    curve.generate_keypair(label="export-2", store=True, private_template=hidden)

    keys = token.load().export

    for key, algorithm in zip(keys, ("ES256", "ES384"), strict=True):
        header = verify_detached(sign_detached(b"{}", key), b"{}", key.public_key())
        assert header["alg"] == algorithm
    with pytest.raises(KeyUnusable, match="SHA-256 or SHA-384 only"):
        keys[0].sign(b"{}", ec.ECDSA(SHA1()))  # noqa: S303  refused, that is the point


def test_many_threads_get_each_its_own_signature(token: Token) -> None:
    token.add(LOG, EXPORT)
    keys, algorithm = token.load(), ec.ECDSA(SHA256())

    def one(number: int) -> None:
        text = str(number).encode()
        keys.log[0].public_key().verify(keys.log[0].sign(text), text)
        made = keys.export[0].sign(text, algorithm)
        keys.export[0].public_key().verify(made, text, algorithm)

    with ThreadPoolExecutor(8) as threads:
        assert len(list(threads.map(one, range(200)))) == 200


@pytest.fixture
def on_token(token: Token, sqlite_template: Path, tmp_path: Path) -> Settings:
    """Settings of a service whose keys will be on the token: there are none yet."""
    settings = token.settings(tmp_path / "data")
    settings.data_dir.mkdir()
    shutil.copy(sqlite_template, settings.data_dir / "ledger.db")
    return settings


def test_a_whole_service_runs_on_a_token_and_its_export_verifies(
    token: Token, on_token: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    token.add(LOG, EXPORT)

    with running(on_token) as service:
        service.open()
        service.paid("DE", money(600))
        bundle = service.export(tmp_path / "bundle.zip")
        policy = Policy.parse(service.trust(tmp_path / "trust.policy").read_bytes())

    report = verify(bundle, policy)
    held = {path.name for path in on_token.keys_dir.iterdir()}
    assert (report.result, report.problems) == ("ok", [])
    assert not held & {"log.pem", "export.pem"}


def test_the_command_makes_shows_and_introduces_keys_on_the_token(
    token: Token,
    on_token: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    in_environment(monkeypatch, on_token)

    assert main(["keys"]) == 2
    assert main(["keys", "new", "log", "--fund", "test-fund"]) == 0
    assert main(["keys", "new", "export"]) == 0
    assert main(["keys"]) == 0
    with running(on_token) as service:
        service.open()
    said = capsys.readouterr()
    assert "`fundledger keys new log` makes it" in said.err
    assert "made: log\nlog key of test-fund: ledger.example/test-fund+" in said.out
    assert "made: export\nexport key: " in said.out
    assert main(["keys", "new", "log", "--fund", "test-fund"]) == 0
    new = capsys.readouterr().out.split()[-1]
    assert main(["keys", "introduce", "test-fund"]) == 0

    subject = json.loads(capsys.readouterr().out)
    old = token.load().log[0].public_key()
    old.verify(
        read_base64(subject["introduction"]), introduction_message(f"{ORIGIN}/test-fund", new)
    )
    assert (subject["kind"], subject["vkey"]) == ("log_key", new)
    assert VerifierKey.parse(new).name == f"{ORIGIN}/test-fund"
    assert PIN not in said.out + said.err


def test_nothing_private_can_be_had_from_the_token(token: Token) -> None:
    token.add(LOG, EXPORT)
    session = token.session()
    private = list(session.get_objects({Attribute.CLASS: ObjectClass.PRIVATE_KEY}))

    for key in private:
        with pytest.raises(pkcs11.AttributeSensitive):
            key[Attribute.VALUE]
        with pytest.raises(pkcs11.PKCS11Error):
            key[Attribute.EXTRACTABLE] = True

    assert {key[Attribute.LABEL] for key in private} == {"log", "export"}
    assert {(key[Attribute.SENSITIVE], key[Attribute.EXTRACTABLE]) for key in private} == {
        (True, False)
    }
    assert not any(PIN in repr(vars(key)) for key in token.load().log)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"pin": OTHER_PIN}, "refuses the PIN"),
        ({"token": "elsewhere"}, "has no token 'elsewhere'"),
        ({"module": "/no/such/module.so"}, "the module /no/such/module.so cannot be used"),
        ({"module": "/etc/passwd"}, "the module /etc/passwd cannot be used"),
    ],
    ids=["pin", "token", "module", "no-module"],
)
def test_what_is_wrong_is_said_in_one_line_without_the_pin(
    token: Token, change: dict[str, str], why: str
) -> None:
    token.add(LOG, EXPORT)
    pkcs11.lib(token.module).reinitialize()  # nobody is logged in
    how = {"module": token.module, "token": "ledger", "pin": PIN, **change}

    with pytest.raises(KeyUnusable, match=why) as told:
        load_token_keys(**how, origin=ORIGIN)

    assert "\n" not in str(told.value)
    assert not [pin for pin in (PIN, OTHER_PIN) if pin in str(told.value)]


def test_a_missing_key_is_not_made_by_loading(token: Token) -> None:
    with pytest.raises(KeyUnusable, match="the token has no key log: `fundledger keys new log`"):
        token.load()
    token.add(LOG)
    with pytest.raises(KeyUnusable, match="the token has no key export"):
        token.load()


def test_a_key_that_the_token_would_give_away_is_refused(token: Token) -> None:
    token.add(LOG)
    curve = token.session().create_domain_parameters(
        KeyType.EC, {Attribute.EC_PARAMS: P384}, local=True
    )
    curve.generate_keypair(
        label="export", store=True, private_template={Attribute.EXTRACTABLE: True}
    )

    with pytest.raises(KeyUnusable, match="would give its key export away"):
        token.load()


def test_keys_of_the_wrong_kind_and_two_of_one_name_are_refused(token: Token) -> None:
    token.add(LOG, EXPORT)
    session = token.session()
    ours = list(session.get_objects({Attribute.LABEL: "log"}))
    others = list(session.get_objects({Attribute.LABEL: "export"}))
    for key in ours:
        key[Attribute.LABEL] = "export"

    with pytest.raises(KeyUnusable, match="has no key log"):
        token.load()
    for key in others:
        key[Attribute.LABEL] = "log"
    with pytest.raises(KeyUnusable, match="key log is not an Ed25519 key"):
        token.load()
    for key in (*others, *ours):
        key[Attribute.LABEL] = "log"
    with pytest.raises(KeyUnusable, match="2 private and 2 public keys log"):
        token.load()


def test_a_public_key_that_is_another_keys_is_noticed(token: Token) -> None:
    token.add(LOG, LOG, EXPORT)
    session = token.session()
    for label, other in (("log", "aside"), ("log-2", "log"), ("aside", "log-2")):
        wanted = {Attribute.CLASS: ObjectClass.PUBLIC_KEY, Attribute.LABEL: label}
        (public,) = session.get_objects(wanted)
        public[Attribute.LABEL] = other

    with pytest.raises(KeyUnusable, match="is not the public key's of its name"):
        token.load()


def test_a_token_that_goes_away_signs_nothing_and_the_service_says_so(
    token: Token, on_token: Settings
) -> None:
    token.add(LOG, EXPORT)

    with running(on_token) as service:
        service.open()
        keys = service.inside.notary.keys
        shutil.rmtree(token.folder)
        pledges = [
            service.raw(treasury("DE"), "POST", f"{FUND}/pledges", json=a_pledge(money(number)))
            for number in (1, 2)
        ]
        ready = service.raw(treasury("DE"), "GET", "/readyz")

    for _ in range(2):
        with ThreadPoolExecutor(1) as thread, pytest.raises(KeyUnusable, match="cannot sign"):
            thread.submit(keys.log[0].sign, b"text").result(timeout=10)
    assert [answer.status_code for answer in pledges] == [503, 503]
    assert (ready.status_code, ready.json()["checks"]["signing"]) == (503, False)


def test_another_process_does_not_sign_in_our_session(
    token: Token, monkeypatch: pytest.MonkeyPatch
) -> None:
    token.add(LOG, EXPORT)
    keys, here = token.load(), os.getpid()
    monkeypatch.setattr(os, "getpid", lambda: here + 1)

    with pytest.raises(KeyUnusable, match="another process"):
        keys.log[0].sign(b"text")
