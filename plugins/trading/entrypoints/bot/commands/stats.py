"""/stats: closed trades in numbers, and what the exits brought."""

from __future__ import annotations

from trading.entrypoints.bot.command import Ask, Command
from trading.entrypoints.bot.reading import book_read
from trading.entrypoints.bot.reply import Reply, pairs, table
from trading.reporting.wording import UNKNOWN, days, gain, percent, ratio
from trading.tasks.standing import statistics_of


def run(ask: Ask) -> Reply:
    """Show the statistics of closed trades."""
    history, _ = book_read(ask)
    found = statistics_of(history)
    trades = found.trades
    rows = [
        ("entries", UNKNOWN if found.entries is None else str(found.entries)),
        ("closed trades", str(trades.count)),
        ("gained", percent(trades.hit_frac)),
        ("gain", f"{gain(trades.gain_usd)} USD"),
        ("profit factor", ratio(trades.profit_factor)),
        ("payoff", ratio(trades.payoff)),
        ("mean days held", days(trades.mean_days)),
    ]
    for name, trade in (("best", found.best), ("worst", found.worst)):
        if trade is not None:
            rows.append((name, f"{trade.symbol} {gain(trade.gain_usd)} USD"))
    blocks = [pairs(rows)]
    if found.exits:
        blocks.append(table([(e.name, str(e.count), gain(e.gain_usd)) for e in found.exits], ("sold by", "", "USD")))
    return Reply(tuple(blocks), more="./airdesk report")


COMMAND = Command("stats", "closed trades in numbers", run, aliases=("exits",))
