"""The issuer registry: rows pin everything."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from app.api.auth.issuers import FileRegistry, RegistryUnusable
from tests.support.issuers import ADDRESS, a_row, an_issuer


def test_an_issuer_is_found_by_exactly_its_name(tmp_path: Path) -> None:
    path = tmp_path / "issuers.json"
    path.write_text(json.dumps({"issuers": [a_row()]}))

    registry = FileRegistry(path)

    assert registry.find("https://login.example") == an_issuer()
    for name in ("https://login.example/", "https://LOGIN.example", "https://login.exampl", ""):
        assert registry.find(name) is None


def test_one_issuer_stands_in_the_registry_once(tmp_path: Path) -> None:
    path = tmp_path / "issuers.json"
    path.write_text(json.dumps({"issuers": [a_row(), a_row(party="FR")]}))

    with pytest.raises(RegistryUnusable, match="twice"):
        FileRegistry(path)


def test_a_fault_in_a_registry_is_told_in_one_line_by_its_row(tmp_path: Path) -> None:
    path = tmp_path / "issuers.json"
    path.write_text(json.dumps({"issuers": [a_row(), {**a_row(), "issuer": 7, "surprise": 1}]}))

    with pytest.raises(RegistryUnusable) as raised:
        FileRegistry(path)

    (line,) = str(raised.value).splitlines()
    assert "issuer 2: issuer: " in line
    assert "surprise: " in line
    assert "pydantic" not in line


@pytest.mark.parametrize("content", [None, "", "[]", '{"issuers": [{"party": "DE"}]}'])
def test_a_registry_that_cannot_be_read_names_its_file(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "issuers.json"
    if content is not None:
        path.write_text(content)

    with pytest.raises(RegistryUnusable, match=r"issuers\.json"):
        FileRegistry(path)


@pytest.mark.parametrize(
    "changes",
    [
        {"jwks": None},
        {"jwks_uri": ADDRESS},
        {"jwks": None, "jwks_uri": "http://login.example/jwks"},
        {"jwks": {}},
        {"jwks": {"keys": "none"}},
        {"algorithms": ["HS256"]},
        {"algorithms": ["none"]},
        {"algorithms": []},
        {"roles": ["ledger"]},
        {"roles": ["emperor"]},
        {"max_lifetime_s": 0},
        {"max_lifetime_s": 10**6},
        {"surprise": 1},
        {"discovery": True},
        {"jwks": None, "discovery": True, "issuer": "http://login.example"},
        {"token_type": "ID"},
        {"role_names": {"fund-boss": "trustee"}},
        {"role_names": {str(number): "treasury" for number in range(101)}},
    ],
)
def test_a_row_that_is_not_safe_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        an_issuer(**changes)


def test_a_row_of_before_has_the_digest_that_it_had() -> None:
    """Funds name rows by their digests: a new member must not change those of old rows."""
    jwks: dict[str, Any] = {"keys": []}

    assert an_issuer(jwks=jwks).digest == (
        "d88c9ea4ae3254f6fd75d0572693534b818f3c3b0d33021d8744e78982701376"
    )
