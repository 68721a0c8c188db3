"""/version: which code runs."""

from __future__ import annotations

from importlib.metadata import version

from trading.entrypoints.bot.command import Ask, Command
from trading.entrypoints.bot.reply import Reply, pairs
from trading.tasks.facts import code_of


def run(ask: Ask) -> Reply:
    """Say which code and which clients run."""
    spec = ask.desk.spec
    rows = [("code", code_of(ask.services)), ("strategy", spec.name), ("its numbers", spec.spec_hash)]
    rows += [(name, version(name)) for name in ("apache-airflow", "python-telegram-bot")]
    return Reply((pairs(rows),))


COMMAND = Command("version", "which code and which strategy run", run)
