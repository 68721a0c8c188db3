"""What the pre-trade checks read: the book and the market of one hour as a `Desk`, the strategy's caps as `Limits`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from math import isfinite

from trading.domain.instruments import Symbol
from trading.domain.money import ZERO
from trading.domain.orders import OPEN, Order, OrderPurpose, OrderStatus, Side
from trading.domain.portfolio import TradingState
from trading.domain.records import changed
from trading.engine.locks import guarded, resting
from trading.engine.outlooks import SaleOutlooks, WashedBy
from trading.engine.rows import PriceRow, UnfitRow
from trading.engine.settlement import settled_cash_usd
from trading.engine.state import NONE, BookState, Hour
from trading.execution.desk import Desk, cost_usd
from trading.execution.limits import Limits
from trading.strategy.spec import StrategySpec

FEW = 64
"""So many symbols are faster as a dictionary of all of them than as a look into the row for each."""
_UNDER_WAY = OPEN | {OrderStatus.PLANNED, OrderStatus.RESERVED, OrderStatus.UNKNOWN}


def limits_of(spec: StrategySpec) -> Limits:
    """Return the caps of `spec` beside the limits that hold for any strategy."""
    sizing, protection = spec.sizing, spec.protection
    return Limits(
        asset_cap_frac=sizing.asset_cap_frac,
        sector_cap_frac=sizing.sector_cap_frac,
        cash_buffer_frac=sizing.cash_buffer_frac,
        collar_frac=protection.collar_frac,
        vix=protection.max_vix,
    )


def desk_of(
    spec: StrategySpec, state: BookState, hour: Hour, prices: Mapping[Symbol, float], nav: float | None
) -> Desk:
    """Return the facts that the pre-trade checks read at the decision, in a live book as in a replay."""
    stops, rules, session_on = state.stops, spec.protection, hour.slot.session_on
    spell = guarded(stops, rules, session_on) if stops else None
    under_way = [o for o in state.working if not o.is_protective and o.status in _UNDER_WAY]
    return changed(
        _NOTHING_KNOWN,
        now=hour.cutoff_at,
        session_on=session_on,
        state=state.trading_state,
        closes_at=hour.closes_at,
        nav_usd=nav,
        previous_nav_usd=state.closing_nav_usd,
        cash_usd=state.portfolio.cash_usd,
        vix=vix_of(hour),
        held=state.held,
        prices=prices,
        sectors=spec.universe.sector_of,
        on_order_usd=_on_order(under_way, prices) if under_way else {},
        leaving=_leaving(under_way) if under_way else {},
        working=frozenset(o.symbol for o in under_way) if under_way else NONE,
        wash_until=WashedBy(state),
        sale_outlook=SaleOutlooks(state, session_on),
        unfit=UnfitRow(hour.panel, hour.row),
        daily_priced=hour.daily_priced,
        untradable=state.untradable,
        signal_only=spec.universe.signal_only(state.client_category),
        restricted={s: r.text for s, r in state.restricted.items() if r.holds_on(session_on)},
        resting_until=resting(stops, rules) if stops else {},
        guarded_until=None if spell is None else spell[1],
        tripped_on=state.breaker.tripped_on,
        orders_today=state.orders_today,
        traded_today_usd=state.traded_usd if state.traded_on == session_on else 0.0,
        settled_cash_usd=settled_cash_usd(state, session_on),
    )


_NOTHING_KNOWN = Desk(
    now=datetime.min.replace(tzinfo=UTC),
    session_on=date.min,
    state=TradingState.HALTED,
    closes_at=None,
    nav_usd=None,
    cash_usd=ZERO,
    vix=None,
)


def _on_order(under_way: Sequence[Order], prices: Mapping[Symbol, float]) -> dict[Symbol, float]:
    """Return what buys under way may still cost [USD], by symbol."""
    spent: dict[Symbol, float] = {}
    for order in under_way:
        if order.purpose is OrderPurpose.ENTRY:
            spent[order.symbol] = spent.get(order.symbol, 0.0) + cost_usd(order, prices)
    return spent


def _leaving(under_way: Sequence[Order]) -> dict[Symbol, Decimal]:
    """Return the shares that sales under way have not sold yet, by symbol."""
    going: dict[Symbol, Decimal] = {}
    for order in under_way:
        if order.side is Side.SELL:
            going[order.symbol] = going.get(order.symbol, ZERO) + order.remaining
    return going


def vix_of(hour: Hour) -> float | None:
    """Return the VIX [points]; None where it is unknown or stale."""
    return hour.panel.known_vix[hour.row]


def prices_of(hour: Hour) -> Mapping[Symbol, float]:
    """Return the last prices that exist [USD/share], stale ones included: they still value what is held."""
    symbols = hour.panel.symbols
    if len(symbols) > FEW:
        return PriceRow(hour.panel, hour.row)
    return {s: p for s, p in zip(symbols, hour.panel.price[hour.row].tolist(), strict=True) if isfinite(p)}
