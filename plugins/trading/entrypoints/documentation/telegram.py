"""docs/telegram.md: its table of commands is made of the files in `entrypoints/bot/commands`; the rest is written."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from trading.entrypoints.bot.command import Command
from trading.entrypoints.bot.registry import all_commands
from trading.entrypoints.documentation.markdown import between_marks, code, sentence, table

NAME = "docs/telegram.md"
MARK = "telegram"


def telegram_page(root: Path) -> str:
    """Return the page with its table as the code makes it."""
    return between_marks((root / NAME).read_text(encoding="utf-8"), MARK, command_table(all_commands()))


def command_table(commands: Iterable[Command]) -> str:
    """Return one row a command."""
    rows = [
        (
            code(command.usage),
            ", ".join(code(f"/{alias}") for alias in command.aliases),
            command.role.value,
            "yes" if command.act is not None else "",
            sentence(command.help),
        )
        for command in commands
    ]
    return table(("command", "also", "role", "asks first", "what it does"), rows)
