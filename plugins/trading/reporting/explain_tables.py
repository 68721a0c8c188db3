"""A decision in words and tables: verdicts with what would turn them, near misses, inputs, and what was not equal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import batched
from math import isfinite

from rich.table import Table
from rich.text import Text

from trading.domain.decisions import Decision
from trading.domain.instruments import Symbol
from trading.domain.orders import Order, OrderPurpose
from trading.domain.panel import FeaturePanel
from trading.domain.signals import Outcome, Reason, RuleRole, Targets
from trading.reporting.tables import STYLES, shares, table_of
from trading.reporting.verdicts import MARKS
from trading.reporting.wording import UNKNOWN, number, percent
from trading.strategy.margins import NearMiss, is_in_the_way

_BESIDE = 10
"""Symbols in one table of verdicts: what a terminal of 80 columns holds."""


@dataclass(frozen=True, slots=True)
class Held:
    """A position at a decision.

    Attributes:
        price, high_water_price: USD/share. stop_price, target_price: where protection stands; None without one.
    """

    symbol: Symbol
    quantity: Decimal
    price: float
    high_water_price: float
    stop_price: float | None
    target_price: float | None


def held_of(symbol: Symbol, mark: tuple[Decimal, float, float] | None, protections: Iterable[Order]) -> Held | None:
    """Return the position of a mark, with the protections that work; None without a mark."""
    if mark is None:
        return None
    quantity, price, high = mark
    orders = {order.purpose: order for order in protections}
    stop, target = orders.get(OrderPurpose.STOP), orders.get(OrderPurpose.TARGET)
    stop_price = None if stop is None else _stop_price(stop, high)
    limit = None if target is None or target.limit_price is None else float(target.limit_price)
    return Held(symbol, quantity, price, high, stop_price, limit)


def _stop_price(stop: Order, high_water_price: float) -> float | None:
    """Return where a stop stands: a trailing one hangs under the highest price."""
    if stop.trail_frac is not None:
        return round(high_water_price * (1.0 - stop.trail_frac), 2)
    return None if stop.stop_price is None else float(stop.stop_price)


def held_line(held: Held) -> str:
    """Return a position in one line."""
    stop = "no stop" if held.stop_price is None else f"stop at {held.stop_price:,.2f}"
    target = "no target" if held.target_price is None else f"target at {held.target_price:,.2f}"
    return (
        f"holds {shares(held.quantity)} {held.symbol} at {held.price:,.2f} USD, highest {held.high_water_price:,.2f}; "
        f"{stop}, {target}"
    )


def near_table(title: str, misses: Sequence[NearMiss]) -> Table:
    """Return one line a near miss: which rules, how near, how often, and the closest hour's numbers."""
    table = table_of(title, "symbol", "hours", "nearest", "then (UTC)", "kept out by")
    for miss in misses:
        nearest = UNKNOWN if miss.frac is None else percent(miss.frac)
        at = miss.closest[0].as_of
        words = ", ".join(f"{reason.rule} {_seen(reason)}" for reason in miss.closest)
        table.add_row(miss.symbol, str(miss.count), nearest, f"{at:%Y-%m-%d %H:%M}", words)
    return table


def _seen(reason: Reason) -> str:
    if reason.observed is None:
        return f"({reason.why or reason.outcome})"
    return f"{number(reason.observed)} against {number(reason.threshold)}"


def matrix_tables(reasons: Sequence[Reason]) -> Iterator[Table]:
    """Yield the verdicts of every symbol, a column each, ten beside one another: ✓ passes, ✗ fails, – abstains."""
    symbols = tuple(dict.fromkeys(r.symbol for r in reasons))
    for beside in batched(symbols, _BESIDE):
        yield _matrix(beside, [r for r in reasons if r.symbol in beside])


def _matrix(symbols: Sequence[Symbol], reasons: Sequence[Reason]) -> Table:
    table = table_of("verdicts", "rule", *symbols)
    cells: Mapping[tuple[str, Symbol], Reason] = {(r.rule, r.symbol): r for r in reasons}
    order = {role: place for place, role in enumerate(RuleRole)}
    for rule, _ in sorted({(r.rule, r.role) for r in reasons}, key=lambda one: (order[one[1]], one[0])):
        table.add_row(rule, *(_mark(cells.get((rule, symbol))) for symbol in symbols))
    return table


def _mark(reason: Reason | None) -> Text:
    if reason is None:
        return Text("")
    mark, style = MARKS[reason.outcome], STYLES[reason.outcome]
    # What keeps a symbol out stands out.
    return Text(mark, style="bold red" if is_in_the_way(reason) and reason.outcome is not Outcome.ABSTAIN else style)


_INPUTS = (
    ("price", "price"), ("50 d", "sma_50"), ("200 d", "sma_200"), ("RSI", "rsi_14"), ("news", "sentiment"),
    ("P/E", "pe_ratio"), ("peers", "pe_sector_median"), ("grows", "revenue_growth_frac"),
    ("beat", "earnings_surprise_frac"), ("vol.", "volatility_frac"),
)  # fmt: skip
_MARKET = (
    ("VIX", "vix"), ("CPI a year", "cpi_yoy_frac"), ("3 months before", "cpi_yoy_3m_ago_frac"), ("GPR", "gpr"),
    ("its mean", "gpr_mean_12m"),
)  # fmt: skip


def inputs_table(panel: FeaturePanel) -> Table:
    """Return what the decision knew about each symbol, from a panel of one time."""
    table = table_of("inputs", "", *(head for head, _ in _INPUTS))
    for column, symbol in enumerate(panel.symbols):
        values = (getattr(panel, name)[0, column] for _, name in _INPUTS)
        table.add_row(symbol, *(_brief(value) for value in values))
    return table


def _brief(value: float) -> str:
    """Return a value on three digits where it is small, on four where it is a price or a ratio."""
    if not isfinite(value):
        return UNKNOWN
    return f"{value:,.3g}" if abs(value) < 1 else f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"


def market_line(panel: FeaturePanel) -> str:
    """Return what the decision knew about the market, from a panel of one time."""
    return "   ".join(f"{head} {_number(getattr(panel, name)[0, 0])}" for head, name in _MARKET)


def _number(value: float) -> str:
    return number(float(value) if isfinite(value) else None)


def targets_line(targets: Targets) -> str:
    """Return target weights in one line."""
    weights = ", ".join(f"{symbol} {percent(weight)}" for symbol, weight in sorted(targets.weight_frac.items()))
    return f"targets: {weights or 'none, everything stays or becomes cash'}"


def decision_lines(decision: Decision) -> tuple[str, ...]:
    """Return the head of a decision for people."""
    nav = UNKNOWN if decision.nav_usd is None else f"{decision.nav_usd:,.2f} USD"
    closing = ", the close of its session" if decision.is_closing else ""
    return (
        f"{decision.book.badge} {decision.book}: {decision.kind} decision of {_instant(decision.as_of)}{closing}",
        f"read what was known by {_instant(decision.cutoff_at)}; {decision.strategy} {decision.spec_hash}, code "
        f"{decision.code_version}",
        f"hash {decision.decision_hash}; NAV {nav}",
        decision.note,
    )


def _instant(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
