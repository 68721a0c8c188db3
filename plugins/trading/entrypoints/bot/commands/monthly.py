"""/monthly: what the newest months brought."""

from __future__ import annotations

from trading.entrypoints.bot.command import Ask, Command
from trading.entrypoints.bot.reading import gains_reply
from trading.entrypoints.bot.reply import Reply
from trading.tasks.standing import Period


def run(ask: Ask) -> Reply:
    """List what the newest months brought."""
    return gains_reply(ask, Period.MONTH, default=6, most=120)


COMMAND = Command("monthly", "gain of the newest months", run, arguments="[COUNT]")
