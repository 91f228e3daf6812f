"""Commands for governments: their own keys, statements of the checkpoints they know, charters."""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.cli.exit_codes import CANNOT_TELL, OK, WRONG, say


def add_to(command: Callable[..., Any]) -> None:
    """Add these commands to the command line; `command` makes a new one."""
    key = command("key", _key, "make a party's key, or show what is public of it")
    key.add_argument("action", choices=("new", "show"))
    key.add_argument("file", type=Path, help="PEM, mode 0600")
    issuers = command("issuers", _issuers, "show the registry's issuers and their rows' digests")
    issuers.add_argument("file", type=Path, help="the issuer registry (JSON)")
    statement = command("statement", _statement, "sign the newest checkpoint that your party knows")
    statement.add_argument("checkpoint", type=Path, help="a signed checkpoint of the fund's log")
    statement.add_argument("--key", type=Path, required=True, help="the party's private key, PEM")
    statement.add_argument("--party", required=True)
    _add_charter_commands(command)


def _add_charter_commands(command: Callable[..., Any]) -> None:
    charter = command("charter", _charter, "check, compare or convert charters in YAML or JSON")
    actions = charter.add_subparsers(required=True, metavar="ACTION", dest="action")
    actions.add_parser("check", help="say what is wrong, with the line").add_argument(
        "file", type=Path
    )
    actions.add_parser("json", help="print it as the JSON to post").add_argument("file", type=Path)
    diff = actions.add_parser("diff", help="say what one has and the other has not")
    diff.add_argument("file", type=Path)
    diff.add_argument("other", type=Path)
    calendar = actions.add_parser("calendar", help="draw up a calendar with public holidays")
    calendar.add_argument("id")
    calendar.add_argument("time_zone", help="Europe/Brussels")
    calendar.add_argument("places", nargs="+", help="BE, or US-NY")
    calendar.add_argument("--years", type=_years, required=True, help="2026-2030")


def _key(chosen: argparse.Namespace) -> int:
    from app.chain.jws import public_jwk
    from app.trust.ledger_keys import read_signing_key

    if chosen.action == "new" and chosen.file.exists():
        print(f"fundledger: {chosen.file} is there already; a key is never overwritten")
        return CANNOT_TELL
    key = read_signing_key(chosen.file, create=chosen.action == "new")
    return say(json.dumps(public_jwk(key.public_key())))


def _issuers(chosen: argparse.Namespace) -> int:
    from app.api.auth.issuers import FileRegistry

    for row in FileRegistry(chosen.file).rows:
        print(f"{row.party}  {row.digest}  {row.issuer}")
    return OK


def _statement(chosen: argparse.Namespace) -> int:
    from app.chain.checkpoint import Checkpoint
    from app.chain.jws import thumbprint
    from app.chain.note import Note, NoteError
    from app.trust.attestations import RECOVERED, statement_payload
    from app.trust.ledger_keys import read_signing_key
    from app.trust.signatures import sign

    try:
        known = Checkpoint.parse(Note.parse(chosen.checkpoint.read_bytes()).text)
    except NoteError as error:
        print(f"fundledger: {chosen.checkpoint}: {error}", file=sys.stderr)
        return CANNOT_TELL
    key, fund, root = (
        read_signing_key(chosen.key),
        known.origin.rpartition("/")[2],
        known.root.hex(),
    )
    payload = statement_payload(fund, known.size, root)
    jws = sign(payload, key, fund=fund, op=RECOVERED, nonce=f"recovery-{known.size}")
    kid = thumbprint(key.public_key())
    stated = {"party": chosen.party, "kid": kid, "size": known.size, "root": root, "jws": jws}
    return say(json.dumps(stated))


def _charter(chosen: argparse.Namespace) -> int:
    from app.interop.charter_files import calendar, differences, read_charter

    if chosen.action == "calendar":
        made = calendar(chosen.id, chosen.time_zone, chosen.places, chosen.years)
        return say(json.dumps(made, indent=2))
    members, wrong = read_charter(chosen.file.read_bytes())
    if chosen.action == "diff":
        other, _ = read_charter(chosen.other.read_bytes())
        return say("\n".join(differences(members, other)) or "They say the same.")
    for found in wrong:
        print(f"{chosen.file}: {found}", file=sys.stderr)
    if wrong:
        return WRONG
    if chosen.action == "json":
        return say(json.dumps(members, ensure_ascii=False, indent=2))
    return say(f"{chosen.file}: a charter, with nothing wrong in itself.")


def _years(text: str) -> range:
    """The years of `2026-2030`, both included. Raises ValueError."""
    first, last = (int(year) for year in text.split("-"))
    if not 2000 <= first <= last <= 2199:
        raise ValueError("years are written 2026-2030")
    return range(first, last + 1)
