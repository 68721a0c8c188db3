"""What a rebalance decision changes, read off the decision: weights, trades, and what the tax law makes of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal

from trading.accounting.lots import book_fill
from trading.accounting.wash_sales import sale_now
from trading.domain.fills import Fill, Term
from trading.domain.money import ZERO, to_price
from trading.domain.orders import Order, OrderPurpose, Side
from trading.domain.rebalances import Preview, PreviewedName, PreviewedTrade
from trading.engine.outlooks import outlook_of
from trading.engine.rebalance import Plan, plan_of
from trading.engine.state import BookState, Hour, Step
from trading.execution.desk import cost_usd
from trading.execution.planner import held_weights
from trading.strategy.spec import StrategySpec


def preview_of(
    spec: StrategySpec, state: BookState, hour: Hour, taken: Step, *, decision_id: str, reason: str
) -> Preview:
    """Return the preview of a rebalance that found the book as `state` and decided `taken`."""
    plan = plan_of(spec, state, hour, decision_id)
    trades = tuple(_trades(plan, state, hour, taken))
    nav = plan.desk.nav_usd
    cash = float(plan.desk.cash_usd)
    going = [t for t in trades if t.denied is None]
    return Preview(
        decision_id=decision_id,
        book=state.book,
        as_of=hour.slot.as_of,
        reason=reason,
        nav_usd=nav,
        cash_before_usd=cash,
        cash_after_usd=cash + sum(_signed(t) for t in going),
        names=() if nav is None else tuple(_names(plan, nav, going)),
        trades=trades,
    )


def _signed(trade: PreviewedTrade) -> float:
    """Return what a trade does to cash [USD]."""
    return trade.worth_usd if trade.side is Side.SELL else -trade.worth_usd


def _names(plan: Plan, nav_usd: float, going: Iterable[PreviewedTrade]) -> Iterator[PreviewedName]:
    moved: dict[str, float] = {}
    for trade in going:
        moved[trade.symbol] = moved.get(trade.symbol, 0.0) - _signed(trade)
    for symbol, weight in held_weights(plan.desk.held, plan.desk.prices, nav_usd):
        after = weight + moved.get(symbol, 0.0) / nav_usd
        yield PreviewedName(symbol, weight, plan.targets.get(symbol, weight), after)


def _trades(plan: Plan, state: BookState, hour: Hour, taken: Step) -> Iterator[PreviewedTrade]:
    denials = {v.order.order_id: v.order.detail or v.code for v in taken.vetoes}
    heads = [o for o in (*taken.orders, *(v.order for v in taken.vetoes)) if not o.is_protective]
    for order in heads:
        if order.side is Side.SELL:
            yield _sale(plan, state, hour, order, denials.get(order.order_id))
        else:
            yield _bought(plan, order, denials.get(order.order_id))
    if taken.state.balance.buys_wait:
        proceeds = sum(cost_usd(o, plan.desk.prices) for o in taken.orders if o.purpose is OrderPurpose.REBALANCE)
        for order in plan.buys(coming_usd=proceeds):
            if not order.is_protective:
                yield _bought(plan, order, None, waits=True)


def _bought(plan: Plan, order: Order, denied: str | None, *, waits: bool = False) -> PreviewedTrade:
    worth = cost_usd(order, plan.desk.prices)
    return PreviewedTrade(
        order.symbol, Side.BUY, order.quantity, worth, None if waits else order.order_id, denied=denied
    )


def _sale(plan: Plan, state: BookState, hour: Hour, order: Order, denied: str | None) -> PreviewedTrade:
    """Return a sale with what its lots gain at the last price, and what of a loss the tax law would disallow."""
    price = to_price(plan.desk.prices[order.symbol])
    position = state.portfolio.positions.get(order.symbol)
    lots = () if position is None else position.lots
    closed = book_fill(_as_if(order, price, hour), lots, state.lot_method).disposals
    gains = {term: sum((d.gain_usd for d in closed if d.term is term), ZERO) for term in Term}
    outlook = outlook_of(
        state, sale_now(order.book, order.symbol, order.quantity, price, hour.slot.session_on, state.lot_method)
    )
    return PreviewedTrade(
        order.symbol,
        Side.SELL,
        order.quantity,
        float(order.quantity * price),
        order.order_id,
        short_usd=gains[Term.SHORT],
        long_usd=gains[Term.LONG],
        wash_usd=outlook.disallowed_usd,
        denied=denied,
    )


def _as_if(order: Order, price: Decimal, hour: Hour) -> Fill:
    return Fill(
        fill_id="preview",
        order_id=order.order_id,
        book=order.book,
        symbol=order.symbol,
        side=order.side,
        quantity=order.quantity,
        price=price,
        commission_usd=ZERO,
        executed_at=hour.cutoff_at,
    )
