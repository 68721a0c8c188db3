"""/regime: what the book risks: drawdown, breaker, VIX, sleeves."""

from __future__ import annotations

from trading.domain.risk import regime_of
from trading.entrypoints.bot.command import Ask, Command
from trading.entrypoints.bot.reply import Reply, say
from trading.entrypoints.bot.reply import table as rows_as_table
from trading.errors import PermanentError
from trading.reporting.wording import fall, first_hour, percent, whole


def run(ask: Ask) -> Reply:
    """Show the risk of the newest decision."""
    with ask.services.store.snapshot() as tx:
        risk = tx.risk.newest(ask.book)
    if risk is None:
        raise PermanentError(f"{ask.book} has stored no risk yet; {first_hour(ask.book)}")
    vix = "unknown" if risk.vix is None else f"{risk.vix:.1f}, {regime_of(risk.vix)}"
    tripped = "" if risk.breaker.tripped_on is None else f" on {risk.breaker.tripped_on}"
    rows = [
        ("NAV", f"{whole(risk.nav_usd)} USD"),
        ("state", risk.state.value),
        ("VIX", vix),
        ("drawdown", fall(risk.drawdown_frac)),
        ("from the top", fall(risk.lifetime_frac)),
        ("breaker", f"{risk.phase}{tripped}"),
    ]
    cap = ask.desk.spec.sizing.sector_cap_frac
    sleeves = [
        (s.sector.value, percent(s.weight_frac), percent(s.aim_frac), "!" if (s.weight_frac or 0) > cap else "")
        for s in risk.sectors
    ]
    blocks = [say(f"as of {risk.as_of:%Y-%m-%d %H:%M} UTC"), rows_as_table(rows)]
    blocks.append(rows_as_table(sleeves, ("sleeve", "NAV", "brought to", "")))
    if risk.rebalance_due is not None:
        blocks.append(say(f"This hour asks for a rebalance: {risk.rebalance_due}"))
    return Reply(tuple(blocks), more="./airdesk risk")


COMMAND = Command("regime", "drawdown, breaker, VIX, sleeves", run, aliases=("risk", "vix"))
