"""Faults of files, settings and keys: one command each, its exit code, and what it says."""

import io
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from sqlalchemy.engine import make_url

from app.chain.note import COSIGNATURE, Note, VerifierKey
from tests.drills.bench import FUND, RUN, Bench, environment_of
from tests.drills.table import Seen
from tests.support.builders import AUDITOR

WEAK = (1).to_bytes(32, "little")
"""The neutral point of Ed25519: under it, anybody can sign."""


@dataclass
class Desk:
    """An auditor's files, from a service that has just run; and what a command said."""

    folder: Path
    bundle: Path
    trust: Path
    rows: list[Seen] = field(default_factory=list)

    def run(
        self,
        fault: str,
        expected: int,
        says: str,
        *command: str,
        said_by: str = "a command",
        **settings: str,
    ) -> None:
        """One row: the command must end with this code and say this, in one go and no trace."""
        environment = environment_of(
            **{"FUNDLEDGER_DATA_DIR": str(self.folder / "data"), **settings}
        )
        done = subprocess.run(
            [*RUN, *command],
            env=environment,
            input=b"a-token\n",
            capture_output=True,
            timeout=120,
            check=False,
        )
        said = (done.stdout + done.stderr).decode(errors="replace")
        seen = Seen(fault, said_by, back="-")
        seen.answers[f"exit {done.returncode}"] += 1
        if done.returncode != expected:
            seen.wrong.append(f"exit {done.returncode}, not {expected}")
        if says not in said:
            seen.wrong.append(f"it does not say {says!r}")
        if "Traceback" in said:
            seen.wrong.append("a trace")
        self.rows.append(seen)
        mark = "held" if seen.held else "; ".join(seen.wrong)
        sys.stderr.write(f"{said_by:11} {fault}: exit {done.returncode} {mark}\n")

    def verify(self, fault: str, expected: int, says: str, bundle: Path, *more: str) -> None:
        trusted = ("--trust", str(self.trust), "--quiet")
        self.run(fault, expected, says, "verify", str(bundle), *trusted, *more, said_by="verifier")


def drill(folder: Path, make: Callable[[], str], *, short: bool) -> list[Seen]:
    """Every command that has to say no, and how."""
    desk = _desk(folder / "desk")
    _archives(desk)
    if not short:
        _keys(desk)
        _others(desk)
        _settings(desk)
        _databases(desk, make)
    return desk.rows


def _desk(folder: Path) -> Desk:
    here = Bench(folder, f"sqlite:///{folder / 'ledger.db'}", None)
    here.prepare()
    here.start()
    here.open()
    for _ in range(3):
        here.post()
    wrong = here.broken_invariants()
    assert not wrong, wrong
    trust = folder / "trust.policy"
    fund = here.ask(AUDITOR, "GET", f"/v1/funds/{FUND}")
    assert fund is not None
    trust.write_text(f"log {fund.json()['log_vkey']}\nquorum none\n")
    here.stop()
    return Desk(folder, folder / "bundle.zip", trust)


def _archives(desk: Desk) -> None:
    raw = desk.bundle.read_bytes()
    desk.verify("a good bundle", 0, "ok: every check passed", desk.bundle)
    for fault, changed in {
        "a bundle with a second archive in front": _packed({"hidden": b"x"}) + raw,
        "a bundle with bytes behind its end": raw + b"hidden",
        "a bundle with a comment": raw[:-2] + b"\x06\x00hidden",
    }.items():
        path = desk.folder / "changed.zip"
        path.write_bytes(changed)
        desk.verify(fault, 2, "other readers may find other files", path)
    path = desk.folder / "Prüfung-審計.zip"
    path.write_bytes(raw)
    desk.run(
        "a console that cannot print a name",
        0,
        "ok: every check passed",
        *("verify", str(path), "--trust", str(desk.trust), "--quiet"),
        said_by="verifier",
        PYTHONIOENCODING="ascii",
    )


def _packed(files: dict[str, bytes]) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return sink.getvalue()


def _keys(desk: Desk) -> None:
    weak = VerifierKey("witness.example/w", COSIGNATURE, WEAK)
    path = desk.folder / "weak.policy"
    path.write_text(f"{desk.trust.read_text()}witness w {weak}\n".replace("quorum none\n", ""))
    desk.run(
        "a witness's key of small order in the trust file",
        2,
        "anybody can sign under this key",
        *("verify", str(desk.bundle), "--trust", str(path), "--quiet"),
        said_by="verifier",
    )
    memory = ("--remember", str(desk.folder / "memory"))
    desk.verify("remembering the checkpoint", 0, "ok", desk.bundle, *memory)
    with zipfile.ZipFile(desk.bundle) as archive:
        note = Note.parse(archive.read("checkpoint"))
    early = desk.folder / "early"
    early.write_bytes(note.to_bytes())
    desk.verify(
        "--remember and --since together", 0, "ok", desk.bundle, *memory, "--since", str(early)
    )
    data = desk.folder / "witness"
    command = ("witness", "--data", str(data), "--name", "witness.example/w", "--key")
    desk.run("a new witness", 0, "witness.example/w", *command, said_by="witness")
    (data / "views.db").unlink()
    desk.run("a witness that lost its views", 2, "--accept-loss", *command, said_by="witness")


def _others(desk: Desk) -> None:
    rates = desk.folder / "rates.csv"
    rates.write_text("Date,USD\n2026-10-30,1.1\n")
    desk.run(
        "rates, and nobody listens",
        2,
        "no answer from",
        *("rates", str(rates), "--server", "http://127.0.0.1:1", "--fund", FUND),
    )
    token = desk.folder / "token"
    token.write_text("x")
    desk.run(
        "a mirror, and nobody listens",
        2,
        "not reached",
        *("mirror", "--server", "http://127.0.0.1:1", "--fund", FUND, "--once"),
        *("--trust", str(desk.trust), "--data", str(desk.folder / "m"), "--token", str(token)),
    )


def _settings(desk: Desk) -> None:
    nowhere = str(desk.folder / "nowhere")
    desk.run(
        "a variable that nobody knows",
        2,
        "FUNDLEDGER_DATABASE_URL?",
        "check-config",
        FUNDLEDGER_DATABASE_UR="postgresql://x/y",
    )
    desk.run(
        "a log's name with a space",
        2,
        "FUNDLEDGER_LOG_ORIGIN: ",
        *("serve", "--port", "0"),
        FUNDLEDGER_LOG_ORIGIN="has space",
    )
    desk.run(
        "production without anything",
        2,
        "FUNDLEDGER_ISSUERS_FILE: ",
        "check-config",
        FUNDLEDGER_ENV="production",
    )
    desk.run(
        "a token, where no service lives",
        2,
        "FUNDLEDGER_DATA_DIR",
        *("token", "--party", "DE", "--role", "treasury", "--subject", "x"),
        FUNDLEDGER_DATA_DIR=nowhere,
    )
    desk.run("keys, where there are none", 2, "missing", "keys", FUNDLEDGER_DATA_DIR=nowhere)
    desk.run(
        "an issuer registry that is none",
        2,
        "issuer registry",
        *("serve", "--port", "0"),
        FUNDLEDGER_ISSUERS_FILE=str(desk.trust),
        FUNDLEDGER_DATABASE_URL=f"sqlite:///{desk.folder / 'ledger.db'}",
    )
    bad = desk.folder / "bad.db"
    bad.write_bytes(b"no database" * 500)
    desk.run(
        "a database file that is none",
        2,
        "damaged",
        *("serve", "--port", "0"),
        FUNDLEDGER_DATABASE_URL=f"sqlite:///{bad}",
    )
    desk.run(
        "a database that is away",
        2,
        "does not answer",
        *("serve", "--port", "0"),
        FUNDLEDGER_DATABASE_URL="postgresql://nobody@127.0.0.1:1/none",
    )
    desk.run(
        "a second store that is away",
        2,
        "does not answer",
        *("serve", "--port", "0"),
        FUNDLEDGER_DATABASE_URL=f"sqlite:///{desk.folder / 'ledger.db'}",
        FUNDLEDGER_SECOND_STORE_URL="postgresql://nobody@127.0.0.1:1/none",
    )
    desk.run(
        "another second store than the database's",
        2,
        "lost the checkpoint",
        *("serve", "--port", "0"),
        FUNDLEDGER_DATABASE_URL=f"sqlite:///{desk.folder / 'ledger.db'}",
        FUNDLEDGER_DATA_DIR=_with_keys(desk),
    )


def _with_keys(desk: Desk) -> str:
    elsewhere = desk.folder / "elsewhere"
    shutil.copytree(desk.folder / "data" / "keys", elsewhere / "keys")
    return str(elsewhere)


def _databases(desk: Desk, make: Callable[[], str]) -> None:
    url = make_url(make())
    plain = url.render_as_string(hide_password=False)
    for encoding in ("LATIN1", "SQL_ASCII"):
        name = f"{url.database}_{encoding.lower()}"
        with psycopg.connect(plain, autocommit=True) as connection:
            connection.execute(
                f"CREATE DATABASE \"{name}\" ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C' "
                "TEMPLATE template0".encode()
            )
        there = url.set(database=name).render_as_string(hide_password=False)
        for command in (("migrate",), ("serve", "--port", "0")):
            desk.run(
                f"a database in {encoding}: {command[0]}",
                2,
                f"the database is in {encoding}",
                *command,
                FUNDLEDGER_DATABASE_URL=there,
            )
        with psycopg.connect(plain, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())
