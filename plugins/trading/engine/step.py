"""step(): one hour of the strategy for one book. The hourly task, the replay DAG and the replay all call it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from trading.domain.instruments import Symbol
from trading.domain.orders import OPEN, Order, OrderPurpose, Side
from trading.domain.portfolio import Portfolio, Position, TradingState, nav_usd
from trading.domain.signals import Outcome, Reason, RuleRole, Targets
from trading.engine import breaker as breakers
from trading.engine.desk_view import desk_of, limits_of, prices_of, vix_of
from trading.engine.state import BookState, Hour, Step
from trading.execution.desk import Desk
from trading.execution.planner import PlanTerms, held_weights, plan_entry, plan_sale, trim_quantity
from trading.execution.vetoes import vet
from trading.strategy.sizing import allocate
from trading.strategy.spec import StrategySpec


def step(spec: StrategySpec, state: BookState, hour: Hour, decision_id: str) -> Step:
    """Return what `spec` does with the book in this hour; nothing outside is asked, nothing is changed."""
    prices = prices_of(hour)
    book = marked(state, prices, hour)
    nav = nav_usd(book.portfolio, prices)
    turned, change = _turn_breaker(spec, book, hour, nav)
    terms = terms_of(spec, state, hour, decision_id)
    desk = desk_of(spec, turned, hour, prices, nav)
    leaving = _leaving(spec, turned, hour)
    planned = [
        *_sales(spec, terms, desk, hour, leaving),
        *_entries(spec, terms, desk, hour, weights := _weights(spec, desk, hour, leaving)),
    ]
    orders, vetoes = vet(planned, desk, limits_of(spec))
    sent = sum(not o.is_protective for o in orders)
    return Step(
        state=replace(
            turned,
            orders_today=turned.orders_today + sent,
            newest_nav_usd=turned.newest_nav_usd if nav is None else nav,
        ),
        orders=orders,
        vetoes=vetoes,
        targets=Targets(hour.slot.as_of, nav or 0.0, weights),
        reasons=tuple(_path_reasons(spec, turned, hour, nav)),
        marks=marks_of(turned.portfolio, prices),
        nav_usd=nav,
        state_change=change,
        note=_note(orders, len(vetoes), turned.trading_state, desk, spec),
    )


def marked(state: BookState, prices: dict[Symbol, float], hour: Hour) -> BookState:
    """Return the book with its high-water prices and session moved to this hour."""
    positions = {
        s: Position(s, p.lots, max(p.high_water_price, prices.get(s, p.high_water_price)))
        for s, p in state.portfolio.positions.items()
        if p.lots
    }
    same_session = state.session_on == hour.slot.session_on
    return replace(
        state,
        portfolio=replace(state.portfolio, as_of=hour.slot.as_of, positions=positions),
        session_on=hour.slot.session_on,
        orders_today=state.orders_today if same_session else 0,
        closing_nav_usd=state.closing_nav_usd if same_session else state.newest_nav_usd,
    )


def _turn_breaker(spec: StrategySpec, state: BookState, hour: Hour, nav: float | None) -> tuple[BookState, str | None]:
    if nav is None:
        return state, None
    breaker, trading_state, change = breakers.turn(
        state.breaker,
        state.trading_state,
        nav_usd=nav,
        session_on=hour.slot.session_on,
        is_new_session=hour.is_first_of_session,
        vix=vix_of(hour),
        rules=spec.protection,
        may_lift=state.breaker_may_lift,
    )
    return replace(state, breaker=breaker, trading_state=trading_state), change


def terms_of(spec: StrategySpec, state: BookState, hour: Hour, decision_id: str) -> PlanTerms:
    """Return how the orders of this decision are written."""
    return PlanTerms(
        book=state.book,
        decision_id=decision_id,
        planned_at=hour.cutoff_at,
        limit_offset_frac=spec.sizing.limit_offset_frac,
        trail_frac=spec.protection.trail_frac,
        take_profit_frac=spec.protection.take_profit_frac,
    )


def _leaving(spec: StrategySpec, state: BookState, hour: Hour) -> frozenset[Symbol]:
    """Return the held symbols that an exit rule, the tripped breaker or the software stop sells in full."""
    held = state.held
    if state.breaker.tripped_on is not None and spec.protection.breaker_exit == "all":
        return frozenset(held)
    exits = hour.judgement.exits[hour.row]
    by_rule = (s for s, leaves in zip(hour.panel.symbols, exits, strict=True) if leaves and s in held)
    fallen = (s for s, (price, stop) in software_stops(spec, state, prices_of(hour)).items() if price <= stop)
    return frozenset((*by_rule, *fallen))


def software_stops(
    spec: StrategySpec, state: BookState, prices: dict[Symbol, float]
) -> dict[Symbol, tuple[float, float]]:
    """Return (price, stop) of each held symbol that no stop guards at the broker: the second line acts on it.

    Where a stop rests at the broker it is left to work, as it does in a replay.
    """
    guarded = {o.symbol for o in state.working if o.purpose is OrderPurpose.STOP and o.status in OPEN}
    keep_frac = 1.0 - spec.protection.trail_frac
    return {
        symbol: (prices[symbol], state.portfolio.positions[symbol].high_water_price * keep_frac)
        for symbol in state.held
        if symbol not in guarded and symbol in prices
    }


def _sales(spec: StrategySpec, terms: PlanTerms, desk: Desk, hour: Hour, leaving: frozenset[Symbol]) -> Iterator[Order]:
    for symbol, quantity in desk.held.items():
        if symbol in leaving and symbol not in desk.working:
            yield plan_sale(terms, symbol, quantity, OrderPurpose.EXIT, at_open=at_open(hour, symbol))
    if desk.nav_usd is None:
        return
    for symbol, weight in held_weights(desk.held, desk.prices, desk.nav_usd).items():
        if weight > spec.sizing.trim_above_frac and symbol not in leaving and symbol not in desk.working:
            surplus = trim_quantity(desk.held[symbol], desk.prices[symbol], spec.sizing.asset_cap_frac, desk.nav_usd)
            if surplus >= 1:
                yield plan_sale(terms, symbol, surplus, OrderPurpose.TRIM, at_open=at_open(hour, symbol))


def at_open(hour: Hour, symbol: Symbol) -> bool:
    """Return whether a sale decided now waits for the next open: at the close, and on daily bars."""
    return hour.slot.is_closing or symbol in hour.daily_priced


def _candidates(desk: Desk, hour: Hour, leaving: frozenset[Symbol]) -> NDArray[np.bool_]:
    open_to_entry = hour.judgement.enters[hour.row] & ~hour.judgement.blocked[hour.row]
    free = [s not in desk.held and s not in desk.working and s not in leaving for s in hour.panel.symbols]
    return np.asarray(open_to_entry & np.array(free))


def _weights(spec: StrategySpec, desk: Desk, hour: Hour, leaving: frozenset[Symbol]) -> dict[Symbol, float]:
    """Return target weights over what is held and stays, and what may be entered."""
    stays = np.array([s in desk.held and s not in leaving for s in hour.panel.symbols])
    qualifies = stays | _candidates(desk, hour, leaving)
    if not qualifies.any():
        return {}
    weights = allocate(spec.sizing, qualifies, hour.panel.volatility_frac[hour.row], spec.universe.sectors)
    return {s: float(w) for s, w in zip(hour.panel.symbols, weights, strict=True) if w > 0}


def _entries(
    spec: StrategySpec, terms: PlanTerms, desk: Desk, hour: Hour, weights: dict[Symbol, float]
) -> Iterator[Order]:
    if desk.nav_usd is None:
        return
    lasts = timedelta(minutes=spec.protection.entry_minutes)
    for symbol, weight in weights.items():
        if symbol in desk.held:
            continue
        starts_at = hour.next_open_at if symbol in hour.daily_priced else hour.cutoff_at
        yield from plan_entry(
            terms,
            symbol,
            weight_frac=weight,
            nav_usd=desk.nav_usd,
            last_price=desk.prices[symbol],
            expires_at=starts_at + lasts,
        )


def _path_reasons(spec: StrategySpec, state: BookState, hour: Hour, nav: float | None) -> Iterator[Reason]:
    """Yield the verdicts that rest on the book: the breaker for what is held, and what is held already."""
    fall = None if nav is None else breakers.drawdown_frac(state.breaker, nav)
    tripped = state.breaker.tripped_on is not None
    breaker_outcome = Outcome.ABSTAIN if fall is None else Outcome.PASS if tripped else Outcome.FAIL
    held, bare = state.held, software_stops(spec, state, prices_of(hour))
    for symbol in hour.panel.symbols:
        quantity = held.get(symbol, Decimal(0))
        is_held = Outcome.PASS if quantity else Outcome.FAIL
        yield _path_reason(hour, symbol, "position_open", RuleRole.BLOCK, is_held, float(quantity), 0.0)
        if quantity:
            threshold = spec.protection.breaker_frac
            yield _path_reason(hour, symbol, "drawdown_breaker", RuleRole.EXIT, breaker_outcome, fall, threshold)
        if symbol in bare:
            price, stop = bare[symbol]
            has_fallen = Outcome.PASS if price <= stop else Outcome.FAIL
            yield _path_reason(hour, symbol, "software_stop", RuleRole.EXIT, has_fallen, price, stop)


def _path_reason(
    hour: Hour, symbol: Symbol, rule: str, role: RuleRole, outcome: Outcome, observed: float | None, threshold: float
) -> Reason:
    why = "NAV is unknown: a held symbol has no price" if outcome is Outcome.ABSTAIN else None
    return Reason(symbol, hour.slot.as_of, rule, role, outcome, observed, threshold, hour.slot.as_of, why)


def marks_of(portfolio: Portfolio, prices: dict[Symbol, float]) -> dict[Symbol, tuple[Decimal, float, float]]:
    """Return (quantity, price, high-water price) of each held symbol that has a price."""
    return {
        s: (p.quantity, prices[s], p.high_water_price) for s, p in portfolio.positions.items() if p.lots and s in prices
    }


def _note(orders: tuple[Order, ...], denied: int, state: TradingState, desk: Desk, spec: StrategySpec) -> str:
    entries = sum(o.purpose is OrderPurpose.ENTRY for o in orders)
    sales = sum(o.side is Side.SELL and not o.is_protective for o in orders)
    parts = [f"{_many(entries, 'entry', 'entries')}, {_many(sales, 'sale')}, {_many(denied, 'leg')} denied"]
    if state is not TradingState.ACTIVE:
        parts.append(f"trading state {state}")
    if desk.vix is None:
        parts.append("entries blocked: the VIX is unknown")
    elif desk.vix > spec.protection.max_vix:
        parts.append(f"entries blocked: VIX {desk.vix:.1f} > {spec.protection.max_vix:g}")
    return "; ".join(parts)


def _many(count: int, one: str, many: str = "") -> str:
    return f"{count} {one if count == 1 else many or one + 's'}"
