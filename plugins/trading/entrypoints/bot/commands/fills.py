"""/fills: the newest executions."""

from __future__ import annotations

from trading.entrypoints.bot.command import Ask, Command
from trading.entrypoints.bot.reading import at, shares, usd
from trading.entrypoints.bot.reply import Reply, table


def run(ask: Ask) -> Reply:
    """List the newest executions."""
    count = ask.count(10, 50)
    with ask.services.store.snapshot() as tx:
        fills = tx.ledger.fills(ask.book, count)
    if not fills:
        return Reply.of("Nothing was filled yet.")
    rows = [
        (f"{'+' if f.side == 'BUY' else '−'}{shares(f.quantity)} {f.symbol}", usd(f.price), at(f.executed_at))
        for f in reversed(fills)
    ]
    return Reply((table(rows, ("shares", "USD", "UTC")),), more="./airdesk fills")


COMMAND = Command("fills", "newest executions", run, arguments="[COUNT]", aliases=("trades",))
