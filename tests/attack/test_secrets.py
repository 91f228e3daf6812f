"""No private key leaves its file: not into the database, an export, an answer or the log."""

import base64
import logging
import zipfile
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from app.runtime.settings import Settings
from tests.support.builders import AUDITOR, REQUESTER, a_pledge, money, treasury
from tests.support.service import FUND, running


def spellings(path: Path) -> list[bytes]:
    """A private key as bytes, hex, and base64, whole and as the number that it is."""
    key = load_pem_private_key(path.read_bytes(), None)
    der = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    secret = (
        key.private_bytes_raw()
        if hasattr(key, "private_bytes_raw")
        else key.private_numbers().private_value.to_bytes(32, "big")  # type: ignore[union-attr]
    )
    found = []
    for raw in (der, secret):
        plain = base64.b64encode(raw).rstrip(b"=")
        url = base64.urlsafe_b64encode(raw).rstrip(b"=")
        found += [raw, raw.hex().encode(), plain, url]
    return found


def test_nothing_private_is_stored_exported_answered_or_logged(
    tmp_path: Path, sqlite_template: Path, caplog: pytest.LogCaptureFixture
) -> None:
    database = tmp_path / "ledger.db"
    database.write_bytes(sqlite_template.read_bytes())
    settings = Settings(database_url=f"sqlite:///{database}", data_dir=tmp_path / "data")
    caplog.set_level(logging.DEBUG)
    with running(settings) as service:
        service.open()
        service.post(treasury("DE"), "/pledges", a_pledge(money(1)))
        service.raw(REQUESTER, "POST", f"{FUND}/pledges", json=a_pledge(money(1)))
        with zipfile.ZipFile(service.export(tmp_path / "bundle.zip")) as archive:
            bundle = b"\n".join(map(archive.read, archive.namelist()))
        answers = [
            service.raw(AUDITOR, "GET", path).content
            for path in (FUND, f"{FUND}/entries", f"{FUND}/log/checkpoints", f"{FUND}/access")
        ]
        public = ("/metrics", "/.well-known/jwks.json", "/readyz")
        answers += [httpx.get(service.address + path).content for path in public]
    stored = b"".join(
        path.read_bytes()
        for path in tmp_path.rglob("*")
        if path.is_file() and path.suffix != ".pem"
    )
    said = "\n".join(record.getMessage() for record in caplog.records).encode()
    keys = sorted((tmp_path / "data").rglob("*.pem"))

    assert len(keys) >= 3
    for path in keys:
        for secret in spellings(path):
            assert all(secret not in place for place in (stored, bundle, said, *answers))
