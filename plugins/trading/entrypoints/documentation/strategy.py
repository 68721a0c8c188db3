"""The strategy's tables in README.md and docs/strategy.md, made of the specification that decides."""

from __future__ import annotations

import re
from functools import partial

from trading.domain.instruments import InstrumentKind, Sector
from trading.domain.signals import RuleRole
from trading.entrypoints.documentation.markdown import code, table
from trading.strategy.spec import Rule, StrategySpec, rule_name

NAME = "README.md"
MARK = "strategy"
UNIVERSE_NAME = "docs/strategy.md"
UNIVERSE_MARK = "universe"
_ROLES = {
    RuleRole.ENTRY_REQUIRED: "must pass to buy",
    RuleRole.ENTRY_OPTIONAL: "may not fail to buy",
    RuleRole.SHRINK: "buys less unless",
    RuleRole.EXIT: "sells when",
    RuleRole.BLOCK: "buys nothing while",
}


def strategy_table(spec: StrategySpec) -> str:
    """Return the universe, each rule in words with its numbers, and what sizes and guards a position."""
    rows = [(_ROLES[role], code(rule_name(rule)), _in_words(rule)) for role, rule in spec.rules()]
    rows += [("sizes", "each name", _sizes(spec)), ("guards", "each position", _guards(spec))]
    return f"{_universe(spec)}\n\n{table(('the desk', 'rule', 'which means'), rows)}"


def universe_table(spec: StrategySpec) -> str:
    """Return what each sector may hold, funds marked, and the peers whose P/E is its reference."""
    rows = []
    for sector in Sector:
        listed = [i for i in spec.universe if i.sector is sector]
        traded = [f"{i.symbol} (fund)" if i.kind is InstrumentKind.FUND else i.symbol for i in listed]
        rows.append((sector.value.replace("_", " "), ", ".join(traded), ", ".join(spec.peers[sector])))
    return table(("sector", "traded", "peers for valuation"), rows)


def _universe(spec: StrategySpec) -> str:
    parts = []
    for sector in Sector:
        names = [i.symbol for i in spec.universe.instruments if i.sector is sector]
        parts.append(f"{sector.value.replace('_', ' ')} ({', '.join(names)})")
    return f"`{spec.name}` trades {'; '.join(parts)}."


def _in_words(rule: Rule) -> str:
    """Return the first sentence of a rule's docstring with its numbers in it."""
    function = rule.func if isinstance(rule, partial) else rule
    bound = rule.keywords if isinstance(rule, partial) else {}
    first = " ".join((function.__doc__ or "").split("\n\n")[0].split())
    told = re.sub(r"^PASS (?:where|while|for) ", "", first).rstrip(".")
    for name, value in bound.items():
        told = told.replace(f"`{name}`", f"{value:g}" if isinstance(value, float) else str(value))
    if inflation := bound.get("cpi_threshold_frac"):
        told += f" (inflation from {inflation:.1%} a year)"
    return told


def _sizes(spec: StrategySpec) -> str:
    size = spec.sizing
    return (
        f"{size.asset_floor_frac:.0%} to {size.asset_cap_frac:.0%} of NAV, less for a volatile name; at most "
        f"{size.sector_cap_frac:.0%} in a sector; {size.cash_buffer_frac:.0%} stay cash"
    )


def _guards(spec: StrategySpec) -> str:
    guard = spec.protection
    return (
        f"a stop that trails {guard.trail_frac:.0%} and a target {guard.take_profit_frac:.0%} above, at the broker; "
        f"all is sold and entries stop when NAV falls {guard.breaker_frac:.0%} under its high"
    )
