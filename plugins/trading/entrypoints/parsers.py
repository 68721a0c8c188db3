"""Parsers that teach: help with examples and the next step, the nearest command for a wrong one, one sentence."""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import Any, NoReturn

from trading.entrypoints.command_index import COMMANDS, GROUPS
from trading.entrypoints.exits import Exit
from trading.entrypoints.lessons import LESSONS, Lesson

PROGRAM = "airdesk"
INTRODUCTION = (
    "An automated trading desk on Apache Airflow. Without settings every command means the demo: a synthetic market, "
    "kept apart from everything else."
)
FIRST_STEPS = (
    ("demo", "see the whole desk work, on invented prices"),
    ("why NVDA", "why it did or did not buy NVDA"),
    ("doctor", "what this installation lacks, with the next action"),
    ("replay run --from 2026-06-01 --to 2026-11-20", "what it would have done"),
)
_WIDTH, _INDENT = 79, 14


class NotUnderstood(SystemExit):
    """What was typed is no command; the sentence about it was printed.

    Attributes:
        sentence: what was not understood, and where to look.
    """

    def __init__(self, sentence: str) -> None:
        super().__init__(int(Exit.USAGE))
        self.sentence = sentence


class TeachingParser(argparse.ArgumentParser):
    """An argument parser whose mistakes are one sentence with what to type instead."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        named.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        if text := named.get("description"):
            named["description"] = "\n".join(wrap(text, _WIDTH))
        super().__init__(*arguments, **named)

    def error(self, message: str) -> NoReturn:
        """Say what was not understood, and end with the exit code for it."""
        end = " See" if message.endswith("?") else "; see"
        sentence = f"{message}{end} ./{self.prog} --help"
        print(f"{PROGRAM}: {sentence}", file=sys.stderr)
        raise NotUnderstood(sentence)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if isinstance(action, argparse._SubParsersAction) and value not in action.choices:
            is_root = self.prog == PROGRAM
            raise argparse.ArgumentError(None, unknown(value, tuple(COMMANDS if is_root else action.choices)))
        super()._check_value(action, value)

    def _get_value(self, action: argparse.Action, arg_string: str) -> Any:
        try:
            return super()._get_value(action, arg_string)
        except argparse.ArgumentError as error:
            # What our own readers refuse has its sentence; of the rest argparse names the type in Python.
            if not error.message.startswith("invalid ") or not (action.choices or action.type is int):
                raise
            wanted = f"none of {', '.join(map(str, action.choices))}" if action.choices else "no whole number"
            raise argparse.ArgumentError(action, f"{arg_string!r} is {wanted}") from None


def unknown(word: str, known: Sequence[str]) -> str:
    """Return a sentence about a command that does not exist, with the nearest that does."""
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    meant = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
    return f"there is no command {word!r}; {meant}"


def leaves(parser: argparse.ArgumentParser, prefix: str = "") -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Yield every command as people type it, with its parser; of a group its members only."""
    groups = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not groups:
        yield prefix, parser
    for group in groups:
        for name, child in group.choices.items():
            yield from leaves(child, f"{prefix} {name}".strip())


def parser_of(given: Sequence[str], parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Return the parser of the command that the first words name, so that its own help is pointed at."""
    for name, leaf in leaves(parser):
        words = name.split()
        if list(given[: len(words)]) == words:
            return leaf
    return parser


def teach(parser: argparse.ArgumentParser) -> None:
    """Give every command its examples, its own exit codes and `--debug`, and its arguments names in capitals."""
    for command, leaf in leaves(parser):
        if (lesson := LESSONS.get(command)) is not None:
            leaf.epilog = epilog_of(lesson)
        for action in leaf._actions:
            if not action.option_strings and action.metavar is None and action.choices is None:
                action.metavar = action.dest.upper()
        if not leaf.get_default("passes_arguments"):
            leaf.add_argument(
                "--debug", action="store_true", default=argparse.SUPPRESS, help="show where an error comes from"
            )


def epilog_of(lesson: Lesson) -> str:
    """Return what stands below the options of a command."""
    lines = ["examples:", *(f"  ./{PROGRAM} {example}" for example in lesson.examples)]
    if lesson.exits:
        lines += ["", "exit codes of its own:", *(f"  {code.value}  {text}" for code, text in lesson.exits.items())]
    if lesson.then:
        lines += ["", *wrap(lesson.then, _WIDTH)]
    return "\n".join(lines)


def root_help() -> str:
    """Return the help of `./airdesk`: first steps, then every command under its heading. Loads no command."""
    lines = [f"usage: ./{PROGRAM} COMMAND [options]", "", *wrap(INTRODUCTION, _WIDTH), "", "first steps:"]
    for example, text in FIRST_STEPS:
        lines += [f"  ./{PROGRAM} {example}", f"      {text}"]
    for group in GROUPS:
        lines += ["", f"{group}:"]
        for name, listed in COMMANDS.items():
            if listed.group == group:
                first, *rest = wrap(listed.text, _WIDTH - _INDENT - 2)
                lines += [f"  {name:<{_INDENT}}{first}", *(f"  {'':<{_INDENT}}{line}" for line in rest)]
    lines += [
        "",
        f"./{PROGRAM} COMMAND --help shows examples; every command takes --debug.",
        "Settings: .env, explained in .env.example. More: docs/reference/commands.md.",
    ]
    return "\n".join(lines)


def wants_root_help(given: Sequence[str]) -> bool:
    """Return whether only the help of `./airdesk` is asked for."""
    return bool(given) and given[0] in {"-h", "--help", "help"} and len(given) == 1


def print_root_help(*, is_asked: bool) -> int:
    """Print the help of `./airdesk`; unasked it is the answer to an empty command line."""
    print(root_help(), file=sys.stdout if is_asked else sys.stderr)
    return Exit.DONE if is_asked else Exit.USAGE
