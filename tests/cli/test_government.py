"""Commands for parties: keys that are made once, signatures that the ledger takes."""

import json
from pathlib import Path

import pytest

from app.chain.canonical import encode
from app.cli.main import main
from app.trust.signatures import check_signature, named_key


def made(folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[Path, dict[str, str]]:
    """A new key's file, and what was printed of it."""
    path = folder / "de.pem"
    assert main(["key", "new", str(path)]) == 0
    return path, json.loads(capsys.readouterr().out)


def test_a_new_key_lies_in_a_file_that_nobody_else_reads_and_only_its_public_half_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, jwk = made(tmp_path, capsys)

    assert path.stat().st_mode & 0o777 == 0o600
    assert jwk.keys() == {"kty", "crv", "x", "y", "alg", "use", "kid"}
    assert main(["key", "show", str(path)]) == 0
    assert json.loads(capsys.readouterr().out) == jwk


def test_a_key_is_never_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, jwk = made(tmp_path, capsys)

    assert main(["key", "new", str(path)]) == 2
    capsys.readouterr()
    main(["key", "show", str(path)])
    assert json.loads(capsys.readouterr().out) == jwk


def test_a_body_is_signed_in_its_canonical_form(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, jwk = made(tmp_path, capsys)
    body = tmp_path / "body.json"
    body.write_text('{ "step": "legal_review",\n  "decision": "approve" }')
    named = ["--fund", "era", "--op", "approval.given", "--nonce", "dec-17"]

    assert main(["sign", str(body), "--key", str(path), *named]) == 0

    jws = capsys.readouterr().out.strip()
    payload = encode({"step": "legal_review", "decision": "approve"})
    signature = check_signature(jws, payload, "era", jwk)
    assert (signature.op, signature.nonce) == ("approval.given", "dec-17")
    assert named_key(jws) == jwk["kid"]


def test_what_is_no_json_is_not_signed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, _ = made(tmp_path, capsys)
    body = tmp_path / "body.json"
    body.write_text('{"a": 1, "a": 2}')
    named = ["--fund", "era", "--op", "approval.given", "--nonce", "n"]

    assert main(["sign", str(body), "--key", str(path), *named]) == 2
    assert capsys.readouterr().out == ""


def test_the_registrys_rows_are_shown_with_what_a_fund_decides_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = {
        "issuer": "https://login.example",
        "party": "DE",
        "audience": "fundledger",
        "algorithms": ["ES256"],
        "roles": ["treasury", "admin"],
        "max_lifetime_s": 900,
        "jwks_uri": "https://login.example/jwks.json",
    }
    path = tmp_path / "issuers.json"
    lines = []
    for roles in (["treasury", "admin"], ["admin", "treasury"], ["admin"]):
        path.write_text(json.dumps({"issuers": [{**row, "roles": roles}]}))
        assert main(["issuers", str(path)]) == 0
        lines.append(capsys.readouterr().out.split())

    assert lines[0] == lines[1]
    assert lines[0][0] == "DE"
    assert lines[0][1] != lines[2][1], "another row has another digest"
