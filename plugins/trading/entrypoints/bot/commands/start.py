"""/start: who the bot is, and what this person may do. Telegram sends it by itself, so it starts nothing."""

from __future__ import annotations

from trading.entrypoints.bot.command import Ask, Command
from trading.entrypoints.bot.reply import Reply


def run(ask: Ask) -> Reply:
    """Say hello."""
    return Reply.of(
        f"This is the desk of {ask.book}, strategy {ask.desk.spec.name}.",
        f"You may {ask.person.role}. /help lists the commands, /status says how the desk stands.",
        "Nothing was started: trading is resumed by /resume.",
    )


COMMAND = Command("start", "say who this bot is; starts nothing", run)
