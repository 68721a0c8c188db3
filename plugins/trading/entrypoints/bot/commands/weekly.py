"""/weekly: what the newest weeks brought."""

from __future__ import annotations

from trading.entrypoints.bot.command import Ask, Command
from trading.entrypoints.bot.reading import gains_reply
from trading.entrypoints.bot.reply import Reply
from trading.tasks.standing import Period


def run(ask: Ask) -> Reply:
    """List what the newest weeks brought."""
    return gains_reply(ask, Period.WEEK, default=8, most=104)


COMMAND = Command("weekly", "gain of the newest weeks", run, arguments="[COUNT]")
