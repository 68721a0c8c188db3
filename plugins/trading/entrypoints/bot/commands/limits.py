"""/limits: what one order, and one day, may do."""

from __future__ import annotations

from trading.engine.desk_view import limits_of
from trading.entrypoints.bot.command import Ask, Command
from trading.entrypoints.bot.reply import Reply, pairs
from trading.reporting.wording import percent, whole


def run(ask: Ask) -> Reply:
    """Show the limits that every order is held against."""
    limits, spec, above = limits_of(ask.desk.spec), ask.desk.spec, ask.services.approval_above_usd
    approval = "never" if above is None else f"over {whole(above)} USD"
    rows = [
        ("a name, of NAV", percent(limits.asset_cap_frac)),
        ("a sleeve, of NAV", percent(limits.sector_cap_frac)),
        ("cash kept", percent(limits.cash_buffer_frac)),
        ("VIX for entries", f"under {limits.vix:g}"),
        ("an order", f"{whole(limits.order_usd)} USD"),
        ("orders a day", str(limits.orders_a_day)),
        ("orders a minute", str(limits.orders_a_minute)),
        ("turnover a day", percent(limits.turnover_a_day_frac)),
        ("loss a day", percent(limits.loss_a_day_frac)),
        ("price collar", percent(limits.collar_frac)),
        ("breaker trips at", percent(spec.protection.breaker_frac)),
        ("trailing stop", percent(spec.protection.trail_frac)),
        ("asks a person", approval),
    ]
    return Reply((pairs(rows),))


COMMAND = Command("limits", "what one order and one day may do", run)
