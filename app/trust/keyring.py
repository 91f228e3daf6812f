"""The ledger's keys in this deployment: on a token where one is configured, else in files.

Only this module chooses between the two. A new key is not used by an existing fund before that
fund's log names it, which the governments decide.
"""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from app.chain.note import NoteKey
from app.chain.spelling import write_base64
from app.domain.governance.log_keys import Log
from app.runtime.settings import Settings
from app.store import queries
from app.store.engine import Database
from app.store.log_names import NoSuchFund
from app.trust.attestations import introduction_message
from app.trust.ledger_keys import (
    LOG,
    KeyUnusable,
    LedgerKeys,
    add_key,
    load_keys,
    read_log_key,
    read_signing_key,
    require_private,
)


def open_keys(settings: Settings, *, create: bool) -> LedgerKeys:
    """Every key; `create` makes the first files, but never a key on a token. Raises KeyUnusable."""
    token = _token(settings)
    if token is None:
        return load_keys(settings.keys_dir, settings.log_origin, create=create)
    from app.trust.hsm import load_token_keys  # noqa: PLC0415  its library is an extra

    return load_token_keys(*token, settings.log_origin)


def make_key(settings: Settings, purpose: str) -> tuple[str, LedgerKeys]:
    """Create one more key; its file or label, and keys with it alone. Raises KeyUnusable."""
    token, origin = _token(settings), settings.log_origin
    if token is not None:
        from app.trust.hsm import add_token_key  # noqa: PLC0415  its library is an extra

        return add_token_key(*token, origin, purpose)
    path = add_key(settings.keys_dir, purpose)
    if purpose == LOG:
        return str(path), LedgerKeys((read_log_key(path),), (), origin)
    return str(path), LedgerKeys((), (read_signing_key(path),), origin)


def shown(keys: LedgerKeys, fund: str = "") -> str:
    """The public halves of the keys: a line for each of the log's, and one for all export keys.

    A log key's name and id depend on the fund; without one the line is for a fund named FUND.
    """
    of, note = (fund, "") if fund else ("a fund", "  (name and id depend on the fund)")
    name = f"{keys.origin}/{fund or 'FUND'}"
    lines = [f"log key of {of}: {NoteKey(name, key).verifier}{note}" for key in keys.log]
    if keys.export:
        lines.append(f"export key: {json.dumps(keys.jwks())}")
    return "\n".join(lines)


def introduction(
    database: Database, keys: LedgerKeys, fund: str, compromised: int | None = None
) -> dict[str, Any]:
    """The subject of the proposal by which the newest log key replaces the one in force.

    The key in force introduces it; if that is `compromised`, this is the number of entries up to
    which it is trusted. Raises KeyUnusable, NoSuchFund.
    """
    with database.read() as connection:
        log_state = queries.one(connection, fund, Log)
    if log_state is None:
        raise NoSuchFund(fund)
    new = keys.of_log(fund).verifier
    if new.name != log_state.origin:
        raise KeyUnusable(
            f"this log's keys are named {log_state.origin}; FUNDLEDGER_LOG_ORIGIN makes {new.name}"
        )
    vkey = str(new)
    if vkey == log_state.vkey:
        raise KeyUnusable(
            f"the newest key, {vkey}, is the one in force: `fundledger keys new log` makes another"
        )
    if vkey in [key.vkey for key in log_state.keys]:
        raise KeyUnusable(
            f"the newest key, {vkey}, has signed this log before: a key is never used again"
        )
    message = introduction_message(log_state.origin, vkey)
    possession = write_base64(keys.of_log(fund).sign(message))
    subject = {"kind": "log_key", "vkey": vkey, "possession": possession}
    if compromised is not None:
        return {**subject, "trusted_through": compromised}
    signature = keys.of_log(fund, log_state.vkey).sign(message)
    return {**subject, "introduction": write_base64(signature)}


def _token(settings: Settings) -> tuple[str, str, str] | None:
    """Module, label and PIN of the token; None where the keys are files. Raises KeyUnusable."""
    if settings.pkcs11_pin_file is None:
        return None
    if find_spec("pkcs11") is None:
        raise KeyUnusable("keys on a token need the library python-pkcs11: the extra `hsm`")
    return settings.pkcs11_module, settings.pkcs11_token, _pin(settings.pkcs11_pin_file)


def _pin(path: Path) -> str:
    """The PIN: the only line of a file of mode 0600. Raises KeyUnusable."""
    if not path.is_file():
        raise KeyUnusable(f"{path}, the file of the PIN, is missing")
    require_private(path)
    try:
        pin = path.read_text("utf-8").rstrip("\r\n")
    except (OSError, ValueError):
        raise KeyUnusable(f"{path}, the file of the PIN, cannot be read") from None
    if not pin or "\n" in pin:
        raise KeyUnusable(f"{path} must hold one line, the PIN")
    return pin
