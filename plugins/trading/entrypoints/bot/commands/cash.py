"""/cash: cash, what is invested, and each sleeve beside its band."""

from __future__ import annotations

from trading.entrypoints.bot.command import Ask, Command
from trading.entrypoints.bot.reading import book_read, usd
from trading.entrypoints.bot.reply import Reply, pairs, table
from trading.reporting.wording import percent


def run(ask: Ask) -> Reply:
    """Show where the money is."""
    _, exposure = book_read(ask)
    rows = [
        ("NAV", f"{usd(exposure.nav_usd)} USD"),
        ("cash", f"{usd(exposure.cash_usd)} USD"),
        ("cash of NAV", percent(exposure.cash_frac)),
    ]
    sectors = [
        (s.sector.value, percent(s.weight_frac), f"{s.low_frac:.0%}–{s.cap_frac:.0%}" + ("!" if s.is_over else ""))
        for s in exposure.sectors
    ]
    return Reply((pairs(rows), table(sectors, ("sleeve", "NAV", "band"))))


COMMAND = Command("cash", "cash, NAV and sleeves", run, aliases=("balance",))
