"""What the book holds, joined with what the broker works for it: the view that protection is planned from."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from decimal import Decimal

from trading.domain.instruments import BookId, Symbol
from trading.domain.money import ZERO, to_price
from trading.domain.orders import LEAVING, OPEN, Order, OrderPurpose, OrderRef, OrderStatus, Side
from trading.domain.portfolio import Position
from trading.execution.protection import Holding
from trading.ports import BrokerSnapshot, Transaction
from trading.strategy.spec import StrategySpec

_LIVE = OPEN | {OrderStatus.UNKNOWN}
"""What the broker lists among its open orders, held back ones included."""
_RECENT = 200
"""Executions among which those of the entries that a broker still lists are."""


def holdings(tx: Transaction, spec: StrategySpec, book: BookId, snapshot: BrokerSnapshot) -> list[Holding]:
    """Return every symbol that we hold, guard or are buying, as the broker's snapshot shows it."""
    live: dict[Symbol, list[Order]] = defaultdict(list)
    for order in live_orders(tx, book, snapshot):
        live[order.symbol].append(order)
    positions = tx.ledger.portfolio(book, snapshot.taken_at).positions
    held = {symbol: position for symbol, position in positions.items() if position.lots}
    rebased_at = tx.ledger.rebased_at(book)
    arriving = _arriving(tx, book, snapshot)
    lost = {(o.symbol, o.purpose): o for o in tx.orders.newest_guards(book)}
    found = []
    for symbol in sorted({*held, *live}):
        orders = live[symbol]
        holding = Holding(
            symbol,
            shown=snapshot.positions.get(symbol, ZERO),
            guards=tuple(o for o in orders if o.is_protective),
            entries=tuple(o for o in orders if o.purpose is OrderPurpose.ENTRY),
            leaving=sum((o.remaining for o in orders if o.purpose in LEAVING and o.status in OPEN), ZERO),
            stuck=tuple(o for o in orders if o.purpose in LEAVING and o.status is OrderStatus.UNKNOWN),
            arriving=arriving.get(symbol, ZERO),
            rebased_at=rebased_at.get(symbol),
        )
        if (position := held.get(symbol)) is not None:
            holding = _priced(holding, spec, position, lost)
        found.append(holding)
    return found


def live_orders(tx: Transaction, book: BookId, snapshot: BrokerSnapshot) -> list[Order]:
    """Return our orders that the broker lists as open: its status and quantities, our purpose."""
    found = []
    for theirs in snapshot.orders:
        order = tx.orders.get(theirs.order_ref) if theirs.order_ref and theirs.status in _LIVE else None
        if order is not None and order.book == book:
            found.append(
                replace(order, status=theirs.status, quantity=theirs.quantity, filled_quantity=theirs.filled_quantity)
            )
    return found


def _arriving(tx: Transaction, book: BookId, snapshot: BrokerSnapshot) -> dict[Symbol, Decimal]:
    """Return shares that entries have bought by the broker's word, but not by any execution that is booked."""
    booked: dict[OrderRef | None, Decimal] = defaultdict(Decimal)
    for fill in tx.ledger.fills(book, _RECENT):
        booked[fill.order_id] += fill.quantity
    found: dict[Symbol, Decimal] = defaultdict(Decimal)
    for theirs in snapshot.orders:
        if theirs.filled_quantity > booked[theirs.order_ref] and theirs.side is Side.BUY:
            order = tx.orders.get(theirs.order_ref) if theirs.order_ref else None
            if order is not None and order.book == book:
                found[theirs.symbol] += theirs.filled_quantity - booked[theirs.order_ref]
    return found


def _priced(
    holding: Holding, spec: StrategySpec, position: Position, lost: dict[tuple[Symbol, OrderPurpose], Order]
) -> Holding:
    """Return the holding with the prices at which a new protection would start.

    The stop never stands below where the lost one stood, and the target stays where the entry put it, both on today's
    share basis; without one of this position it follows from the cost.
    """
    stop = _of_this_position(lost.get((position.symbol, OrderPurpose.STOP)), position)
    target = _of_this_position(lost.get((position.symbol, OrderPurpose.TARGET)), position)
    stop_price = to_price(position.high_water_price * (1.0 - spec.protection.trail_frac))
    if stop is not None and stop.stop_price is not None:
        stop_price = max(stop_price, stop.stop_price)
    cost = float(position.cost_usd / position.quantity)
    target_price = to_price(cost * (1.0 + spec.protection.take_profit_frac))
    if target is not None and target.limit_price is not None:
        target_price = target.limit_price
    return replace(holding, held=position.quantity, stop_price=stop_price, target_price=target_price)


def _of_this_position(order: Order | None, position: Position) -> Order | None:
    """Return a lost protection if it guarded this position; a split has moved its prices with the lots."""
    opened_on = min(lot.acquired_on for lot in position.lots)
    return None if order is None or order.planned_at.date() < opened_on else order
