"""The command line: `./airdesk COMMAND`. `command_index` lists the commands, `exits` what the shell is told.

Only the module of the command is loaded, and none for the help: all of them take as long as a year of replay.
No stack trace for an error that we raise on purpose, unless a person asks for it with --debug.
"""

from __future__ import annotations

import argparse
import gc
import getpass
import json
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from typing import Any

from trading.domain.records import collector_paused
from trading.entrypoints.arguments import without_separator
from trading.entrypoints.command_index import COMMANDS
from trading.entrypoints.exits import Exit
from trading.entrypoints.parsers import (
    PROGRAM,
    NotUnderstood,
    TeachingParser,
    parser_of,
    print_root_help,
    teach,
    wants_root_help,
)
from trading.errors import AirdeskError, TransientError


def modules_for(command: str | None) -> Iterator[Any]:
    """Yield the module of `command`, none for a command that does not exist, and all of them for None."""
    listed = COMMANDS.values() if command is None else filter(None, [COMMANDS.get(command)])
    for name in dict.fromkeys(entry.module for entry in listed):
        yield import_module(f"trading.entrypoints.{name}")


def build_parser(command: str | None = None) -> argparse.ArgumentParser:
    """Return the parser with every command, or with what `command` needs."""
    parser = TeachingParser(prog=PROGRAM)
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for module in modules_for(command):
        module.register(subparsers)
    teach(parser)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    if not given or wants_root_help(given):
        return print_root_help(is_asked=bool(given))
    with collector_paused():
        options = _understood(given)
    if arguments is None:
        # A program keeps what it has loaded until it ends: no cycles need be looked for in it, and none at the end.
        gc.freeze()
    try:
        with _database_of(options):
            return int(options.run(options) or 0)
    except AirdeskError as error:
        return _refused(options, str(error), Exit.WAIT if isinstance(error, TransientError) else Exit.ACT)
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.DONE
    except OSError as error:
        if error.filename is None:
            raise
        # A file of another account, a folder that is not there, a full disk: nothing that a stack trace explains.
        fault = (
            f"{error.filename}: {error.strerror}; see that {getpass.getuser()} may write there and that there is room"
        )
        return _refused(options, fault, Exit.ACT)


def _understood(given: Sequence[str]) -> argparse.Namespace:
    """Return what was typed; what is not understood ends the program, and a program is told in JSON too."""
    parser = build_parser(given[0])
    try:
        options, unknown = parser.parse_known_args(given)
        if unknown and not getattr(options, "passes_arguments", False):
            parser_of(given, parser).error(f"unrecognised arguments: {' '.join(unknown)}")
    except NotUnderstood as refusal:
        if "--json" in given:
            _print_refusal(refusal.sentence, Exit.USAGE)
        raise
    options.rest = without_separator(unknown)
    return options


def _refused(options: argparse.Namespace, sentence: str, code: Exit) -> Exit:
    if getattr(options, "debug", False):
        traceback.print_exc()
    print(f"{PROGRAM}: {sentence}", file=sys.stderr)
    if getattr(options, "json", False):
        _print_refusal(sentence, code)
    return code


def _print_refusal(sentence: str, code: Exit) -> None:
    """Print what a program reads instead of an answer; people read the same on standard error."""
    print(json.dumps({"error": sentence, "exit_code": int(code)}, indent=1))


def _database_of(options: argparse.Namespace) -> AbstractContextManager[None]:
    if not getattr(options, "needs_database", True) or os.environ.get("AIRDESK_DATABASE_URL"):
        return nullcontext()
    from trading.entrypoints.checkout import Checkout
    from trading.entrypoints.databases import command_database

    return command_database(Checkout.from_environment(os.environ), os.environ)


if __name__ == "__main__":
    sys.exit(main())
