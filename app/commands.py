"""Commands for parties: keys, signatures, charters. None needs the ledger's own database."""

import argparse
import json
import sys
from collections.abc import Callable, Iterable
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.exitcodes import CANNOT_TELL, OK, WRONG

if TYPE_CHECKING:
    from app.interop.ecb import PublishedDay


def add_to(command: Callable[..., Any]) -> None:
    """Add them to the command line; `command` makes a new one."""
    _add_key_commands(command)
    _add_charter_commands(command)
    rates = command("rates", _rates, "enter the ECB's reference rates into a fund's log")
    rates.add_argument("file", type=Path, help="eurofxref-hist.csv, or a part of it")
    rates.add_argument("--server", required=True, help="https://…; the token comes on stdin")
    rates.add_argument("--fund", required=True)


def _add_key_commands(command: Callable[..., Any]) -> None:
    key = command("key", _key, "make a party's key, or show what is public of it")
    key.add_argument("action", choices=("new", "show"))
    key.add_argument("file", type=Path, help="PEM, mode 0600")
    issuers = command("issuers", _issuers, "show the registry's issuers and their rows' digests")
    issuers.add_argument("file", type=Path, help="the issuer registry (JSON)")
    sign = command("sign", _sign, "sign a request's body: prints the header X-JWS-Signature")
    sign.add_argument("body", type=Path, help="the JSON that will be posted")
    sign.add_argument("--key", type=Path, required=True, help="the party's private key, PEM")
    sign.add_argument("--fund", required=True)
    sign.add_argument("--op", required=True, help="the event that is asked for: approval.given")
    sign.add_argument("--nonce", required=True, help="the request's Idempotency-Key")

    statement = command("statement", _statement, "sign the newest checkpoint that your party knows")
    statement.add_argument("checkpoint", type=Path, help="a signed checkpoint of the fund's log")
    statement.add_argument("--key", type=Path, required=True, help="the party's private key, PEM")
    statement.add_argument("--party", required=True)


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
    from app.keys import read_signing_key

    if chosen.action == "new" and chosen.file.exists():
        print(f"fundledger: {chosen.file} is there already; a key is never overwritten")
        return CANNOT_TELL
    key = read_signing_key(chosen.file, create=chosen.action == "new")
    return _print(json.dumps(public_jwk(key.public_key())))


def _issuers(chosen: argparse.Namespace) -> int:
    from app.api.issuers import FileRegistry

    for row in FileRegistry(chosen.file).rows:
        print(f"{row.party}  {row.digest}  {row.issuer}")
    return OK


def _sign(chosen: argparse.Namespace) -> int:
    from app.chain.canonical import NotCanonical, decode, encode
    from app.keys import read_signing_key
    from app.signatures import sign

    try:
        payload = encode(decode(chosen.body.read_bytes()))
    except NotCanonical as error:
        print(f"fundledger: {chosen.body}: {error}", file=sys.stderr)
        return CANNOT_TELL
    key = read_signing_key(chosen.key)
    return _print(sign(payload, key, fund=chosen.fund, op=chosen.op, nonce=chosen.nonce))


def _statement(chosen: argparse.Namespace) -> int:
    from app.attestations import RECOVERED, statement_payload
    from app.chain.checkpoint import Checkpoint
    from app.chain.jws import thumbprint
    from app.chain.note import Note, NoteError
    from app.keys import read_signing_key
    from app.signatures import sign

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
    return _print(json.dumps(stated))


def _charter(chosen: argparse.Namespace) -> int:
    from app.charters import calendar, differences, read_charter

    if chosen.action == "calendar":
        made = calendar(chosen.id, chosen.time_zone, chosen.places, chosen.years)
        return _print(json.dumps(made, indent=2))
    members, wrong = read_charter(chosen.file.read_bytes())
    if chosen.action == "diff":
        other, _ = read_charter(chosen.other.read_bytes())
        return _print("\n".join(differences(members, other)) or "They say the same.")
    for found in wrong:
        print(f"{chosen.file}: {found}", file=sys.stderr)
    if wrong:
        return WRONG
    if chosen.action == "json":
        return _print(json.dumps(members, ensure_ascii=False, indent=2))
    return _print(f"{chosen.file}: a charter, with nothing wrong in itself.")


def _years(text: str) -> range:
    """`2026-2030`, both included. Raises ValueError."""
    first, last = (int(year) for year in text.split("-"))
    if not 2000 <= first <= last <= 2199:
        raise ValueError("years are written 2026-2030")
    return range(first, last + 1)


def _print(text: str) -> int:
    print(text)
    return OK


def _rates(chosen: argparse.Namespace) -> int:
    from app.client import Client, Refused, Unreachable
    from app.domain.values import EARLIEST_DATE
    from app.interop.ecb import NotRates, read_rates

    token = sys.stdin.readline().strip() if not sys.stdin.isatty() else getpass("Token: ")
    if not token:
        print("fundledger: a trustee's token is wanted on standard input", file=sys.stderr)
        return CANNOT_TELL
    try:
        with Client(chosen.server, token) as client:
            charter = client.get(f"/v1/funds/{chosen.fund}")["charter"]
            if charter["exchange_rates"] is None:
                raise NotRates("the fund's charter names no source of rates")  # noqa: TRY301
            currencies = set(charter["currencies"]) - {"EUR"}
            found = read_rates(chosen.file.read_bytes(), currencies)
            # The ECB's history begins in 1999, the ledger's dates later.
            days = [day for day in found if day.day >= EARLIEST_DATE]
            results = client.enter_rates(chosen.fund, days)
            others = _other_rates(days, results, client.rates(chosen.fund))
    except (NotRates, Refused, Unreachable) as error:
        print(f"fundledger: {error}", file=sys.stderr)
        return WRONG
    entered = known = 0
    for result in results:
        code = result["problem"]["code"] if "problem" in result else ""
        entered += not code and "replayed" not in result
        known += code == "already_exists" or "replayed" in result
        if code not in ("", "already_exists"):
            print(f"{result['key']}: {result['problem']['detail']}", file=sys.stderr)
    for said in others:
        print(said, file=sys.stderr)
    print(f"{entered} days entered, {known} were in the log already.")
    return OK if entered + known == len(results) and not others else WRONG


def _other_rates(
    days: "Iterable[PublishedDay]",
    results: Iterable[dict[str, Any]],
    log: dict[str, dict[str, str]],
) -> list[str]:
    """Days that were in the log already, where it does not say what the file says."""
    said = []
    for day, result in zip(days, results, strict=True):
        if result.get("problem", {}).get("code") != "already_exists":
            continue
        here = log[day.day.isoformat()]
        for currency, rate in day.rates.items():
            if here.get(currency) != rate:
                known = here.get(currency, "no rate")
                said.append(f"{day.day}: the log has {known} for {currency}, the file {rate}")
    return said
