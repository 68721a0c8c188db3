"""The simulated market around the step: what bars do to working orders, and what fills do to the book.

Used by both replays. Live and paper books get the same facts from the broker instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from trading.accounting.lots import book_fill
from trading.domain.fills import Booking, Fill
from trading.domain.instruments import Symbol
from trading.domain.locks import StopOut
from trading.domain.market import Bar
from trading.domain.money import ZERO
from trading.domain.orders import (
    IN_FULL,
    LEAVING,
    SOFTWARE_STOP,
    Order,
    OrderEvent,
    OrderPurpose,
    OrderRef,
    OrderStatus,
    Side,
    TimeInForce,
)
from trading.domain.portfolio import Position
from trading.domain.records import changed
from trading.engine.state import BookState
from trading.execution.costs import CostModel
from trading.execution.matching import match, ratchet


@dataclass
class Traffic:
    """What happened at the simulated broker: collected for the driver, which stores or counts it.

    Attributes:
        events: None where nobody stores them.
    """

    bookings: list[Booking] = field(default_factory=list)
    events: list[OrderEvent] | None = field(default_factory=list)

    def note(
        self,
        order: Order,
        status: OrderStatus,
        at: datetime,
        *,
        filled: Decimal | None = None,
        detail: str | None = None,
    ) -> None:
        """Add what happened to an order."""
        if self.events is not None:
            self.events.append(OrderEvent(order.order_id, status, at, filled_quantity=filled, detail=detail))


def accept(state: BookState, orders: Sequence[Order], at: datetime, traffic: Traffic) -> BookState:
    """Return the book with `orders` working; a full sale takes its symbol's protection away first."""
    if not orders:
        return state
    leaving = {o.symbol for o in orders if o.purpose in IN_FULL}
    kept: list[Order] = []
    for order in state.working:
        if order.symbol in leaving and order.is_protective:
            traffic.note(order, OrderStatus.CANCELLED, at, detail="an exit replaces it")
        else:
            kept.append(order)
    for order in orders:
        traffic.note(order, OrderStatus.RESERVED, at)
        traffic.note(order, OrderStatus.SUBMITTED, at)
        kept.append(changed(order, status=OrderStatus.SUBMITTED))
    return changed(state, working=tuple(kept))


def run_bars(
    state: BookState, bars: Iterable[Bar], costs: CostModel, traffic: Traffic, *, by_highs: bool = True
) -> BookState:
    """Return the book after `bars` (ascending by start) met its working orders; fills and events go to `traffic`.

    Args:
        by_highs: whether a bar's high moves the mark that a trailing stop hangs under; else only closes do.
    """
    floor = _Floor(state, costs, traffic, by_highs)
    for bar in bars:
        floor.meet(bar)
    return floor.left()


def _unexpired(orders: list[Order], bar: Bar, traffic: Traffic) -> list[Order]:
    """Return the orders that still work in `bar`; those whose time ran out end, with what waited for them."""
    over = {
        o.order_id: bar.starts_at
        for o in orders
        if (o.expires_at is not None and bar.starts_at >= o.expires_at)
        or (o.time_in_force is TimeInForce.DAY and bar.starts_at.date() > o.planned_at.date())
    }
    return without_ended(orders, over, traffic) if over else orders


def without_ended(
    orders: Iterable[Order],
    over: Mapping[OrderRef, datetime],
    traffic: Traffic,
    *,
    status: OrderStatus = OrderStatus.EXPIRED,
    detail: str | None = None,
) -> list[Order]:
    """Return `orders` without those in `over`, by the time of their end, and without what waited for them.

    Args:
        status, detail: how they ended, and the broker's words.
    """
    kept: list[Order] = []
    for order in orders:
        if (at := over.get(order.order_id)) is not None:
            traffic.note(order, status, at, detail=detail)
        elif order.parent_id is not None and (at := over.get(order.parent_id)) is not None:
            what = "expired" if status is OrderStatus.EXPIRED else "was refused"
            traffic.note(order, OrderStatus.CANCELLED, at, detail=f"its entry {what}")
        else:
            kept.append(order)
    return kept


JOINED = "the protection of the position guards these shares, too"
_ORDER_OF_PLAY = (
    LEAVING,
    frozenset({OrderPurpose.STOP}),
    frozenset({OrderPurpose.TARGET}),
    frozenset({OrderPurpose.ENTRY}),
)


class _Floor:
    """The working orders of a book while bars arrive, and what their fills make of it.

    Attributes:
        mine: the orders of the symbol whose bar it is. others: those of every other symbol.
    """

    def __init__(self, state: BookState, costs: CostModel, traffic: Traffic, by_highs: bool) -> None:
        self._state, self._costs, self._traffic, self._by_highs = state, costs, traffic, by_highs
        self._portfolio, self._working = state.portfolio, list(state.working)
        self._booked: list[Booking] = []
        self._stopped: list[StopOut] = []
        self._mine: list[Order] = []
        self._bar: Bar

    def meet(self, bar: Bar) -> None:
        """Let a bar meet the orders of its symbol: sales, the stop, the target, the entry and its protection."""
        mine = [o for o in self._working if o.symbol == bar.symbol]
        if not mine:
            if bar.symbol in self._portfolio.positions and self._by_highs:
                self._bar, self._mine = bar, mine
                self._raise_stops()
            return
        others = [o for o in self._working if o.symbol != bar.symbol]
        self._bar, self._mine = bar, _unexpired(mine, bar, self._traffic)
        if len(self._mine) == 1:
            self._try(self._mine[0])
        else:
            for purposes in _ORDER_OF_PLAY:
                for order in [o for o in self._mine if o.purpose in purposes]:
                    self._try(order)
        self._raise_stops()
        self._working = others + self._mine

    def left(self) -> BookState:
        """Return the book with what was bought and sold counted on its day, its losses and stops remembered."""
        state = self._state
        traded_usd, traded_on, disposals = state.traded_usd, state.traded_on, state.disposals
        for booking in self._booked:
            fill = booking.fill
            on = fill.executed_at.date()
            traded_usd = (traded_usd if traded_on == on else 0.0) + float(fill.quantity * fill.price)
            traded_on = on
            if booking.disposals:
                disposals = (*disposals, *booking.disposals)
        return changed(
            state,
            portfolio=self._portfolio,
            working=tuple(self._working),
            traded_usd=traded_usd,
            traded_on=traded_on,
            disposals=disposals,
            stops=(*state.stops, *self._stopped) if self._stopped else state.stops,
        )

    def _try(self, order: Order) -> None:
        if order.is_protective and (self._held() == 0 or _waits(order, self._mine)):
            return
        if not any(order is working for working in self._mine):
            return
        fill = match(order, self._bar, self._costs)
        if fill is None:
            return
        if fill.side is Side.BUY and not self._can_pay(fill):
            self._refuse(order, fill)
            return
        self._book(order, fill)
        if order.purpose is OrderPurpose.ENTRY:
            self._arm(order, fill)

    def _can_pay(self, fill: Fill) -> bool:
        return fill.quantity * fill.price + (fill.commission_usd or ZERO) <= self._portfolio.cash_usd

    def _refuse(self, order: Order, fill: Fill) -> None:
        """End a purchase that cash does not cover, with the protection that waits for it; the desk never borrows."""
        self._mine = without_ended(
            self._mine,
            {order.order_id: fill.executed_at},
            self._traffic,
            status=OrderStatus.REJECTED,
            detail="cash does not cover it",
        )

    def _book(self, order: Order, fill: Fill) -> None:
        position = self._position()
        booking = book_fill(fill, position.lots)
        self._booked.append(booking)
        self._traffic.bookings.append(booking)
        self._traffic.note(order, OrderStatus.FILLED, fill.executed_at, filled=order.quantity)
        self._mine = [o for o in self._mine if o is not order]
        if order.purpose is OrderPurpose.STOP or order.cause == SOFTWARE_STOP:
            self._stopped.append(StopOut(fill.symbol, fill.executed_at.date(), order.order_id))
        high = position.high_water_price
        if fill.side is Side.BUY:
            high = max(high, float(fill.price))
        cash_usd = self._portfolio.cash_usd + booking.cash_usd
        self._portfolio = self._portfolio.booked(Position(fill.symbol, booking.lots, high), cash_usd)
        if fill.side is Side.SELL:
            self._resize_protection(fill.executed_at)

    def _resize_protection(self, at: datetime) -> None:
        """Leave one protection for just what is held, none when nothing is, and no sale of more than that."""
        held = self._held()
        kept: list[Order] = []
        for order in self._mine:
            if _waits(order, self._mine):
                kept.append(order)
            elif order.is_protective and held > 0:
                kept.append(changed(order, quantity=held))
            elif order.side is Side.BUY or order.quantity <= held:
                kept.append(order)
            else:
                self._traffic.note(order, OrderStatus.CANCELLED, at, detail="the position is closed")
        self._mine = kept

    def _arm(self, entry: Order, fill: Fill) -> None:
        """Let the protection work from the entry on: in this same bar if the open filled it.

        What tops a position up joins the protection that guards the position already.
        """
        own = [o for o in self._mine if o.parent_id == entry.order_id]
        if any(o.is_protective and o not in own for o in self._mine):
            for child in own:
                self._traffic.note(child, OrderStatus.CANCELLED, fill.executed_at, detail=JOINED)
            self._mine = [o for o in self._mine if o not in own]
            self._resize_protection(fill.executed_at)
            return
        for purpose in (OrderPurpose.STOP, OrderPurpose.TARGET):
            for child in [o for o in self._mine if o.parent_id == entry.order_id and o.purpose is purpose]:
                armed = ratchet(child, float(fill.price))
                self._mine = [armed if o is child else o for o in self._mine]
                if fill.executed_at == self._bar.starts_at:
                    self._try(armed)

    def _raise_stops(self) -> None:
        position = self._portfolio.positions.get(self._bar.symbol)
        if position is None or not self._by_highs:
            return
        high = max(position.high_water_price, self._bar.high)
        if high != position.high_water_price:
            positions = {**self._portfolio.positions, self._bar.symbol: changed(position, high_water_price=high)}
            self._portfolio = self._portfolio.marked(self._portfolio.as_of, positions)
        self._mine = [
            ratchet(o, high) if o.purpose is OrderPurpose.STOP and not _waits(o, self._mine) else o for o in self._mine
        ]

    def _position(self) -> Position:
        return self._portfolio.positions.get(self._bar.symbol) or Position(self._bar.symbol, (), 0.0)

    def _held(self) -> Decimal:
        return self._position().quantity


def _waits(order: Order, working: Sequence[Order]) -> bool:
    """Return whether a protection guards nothing yet, because its entry has not filled."""
    return order.parent_id is not None and any(o.order_id == order.parent_id for o in working)


def symbols_of_interest(state: BookState) -> frozenset[Symbol]:
    """Return the symbols whose bars matter to the book: held, or with an order working."""
    return frozenset(state.portfolio.positions) | {o.symbol for o in state.working}
