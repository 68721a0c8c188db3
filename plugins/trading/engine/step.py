"""step(): one hour of the strategy for one book. The hourly task, the replay DAG and the replay all call it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_CEILING

import numpy as np

from trading.domain.instruments import BookId, Symbol
from trading.domain.orders import BREAKER, ON_TARGET, OPEN, SOFTWARE_STOP, Order, OrderPurpose
from trading.domain.panel import FloatArray
from trading.domain.portfolio import nav_usd
from trading.domain.records import changed
from trading.domain.signals import RuleRole
from trading.engine import breaker as breakers
from trading.engine.balance import aimed
from trading.engine.desk_view import desk_of, limits_of, prices_of, vix_of
from trading.engine.shrinking import shrunk
from trading.engine.state import Account, BookState, Hour, Step
from trading.engine.telling import Stops, account_of
from trading.execution.checks import CHECKS, Check
from trading.execution.desk import Desk
from trading.execution.limits import Limits
from trading.execution.planner import (
    PlanTerms,
    held_weights,
    plan_entry,
    plan_market_entry,
    plan_sale,
    trim_quantity,
)
from trading.execution.vetoes import Veto, vet
from trading.strategy.judging import Judgement
from trading.strategy.rules import CUTS_RISK
from trading.strategy.sizing import allocate, in_order
from trading.strategy.spec import StrategySpec

_OF_RISK = CUTS_RISK | {BREAKER, SOFTWARE_STOP}
"""Causes of a sale that cannot wait."""


@dataclass(frozen=True, slots=True)
class Gate:
    """What every order has to pass at the decision.

    Attributes:
        checks: in the order in which people read a denial.
    """

    limits: Limits
    checks: tuple[Check, ...] = CHECKS


def gate_of(spec: StrategySpec) -> Gate:
    """Return every check, with the caps of `spec` beside the limits that hold for any strategy."""
    return Gate(limits_of(spec))


def step(spec: StrategySpec, state: BookState, hour: Hour, decision_id: str, gate: Gate | None = None) -> Step:
    """Return what `spec` does with the book in this hour; nothing outside is asked, nothing is changed.

    Args:
        gate: None for that of `spec`.
    """
    gate = gate or gate_of(spec)
    prices = prices_of(hour)
    book = marked(state, prices, hour)
    nav = nav_usd(book.portfolio, prices)
    turned, change = (book, None) if nav is None else _turned(spec, book, hour, nav)
    terms = terms_of(spec, state.book, hour, decision_id)
    desk = desk_of(spec, turned, hour, prices, nav)
    stops = software_stops(spec, turned, prices) if desk.held else {}
    leaving = _leaving(spec, turned, hour, prices, stops) if desk.held else {}
    has_tripped = turned.breaker.tripped_on is not None and state.breaker.tripped_on is None
    halving = has_tripped and spec.protection.breaker_exit == "half"
    orders, vetoes = decided(spec, terms, desk, hour, leaving, gate, halving=halving)
    after = turned
    if orders:
        after = changed(
            turned,
            orders_today=turned.orders_today + sum(not o.is_protective for o in orders),
            balance=aimed(turned.balance, desk, orders),
        )

    def tell(taken: Step) -> Account:
        weights = target_weights(spec, desk, hour, leaving)
        return account_of(spec, taken, hour, desk, weights, stops)

    return Step(after, orders, vetoes, nav, change, tell)


def decided(
    spec: StrategySpec,
    terms: PlanTerms,
    desk: Desk,
    hour: Hour,
    leaving: Mapping[Symbol, str],
    gate: Gate,
    *,
    halving: bool = False,
) -> tuple[tuple[Order, ...], tuple[Veto, ...]]:
    """Return the orders that go and the vetoes of those that do not.

    Args:
        leaving: why a position is sold in full, by symbol.
        halving: whether the breaker has just tripped and sells half.
    """
    planned = [*_sales(spec, terms, desk, hour, leaving, halving=halving), *_entries(spec, terms, desk, hour, leaving)]
    return shrunk(hour, *vet(planned, desk, gate.limits, gate.checks)) if planned else ((), ())


def marked(state: BookState, prices: Mapping[Symbol, float], hour: Hour) -> BookState:
    """Return the book with its high-water prices and session moved to this hour."""
    positions = state.portfolio.positions
    raised = {
        symbol: changed(position, high_water_price=price)
        for symbol, position in positions.items()
        if (price := prices.get(symbol)) is not None and price > position.high_water_price
    }
    if raised:
        positions = {**positions, **raised}
    portfolio = state.portfolio.marked(hour.slot.as_of, positions)
    if state.session_on == hour.slot.session_on:
        return changed(state, portfolio=portfolio)
    return changed(
        state,
        portfolio=portfolio,
        session_on=hour.slot.session_on,
        orders_today=0,
        closing_nav_usd=state.newest_nav_usd,
        balance=state.balance.later(state.session_on is not None),
    )


def _turned(spec: StrategySpec, state: BookState, hour: Hour, nav: float) -> tuple[BookState, str | None]:
    """Return the book with its NAV noted and what the drawdown breaker makes of it."""
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
    return changed(state, breaker=breaker, trading_state=trading_state, newest_nav_usd=nav), change


def terms_of(spec: StrategySpec, book: BookId, hour: Hour, decision_id: str) -> PlanTerms:
    """Return how the orders of this decision are written."""
    return PlanTerms(
        book=book,
        decision_id=decision_id,
        planned_at=hour.cutoff_at,
        limit_offset_frac=spec.sizing.limit_offset_frac,
        trail_frac=spec.protection.trail_frac,
        take_profit_frac=spec.protection.take_profit_frac,
        rests=spec.protection.rests == "at_broker",
    )


def _leaving(
    spec: StrategySpec, state: BookState, hour: Hour, prices: Mapping[Symbol, float], stops: Stops
) -> Mapping[Symbol, str]:
    """Return the cause for each held symbol that the tripped breaker, the software guard or an exit rule sells in full.

    Where several would, a cause of risk is named before one that can wait.
    """
    held = state.held
    if state.breaker.tripped_on is not None and spec.protection.breaker_exit == "all":
        return dict.fromkeys(held, BREAKER)
    exits, column = hour.judgement.exits[hour.row], hour.panel.column
    leaving: dict[Symbol, str] = {}
    if spec.protection.rests == "on_closes":
        leaving = dict.fromkeys(_risen(spec, state, prices), ON_TARGET)
    for symbol in held:
        if symbol in column and exits.item(column[symbol]):
            leaving[symbol] = exit_rule(hour.judgement, hour.row, column[symbol])
    for symbol, (price, stop) in stops.items():
        if price <= stop:
            leaving[symbol] = SOFTWARE_STOP
    return leaving


def exit_rule(judgement: Judgement, row: int, column: int) -> str:
    """Return the exit rule that passes, one of risk before the others."""
    passing = [name for role, name, said in judgement.verdicts if role is RuleRole.EXIT and said.passes_at(row)[column]]
    return next((name for name in passing if name in CUTS_RISK), passing[0])


def software_stops(
    spec: StrategySpec, state: BookState, prices: Mapping[Symbol, float]
) -> dict[Symbol, tuple[float, float]]:
    """Return (price, stop) of each held symbol that no stop guards at the broker: the second line acts on it.

    Where a stop rests at the broker it is left to work, as it does in a replay.
    """
    guarded = {o.symbol for o in state.working if o.purpose is OrderPurpose.STOP and o.status in OPEN}
    keep_frac, positions = 1.0 - spec.protection.trail_frac, state.portfolio.positions
    return {
        symbol: (price, positions[symbol].high_water_price * keep_frac)
        for symbol in state.held
        if symbol not in guarded and (price := prices.get(symbol)) is not None
    }


def _risen(spec: StrategySpec, state: BookState, prices: Mapping[Symbol, float]) -> Iterator[Symbol]:
    """Yield the held symbols that closed at their target, where no order at the broker waits for it."""
    times = 1.0 + spec.protection.take_profit_frac
    for symbol, position in state.portfolio.positions.items():
        price = prices.get(symbol)
        if price is not None and price >= position.average_cost * times:
            yield symbol


def _sales(
    spec: StrategySpec, terms: PlanTerms, desk: Desk, hour: Hour, leaving: Mapping[Symbol, str], *, halving: bool
) -> Iterator[Order]:
    """Yield what is sold in full, and in part: half of all in the hour in which the breaker trips, else what is over.

    Args:
        halving: whether the breaker has just tripped and sells half.
    """
    for symbol, quantity in desk.held.items():
        if symbol in leaving and symbol not in desk.working:
            opens, cause = at_open(hour, symbol), leaving[symbol]
            yield plan_sale(terms, symbol, quantity, purpose_of(cause), at_open=opens, cause=cause)
    if halving:
        for symbol, quantity in desk.held.items():
            if symbol not in leaving and symbol not in desk.working:
                half = (quantity / 2).to_integral_value(ROUND_CEILING)
                yield plan_sale(terms, symbol, half, OrderPurpose.TRIM, at_open=at_open(hour, symbol), cause=BREAKER)
        return
    if desk.nav_usd is None:
        return
    for symbol, weight in held_weights(desk.held, desk.prices, desk.nav_usd):
        if weight > spec.sizing.trim_above_frac and symbol not in leaving and symbol not in desk.working:
            surplus = trim_quantity(desk.held[symbol], desk.prices[symbol], spec.sizing.asset_cap_frac, desk.nav_usd)
            if surplus >= 1:
                yield plan_sale(terms, symbol, surplus, OrderPurpose.TRIM, at_open=at_open(hour, symbol))


def purpose_of(cause: str) -> OrderPurpose:
    """Return whether a sale in full cuts risk, or could have waited."""
    return OrderPurpose.EXIT if cause in _OF_RISK else OrderPurpose.RULE_EXIT


def at_open(hour: Hour, symbol: Symbol) -> bool:
    """Return whether a sale decided now waits for the next open: at the close, and on daily bars."""
    return hour.slot.is_closing or symbol in hour.daily_priced


def _candidates(desk: Desk, hour: Hour) -> list[int]:
    """Return the columns that may be entered, in universe order."""
    symbols, held, working = hour.panel.symbols, desk.held, desk.working
    passing: list[int] = hour.judgement.may_enter[hour.row].nonzero()[0].tolist()
    return [c for c in passing if symbols[c] not in held and symbols[c] not in working]


def target_weights(
    spec: StrategySpec, desk: Desk, hour: Hour, leaving: Collection[Symbol], candidates: Sequence[int] | None = None
) -> dict[Symbol, float]:
    """Return target weights over what is held and stays, and what may be entered."""
    symbols = hour.panel.symbols
    if candidates is None:
        candidates = _candidates(desk, hour)
    if spec.sizing.rule == "in_order":
        prices = hour.panel.price[hour.row][candidates].tolist()
        places = in_order(spec.sizing, prices, nav_usd=desk.nav_usd or 0.0, free_usd=desk.free_cash_usd())
        return {symbols[candidates[place]]: spec.sizing.asset_cap_frac for place in places}
    column = hour.panel.column
    staying = [column[s] for s in desk.held if s in column and s not in leaving]
    weights = sleeve_weights(spec, staying, candidates, hour.panel.volatility_frac[hour.row])
    return {symbols[column]: weight for column, weight in weights.items()}


def sleeve_weights(
    spec: StrategySpec, staying: Sequence[int], candidates: Sequence[int], volatility_frac: FloatArray
) -> dict[int, float]:
    """Return the target weight of each column, ascending, over what is held and stays, and what may be entered."""
    if not staying and not candidates:
        return {}
    held = np.zeros(len(volatility_frac), bool)
    held[staying] = True
    qualifies = held.copy()
    qualifies[candidates] = True
    targets = allocate(spec.sizing, spec.universe, qualifies, volatility_frac, held=held)
    return {column: targets.item(column) for column in np.flatnonzero(targets > 0).tolist()}


def _entries(
    spec: StrategySpec, terms: PlanTerms, desk: Desk, hour: Hour, leaving: Collection[Symbol]
) -> Iterator[Order]:
    if desk.nav_usd is None or not (candidates := _candidates(desk, hour)):
        return
    for symbol, weight in target_weights(spec, desk, hour, leaving, candidates).items():
        if symbol in desk.held:
            continue
        yield from plan_buy(spec, terms, desk, hour, symbol, weight)


def plan_buy(
    spec: StrategySpec, terms: PlanTerms, desk: Desk, hour: Hour, symbol: Symbol, weight_frac: float
) -> tuple[Order, ...]:
    """Return a buy of so much of NAV with its protection, as the strategy buys; nothing under one share."""
    nav, last_price = desk.nav_usd or 0.0, desk.prices[symbol]
    if spec.sizing.entry_order == "market":
        opens = at_open(hour, symbol)
        return plan_market_entry(
            terms, symbol, weight_frac=weight_frac, nav_usd=nav, last_price=last_price, at_open=opens
        )
    starts_at = hour.next_open_at if symbol in hour.daily_priced else hour.cutoff_at
    return plan_entry(
        terms,
        symbol,
        weight_frac=weight_frac,
        nav_usd=nav,
        last_price=last_price,
        expires_at=starts_at + timedelta(minutes=spec.protection.entry_minutes),
    )
