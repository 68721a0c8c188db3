"""A person's wish to buy a name now: what the strategy would buy of it in this hour, or what stands against it."""

from __future__ import annotations

from dataclasses import dataclass

from trading.domain.instruments import Symbol
from trading.domain.orders import Order
from trading.domain.portfolio import nav_usd
from trading.domain.signals import Reason
from trading.engine.desk_view import desk_of, prices_of
from trading.engine.shrinking import shrunk
from trading.engine.state import BookState, Hour
from trading.engine.step import gate_of, marked, plan_buy, target_weights, terms_of
from trading.execution.vetoes import Veto, vet
from trading.strategy.margins import is_in_the_way
from trading.strategy.spec import StrategySpec


@dataclass(frozen=True, slots=True)
class Wished:
    """What becomes of a wish.

    Attributes:
        orders: an entry with its protection; empty where it may not be bought.
        against: verdicts of the rules that keep it out. vetoes: orders that a check denied.
        why_not: a sentence where neither says it; None otherwise.
        last_price: USD/share; None without one.
    """

    orders: tuple[Order, ...] = ()
    against: tuple[Reason, ...] = ()
    vetoes: tuple[Veto, ...] = ()
    why_not: str | None = None
    last_price: float | None = None


def wished(spec: StrategySpec, state: BookState, hour: Hour, symbol: Symbol, decision_id: str) -> Wished:
    """Return what the strategy would buy of one name: every rule, its sizing, every check, as in its own step.

    Nothing else of the hour is planned, so that no other candidate takes the cash first.
    """
    prices = prices_of(hour)
    book = marked(state, prices, hour)
    desk = desk_of(spec, book, hour, prices, nav_usd(book.portfolio, prices))
    column, last_price = hour.panel.column.get(symbol), prices.get(symbol)
    if column is None or last_price is None or desk.nav_usd is None:
        return Wished(why_not=f"{symbol} has no price in this hour, or NAV is unknown")
    if symbol in desk.held or symbol in desk.working:
        return Wished(why_not=f"{symbol} is held already, or an order in it is at work", last_price=last_price)
    if not hour.judgement.may_enter[hour.row, column]:
        said = hour.judgement.reasons(hour.row, hour.slot.as_of)
        against = tuple(r for r in said if r.symbol == symbol and is_in_the_way(r))
        return Wished(against=against, last_price=last_price)
    weight = target_weights(spec, desk, hour, (), [column]).get(symbol, 0.0)
    planned = plan_buy(spec, terms_of(spec, book.book, hour, decision_id), desk, hour, symbol, weight)
    if not planned:
        why = f"its target of {weight:.1%} of NAV is less than one share of {symbol}"
        return Wished(why_not=why, last_price=last_price)
    gate = gate_of(spec)
    orders, vetoes = shrunk(hour, *vet(planned, desk, gate.limits, gate.checks))
    return Wished(orders=orders, vetoes=vetoes, last_price=last_price)
