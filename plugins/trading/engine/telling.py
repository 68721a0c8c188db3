"""The account of an hour for people: verdicts that rest on the book, marks, targets and one line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

from trading.domain.instruments import Symbol
from trading.domain.orders import OrderPurpose, Side
from trading.domain.portfolio import Breaker, Portfolio, TradingState
from trading.domain.signals import Outcome, Reason, RuleRole, Targets
from trading.engine import breaker as breakers
from trading.engine.state import Account, Hour, Step
from trading.execution.desk import Desk
from trading.strategy.spec import StrategySpec

type Stops = Mapping[Symbol, tuple[float, float]]
"""(price, stop) of each held symbol that no stop guards at the broker."""


def account_of(
    spec: StrategySpec, taken: Step, hour: Hour, desk: Desk, weights: Mapping[Symbol, float], bare: Stops
) -> Account:
    """Return what is kept of the hour for people."""
    return Account(
        targets=Targets(hour.slot.as_of, taken.nav_usd or 0.0, weights),
        reasons=tuple(path_reasons(spec, hour, taken.state.held, taken.state.breaker, taken.nav_usd, bare)),
        marks=marks_of(taken.state.portfolio, desk.prices),
        note=_note(taken, desk, spec),
    )


def marks_of(portfolio: Portfolio, prices: Mapping[Symbol, float]) -> dict[Symbol, tuple[Decimal, float, float]]:
    """Return (quantity, price, high-water price) of each held symbol that has a price."""
    return {
        s: (p.quantity, prices[s], p.high_water_price) for s, p in portfolio.positions.items() if p.lots and s in prices
    }


def path_reasons(
    spec: StrategySpec,
    hour: Hour,
    held: Mapping[Symbol, Decimal],
    breaker: Breaker,
    nav: float | None,
    bare: Stops,
) -> Iterator[Reason]:
    """Yield the verdicts that rest on the book: the breaker for what is held, and what is held already."""
    fall = None if nav is None else breakers.drawdown_frac(breaker, nav)
    tripped = breaker.tripped_on is not None
    breaker_outcome = Outcome.ABSTAIN if fall is None else Outcome.PASS if tripped else Outcome.FAIL
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


def _note(taken: Step, desk: Desk, spec: StrategySpec) -> str:
    orders, denied, state = taken.orders, len(taken.vetoes), taken.state.trading_state
    entries = sum(o.purpose is OrderPurpose.ENTRY for o in orders)
    sales = sum(o.side is Side.SELL and not o.is_protective for o in orders)
    parts = [f"{_many(entries, 'entry', 'entries')}, {_many(sales, 'sale')}, {_many(denied, 'leg')} denied"]
    if state is not TradingState.ACTIVE:
        parts.append(f"trading state {state}")
    if desk.vix is None:
        parts.append("entries blocked: the VIX is unknown")
    elif desk.vix > spec.protection.max_vix:
        parts.append(f"entries blocked: VIX {desk.vix:.1f} > {spec.protection.max_vix:g}")
    if desk.guarded_until is not None:
        parts.append(f"entries blocked: too many stops, exits only until {desk.guarded_until}")
    return "; ".join(parts)


def _many(count: int, one: str, many: str = "") -> str:
    return f"{count} {one if count == 1 else many or one + 's'}"
