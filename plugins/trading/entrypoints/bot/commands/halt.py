"""/halt: send nothing new, at once. It needs no code, because a stop must never wait."""

from __future__ import annotations

from trading.domain.people import Role
from trading.entrypoints.bot.command import Ask, Command
from trading.entrypoints.bot.reply import Reply
from trading.entrypoints.bot.stopping import stopped_reply
from trading.tasks.operating import halt_book


def run(ask: Ask) -> Reply:
    """Halt the book and say what the broker still works."""
    done = halt_book(ask.services, ask.book, reason=ask.reason(0), actor=ask.person.actor)
    return stopped_reply(done.change, done.sweep)


COMMAND = Command("halt", "send nothing new, take back entries and exits", run, Role.OPERATE, "[REASON]", ("stop",))
