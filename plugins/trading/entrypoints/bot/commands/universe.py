"""/universe: what the strategy trades."""

from __future__ import annotations

from trading.entrypoints.bot.command import Ask, Command
from trading.entrypoints.bot.reply import Reply, say, table


def run(ask: Ask) -> Reply:
    """List the symbols by sleeve, with what keeps one out for good."""
    universe = ask.desk.spec.universe
    with ask.services.store.snapshot() as tx:
        parked, banned = tx.market.parked(), tx.controls.restrictions(ask.book)
    signal_only = universe.signal_only(ask.services.client_category)
    rows = []
    for symbol in universe.traded:
        marks = [word for word, is_so in (
            ("banned", symbol in banned), ("parked", symbol in parked), ("signal only", symbol in signal_only),
        ) if is_so]  # fmt: skip
        rows.append((symbol, universe.sector_of[symbol].value, ", ".join(marks)))
    return Reply((table(rows, left=3), say(f"{len(rows)} symbols of {ask.desk.spec.name}")))


COMMAND = Command("universe", "what the strategy trades", run, aliases=("whitelist",))
