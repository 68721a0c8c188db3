"""/positions: what is held, at what gain, and what guards it."""

from __future__ import annotations

from trading.entrypoints.bot.command import Ask, Command
from trading.entrypoints.bot.reading import book_read, shares, usd
from trading.entrypoints.bot.reply import Reply, say, table
from trading.reporting.wording import gain, percent, whole
from trading.tasks.standing import Holding


def run(ask: Ask) -> Reply:
    """List the open positions."""
    _, exposure = book_read(ask)
    if not exposure.holdings:
        return Reply.of(f"Nothing is held; cash {usd(exposure.cash_usd)} USD.")
    rows = [_row(h) for h in exposure.holdings]
    blocks = [table(rows, ("", "shares", "USD", "gain", "NAV"))]
    blocks += [say(_guard(h)) for h in exposure.holdings]
    blocks.append(say(f"cash {usd(exposure.cash_usd)} USD, NAV {usd(exposure.nav_usd)} USD"))
    return Reply(tuple(blocks), more="./airdesk positions")


def _row(held: Holding) -> tuple[str, ...]:
    weight = percent(held.weight_frac).replace("\u00a0", "")
    return held.symbol, shares(held.quantity), whole(held.value_usd), gain(held.unrealised_usd), weight


def _guard(held: Holding) -> str:
    stop = "NO STOP" if held.stop_price is None else f"stop {usd(held.stop_price)}"
    target = "no target" if held.target_price is None else f"target {usd(held.target_price)}"
    sold = f"{shares(held.leaving)} being sold" if held.leaving else ""
    guard = sold if held.is_leaving else ", ".join(filter(None, (stop, target, sold)))
    return f"{held.symbol}: {guard}; since {held.held_since}, long-term from {held.long_on}"


COMMAND = Command("positions", "what is held, its gain and its guards", run)
