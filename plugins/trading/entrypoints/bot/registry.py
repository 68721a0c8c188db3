"""Finds the commands: each file of a package that declares `COMMAND` is one. Adding a command touches one file."""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from types import ModuleType
from typing import Any

from trading.entrypoints.bot import commands
from trading.entrypoints.bot.command import Command
from trading.errors import InvariantBroken

NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
"""What Telegram takes as a command."""


def all_commands(package: ModuleType = commands) -> tuple[Command, ...]:
    """Return every command of a package, in alphabetical order.

    Raises:
        InvariantBroken: two of them share a name, or Telegram would not take one.
    """
    found = sorted(_commands(package), key=lambda command: command.name)
    by_name(found)
    return tuple(found)


def by_name(found: Iterator[Command] | list[Command] | tuple[Command, ...]) -> Mapping[str, Command]:
    """Return commands by each of their names."""
    named: dict[str, Command] = {}
    for command in found:
        for name in (command.name, *command.aliases):
            if not NAME.fullmatch(name):
                raise InvariantBroken(f"/{name} is no name that Telegram takes; use small letters, digits and _")
            if name in named:
                raise InvariantBroken(f"/{name} names two commands, {named[name].name} and {command.name}; rename one")
            named[name] = command
    return named


def _commands(package: ModuleType) -> Iterator[Command]:
    for found in pkgutil.iter_modules(package.__path__):
        module: Any = import_module(f"{package.__name__}.{found.name}")
        yield module.COMMAND
