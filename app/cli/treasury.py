"""Commands for treasuries: signing what is posted, entering published exchange rates."""

import argparse
import sys
from collections.abc import Callable, Iterable
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.cli.exit_codes import CANNOT_TELL, OK, WRONG, say

if TYPE_CHECKING:
    from app.interop.ecb import PublishedDay


def add_to(command: Callable[..., Any]) -> None:
    """Add these commands to the command line; `command` makes a new one."""
    sign = command("sign", _sign, "sign a request's body: prints the header X-JWS-Signature")
    sign.add_argument("body", type=Path, help="the JSON that will be posted")
    sign.add_argument("--key", type=Path, required=True, help="the party's private key, PEM")
    sign.add_argument("--fund", required=True)
    sign.add_argument("--op", required=True, help="the event that is asked for: approval.given")
    sign.add_argument("--nonce", required=True, help="the request's Idempotency-Key")
    rates = command("rates", _rates, "enter the ECB's reference rates into a fund's log")
    rates.add_argument("file", type=Path, help="eurofxref-hist.csv, or a part of it")
    rates.add_argument("--server", required=True, help="https://…; the token comes on stdin")
    rates.add_argument("--fund", required=True)


def _sign(chosen: argparse.Namespace) -> int:
    from app.chain.canonical import NotCanonical, decode, encode
    from app.trust.ledger_keys import read_signing_key
    from app.trust.signatures import sign

    try:
        payload = encode(decode(chosen.body.read_bytes()))
    except NotCanonical as error:
        print(f"fundledger: {chosen.body}: {error}", file=sys.stderr)
        return CANNOT_TELL
    key = read_signing_key(chosen.key)
    return say(sign(payload, key, fund=chosen.fund, op=chosen.op, nonce=chosen.nonce))


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
        return CANNOT_TELL
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
    if others:
        return WRONG
    return OK if entered + known == len(results) else CANNOT_TELL


def _other_rates(
    days: "Iterable[PublishedDay]",
    results: Iterable[dict[str, Any]],
    log: dict[str, dict[str, str]],
) -> list[str]:
    """Days that were in the log already, with other rates than the file has."""
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
