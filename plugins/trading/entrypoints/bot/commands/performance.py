"""/performance: what each symbol brought."""

from __future__ import annotations

from trading.entrypoints.bot.command import Ask, Command
from trading.entrypoints.bot.reading import book_read
from trading.entrypoints.bot.reply import Reply, say, table
from trading.reporting.wording import gain
from trading.tasks.standing import symbol_gains


def run(ask: Ask) -> Reply:
    """List gains by symbol, the best first."""
    history, _ = book_read(ask)
    found = symbol_gains(history)
    if not found:
        return Reply.of("Nothing was traded yet.")
    rows = [(g.symbol, str(g.trades), gain(g.realised_usd), gain(g.unrealised_usd), gain(g.total_usd)) for g in found]
    head = ("", "trades", "real.", "open", "total")
    return Reply((table(rows, head), say("USD; dividends are in the total.")), more="./airdesk report")


COMMAND = Command("performance", "what each symbol brought", run)
