"""Settings: production refuses what only development may have."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from app.chain.note import NoteKey, VerifierKey
from app.runtime.settings import Settings, SettingsUnusable, masked, read_settings

STRICT = {
    "env": "production",
    "issuers_file": Path("issuers.json"),
    "database_url": "postgresql://db/ledger?sslmode=verify-full",
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


def test_every_fault_is_named_at_once_by_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "FUNDLEDGER_ENV": "production",
        "FUNDLEDGER_DATABASE_UR": "postgresql://x/y",
        "FUNDLEDGER_LOG_ORIGIN": "has space",
        "FUNDLEDGER_BATCH_LIMIT": "0",
        "FUNDLEDGER_TIME_AUTHORITY_URL": "https://tsa.example",
    }.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(SettingsUnusable) as refused:
        read_settings()

    said = str(refused.value)
    assert [line.partition(":")[0] for line in said.splitlines()] == [
        "FUNDLEDGER_DATABASE_UR",
        "FUNDLEDGER_LOG_ORIGIN",
        "FUNDLEDGER_BATCH_LIMIT",
        "FUNDLEDGER_TIME_AUTHORITY_URL",
        "FUNDLEDGER_ISSUERS_FILE",
        "FUNDLEDGER_DATABASE_URL",
    ]
    assert "FUNDLEDGER_DATABASE_URL?" in said.splitlines()[0]


@pytest.mark.parametrize(
    "origin",
    ["has space", "a+b", "/a", "a/", "a//b", "", "tab\tbed", "line\n", "no\u00a0break", "ünï"],
)
def test_what_cannot_be_a_logs_name_is_refused_before_a_fund_is_opened(origin: str) -> None:
    with pytest.raises(ValidationError, match="visible ASCII"):
        Settings(log_origin=origin)


@pytest.mark.parametrize("origin", ["ledger.example", "ledger.example/funds", "x"])
def test_a_name_like_the_specifications_is_an_origin(origin: str) -> None:
    name = f"{Settings(log_origin=origin).log_origin}/era"

    assert VerifierKey.parse(str(NoteKey.from_seed(name, bytes(32)).verifier)).name == name


@pytest.mark.parametrize(
    ("url", "private"),
    [
        ("postgresql://u:p@db.example/ledger", False),
        ("postgresql://u:p@db.example/ledger?sslmode=prefer", False),
        ("postgresql://u:p@db.example/ledger?sslmode=require", False),
        ("postgresql://u:p@db.example/ledger?sslmode=verify-full", True),
        ("postgresql://u@localhost/ledger?hostaddr=203.0.113.5", False),
        ("postgresql://u@localhost/ledger?hostaddr=::ffff:10.1.1.1", False),
        ("postgresql://u@/ledger?host=localhost:5432,db.example", False),
        ("postgresql://u@/ledger?host=localhost:5432&host=127.0.0.1:5433", True),
        ("postgresql:///ledger?host=/run/postgresql", True),
        ("postgresql://u@localhost/ledger", True),
        ("postgresql://u@/ledger?host=a:5432&host=localhost", False),
    ],
)
def test_production_speaks_to_other_hosts_encrypted(url: str, *, private: bool) -> None:
    settings = {**STRICT, "database_url": url}

    if private:
        assert Settings.model_validate(settings).env == "production"
    else:
        with pytest.raises(ValidationError, match="encrypted"):
            Settings.model_validate(settings)


def test_effective_settings_are_shown_without_secrets() -> None:
    settings = Settings(database_url="postgresql://u:geheim@db/x?password=geheim2&sslmode=require")

    shown = dict(settings.shown())

    assert shown["FUNDLEDGER_QUEUE_LIMIT"] == "4096"
    assert shown["FUNDLEDGER_DATABASE_URL"] == (
        "postgresql://u:****@db/x?password=****&sslmode=require"
    )
    assert "geheim" not in " ".join(shown.values())


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:ge/heim@db/x",
        "postgresql://u:ge@heim@db/x",
        "postgresql://u@db/x?sslpassword=geheim",
        "s3://bucket/prefix?secret_access_key=geheim",
    ],
)
def test_a_password_is_masked_however_it_is_written(url: str) -> None:
    assert "heim" not in masked(url)


def test_a_port_that_is_none_is_a_fault_of_its_variable() -> None:
    with pytest.raises(ValidationError, match="FUNDLEDGER_DATABASE_URL: a port"):
        Settings(database_url="postgresql://u@db:70000/x")
