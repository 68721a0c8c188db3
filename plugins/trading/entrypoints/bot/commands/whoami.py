"""/whoami: the ids that the settings need, and the role."""

from __future__ import annotations

from trading.entrypoints.bot.command import Ask, Command
from trading.entrypoints.bot.reply import Reply


def run(ask: Ask) -> Reply:
    """Say whose message this is."""
    person = ask.person
    return Reply.of(f"User {person.user_id}, chat {person.chat_id}, role {person.role}.")


COMMAND = Command("whoami", "your ids and your role", run)
