"""The command `fundledger`: serving, keys and tokens, upkeep, verifying.

`verify` imports neither web nor database: each command brings its own part in when it runs.
"""

import argparse
import json
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.commands import add_to
from app.exitcodes import CANNOT_TELL, OK, WRONG
from app.faults import Fault

if TYPE_CHECKING:
    from app.audit.report import Report
    from app.chain.policy import Policy
    from app.settings import Settings

GRACE_S = 5
"""How long requests under way may take when the service is told to stop."""


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the process's exit code."""
    if isinstance(sys.stdout, TextIOWrapper):
        # In a pipe too, what this process says and what its children say stand in order.
        sys.stdout.reconfigure(line_buffering=True)
    chosen = _parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = chosen.run
    try:
        return run(chosen)
    except (Fault, OSError) as error:
        print(f"fundledger: {error}", file=sys.stderr)
        return CANNOT_TELL


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fundledger",
        description="The ledger of a joint fund. Settings come from FUNDLEDGER_… variables.",
    )
    parser.add_argument("--version", action="version", version=version("joint-fund-ledger"))
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Callable[[argparse.Namespace], int], summary: str) -> Any:
        added = commands.add_parser(name, help=summary, description=summary)
        added.set_defaults(run=run)
        return added

    serve = command("serve", _serve, "serve HTTP")
    serve.add_argument("--host", default="127.0.0.1")
    serve.add_argument("--port", type=_port, default=8000)
    serve.add_argument("--demo", action="store_true", help="migrate and open the demo fund first")
    command("migrate", _migrate, "bring the database to this version's schema")
    _add_keys_to(command("keys", _keys, "show the ledger's public keys; make missing key files"))
    token = command("token", _token, "print a bearer token of the development issuer")
    token.add_argument("--party", required=True)
    token.add_argument("--role", required=True, action="append", help="may be given repeatedly")
    token.add_argument("--subject", required=True)
    for name, run, summary in (
        ("rebuild", _rebuild, "recreate a fund's read tables from its log"),
        ("check", _check, "compare a fund's read tables and journal with a replay of its log"),
    ):
        command(name, run, summary).add_argument("fund")
    verify = command("verify", _verify, "verify an audit bundle, offline")
    verify.add_argument("bundle", type=Path)
    verify.add_argument("--trust", type=Path, help="the trust file (tlog-policy); needed")
    verify.add_argument(
        "--expect-charter", type=_digest, metavar="SHA256", help="digest of entry 0's `data`"
    )
    verify.add_argument(
        "--expect-party-keys",
        type=Path,
        metavar="FILE",
        help='JSON: each party\'s own keys by thumbprint, {"DE": ["…"]}; any other key is wrong',
    )
    verify.add_argument(
        "--remember",
        type=Path,
        metavar="DIR",
        help="keep, and compare with, the newest checkpoint that was verified",
    )
    verify.add_argument("--json", action="store_true", help="a report for machines")
    verify.add_argument("--quiet", action="store_true", help="no progress on standard error")
    receipt = command("receipt", _receipt, "verify the answer to a write, offline")
    receipt.add_argument("answer", type=Path, help="the JSON that the ledger answered with")
    receipt.add_argument("--trust", type=Path, required=True, help="the trust file (tlog-policy)")
    add_to(command)
    demo = command("demo", _demo, "play the ERA history against a server of its own")
    demo.add_argument("--out", type=Path, default=Path("build/demo"))
    openapi = command("openapi", _openapi, "write what is published of the interface into a folder")
    openapi.add_argument("folder", type=Path)
    return parser


def _add_keys_to(keys: argparse.ArgumentParser) -> None:
    actions = keys.add_subparsers(metavar="ACTION", dest="action")
    new = actions.add_parser("new", help="make one more key, in a file or on the token")
    new.add_argument("purpose", choices=("log", "export"))
    new.add_argument("--fund", default="", help="show a log key under this fund's name")
    introduce = actions.add_parser(
        "introduce", help="print the subject of the proposal that replaces a fund's log key"
    )
    introduce.add_argument("fund")


class SettingsUnusable(Fault):
    """The environment does not make settings; the message says which variable and why."""


def _settings() -> "Settings":
    from pydantic import ValidationError

    from app.settings import Settings

    try:
        return Settings()
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False)
        said = [f"{'.'.join(map(str, item['loc'])) or 'settings'}: {item['msg']}" for item in found]
        raise SettingsUnusable("; ".join(said)) from None


def _serve(chosen: argparse.Namespace) -> int:
    import uvicorn

    from app.main import check_start, create_app

    settings, address = _settings(), f"http://{chosen.host}:{chosen.port}"
    said = f"fundledger listens at {address}"
    if chosen.demo:
        from app.demo.opening import open_demo_fund

        said = open_demo_fund(settings, address)
    check_start(settings)

    class Announcing(uvicorn.Server):
        """Says where it listens once it does, and not before."""

        async def startup(self, sockets: list[Any] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                print(said)

    config = uvicorn.Config(
        create_app(settings),
        host=chosen.host,
        port=chosen.port,
        # By name: another reader of HTTP, if one happened to be installed, is less strict.
        http="h11",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_S,
    )
    server = Announcing(config)
    # Stopped by Ctrl-C it has ended in good order, and says so once more.
    with suppress(KeyboardInterrupt):
        server.run()
    return OK if server.started else WRONG


def _migrate(_: argparse.Namespace) -> int:
    from app.store.engine import Database
    from app.store.migrate import migrate

    settings = _settings()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    database = Database(settings.database)
    migrate(database)
    database.close()
    print("The database has this version's schema, and its guards are in place.")
    return OK


def _keys(chosen: argparse.Namespace) -> int:
    from app import keyring

    settings = _settings()
    if chosen.action == "new":
        where, made = keyring.make_key(settings, chosen.purpose)
        return _say(f"made: {where}\n{keyring.shown(made, chosen.fund)}")
    if chosen.action == "introduce":
        keys, fund = keyring.open_keys(settings, create=False), chosen.fund
        return _with_database(
            lambda database: _say(json.dumps(keyring.introduction(database, keys, fund)))
        )
    return _say(keyring.shown(keyring.open_keys(settings, create=True)))


def _token(chosen: argparse.Namespace) -> int:
    from app.api.devissuer import DevelopmentIssuer

    issuer = DevelopmentIssuer.open(_settings())
    print(issuer.token(chosen.party, chosen.role, chosen.subject))
    return OK


def _rebuild(chosen: argparse.Namespace) -> int:
    from app.upkeep import rebuild

    return _with_database(
        lambda database: _say(
            f"{rebuild(database, chosen.fund)} entries folded into new read tables."
        ),
    )


def _check(chosen: argparse.Namespace) -> int:
    from app.upkeep import first_difference

    def compare(database: Any) -> int:
        difference = first_difference(database, chosen.fund)
        if difference is None:
            return _say("Read tables and journal are what the log gives.")
        print(f"first difference: {difference}", file=sys.stderr)
        return WRONG

    return _with_database(compare)


def _with_database(use: Callable[[Any], int]) -> int:
    from app.store.engine import Database

    database = Database(_settings().database)
    try:
        return use(database)
    finally:
        database.close()


def _verify(chosen: argparse.Namespace) -> int:
    from app import garbage
    from app.audit.archive import CannotTell
    from app.audit.memory import Memory
    from app.audit.report import Pins
    from app.audit.verify import verify
    from app.chain.policy import PolicyError

    try:
        policy = _trusted(chosen.trust)
        memory = Memory(chosen.remember, policy) if chosen.remember else None
        garbage.relax()
        keys = chosen.expect_party_keys
        pins = Pins(
            chosen.expect_charter,
            _party_keys(keys) if keys is not None else None,
            memory.recall if memory else None,
        )
        report = verify(chosen.bundle, policy, pins, _silent if chosen.quiet else _progress)
    except (CannotTell, PolicyError, OSError) as error:
        if chosen.json:
            print(json.dumps({"result": "cannot_tell", "why": str(error)}))
        print(f"cannot tell: {error}", file=sys.stderr)
        return CANNOT_TELL
    if memory is not None and report.result == "ok":
        memory.keep(report.checkpoint)
    print(json.dumps(report.as_json()) if chosen.json else _in_words(report))
    return {"ok": OK, "wrong": WRONG, "cannot_tell": CANNOT_TELL}[report.result]


def _trusted(file: Path | None) -> "Policy":
    """The trust file. Raises CannotTell, PolicyError, OSError."""
    from app.audit.archive import CannotTell
    from app.chain.policy import Policy

    if file is None:
        raise CannotTell("without --trust nothing can be said: whose signature would count?")
    return Policy.parse(file.read_bytes())


def _party_keys(file: Path) -> dict[str, list[str]]:
    """The keys that parties say are theirs. Raises CannotTell, OSError."""
    from app.audit.archive import CannotTell

    with suppress(ValueError):
        keys = json.loads(file.read_text())
        if type(keys) is dict and all(type(kids) is list for kids in keys.values()):
            return keys
    raise CannotTell(f"{file} does not say which keys are whose")


def _port(text: str) -> int:
    """A TCP port. Raises ValueError."""
    port = int(text)
    if not 0 <= port < 65_536:
        raise ValueError("a port is between 0 and 65535")
    return port


def _digest(text: str) -> str:
    """64 hex digits, in small letters. Raises ValueError."""
    if not re.fullmatch(r"[0-9a-fA-F]{64}", text):
        raise ValueError("a SHA-256 has 64 hex digits")
    return text.lower()


def _receipt(chosen: argparse.Namespace) -> int:
    from app.audit.archive import CannotTell
    from app.audit.receipt import verify_answer
    from app.chain.policy import PolicyError
    from app.chain.tree import ProofError

    try:
        verified = verify_answer(chosen.answer.read_bytes(), _trusted(chosen.trust))
    except ProofError as error:
        print(f"WRONG: {error}")
        return WRONG
    except (CannotTell, PolicyError, OSError) as error:
        print(f"cannot tell: {error}", file=sys.stderr)
        return CANNOT_TELL
    last, first = verified.seq, verified.first
    if verified.unproven:
        print(
            f"not proven: its {verified.unproven} consequence(s), which have receipts of their own"
        )
    what = f"entry {last} stands" if first == last else f"entries {first} to {last} stand"
    return _say(
        f"ok: {what} in {verified.checkpoint.origin}, "
        f"under the signed checkpoint of {verified.checkpoint.size} entries"
    )


def _in_words(report: "Report") -> str:
    lines = [f"fund {report.fund}, log {report.origin}: {report.size} entries, root {report.root}"]
    if report.first is None:
        lines.append("ok: every check passed")
        lines.append(f"signatures of parties: {report.signatures} hold")
        lines.append(f"second log (refusals and reads): {report.access_entries} entries")
        if report.witnesses:
            lines.append(f"cosigned by {', '.join(report.witnesses)}")
        else:
            lines.append("note: no witness has cosigned it; others may have been shown another log")
    else:
        first = report.first
        where = "" if first.seq is None else f"first bad seq {first.seq}: "
        verdict = "WRONG" if report.result == "wrong" else "CANNOT TELL"
        lines.append(f"{verdict}: {where}{first.why} (check {first.check})")
        others = [problem for problem in report.problems if problem is not first]
        lines += [f"  also, check {problem.check}: {problem.why}" for problem in others[:10]]
    lines += [f"not checked: {what}" for what in report.not_checked]
    return "\n".join(lines)


def _progress(done: int, total: int) -> None:
    if done % 10_000 == 0 or done == total:
        print(f"{done} of {total} entries", file=sys.stderr)


def _silent(_done: int, _total: int) -> None:
    pass


def _demo(chosen: argparse.Namespace) -> int:
    from app.demo.story import play

    return play(chosen.out)


def _openapi(chosen: argparse.Namespace) -> int:
    from app.published import write_files

    return _say(f"written: {', '.join(str(path) for path in write_files(chosen.folder))}")


def _say(sentence: str) -> int:
    print(sentence)
    return OK


if __name__ == "__main__":
    sys.exit(main())
