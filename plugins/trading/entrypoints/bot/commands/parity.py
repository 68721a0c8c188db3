"""/parity: how the last days compared with their replays."""

from __future__ import annotations

from trading.entrypoints.bot.command import Ask, Command
from trading.entrypoints.bot.reply import Reply


def run(ask: Ask) -> Reply:
    """List the newest comparisons."""
    count = ask.count(5, 30)
    with ask.services.store.snapshot() as tx:
        days = tx.parity.days(ask.book, count)
    if not days:
        return Reply.of("No day was compared with its replay yet; the night does it.")
    return Reply.of(
        *(f"{day.session_on}: {day.outcome}: {day.summary}" for day in days), more="./airdesk replay parity"
    )


COMMAND = Command("parity", "the last days beside their replays", run, arguments="[DAYS]")
