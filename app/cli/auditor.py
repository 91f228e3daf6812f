"""Commands for auditors: verifying bundles and receipts, witnessing and mirroring logs."""

import argparse
import json
import re
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.cli.exit_codes import CANNOT_TELL, OK, WRONG

if TYPE_CHECKING:
    from app.audit.memory import Memory
    from app.audit.report import Report
    from app.chain.checkpoint import Checkpoint
    from app.chain.policy import Policy
    from app.mirror.follow import Mirror


def add_to(command: Callable[..., Any]) -> None:
    """Add these commands to the command line; `command` makes a new one."""
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
    verify.add_argument(
        "--since",
        type=Path,
        metavar="CHECKPOINT",
        help="a signed checkpoint that you know: the log must contain it",
    )
    verify.add_argument(
        "--time-authority",
        type=Path,
        metavar="PEM",
        help="root certificates of the time authority whose stamps in the log count",
    )
    verify.add_argument(
        "--predecessor",
        type=Path,
        metavar="BUNDLE",
        help="the bundle of the log that this one continues; it is verified first",
    )
    verify.add_argument("--json", action="store_true", help="a report for machines")
    verify.add_argument("--quiet", action="store_true", help="no progress on standard error")
    receipt = command("receipt", _receipt, "verify the answer to a write, offline")
    receipt.add_argument("action", choices=("verify",))
    receipt.add_argument("answer", type=Path, help="the JSON that the ledger answered with")
    receipt.add_argument("--trust", type=Path, required=True, help="the trust file (tlog-policy)")

    _add_server_commands(command)


def _add_server_commands(command: Callable[..., Any]) -> None:
    witness = command("witness", _witness, "serve a witness: cosign what a log shows, never a fork")
    witness.add_argument("--data", type=Path, required=True, help="its key and what it remembers")
    witness.add_argument("--name", required=True, help="its key's name: audit.example/witness")
    witness.add_argument("--logs", type=Path, help="the logs to watch (tlog-policy)")
    witness.add_argument("--host", default="127.0.0.1")
    witness.add_argument("--port", type=int, default=8100)
    witness.add_argument("--key", action="store_true", help="print its public key, and end")
    witness.add_argument(
        "--accept-loss",
        action="store_true",
        help="go on although what it remembers of the logs is lost; tell everybody who trusts it",
    )
    mirror = command("mirror", _mirror, "follow a log: keep, execute and compare all of it")
    mirror.add_argument("--server", required=True, help="https://…")
    mirror.add_argument("--fund", required=True)
    mirror.add_argument("--trust", type=Path, required=True, help="the trust file (tlog-policy)")
    mirror.add_argument("--data", type=Path, required=True, help="where it keeps the log")
    mirror.add_argument("--token", type=Path, required=True, help="a file with a reader's token")
    mirror.add_argument("--once", action="store_true", help="one round, then end")
    mirror.add_argument("--every", type=float, default=10.0, metavar="SECONDS")


def _verify(chosen: argparse.Namespace) -> int:
    from app.audit.format.archive import CannotTell
    from app.audit.memory import Memory
    from app.audit.report import Pins
    from app.audit.verify import verify
    from app.chain.policy import PolicyError
    from app.runtime import gctuning
    from app.runtime.faults import Fault
    from app.trust.timestamps import read_certificates

    try:
        policy = _trusted(chosen.trust)
        memory = Memory(chosen.remember, policy) if chosen.remember else None
        gctuning.relax()
        progress = _silent if chosen.quiet else _progress
        before = chosen.predecessor
        pins = Pins(
            chosen.expect_charter,
            _party_keys(chosen.expect_party_keys) if chosen.expect_party_keys is not None else None,
            _known(chosen.since, policy, memory),
            read_certificates(chosen.time_authority) if chosen.time_authority is not None else (),
            verify(before, policy, None, progress) if before is not None else None,
        )
        report = verify(chosen.bundle, policy, pins, progress)
    except (CannotTell, Fault, PolicyError, OSError) as error:
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
    from app.audit.format.archive import CannotTell
    from app.chain.policy import Policy

    if file is None:
        raise CannotTell("without --trust nothing can be said: whose signature would count?")
    return Policy.parse(file.read_bytes())


def _known(
    file: Path | None, policy: "Policy", memory: "Memory | None"
) -> "Callable[[str], Sequence[Checkpoint]]":
    """Gives, by origin, the checkpoints that the log must contain: the one that is named, and the
    one that is remembered. Raises CannotTell.
    """
    from app.audit.format.archive import CannotTell
    from app.chain.checkpoint import Checkpoint, open_checkpoint
    from app.chain.note import NoteError

    named = list[Checkpoint]()
    if file is not None:
        try:
            named.append(open_checkpoint(file.read_bytes(), *policy.logs))
        except NoteError as error:
            raise CannotTell(f"{file}: {error}") from None

    def known(origin: str) -> Sequence[Checkpoint]:
        remembered = memory.recall(origin) if memory is not None else ()
        return (*remembered, *(one for one in named if one.origin == origin))

    return known


def _party_keys(file: Path) -> dict[str, list[str]]:
    """The keys that parties say are their own, by party. Raises CannotTell, OSError."""
    from app.audit.format.archive import CannotTell

    with suppress(ValueError):
        keys = json.loads(file.read_text())
        if type(keys) is dict and all(type(kids) is list for kids in keys.values()):
            return keys
    raise CannotTell(f"{file} does not say which keys are whose")


def _digest(text: str) -> str:
    """64 hex digits, in lower case. Raises ValueError."""
    if not re.fullmatch(r"[0-9a-fA-F]{64}", text):
        raise ValueError("a SHA-256 has 64 hex digits")
    return text.lower()


def _receipt(chosen: argparse.Namespace) -> int:
    from app.audit.format.archive import CannotTell
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
    print(
        f"ok: {what} in {verified.checkpoint.origin}, "
        f"under the signed checkpoint of {verified.checkpoint.size} entries"
    )
    return OK


def _in_words(report: "Report") -> str:
    entries = f"{report.size} entries" if not report.start else f"entries from {report.start} on"
    lines = [f"fund {report.fund}, log {report.origin}: {entries}, root {report.root}"]
    if report.first is None:
        lines += _what_holds(report)
    else:
        first = report.first
        where = "" if first.seq is None else f"first bad seq {first.seq}: "
        verdict = "WRONG" if report.result == "wrong" else "CANNOT TELL"
        lines.append(f"{verdict}: {where}{first.why} (check {first.check})")
        others = [problem for problem in report.problems if problem is not first]
        lines += [f"  also, check {problem.check}: {problem.why}" for problem in others[:10]]
    lines += [f"remark: {remark}" for remark in report.remarks[:10]]
    lines += [f"not checked: {what}" for what in report.not_checked]
    # What a bundle says must not steer the terminal.
    return "\n".join("".join(c if c.isprintable() else "?" for c in line) for line in lines)


def _what_holds(report: "Report") -> list[str]:
    lines = ["ok: every check passed"]
    if not report.start:
        lines.append(f"signatures of parties: {report.signatures} hold")
        lines.append(f"second log (refusals and exports): {report.access_entries} entries")
    lines += [f"stamped: {one['size']} entries at {one['time']}" for one in report.anchors[-1:]]
    if report.closed:
        lines.append("this log has ended: nothing can follow")
    if report.witnesses:
        lines.append(f"cosigned by {', '.join(report.witnesses)}")
    else:
        lines.append("note: no witness has cosigned it; others may have been shown another log")
    return lines


def _progress(done: int, total: int) -> None:
    if done % 10_000 == 0 or done == total:
        print(f"{done} of {total} entries", file=sys.stderr)


def _silent(_done: int, _total: int) -> None:
    pass


def _witness(chosen: argparse.Namespace) -> int:
    from app.chain.note import COSIGNATURE, NoteKey
    from app.chain.policy import Policy, PolicyError
    from app.runtime import logs
    from app.runtime.serving import serve
    from app.trust.ledger_keys import read_log_key
    from app.witness.cosigned_heads import CosignedHeads, require_memory
    from app.witness.server import Witness, create_witness

    path, remembered = chosen.data / "witness.pem", chosen.data / "views.db"
    require_memory(path, remembered, accept_loss=chosen.accept_loss)
    private = read_log_key(path, create=True)
    views = CosignedHeads(remembered)
    key = NoteKey(chosen.name, private, COSIGNATURE)
    logs.configure(pretty=True)
    print(f"witness {chosen.name.replace('/', '-')} {key.verifier}")
    if chosen.key:
        return OK
    try:
        watching = Policy.parse(chosen.logs.read_bytes() if chosen.logs is not None else b"")
    except PolicyError as error:
        print(f"fundledger: --logs {chosen.logs}: {error}", file=sys.stderr)
        return CANNOT_TELL
    watched = ", ".join(sorted({log.name for log in watching.logs}))
    said = f"watching {watched}; asked at http://{chosen.host}:{chosen.port}/add-checkpoint"
    witness = create_witness(Witness(key, watching, views))
    return OK if serve(witness, chosen.host, chosen.port, said) else CANNOT_TELL


def _mirror(chosen: argparse.Namespace) -> int:
    from app.chain.policy import PolicyError
    from app.mirror.follow import Mirror
    from app.mirror.kept import Kept
    from app.mirror.source import LogSource

    try:
        policy = _trusted(chosen.trust)
        (origin,) = {log.name for log in policy.logs if log.name.endswith(f"/{chosen.fund}")}
    except (PolicyError, ValueError) as error:
        said = f"{chosen.trust} must name the log of {chosen.fund}: {error}"
        print(f"fundledger: {said}", file=sys.stderr)
        return CANNOT_TELL
    with (
        LogSource(chosen.server, chosen.fund, lambda: chosen.token.read_text().strip()) as source,
        Mirror(Kept(chosen.data), source, policy, origin) as mirror,
        suppress(KeyboardInterrupt),
    ):
        while True:
            result = _round(mirror)
            print(f"{mirror.size} entries of {origin} are kept", flush=True)
            if chosen.once:
                return result
            time.sleep(chosen.every)
    return OK


def _round(mirror: "Mirror") -> int:
    from app.mirror.source import Unreadable

    try:
        alarms = mirror.fetch()
    except Unreadable as error:
        print(f"not reached: {error}", file=sys.stderr)
        return CANNOT_TELL
    for alarm in alarms:
        print(f"ALARM: {alarm}", file=sys.stderr)
    for remark in mirror.remarks:
        print(f"remark: {remark}", file=sys.stderr)
    for one in mirror.unheard:
        print(f"not reached: {one}", file=sys.stderr)
    if alarms:
        return WRONG
    return CANNOT_TELL if mirror.unheard else OK
