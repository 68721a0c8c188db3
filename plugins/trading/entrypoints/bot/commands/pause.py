"""/pause: exits only, entries are taken back."""

from __future__ import annotations

from trading.domain.people import Role
from trading.entrypoints.bot.command import Ask, Command
from trading.entrypoints.bot.reply import Reply
from trading.entrypoints.bot.stopping import stopped_reply
from trading.tasks.operating import reduce_book


def run(ask: Ask) -> Reply:
    """Allow exits only."""
    done = reduce_book(ask.services, ask.book, reason=ask.reason(0), actor=ask.person.actor)
    return stopped_reply(done.change, done.sweep)


COMMAND = Command("pause", "exits only, take back entries", run, Role.OPERATE, "[REASON]", ("stopentry", "reduce"))
