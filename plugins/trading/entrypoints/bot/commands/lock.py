"""/lock: cancel everything, protections too, and send nothing at all."""

from __future__ import annotations

from dataclasses import replace

from trading.domain.people import Role
from trading.entrypoints.bot.command import Ask, Command
from trading.entrypoints.bot.reply import Reply
from trading.entrypoints.bot.stopping import stopped_reply
from trading.tasks.flatten import holdings
from trading.tasks.operating import lock_book


def run(ask: Ask) -> Reply:
    """Show what would lose its protection."""
    lines = [f"loses its protection: {holding}" for holding in holdings(ask.services, ask.book)]
    end = "Everything is cancelled and nothing is sent until /unlock, which needs a code from the desk's machine."
    return replace(Reply.of(*lines, end), asks=True)


def act(ask: Ask) -> Reply:
    """Lock the book."""
    done = lock_book(ask.services, ask.book, reason=ask.reason(0), actor=ask.person.actor)
    return stopped_reply(done.change, done.sweep)


COMMAND = Command("lock", "cancel everything, protections too", run, Role.ADMIN, "[REASON]", act=act)
