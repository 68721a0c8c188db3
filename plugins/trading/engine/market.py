"""The simulated market around the step: what bars do to working orders, and what fills do to the book.

Used by both replays. Live and paper books get the same facts from the broker instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from trading.accounting.lots import book_fill
from trading.domain.fills import Booking, Fill
from trading.domain.instruments import Symbol
from trading.domain.market import Bar
from trading.domain.orders import Order, OrderEvent, OrderPurpose, OrderStatus, Side, TimeInForce, advance
from trading.domain.portfolio import Portfolio, Position
from trading.engine.state import BookState
from trading.execution.costs import CostModel
from trading.execution.matching import match, ratchet


@dataclass
class Traffic:
    """What happened at the simulated broker: collected for the driver, which stores or counts it."""

    bookings: list[Booking] = field(default_factory=list)
    events: list[OrderEvent] = field(default_factory=list)


def accept(state: BookState, orders: Sequence[Order], at: datetime, traffic: Traffic) -> BookState:
    """Return the book with `orders` working; a full sale takes its symbol's protection away first."""
    leaving = {o.symbol for o in orders if o.purpose is OrderPurpose.EXIT}
    kept: list[Order] = []
    for order in state.working:
        if order.symbol in leaving and order.is_protective:
            traffic.events.append(OrderEvent(order.order_id, OrderStatus.CANCELLED, at, detail="an exit replaces it"))
        else:
            kept.append(order)
    for order in orders:
        reserved = OrderEvent(order.order_id, OrderStatus.RESERVED, at)
        submitted = OrderEvent(order.order_id, OrderStatus.SUBMITTED, at)
        traffic.events += [reserved, submitted]
        kept.append(advance(advance(order, reserved), submitted))
    return replace(state, working=tuple(kept))


def run_bars(state: BookState, bars: Iterable[Bar], costs: CostModel, traffic: Traffic) -> BookState:
    """Return the book after `bars` (ascending by start) met its working orders; fills and events go to `traffic`."""
    for bar in bars:
        state = _run_bar(state, bar, costs, traffic)
    return state


def _run_bar(state: BookState, bar: Bar, costs: CostModel, traffic: Traffic) -> BookState:
    mine = [o for o in state.working if o.symbol == bar.symbol]
    if not mine and bar.symbol not in state.portfolio.positions:
        return state
    others = tuple(o for o in state.working if o.symbol != bar.symbol)
    desk = _Symbol(state.portfolio, _unexpired(mine, bar, traffic), bar, costs, traffic)
    desk.trade()
    return replace(
        _with_turnover(state, desk.booked),
        portfolio=desk.portfolio,
        working=(*others, *desk.working),
        disposals=(*state.disposals, *(d for b in desk.booked for d in b.disposals)),
    )


def _with_turnover(state: BookState, booked: Sequence[Booking]) -> BookState:
    """Return the book with what was bought and sold counted on its day."""
    for fill in (booking.fill for booking in booked):
        on = fill.executed_at.date()
        before = state.traded_usd if state.traded_on == on else 0.0
        state = replace(state, traded_usd=before + float(fill.quantity * fill.price), traded_on=on)
    return state


def _unexpired(orders: list[Order], bar: Bar, traffic: Traffic) -> list[Order]:
    """Return the orders that still work in `bar`; those whose time ran out end, with what waited for them."""
    ended = {
        o.order_id
        for o in orders
        if (o.expires_at is not None and bar.starts_at >= o.expires_at)
        or (o.time_in_force is TimeInForce.DAY and bar.starts_at.date() > o.planned_at.date())
    }
    kept: list[Order] = []
    for order in orders:
        if order.order_id in ended:
            traffic.events.append(OrderEvent(order.order_id, OrderStatus.EXPIRED, bar.starts_at))
        elif order.parent_id in ended:
            detail = "its entry expired"
            traffic.events.append(OrderEvent(order.order_id, OrderStatus.CANCELLED, bar.starts_at, detail=detail))
        else:
            kept.append(order)
    return kept


class _Symbol:
    """One symbol during one bar: sales first, then the stop, then the target, then the entry and its protection."""

    def __init__(
        self, portfolio: Portfolio, working: list[Order], bar: Bar, costs: CostModel, traffic: Traffic
    ) -> None:
        self.portfolio, self.working, self.bar, self.costs, self.traffic = portfolio, working, bar, costs, traffic
        self.booked: list[Booking] = []

    def trade(self) -> None:
        order_of_play = (
            (OrderPurpose.EXIT, OrderPurpose.TRIM),
            (OrderPurpose.STOP,),
            (OrderPurpose.TARGET,),
            (OrderPurpose.ENTRY,),
        )
        for purposes in order_of_play:
            for order in [o for o in self.working if o.purpose in purposes]:
                self._try(order)
        self._raise_stops()

    def _try(self, order: Order) -> None:
        if order not in self.working or (order.is_protective and self._held() == 0):
            return
        fill = match(order, self.bar, self.costs)
        if fill is None:
            return
        self._book(order, fill)
        if order.purpose is OrderPurpose.ENTRY:
            self._arm(order, fill)

    def _book(self, order: Order, fill: Fill) -> None:
        booking = book_fill(fill, self._position().lots)
        self.booked.append(booking)
        self.traffic.bookings.append(booking)
        event = OrderEvent(order.order_id, OrderStatus.FILLED, fill.executed_at, filled_quantity=order.quantity)
        self.traffic.events.append(event)
        self.working.remove(order)
        high = max(self._position().high_water_price, float(fill.price)) if fill.side is Side.BUY else None
        position = Position(fill.symbol, booking.lots, high or self._position().high_water_price)
        positions = {**self.portfolio.positions, fill.symbol: position}
        if not booking.lots:
            del positions[fill.symbol]
        self.portfolio = replace(
            self.portfolio, cash_usd=self.portfolio.cash_usd + booking.cash_usd, positions=positions
        )
        if fill.side is Side.SELL:
            self._resize_protection(fill.executed_at)

    def _resize_protection(self, at: datetime) -> None:
        """Leave exactly one protection for exactly what is held; none when nothing is."""
        held = self._held()
        for order in [o for o in self.working if o.is_protective]:
            self.working.remove(order)
            if held > 0:
                self.working.append(replace(order, quantity=held))
            else:
                event = OrderEvent(order.order_id, OrderStatus.CANCELLED, at, detail="the position is closed")
                self.traffic.events.append(event)

    def _arm(self, entry: Order, fill: Fill) -> None:
        """Let the protection work from the entry on: in this same bar if the open filled it."""
        for purpose in (OrderPurpose.STOP, OrderPurpose.TARGET):
            for child in [o for o in self.working if o.parent_id == entry.order_id and o.purpose is purpose]:
                armed = ratchet(child, float(fill.price))
                self.working[self.working.index(child)] = armed
                if fill.executed_at == self.bar.starts_at:
                    self._try(armed)

    def _raise_stops(self) -> None:
        position = self.portfolio.positions.get(self.bar.symbol)
        if position is None:
            return
        high = max(position.high_water_price, self.bar.high)
        moved = replace(position, high_water_price=high)
        self.portfolio = replace(self.portfolio, positions={**self.portfolio.positions, self.bar.symbol: moved})
        self.working = [ratchet(o, high) if o.purpose is OrderPurpose.STOP else o for o in self.working]

    def _position(self) -> Position:
        return self.portfolio.positions.get(self.bar.symbol, Position(self.bar.symbol, (), 0.0))

    def _held(self) -> Decimal:
        return self._position().quantity


def symbols_of_interest(state: BookState) -> frozenset[Symbol]:
    """Return the symbols whose bars matter to the book: held, or with an order working."""
    return frozenset(state.portfolio.positions) | {o.symbol for o in state.working}
