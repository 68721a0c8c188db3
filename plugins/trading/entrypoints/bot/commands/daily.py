"""/daily: what the newest days brought."""

from __future__ import annotations

from trading.entrypoints.bot.command import Ask, Command
from trading.entrypoints.bot.reading import gains_reply
from trading.entrypoints.bot.reply import Reply
from trading.tasks.standing import Period


def run(ask: Ask) -> Reply:
    """List what the newest days brought."""
    return gains_reply(ask, Period.DAY, default=7, most=90)


COMMAND = Command("daily", "gain of the newest days", run, arguments="[COUNT]")
