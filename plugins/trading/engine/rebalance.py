"""The rebalance: held names are brought back to target, sales first, buys once the sales have had their hour.

Sales and buys are two decisions. The first one sells what is over its target; the next hour that can buy tops up, from
the cash that is there by then. Nothing depends on an order that has not filled: what the sales did not bring is not
spent. Without sales there is nothing to wait for, and the buys are part of the first decision.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from trading.domain.instruments import Symbol
from trading.domain.orders import IN_FULL, Order, OrderPurpose
from trading.domain.portfolio import nav_usd
from trading.domain.records import changed
from trading.domain.signals import Targets
from trading.engine.balance import buys_are_due, rebalanced
from trading.engine.desk_view import desk_of, prices_of
from trading.engine.shrinking import shrunk
from trading.engine.state import Account, BookState, Hour, Step
from trading.engine.step import Gate, at_open, gate_of, marked, plan_buy, terms_of
from trading.engine.telling import marks_of
from trading.execution.desk import Desk, cost_usd
from trading.execution.planner import PlanTerms, held_weights, plan_sale, trim_quantity
from trading.execution.vetoes import Veto, vet
from trading.strategy.sizing import allocate
from trading.strategy.spec import StrategySpec

BY_HAND = "an operator asked for it"


def rebalance_step(
    spec: StrategySpec, state: BookState, hour: Hour, decision_id: str, reason: str = BY_HAND, gate: Gate | None = None
) -> Step:
    """Return the orders that bring held names back to target where the gap is worth a trade.

    A gap is worth it above max(1 % of NAV, 20 % of the target). A name that is not held enters by the hourly rules
    only.

    Args:
        reason: why the book is rebalanced, for people.
        gate: None for that of `spec`.
    """
    book = marked(state, prices_of(hour), hour)
    plan = plan_of(spec, book, hour, decision_id)
    desk, weights = plan.desk, plan.targets
    may_sell = hour.starts_quarter or not buys_are_due(book)
    orders, vetoes = _decided(plan, gate or gate_of(spec), may_sell=may_sell)
    sells = any(o.purpose is OrderPurpose.REBALANCE for o in orders)
    balance = rebalanced(book.balance, desk, orders, buys_wait=sells) if desk.held else book.balance
    after = changed(book, balance=balance, orders_today=book.orders_today + sum(not o.is_protective for o in orders))

    def tell(taken: Step) -> Account:
        return Account(
            targets=Targets(hour.slot.as_of, desk.nav_usd or 0.0, weights),
            reasons=(),
            marks=marks_of(book.portfolio, desk.prices),
            note=_note(taken, reason, len(weights)),
        )

    return Step(after, orders, vetoes, desk.nav_usd, None, tell)


def plan_of(spec: StrategySpec, state: BookState, hour: Hour, decision_id: str) -> Plan:
    """Return the plan of a book whose marks stand at this hour."""
    prices = prices_of(hour)
    desk = desk_of(spec, state, hour, prices, nav_usd(state.portfolio, prices))
    leaving = {o.symbol for o in state.working if o.purpose in IN_FULL and o.symbol in desk.working}
    return Plan(spec, terms_of(spec, state.book, hour, decision_id), desk, hour, _targets(spec, desk, hour, leaving))


def _targets(spec: StrategySpec, desk: Desk, hour: Hour, leaving: Collection[Symbol]) -> dict[Symbol, float]:
    """Return the target weight of each held name that stays [0–1]; a strategy that is sized in order has none.

    A name on its way out leaves its place to the others now; counted in, they would be sold for it, and bought back.
    """
    if spec.sizing.rule != "sleeves":
        return {}
    held = np.array([s in desk.held and s not in leaving for s in hour.panel.symbols])
    weights = allocate(spec.sizing, spec.universe, held, hour.panel.volatility_frac[hour.row], held=held)
    return {s: float(w) for s, w, h in zip(hour.panel.symbols, weights, held, strict=True) if h}


def _decided(plan: Plan, gate: Gate, *, may_sell: bool) -> tuple[tuple[Order, ...], tuple[Veto, ...]]:
    """Return the sales; where none goes, or they have had their hour, the buys."""
    sales, vetoes = vet(list(plan.sales()), plan.desk, gate.limits, gate.checks) if may_sell else ((), ())
    if sales:
        return sales, vetoes
    buys, denied = shrunk(plan.hour, *vet(list(plan.buys()), plan.desk, gate.limits, gate.checks))
    return buys, (*vetoes, *denied)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a rebalance would do, before any check."""

    spec: StrategySpec
    terms: PlanTerms
    desk: Desk
    hour: Hour
    targets: Mapping[Symbol, float]

    def gaps(self) -> list[tuple[Symbol, float]]:
        """Return (symbol, target less weight) of each gap that is worth a trade, the largest buy first."""
        if self.desk.nav_usd is None:
            return []
        sizing, found = self.spec.sizing, list[tuple[Symbol, float]]()
        for symbol, weight in held_weights(self.desk.held, self.desk.prices, self.desk.nav_usd):
            target = self.targets.get(symbol)
            if target is None or symbol in self.desk.working:
                continue
            if abs(target - weight) > max(sizing.rebalance_nav_frac, sizing.rebalance_target_frac * target):
                found.append((symbol, target - weight))
        return sorted(found, key=lambda gap: (-gap[1], gap[0]))

    def sales(self) -> Iterator[Order]:
        """Yield a sale for each name that is over its target."""
        for symbol, gap in self.gaps():
            if gap < 0:
                held, price, nav = self.desk.held[symbol], self.desk.prices[symbol], self.desk.nav_usd or 0.0
                surplus = trim_quantity(held, price, self.targets[symbol], nav)
                if surplus >= 1:
                    opens = at_open(self.hour, symbol)
                    yield plan_sale(self.terms, symbol, surplus, OrderPurpose.REBALANCE, at_open=opens)

    def buys(self, *, coming_usd: float = 0.0) -> Iterator[Order]:
        """Yield a buy with its protection for each name that is under its target, cut to the cash that is there.

        One for which cash leaves no share stays as large as it was meant to be: the checks deny it with the numbers.

        Args:
            coming_usd: cash that is expected on top, for a preview.
        """
        nav = self.desk.nav_usd or 0.0
        room_usd = self.desk.free_cash_usd() + coming_usd - self.spec.sizing.cash_buffer_frac * nav
        for symbol, gap in self.gaps():
            if gap <= 0:
                continue
            family = self._buy(symbol, min(gap, room_usd / nav))
            if family:
                room_usd -= cost_usd(family[0], self.desk.prices)
            yield from family or self._buy(symbol, gap)

    def _buy(self, symbol: Symbol, weight_frac: float) -> tuple[Order, ...]:
        return plan_buy(self.spec, self.terms, self.desk, self.hour, symbol, weight_frac)


def _note(taken: Step, reason: str, held: int) -> str:
    sales = sum(o.purpose is OrderPurpose.REBALANCE for o in taken.orders)
    buys = sum(o.purpose is OrderPurpose.ENTRY for o in taken.orders)
    denied = sum(bool(v.denials) for v in taken.vetoes)
    waits = "; buys wait for the sales" if taken.state.balance.buys_wait else ""
    return f"rebalance, {reason}: {sales} trims and {buys} top-ups of {held} held names, {denied} denied{waits}"
