"""Tables for the terminal: decisions, orders, fills, positions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from rich.table import Table
from rich.text import Text

from trading.domain.fills import Fill
from trading.domain.instruments import Symbol
from trading.domain.orders import Order
from trading.domain.portfolio import Portfolio
from trading.domain.signals import Outcome, Reason

_MARKS = {Outcome.PASS: ("✓", "green"), Outcome.FAIL: ("✗", "red"), Outcome.ABSTAIN: ("–", "dim")}


def number(value: float | None) -> str:
    """Return a value for people; unknown is "?"."""
    return "?" if value is None else f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.2f}"


def instant(at: datetime | None) -> str:
    """Return a UTC instant for people; unknown is empty."""
    return "" if at is None else f"{at:%Y-%m-%d %H:%M}"


def reasons_table(title: str, reasons: Sequence[Reason]) -> Table:
    """Return one line per rule: what was seen, what it was held against, the verdict, and from when the input is."""
    table = Table("rule", "kind", "observed", "threshold", "verdict", "input of (UTC)", "why", title=title)
    for reason in reasons:
        mark, style = _MARKS[reason.outcome]
        table.add_row(
            reason.rule,
            reason.role.replace("_", " "),
            number(reason.observed),
            number(reason.threshold),
            Text(f"{mark} {reason.outcome}", style=style),
            instant(reason.input_at),
            reason.why or "",
        )
    return table


def orders_table(title: str, orders: Iterable[Order]) -> Table:
    """Return one line per leg."""
    table = Table(
        "planned (UTC)", "symbol", "purpose", "side", "quantity", "type", "price", "status", "detail", title=title
    )
    for order in orders:
        price = order.limit_price or order.stop_price
        shown = f"{price:,.2f}" if price else f"trail {order.trail_frac:.0%}" if order.trail_frac else "market"
        table.add_row(
            instant(order.planned_at),
            order.symbol,
            order.purpose,
            order.side,
            f"{order.quantity:g}",
            order.order_type,
            shown,
            order.status,
            order.detail or "",
        )
    return table


def fills_table(title: str, fills: Iterable[Fill]) -> Table:
    """Return one line per execution."""
    table = Table("executed (UTC)", "symbol", "side", "quantity", "price", "commission", "order", title=title)
    for fill in fills:
        fee = "not reported" if fill.commission_usd is None else f"{fill.commission_usd:,.2f}"
        table.add_row(
            instant(fill.executed_at),
            fill.symbol,
            fill.side,
            f"{fill.quantity:g}",
            f"{fill.price:,.4f}",
            fee,
            fill.order_id or "none of ours",
        )
    return table


def positions_table(title: str, portfolio: Portfolio, working: Sequence[Order]) -> Table:
    """Return one line per position with the orders that guard it."""
    guards: Mapping[Symbol, list[str]] = {}
    for order in working:
        if order.is_protective:
            price = order.stop_price or order.limit_price
            shown = f"{order.purpose} {price:,.2f}" if price else f"{order.purpose} {order.trail_frac or 0:.0%}"
            guards = {**guards, order.symbol: [*guards.get(order.symbol, []), shown]}
    table = Table("symbol", "shares", "cost (USD)", "high water", "since", "protection", title=title)
    for symbol, position in sorted(portfolio.positions.items()):
        if position.lots:
            since = min(lot.acquired_on for lot in position.lots)
            table.add_row(
                symbol,
                f"{position.quantity:g}",
                f"{position.cost_usd:,.2f}",
                f"{position.high_water_price:,.2f}",
                f"{since}",
                ", ".join(guards.get(symbol, ["NONE"])),
            )
    return table
