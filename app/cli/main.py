"""The command `fundledger`: one file of commands for each kind of user.

`verify` imports neither web nor database: each command imports its own part when it runs.
"""

import argparse
import os
import sys
import traceback
from collections.abc import Callable
from importlib.metadata import version
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from app.cli import auditor, government, operator, treasury
from app.cli.exit_codes import CANNOT_TELL, say
from app.runtime.faults import Fault


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the process's exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # Line by line, so that in a pipe too its output is in order with its children's; and
            # what a console cannot show is written in ASCII: a name is no reason to fail.
            stream.reconfigure(line_buffering=True, errors="backslashreplace")
    chosen = _parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = chosen.run
    try:
        return run(chosen)
    except BrokenPipeError:
        # Whoever reads has enough. Nothing more is written, at exit neither.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CANNOT_TELL
    except (Fault, OSError) as error:
        for line in str(error).splitlines():
            print(f"fundledger: {line}", file=sys.stderr)
        return CANNOT_TELL
    except Exception:  # noqa: BLE001  1 means "wrong", and a mistake of ours says nothing of that
        traceback.print_exc()
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

    for reader in (operator, government, treasury, auditor):
        reader.add_to(command)
    demo = command("demo", _demo, "play the ERA history against a server of its own")
    demo.add_argument("--out", type=Path, default=Path("build/demo"))
    openapi = command("openapi", _openapi, "write what is published of the interface into a folder")
    openapi.add_argument("folder", type=Path)
    return parser


def _demo(chosen: argparse.Namespace) -> int:
    from app.demo.story import play

    return play(chosen.out)


def _openapi(chosen: argparse.Namespace) -> int:
    from app.cli.schemas import write_files

    return say(f"written: {', '.join(str(path) for path in write_files(chosen.folder))}")
