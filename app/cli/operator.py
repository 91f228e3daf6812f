"""Commands for operators: serving, schema, the ledger's own keys, read tables, recovery."""

import argparse
import json
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.cli.exit_codes import CANNOT_TELL, OK, WRONG, say

if TYPE_CHECKING:
    from app.runtime.settings import Settings


def add_to(command: Callable[..., Any]) -> None:
    """Add these commands to the command line; `command` makes a new one."""
    serve = command("serve", _serve, "serve HTTP")
    serve.add_argument("--host", default="127.0.0.1")
    serve.add_argument("--port", type=_port, default=8000)
    serve.add_argument("--demo", action="store_true", help="migrate and open the demo fund first")
    migrating = command("migrate", _migrate, "bring the database to this version's schema")
    migrating.add_argument(
        "--roles",
        nargs="?",
        const="fundledger",
        metavar="PREFIX",
        help="also make PostgreSQL's accounts PREFIX_owner, _migrator, _app and _scrub",
    )
    _add_keys_to(command("keys", _keys, "show the ledger's public keys"))
    config = command("check-config", _check_config, "show the effective settings, and judge them")
    config.add_argument("--production", action="store_true", help="judge them as for production")
    for name, run, summary in (
        ("rebuild", _rebuild, "recreate a fund's read tables from its log"),
        ("check", _check, "compare a fund's read tables and journal with a replay of its log"),
    ):
        command(name, run, summary).add_argument("fund")
    _add_recovery_to(
        command("recover", _recover, "restore a log that lost entries; see docs/operators.md")
    )
    store = command("second-store", _second_store, "show what the second store has; move it")
    store.add_argument(
        "--move-from",
        type=Path,
        metavar="FOLDER",
        help="copy the checkpoints of this folder to the configured store, which then is the one",
    )
    repair = command("repair", _repair, "put entries that were changed back as they were signed")
    repair.add_argument("fund")
    repair.add_argument(
        "--entries", type=Path, required=True, help="entries.jsonl of a mirror or of a bundle"
    )
    repair.add_argument("--reason", default="Entries were changed in the database")
    watch = command("clock", _clock, "compare the clock with others; confirm that it is right")
    watch.add_argument(
        "--confirm",
        type=_minute,
        metavar="TIME",
        help="it is now TIME (UTC, or with its offset), as your watch says",
    )
    watch.add_argument("--reason", help="why it may have looked wrong")
    token = command("token", _token, "print a bearer token of the development issuer")
    token.add_argument("--party", required=True)
    token.add_argument("--role", required=True, action="append", help="may be given repeatedly")
    token.add_argument("--subject", required=True)


def _add_keys_to(keys: argparse.ArgumentParser) -> None:
    actions = keys.add_subparsers(metavar="ACTION", dest="action")
    actions.add_parser("init", help="make the first two key files, where there are none")
    new = actions.add_parser("new", help="make one more key, in a file or on the token")
    new.add_argument("purpose", choices=("log", "export"))
    new.add_argument("--fund", default="", help="show a log key under this fund's name")
    introduce = actions.add_parser(
        "introduce", help="print the subject of the proposal that replaces a fund's log key"
    )
    introduce.add_argument("fund")
    introduce.add_argument(
        "--compromised",
        type=int,
        metavar="SIZE",
        help="the old key was stolen: its checkpoints count up to this size, its word does not",
    )


def _add_recovery_to(recover: argparse.ArgumentParser) -> None:
    recover.add_argument("fund")
    source = recover.add_mutually_exclusive_group(required=True)
    source.add_argument("--entries", type=Path, help="entries.jsonl of a mirror or of a bundle")
    source.add_argument(
        "--receipts", type=Path, nargs="+", metavar="FILE", help="answers that parties kept"
    )
    source.add_argument("--statements", type=Path, help="JSON list of parties' statements")
    recover.add_argument(
        "--checkpoint", type=Path, help="that came with the entries, where none is left here"
    )
    recover.add_argument("--reason", default="Entries were lost and restored")


def _port(text: str) -> int:
    """A TCP port. Raises ArgumentTypeError."""
    port = int(text) if text.isdecimal() else -1
    if not 0 <= port < 65_536:
        raise argparse.ArgumentTypeError("a port is between 0 and 65535")
    return port


def _minute(text: str) -> datetime:
    """A time, in UTC where no offset is given. Raises ArgumentTypeError."""
    try:
        said = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError("a time is like 2026-11-29T05:40 (UTC)") from None
    return said.astimezone(UTC) if said.tzinfo is not None else said.replace(tzinfo=UTC)


def _settings() -> "Settings":
    from app.runtime.settings import read_settings

    return read_settings()


def _serve(chosen: argparse.Namespace) -> int:
    from app.main import check_start, create_app
    from app.runtime import logs
    from app.runtime.serving import serve

    settings, address = _settings(), f"http://{chosen.host}:{chosen.port}"
    as_json = settings.log_format == "json" or (
        not settings.log_format and settings.env == "production"
    )
    logs.configure(level=settings.log_level, pretty=not as_json)
    said = f"fundledger listens at {address}"
    if chosen.demo:
        from app.demo.opening import open_demo_fund

        said = open_demo_fund(settings, address)
    check_start(settings)

    app = create_app(settings)

    def alive() -> bool:
        return app.state.services.ledger.broken is None

    return OK if serve(app, chosen.host, chosen.port, said, alive) else CANNOT_TELL


def _migrate(chosen: argparse.Namespace) -> int:
    from app.ops.rebuild import bring_up_to_date

    _settings().data_dir.mkdir(parents=True, exist_ok=True)

    def upgraded(database: Any) -> int:
        for fund in bring_up_to_date(database, chosen.roles):
            print(f"The read tables of {fund} were folded anew from its log.")
        if chosen.roles is not None:
            print(
                f"The accounts {chosen.roles}_migrator, _app and _scrub are there; a new one has "
                "no password yet (\\password in psql)."
            )
        return say("The database has this version's schema, and its guards are in place.")

    return _with_database(upgraded)


def _keys(chosen: argparse.Namespace) -> int:
    from app.trust import keyring

    settings = _settings()
    if chosen.action == "new":
        where, made = keyring.make_key(settings, chosen.purpose)
        return say(f"made: {where}\n{keyring.shown(made, chosen.fund)}")
    if chosen.action == "introduce":
        keys = keyring.open_keys(settings, create=False)
        return _with_database(
            lambda database: say(
                json.dumps(keyring.introduction(database, keys, chosen.fund, chosen.compromised))
            )
        )
    return say(keyring.shown(keyring.open_keys(settings, create=chosen.action == "init")))


def _check_config(chosen: argparse.Namespace) -> int:
    from app.main import unreadable
    from app.runtime.settings import read_settings

    settings = read_settings(production=chosen.production)
    for variable, value in settings.shown():
        print(f"{variable}={value}")
    faults = list(unreadable(settings))
    for fault in faults:
        print(f"fundledger: {fault}", file=sys.stderr)
    return CANNOT_TELL if faults else OK


def _second_store(chosen: argparse.Namespace) -> int:
    from app.ledger.notary import Notary
    from app.store.second_store.opening import (
        existing_store,
        move_checkpoints,
        open_second_store,
    )
    from app.store.second_store.protocol import last_signed
    from app.trust.keyring import open_keys

    settings = _settings()
    here = open_second_store(settings.second_store_url, settings.second_store_dir)

    def shown(database: Any) -> int:
        if chosen.move_from is not None:
            notary = Notary(database, here, open_keys(settings, create=False))
            moved = move_checkpoints(existing_store(chosen.move_from), here)
            notary.claim_store(anew=True)
            print(f"{len(moved)} checkpoints moved: {', '.join(moved)}")
        for fund in here.funds():
            newest = last_signed(here, fund)
            print(f"{fund}: {newest.size if newest is not None else 0} entries are signed")
        return OK

    return _with_database(shown)


def _repair(chosen: argparse.Namespace) -> int:
    from app.ledger.access_log import repaired
    from app.ledger.clock_guard import ClockSuspect
    from app.ledger.notary import ForkDetected
    from app.ledger.submission import LEDGER_ITSELF
    from app.main import assemble
    from app.ops.recovery import NotRecovered
    from app.ops.repair import repair
    from app.runtime.metrics import Metrics
    from app.store.engine import OutcomeUnknown, Unavailable
    from app.store.log_names import main_log

    here, _ = assemble(_settings(), Metrics(), guarded=False)
    try:
        # Before anything is changed: a clock that is not believed could not put it on record.
        here.ledger.clock.compare()
        here.ledger.clock.require_sound()
        with chosen.entries.open("rb") as file:
            lines = (line.removesuffix(b"\n") for line in file)
            done = repair(here.database, here.notary, chosen.fund, lines)
        print(f"{len(done.entries)} entries put back; the log of {done.size} is what was signed.")
        here.ledger.damages.learn()
        said = repaired(LEDGER_ITSELF, done.entries, chosen.reason)
        here.ledger.access.record(main_log(chosen.fund), [said])
    except (NotRecovered, ClockSuspect) as error:
        print(f"fundledger: not repaired: {error}", file=sys.stderr)
        return CANNOT_TELL
    except (ForkDetected, Unavailable, OutcomeUnknown) as error:
        print(f"fundledger: the second log does not say so: {error}", file=sys.stderr)
        return CANNOT_TELL
    finally:
        here.database.close()
    return OK


def _clock(chosen: argparse.Namespace) -> int:
    from app.ops.clock_report import confirm, report

    def look(database: Any) -> int:
        if chosen.confirm is not None:
            confirm(database, chosen.confirm, chosen.reason or "")
        return say("\n".join(report(database)))

    return _with_database(look)


def _token(chosen: argparse.Namespace) -> int:
    from app.api.auth.devissuer import DevelopmentIssuer

    issuer = DevelopmentIssuer.open(_settings(), create=False)
    print(issuer.token(chosen.party, chosen.role, chosen.subject))
    return OK


def _rebuild(chosen: argparse.Namespace) -> int:
    from app.ops.rebuild import rebuild

    return _with_database(
        lambda database: say(
            f"{rebuild(database, chosen.fund)} entries folded into new read tables."
        ),
    )


def _check(chosen: argparse.Namespace) -> int:
    from app.ops.rebuild import first_difference, signed_difference
    from app.store.second_store.opening import open_second_store

    settings = _settings()
    signed = open_second_store(settings.second_store_url, settings.second_store_dir)

    def compare(database: Any) -> int:
        difference = first_difference(database, chosen.fund)
        difference = difference or signed_difference(database, signed, chosen.fund)
        if difference is None:
            return say("The log is what was signed; read tables and journal are what it gives.")
        print(f"first difference: {difference}", file=sys.stderr)
        return WRONG

    return _with_database(compare)


def _recover(chosen: argparse.Namespace) -> int:
    from app.domain.refusals.base import Refusal
    from app.main import assemble
    from app.ops.recovery import NotRecovered, confirm, from_receipts, restore
    from app.runtime.metrics import Metrics

    here, _ = assemble(_settings(), Metrics())

    def put_back(lines: Iterable[bytes]) -> None:
        known = chosen.checkpoint.read_bytes() if chosen.checkpoint is not None else None
        done = restore(here.database, here.notary, chosen.fund, lines, known)
        print(f"{done.added} entries added; the log has {done.size}", end="")
        print(
            ", as was signed." if done.as_signed else "; the parties must confirm that it is all."
        )

    try:
        if chosen.entries is not None:
            with chosen.entries.open("rb") as file:
                put_back(line.removesuffix(b"\n") for line in file)
        if chosen.receipts is not None:
            answers = [file.read_bytes() for file in chosen.receipts]
            put_back(from_receipts(here.database, chosen.fund, answers))
        if chosen.statements is not None:
            statements = chosen.statements.read_bytes()
            size = confirm(here.ledger, here.notary, chosen.fund, statements, chosen.reason)
            print(f"The parties confirm the log of {size} entries; entry {size} says so.")
    except (NotRecovered, Refusal) as error:
        print(f"fundledger: not recovered: {error}", file=sys.stderr)
        return CANNOT_TELL
    finally:
        here.database.close()
    return OK


def _with_database(use: Callable[[Any], int]) -> int:
    from app.store.engine import Database

    database = Database(_settings().database)
    try:
        return use(database)
    finally:
        database.close()
