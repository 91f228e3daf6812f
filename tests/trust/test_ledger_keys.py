"""Key files: private to the service, made once, never silently replaced."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from app.api.auth.devissuer import DevelopmentIssuer
from app.runtime.settings import Settings
from app.trust.ledger_keys import KeyUnusable, load_keys, read_or_make


def test_keys_are_made_once_and_then_read(tmp_path: Path) -> None:
    first = load_keys(tmp_path, "ledger.example", create=True)
    second = load_keys(tmp_path, "ledger.example", create=False)

    assert str(first.of_log("era").verifier) == str(second.of_log("era").verifier)
    assert first.export_kid == second.export_kid
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_a_missing_key_is_not_replaced_in_production(tmp_path: Path) -> None:
    with pytest.raises(KeyUnusable, match="missing"):
        load_keys(tmp_path, "ledger.example", create=False)


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    load_keys(tmp_path, "ledger.example", create=True)
    (tmp_path / "log.pem").chmod(0o644)

    with pytest.raises(KeyUnusable, match="chmod 600"):
        load_keys(tmp_path, "ledger.example", create=True)


def test_a_file_that_holds_no_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.pem"
    path.touch(mode=0o600)

    with pytest.raises(KeyUnusable, match="not a private key"):
        read_or_make(path, lambda: ec.generate_private_key(ec.SECP256R1()), create=True)


def test_keys_of_the_wrong_kind_are_refused(tmp_path: Path) -> None:
    load_keys(tmp_path, "ledger.example", create=True)
    swapped = (tmp_path / "log.pem").read_bytes()
    (tmp_path / "log.pem").write_bytes((tmp_path / "export.pem").read_bytes())

    with pytest.raises(KeyUnusable, match="Ed25519"):
        load_keys(tmp_path, "ledger.example", create=True)
    (tmp_path / "export.pem").write_bytes(swapped)
    (tmp_path / "log.pem").write_bytes(swapped)
    with pytest.raises(KeyUnusable, match="EC key"):
        load_keys(tmp_path, "ledger.example", create=True)


def test_two_funds_have_two_names_for_the_log_key(tmp_path: Path) -> None:
    keys = load_keys(tmp_path, "ledger.example", create=True)

    era, other = keys.of_log("era").verifier, keys.of_log("other").verifier

    assert (era.name, other.name) == ("ledger.example/era", "ledger.example/other")
    assert era.id != other.id


def test_there_is_no_development_issuer_in_production(tmp_path: Path) -> None:
    settings = Settings.model_construct(env="production", data_dir=tmp_path, audience="x")

    with pytest.raises(KeyUnusable, match="production"):
        DevelopmentIssuer.open(settings)
