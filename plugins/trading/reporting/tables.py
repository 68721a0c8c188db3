"""Tables for the terminal: decisions, orders, fills, positions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from trading.domain.fills import Fill
from trading.domain.instruments import Symbol
from trading.domain.orders import LEAVING, Order
from trading.domain.portfolio import Portfolio
from trading.domain.signals import Outcome
from trading.ports import StoredDenial
from trading.reporting.verdicts import VerdictRow
from trading.reporting.wording import number

STYLES = {Outcome.PASS: "green", Outcome.FAIL: "red", Outcome.ABSTAIN: "dim"}
"""Colours of verdicts in a terminal."""


def shares(quantity: Decimal) -> str:
    """Return a number of shares without trailing zeros."""
    return f"{quantity.normalize():f}"


def _short(at: datetime | None) -> str:
    return "" if at is None else f"{at:%m-%d %H:%M}"


def table_of(title: str, *columns: str) -> Table:
    """Return an empty table for a terminal of 80 columns: only the last column may break its lines."""
    table = Table(title=title, box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in columns:
        # A long id is broken and not cut: what is cut nobody can look up.
        table.add_column(name, no_wrap=name != columns[-1], overflow="fold")
    return table


def reasons_table(title: str, rows: Iterable[VerdictRow]) -> Table:
    """Return one line per rule: what was seen, what it was held against, the verdict, and what would turn it."""
    table = table_of(title, "rule", "observed", "threshold", "verdict", "input of (UTC), or why; what turns it")
    role = None
    for row in rows:
        if row.role is not role:
            role = row.role
            table.add_row(Text(row.role_text, style="bold"))
        verdict = Text(f"{row.mark} {row.outcome}", style=STYLES[row.outcome])
        table.add_row(f"  {row.rule}", row.observed, row.threshold, verdict, row.words(_short))
    return table


def differences_table(title: str, rows: Iterable[tuple[str, str, str, str]]) -> Table:
    """Return one line per (symbol, name, stored, judged again)."""
    table = table_of(title, "symbol", "what", "stored", "judged again")
    for row in rows:
        table.add_row(*row)
    return table


def orders_table(title: str, orders: Iterable[Order]) -> Table:
    """Return one line per leg."""
    table = table_of(title, "planned (UTC)", "symbol", "purpose", "order", "status", "detail")
    for order in orders:
        price = order.limit_price or order.stop_price
        shown = f" {price:,.2f}" if price else f" {order.trail_frac:.0%}" if order.trail_frac else ""
        table.add_row(
            _short(order.planned_at),
            order.symbol,
            order.purpose,
            f"{order.side} {shares(order.quantity)} {order.order_type}{shown}",
            order.status,
            order.detail or "",
        )
    return table


def denials_table(title: str, denials: Iterable[StoredDenial], orders: Iterable[Order]) -> Table:
    """Return one line per "no": which check, what it saw, what it held that against."""
    named = {o.order_id: o for o in orders}
    table = table_of(title, "order", "at", "code", "observed", "threshold", "why")
    for stored in denials:
        order, denial = named[stored.order_id], stored.denial
        table.add_row(
            f"{order.symbol} {order.purpose}",
            stored.stage,
            denial.code,
            number(denial.observed),
            number(denial.threshold),
            denial.detail,
        )
    return table


def fills_table(title: str, fills: Iterable[Fill]) -> Table:
    """Return one line per execution."""
    table = table_of(title, "executed (UTC)", "symbol", "side", "shares", "price", "fee", "order")
    for fill in fills:
        table.add_row(
            _short(fill.executed_at),
            fill.symbol,
            fill.side,
            shares(fill.quantity),
            f"{fill.price:,.4f}",
            "not yet" if fill.commission_usd is None else f"{fill.commission_usd:,.2f}",
            fill.order_id or "none of ours",
        )
    return table


def positions_table(title: str, portfolio: Portfolio, working: Sequence[Order]) -> Table:
    """Return one line per position with the orders that guard it or sell it."""
    guards: dict[Symbol, list[str]] = {}
    for order in working:
        if order.is_protective:
            price = order.stop_price or order.limit_price
            shown = f"{order.purpose} {price:,.2f}" if price else f"{order.purpose} {order.trail_frac or 0:.0%}"
            guards.setdefault(order.symbol, []).append(shown)
        elif order.purpose in LEAVING:
            guards.setdefault(order.symbol, []).append(f"{shares(order.remaining)} being sold")
    table = table_of(title, "symbol", "shares", "cost (USD)", "high water", "since", "protection")
    for symbol, position in sorted(portfolio.positions.items()):
        if position.lots:
            since = min(lot.acquired_on for lot in position.lots)
            table.add_row(
                symbol,
                shares(position.quantity),
                f"{position.cost_usd:,.2f}",
                f"{position.high_water_price:,.2f}",
                f"{since}",
                ", ".join(guards.get(symbol, ["NONE"])),
            )
    return table
