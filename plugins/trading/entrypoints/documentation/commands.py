"""docs/reference/commands.md, made of the parsers that read the command line."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence

from trading.entrypoints.command_index import COMMANDS, GROUPS
from trading.entrypoints.documentation.markdown import code, page, sentence, table
from trading.entrypoints.exits import EVERYWHERE, MEANINGS
from trading.entrypoints.lessons import LESSONS, Lesson
from trading.entrypoints.parsers import PROGRAM, leaves

NAME = "docs/reference/commands.md"
SOURCE = "the parsers of the command line and `entrypoints/lessons.py`"
_GENERAL = ("help", "debug")


def commands_page(parser: argparse.ArgumentParser) -> str:
    """Return the page of all commands of `parser`."""
    found = dict(leaves(parser))
    return page("Commands", SOURCE, [*_introduction(), *_contents(found), *_sections(found)])


def _introduction() -> Iterator[str]:
    yield (
        "`./airdesk --help` groups the commands, `./airdesk COMMAND --help` shows examples. An error is one sentence "
        "that ends with the next action; `--debug`, which every command takes, shows where it comes from. Colours are "
        "off where the output is no terminal and where `NO_COLOR` is set; progress bars show on a terminal only."
    )
    yield (
        "`--json` prints one object for programs: money and shares are text, so that nothing is rounded, instants and "
        "dates are ISO 8601, unknown is `null`. Its keys stay; new ones may come. Commands that had JSON before print "
        "a list where there are many (`near-misses`, `doctor`, `replay list`, `replay compare`). A refusal prints "
        "`error`, its sentence, and `exit_code` instead; the sentence stands on standard error as well."
    )
    yield "## Exit codes"
    rows = [(str(c.value), text, "every command" if c in EVERYWHERE else "as named") for c, text in MEANINGS.items()]
    yield table(("code", "means", "given by"), rows)
    yield "`./airdesk airflow` and `./airdesk test` end with the code of the program that they run."


def _contents(found: dict[str, argparse.ArgumentParser]) -> Iterator[str]:
    yield "## All commands"
    for group in GROUPS:
        names = [c for c in found if COMMANDS[c.split()[0]].group == group]
        links = " · ".join(f"[{name}](#{name.replace(' ', '-')})" for name in names)
        yield f"**{sentence(group).rstrip('.')}:** {links}"


def _sections(found: dict[str, argparse.ArgumentParser]) -> Iterator[str]:
    for name in sorted(found, key=lambda c: GROUPS.index(COMMANDS[c.split()[0]].group)):
        yield f"## {name}"
        yield sentence(" ".join((found[name].description or COMMANDS[name.split()[0]].text).split()))
        options = [a for a in found[name]._actions if a.dest not in _GENERAL]
        yield f"```\n{_usage(name, options)}\n```"
        if options:
            yield table(("argument", "meaning", "default"), [_option(found[name], a) for a in options])
        yield from _lesson(LESSONS[name])


def _usage(name: str, options: list[argparse.Action]) -> str:
    words = [f"./{PROGRAM} {name}"]
    for option in options:
        word = _written(option, option.option_strings[-1:])
        words.append(word if option.required and option.nargs not in {"*", "?"} else f"[{word}]")
    return " ".join(words)


def _written(option: argparse.Action, names: Sequence[str]) -> str:
    value = "" if option.option_strings and option.nargs == 0 else _value_of(option)
    more = "..." if option.nargs in {"*", "+", argparse.REMAINDER} else ""
    return " ".join(filter(None, (", ".join(names), f"{value}{more}")))


def _value_of(option: argparse.Action) -> str:
    if isinstance(option, argparse.BooleanOptionalAction):
        return ""
    return str(option.metavar or option.dest.upper())


def _option(parser: argparse.ArgumentParser, option: argparse.Action) -> tuple[str, str, str]:
    told = parser._get_formatter()._expand_help(option) if option.help else ""
    choices = f"one of {', '.join(map(str, option.choices))}" if option.choices else ""
    default = "" if option.default in (None, False, [], argparse.SUPPRESS) else str(option.default)
    needed = "must be given" if option.required and option.nargs not in {"*", "?"} else default
    return code(_written(option, list(option.option_strings))), "; ".join(filter(None, (told, choices))), needed


def _lesson(lesson: Lesson) -> Iterator[str]:
    yield "```\n" + "\n".join(f"./{PROGRAM} {example}" for example in lesson.examples) + "\n```"
    if lesson.keys:
        yield f"`--json` prints an object with {', '.join(map(code, lesson.keys))}."
    for exit_code, text in lesson.exits.items():
        yield f"Exit code {exit_code.value}: {text}."
    if lesson.then:
        yield lesson.then
