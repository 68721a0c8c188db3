"""A day beside its replay, in the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from rich.table import Table

from trading.domain.parity import Parity, ParityDifference, ParityFill
from trading.reporting.tables import shares, table_of
from trading.reporting.wording import UNKNOWN

NEW_YORK = ZoneInfo("America/New_York")
SHOWN = 40
"""Differences in the table; `--json` has all of them."""


def parity_table(parity: Parity) -> Table:
    """Return the day in a few lines: what there was on either side, and how much of it is the same."""
    table = table_of(
        f"{parity.book.badge} {parity.book} on {parity.session_on}, New York time", "what", "same", "of", ""
    )
    counted = {kind.value: count for kind, count in parity.by_kind().items()}
    of_orders = [kind for kind in counted if kind.startswith("order")]
    of_fills = [kind for kind in counted if kind.startswith("fill")]
    for name, same, of, kinds in (
        ("decisions", parity.decisions_equal, parity.decisions, [k for k in counted if k not in of_orders + of_fills]),
        ("orders", parity.orders_equal, parity.orders, of_orders),
        ("fills", parity.fills_equal, len(parity.fills), of_fills),
    ):
        table.add_row(name, str(same), str(of), ", ".join(f"{counted[kind]} × {kind}" for kind in kinds))
    table.add_row("NAV at close", "", "", f"book {_usd(parity.nav_usd)}, replay {_usd(parity.replay_nav_usd)}")
    for remark in parity.remarks:
        table.add_row("remark", "", "", remark)
    return table


def differences_table(differences: Sequence[ParityDifference]) -> Table:
    """Return what differs, in the order of the day."""
    table = table_of("differences", "at", "kind", "symbol", "what", "book", "replay", "cause")
    for d in differences[:SHOWN]:
        cells = (_hour(d.as_of), d.kind.value, d.symbol or "", d.what, d.book, d.replay)
        table.add_row(*cells, d.cause or "not known: look at ./airdesk why")
    if len(differences) > SHOWN:
        table.add_row("", f"and {len(differences) - SHOWN} more", "", "", "", "", "--json prints all")
    return table


def fills_table(fills: Sequence[ParityFill]) -> Table:
    """Return each fill beside the replay's; shortfall is against the price at the decision, in basis points."""
    names = ("at", "symbol", "purpose", "shares", "decided at", "book", "replay", "shortfall", "behind replay")
    table = table_of("fills (USD, basis points; positive is worse)", *names, "commission book, replay")
    for fill in fills:
        table.add_row(*_fill_cells(fill))
    return table


def _fill_cells(fill: ParityFill) -> Iterator[str]:
    quantity = fill.quantity if fill.quantity is not None else fill.replay_quantity
    yield from (_hour(fill.decided_at), fill.symbol, fill.purpose.value)
    yield UNKNOWN if quantity is None else shares(quantity)
    yield _price(fill.decision_price)
    yield "missed" if fill.quantity is None else _price(fill.price)
    yield "none" if fill.replay_quantity is None else _price(fill.replay_price)
    yield from (_bps(fill.shortfall_bps), _bps(fill.behind_replay_bps))
    yield f"{_price(fill.commission_usd)}, {_price(fill.replay_commission_usd)}"


def history_table(days: Sequence[Parity]) -> Table:
    """Return one line per stored day, youngest first."""
    table = table_of("days beside their replay", "session", "outcome", "shortfall", "summary")
    for day in days:
        table.add_row(f"{day.session_on}", day.outcome.value, _bps(day.shortfall_bps), day.summary)
    return table


def _hour(at: datetime | None) -> str:
    return "before" if at is None else f"{at.astimezone(NEW_YORK):%H:%M}"


def _price(value: Decimal | None) -> str:
    return UNKNOWN if value is None else f"{value:.2f}"


def _usd(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:,.2f} USD"


def _bps(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:+.1f}"
