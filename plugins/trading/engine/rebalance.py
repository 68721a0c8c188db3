"""The quarterly step: sales that bring overweight names and sleeves back to target."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from trading.domain.instruments import Symbol
from trading.domain.orders import Order, OrderPurpose
from trading.domain.portfolio import nav_usd
from trading.domain.signals import Targets
from trading.engine.desk_view import desk_of, limits_of, prices_of
from trading.engine.shrinking import shrunk
from trading.engine.state import Account, BookState, Hour, Step
from trading.engine.step import at_open, marked, terms_of
from trading.engine.telling import marks_of
from trading.execution.desk import Desk
from trading.execution.planner import PlanTerms, held_weights, plan_sale, trim_quantity
from trading.execution.vetoes import vet
from trading.strategy.sizing import allocate
from trading.strategy.spec import Sizing, StrategySpec


def rebalance_step(spec: StrategySpec, state: BookState, hour: Hour, decision_id: str) -> Step:
    """Return the trims that bring held names down to target where the gap is worth a trade.

    A gap is worth it above max(1 % of NAV, 20 % of the target). Names under their target are left to the hourly
    loop, whose entry rules decide; sales come first in any case.
    """
    prices = prices_of(hour)
    book = marked(state, prices, hour)
    nav = nav_usd(book.portfolio, prices)
    desk = desk_of(spec, book, hour, prices, nav)
    weights = _held_targets(spec, desk, hour)
    planned = list(_trims(spec.sizing, terms_of(spec, state, hour, decision_id), desk, hour, weights))
    orders, vetoes = shrunk(hour, *vet(planned, desk, limits_of(spec)))

    def tell(taken: Step) -> Account:
        return Account(
            targets=Targets(hour.slot.as_of, nav or 0.0, weights),
            reasons=(),
            marks=marks_of(book.portfolio, prices),
            note=f"rebalance: {len(taken.orders)} trims of {len(weights)} held names, {len(taken.vetoes)} denied",
        )

    return Step(book, orders, vetoes, nav, None, tell)


def _held_targets(spec: StrategySpec, desk: Desk, hour: Hour) -> dict[Symbol, float]:
    held = np.array([s in desk.held for s in hour.panel.symbols])
    weights = allocate(spec.sizing, spec.universe, held, hour.panel.volatility_frac[hour.row])
    return {s: float(w) for s, w, h in zip(hour.panel.symbols, weights, held, strict=True) if h}


def _trims(sizing: Sizing, terms: PlanTerms, desk: Desk, hour: Hour, targets: dict[Symbol, float]) -> Iterator[Order]:
    if desk.nav_usd is None:
        return
    for symbol, weight in held_weights(desk.held, desk.prices, desk.nav_usd):
        target = targets[symbol]
        worth_it = weight - target > max(sizing.rebalance_nav_frac, sizing.rebalance_target_frac * target)
        if worth_it and symbol not in desk.working:
            surplus = trim_quantity(desk.held[symbol], desk.prices[symbol], target, desk.nav_usd)
            if surplus >= 1:
                yield plan_sale(terms, symbol, surplus, OrderPurpose.REBALANCE, at_open=at_open(hour, symbol))
