"""/mute: let what is not grave arrive without a sound for a while."""

from __future__ import annotations

from datetime import timedelta

from trading.domain.people import Role
from trading.entrypoints.bot.command import Ask, Command
from trading.entrypoints.bot.reply import Reply

OFF, MOST = "off", 24 * 60


def run(ask: Ask) -> Reply:
    """Mute the messages, or let them be heard again."""
    minutes = 0 if ask.words == (OFF,) else ask.count(60, MOST)
    until = ask.services.clock.now() + timedelta(minutes=minutes)
    with ask.services.store.transaction() as tx:
        tx.bot.mute(until, by=ask.person.actor)
    if not minutes:
        return Reply.of("Messages are heard again.")
    return Reply.of(
        f"Until {until:%m-%d %H:%M} UTC messages arrive without a sound.",
        "Errors and what waits for you are heard all the same; /mute off ends it.",
    )


COMMAND = Command("mute", "no sound for so many minutes", run, Role.OPERATE, "[MINUTES|off]")
