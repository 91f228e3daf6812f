"""Settings: production refuses what only development may have."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from app.runtime.settings import Settings

STRICT = {
    "env": "production",
    "issuers_file": Path("issuers.json"),
    "database_url": "postgresql://db/ledger",
    "log_origin": "ledger.example",
}


def test_production_starts_with_everything_decided() -> None:
    assert Settings.model_validate(STRICT).env == "production"


@pytest.mark.parametrize(
    ("left_out", "why"),
    [
        ("issuers_file", "no development issuer"),
        ("database_url", "PostgreSQL"),
        ("log_origin", "name of its own"),
    ],
)
def test_production_refuses_a_default_that_is_not_safe(left_out: str, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        Settings.model_validate({k: v for k, v in STRICT.items() if k != left_out})


def test_production_refuses_sqlite() -> None:
    with pytest.raises(ValidationError, match="PostgreSQL"):
        Settings.model_validate({**STRICT, "database_url": "sqlite:///x"})


def test_the_default_database_lies_in_the_data_folder() -> None:
    assert Settings(data_dir=Path("/x")).database == "sqlite:////x/ledger.db"


def test_a_child_process_gets_the_same_settings_and_no_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FUNDLEDGER_AUDIENCE", "elsewhere")

    environment = Settings(data_dir=Path("/x"), audience="here").environment()

    assert environment["FUNDLEDGER_DATA_DIR"] == "/x"
    assert environment["FUNDLEDGER_AUDIENCE"] == "here"
    assert "PATH" in environment


TOKEN = {
    "pkcs11_module": "/usr/lib/module.so",
    "pkcs11_token": "ledger",
    "pkcs11_pin_file": Path("pin"),
}


def test_a_token_is_named_whole_or_not_at_all() -> None:
    assert Settings.model_validate(TOKEN).pkcs11_token == "ledger"
    for left_out in TOKEN:
        with pytest.raises(ValidationError, match="set all three, or none"):
            Settings.model_validate({k: v for k, v in TOKEN.items() if k != left_out})
