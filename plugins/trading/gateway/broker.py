"""The simulated broker behind the gateway: accounts, orders, families, fills. Pure and synchronous: no sockets.

Prices come from a `BarFeed`; an order fills through `execution.matching.match`, the same function the replay uses.
At the present instant only the *open* of a running bar is known; its range is judged when the bar ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from trading.domain.fills import Fill
from trading.domain.instruments import BookId, BookKind, Symbol
from trading.domain.market import Bar
from trading.domain.money import ZERO, to_price
from trading.domain.orders import Order, OrderPurpose, OrderType, Side, TimeInForce
from trading.execution.costs import CostModel
from trading.execution.matching import match, ratchet
from trading.gateway.feed import BarFeed
from trading.gateway.records import (
    BrokerState,
    Event,
    Executed,
    Execution,
    GatewayOrder,
    Holding,
    OrderCancelled,
    OrderChanged,
    OrderMessage,
    Refusal,
    Status,
    Ticket,
)
from trading.gateway.validation import check_ticket, market_objection
from trading.ports import MarketCalendar

_TYPES = {
    "MKT": OrderType.MARKET,
    "LMT": OrderType.LIMIT,
    "STP": OrderType.STOP,
    "TRAIL": OrderType.TRAIL,
}
_OPENING_GRACE = timedelta(seconds=1)
"""A market-on-open order works for the one opening auction, then it is gone."""


class PaperBroker:
    """Orders and account of one client's broker. Events pile up until `take_events`."""

    def __init__(self, state: BrokerState, feed: BarFeed, calendar: MarketCalendar, costs: CostModel) -> None:
        self.state = state
        self.feed = feed
        self._calendar = calendar
        self._costs = costs
        self._events: list[Event] = []
        self._by_perm_id = {o.perm_id: o for o in state.orders}
        self.keeps_rejected_ids = False

    # --- questions ------------------------------------------------------------------------------

    def next_id(self, client_id: int) -> int:
        """Return the next valid order id of a client."""
        return self.state.next_ids.get(client_id, 1)

    def find(self, client_id: int, order_id: int) -> GatewayOrder | None:
        """Return the youngest order of that client with that id."""
        mine = (o for o in reversed(self.state.orders) if (o.client_id, o.ticket.order_id) == (client_id, order_id))
        return next(mine, None)

    def order(self, perm_id: int) -> GatewayOrder:
        """Return the order with that permanent id."""
        return self._by_perm_id[perm_id]

    def live(self) -> Iterator[GatewayOrder]:
        """Yield orders that everybody may see and that can still change."""
        return (o for o in self.state.orders if not o.is_done and not o.is_staged)

    def take_events(self) -> list[Event]:
        """Return and forget what happened since the last call."""
        events, self._events = self._events, []
        return events

    # --- requests -------------------------------------------------------------------------------

    def place(self, client_id: int, ticket: Ticket) -> None:
        """Create an order, or change the one that already has this id.

        Raises:
            Refusal: with IB's code; nothing was created and no id is used up.
        """
        check_ticket(ticket, account=self.state.account, symbols=self.feed.symbols)
        known = self.find(client_id, ticket.order_id)
        if known is not None and not known.is_done:
            self._modify(known, ticket)
            return
        if ticket.order_id < self.next_id(client_id):
            raise Refusal(103, "Duplicate order id")
        parent = self._parent_of(client_id, ticket)
        order = self._create(client_id, ticket, parent)
        if ticket.transmit:
            self._release(order if parent is None else parent)

    def burn(self, client_id: int, order_id: int) -> None:
        """Use up an id without creating an order: a placement that the broker swallowed."""
        self.state.next_ids[client_id] = max(self.next_id(client_id), order_id + 1)

    def cancel(self, client_id: int, order_id: int) -> None:
        """Cancel an order of this client and, if it has not filled, its children."""
        order = self.find(client_id, order_id)
        if order is None:
            raise Refusal(10147, f"OrderId {order_id} that needs to be cancelled is not found.")
        if order.is_done:
            raise Refusal(10148, f"OrderId {order_id} that needs to be cancelled cannot be cancelled: {order.status}.")
        self._end(order, "Cancelled by Trader", self.state.clock)

    # --- what bars do ---------------------------------------------------------------------------

    def see_open(self, bar: Bar) -> None:
        """Match the orders of a symbol against the open of `bar`; nothing later in the bar is known yet."""
        opened = replace(bar, high=bar.open, low=bar.open, close=bar.open)
        self._match_all(opened, self._working(bar.symbol))

    def see_range(self, bar: Bar) -> None:
        """Match against the whole bar, stops first; only then do trailing stops follow its high."""
        self._match_all(bar, (o for o in self._working(bar.symbol) if o.ticket.tif != "OPG"))
        for order in self._working(bar.symbol):
            if order.activated_at is not None and order.activated_at < bar.ends_at:
                order.stop_price = ratchet(self._as_domain(order), bar.high).stop_price

    def expire(self, symbol: Symbol, at: datetime, running: Bar | None) -> None:
        """End what expired by `at`; an order whose last bar still runs is judged first, when that bar ends."""
        for order in [o for o in self.live() if o.ticket.symbol == symbol]:
            until = order.expires_at
            if until is None or until > at:
                continue
            if running is None or running.starts_at >= until or order.ticket.tif == "OPG":
                self._end(order, "Cancelled by System: expired", until)

    def _working(self, symbol: Symbol) -> list[GatewayOrder]:
        """Orders that may fill, stops before limits: inside one bar the worse outcome comes first."""
        if symbol in self.state.halted:
            return []
        found = [o for o in self.live() if o.ticket.symbol == symbol and o.activated_at is not None]
        return sorted(found, key=lambda o: (not o.is_stop, o.perm_id))

    def _match_all(self, bar: Bar, orders: Iterable[GatewayOrder]) -> None:
        for order in orders:
            if order.is_done or (order.ticket.tif == "OPG" and not self._opens_session(bar)):
                continue
            fill = match(self._as_domain(order), bar, self._costs)
            if fill is not None:
                self._book(order, fill)

    def _opens_session(self, bar: Bar) -> bool:
        session = self._calendar.session(bar.starts_at.date())
        return session is not None and session.opens_at == bar.starts_at

    def _as_domain(self, order: GatewayOrder) -> Order:
        ticket = order.ticket
        assert order.activated_at is not None, "only an active order is matched"
        return Order(
            order_id=str(order.perm_id),
            book=BookId(BookKind.PAPER, ticket.account),
            decision_id="gateway",
            symbol=ticket.symbol,
            side=Side(ticket.action),
            quantity=ticket.quantity,
            order_type=_TYPES[ticket.order_type],
            time_in_force=TimeInForce.GTC if order.expires_at is None else TimeInForce.UNTIL,
            purpose=OrderPurpose.STOP if order.is_stop else OrderPurpose.ENTRY,
            planned_at=order.activated_at,
            limit_price=ticket.limit_price,
            stop_price=order.stop_price,
            trail_frac=None if ticket.trail_percent is None else float(ticket.trail_percent) / 100,
            expires_at=order.expires_at,
            filled_quantity=order.filled,
        )

    # --- life of an order -----------------------------------------------------------------------

    def _parent_of(self, client_id: int, ticket: Ticket) -> GatewayOrder | None:
        if not ticket.parent_id:
            return None
        parent = self.find(client_id, ticket.parent_id)
        if parent is None or (parent.is_done and parent.status is not Status.FILLED):
            raise Refusal(135, f"Can't find order with id ={ticket.parent_id}")
        return parent

    def _create(self, client_id: int, ticket: Ticket, parent: GatewayOrder | None) -> GatewayOrder:
        self.state.last_perm_id += 1
        self.burn(client_id, ticket.order_id)
        order = GatewayOrder(
            ticket=ticket,
            client_id=client_id,
            perm_id=self.state.last_perm_id,
            expires_at=self._expiry_of(ticket),
            is_staged=True,
            parent_perm_id=0 if parent is None else parent.perm_id,
        )
        self.state.orders.append(order)
        self._by_perm_id[order.perm_id] = order
        return order

    def _expiry_of(self, ticket: Ticket) -> datetime | None:
        if ticket.tif in ("GTC", "GTD"):
            return ticket.good_till
        now = self.state.clock
        today = self._calendar.session(now.date())
        if ticket.tif == "OPG":
            auction = today if today and now <= today.opens_at else self._calendar.next_session(now.date())
            return auction.opens_at + _OPENING_GRACE
        return (today if today and now < today.closes_at else self._calendar.next_session(now.date())).closes_at

    def _modify(self, order: GatewayOrder, ticket: Ticket) -> None:
        was = order.ticket
        if (was.symbol, was.action, was.order_type) != (ticket.symbol, ticket.action, ticket.order_type):
            raise Refusal(105, "Order being modified does not match original order")
        if ticket.quantity < order.filled:
            raise Refusal(10006, "Cannot modify order: quantity below filled")
        order.ticket = ticket
        if order.is_staged:
            if ticket.transmit:
                self._release(self.order(order.parent_perm_id) if order.parent_perm_id else order)
            return
        if ticket.order_type == "STP":
            order.stop_price = ticket.aux_price
        self._events.append(OrderChanged(order))

    def _release(self, root: GatewayOrder) -> None:
        """Transmit a family: the root and every staged child, in the order in which they were sent."""
        family = [o for o in self.state.orders if o.is_staged and root.perm_id in (o.perm_id, o.parent_perm_id)]
        for order in family:
            order.is_staged = False
        for order in family:
            # A parent that fills on arrival has woken, or ended, its children already.
            if not order.is_done and order.activated_at is None:
                self._admit(order)

    def _admit(self, order: GatewayOrder) -> None:
        """Let a transmitted order in, or leave it behind as Inactive with a 201, its children cancelled."""
        now, ticket = self.state.clock, order.ticket
        last_price = self.feed.last_price(ticket.symbol, now)
        if words := market_objection(ticket, last_price=last_price, cash_usd=self.state.cash_usd):
            order.status, order.done_at, order.done_text = Status.INACTIVE, now, words
            self._events += [OrderChanged(order), OrderMessage(order, 201, f"Order rejected - reason:{words}")]
            self._end_children(order, now)
            return
        parent = self._by_perm_id.get(order.parent_perm_id)
        if parent is not None and parent.status is not Status.FILLED:
            self._events.append(OrderChanged(order))
            return
        self._activate(order, now, None if last_price is None else to_price(last_price))
        for bar in self.feed.bars(ticket.symbol, now, now):
            if bar.starts_at == now:
                self.see_open(bar)

    def _activate(self, order: GatewayOrder, at: datetime, reference: Decimal | None) -> None:
        """Let an order work from `at`; a trailing stop starts under `reference` unless the ticket says where."""
        order.activated_at = at
        ticket = order.ticket
        if ticket.order_type == "STP":
            order.stop_price = ticket.aux_price
        elif ticket.order_type == "TRAIL":
            order.stop_price = ticket.trail_stop_price
            if order.stop_price is None:
                assert reference is not None, "an order without a reference price is not admitted"
                order.stop_price = ratchet(self._as_domain(order), float(reference)).stop_price
        order.status = Status.PRE_SUBMITTED if order.is_stop else Status.SUBMITTED
        self._events.append(OrderChanged(order))

    def _book(self, order: GatewayOrder, fill: Fill) -> None:
        sign = 1 if fill.side is Side.BUY else -1
        commission = fill.commission_usd or ZERO
        holding = self.state.holdings.setdefault(fill.symbol, Holding())
        held = holding.quantity + sign * fill.quantity
        if sign > 0 and held > 0:
            paid = holding.average_cost * holding.quantity + fill.price * fill.quantity + commission
            holding.average_cost = paid / held
        holding.quantity = held
        self.state.cash_usd -= sign * fill.quantity * fill.price + commission
        order.average_price = (order.average_price * order.filled + fill.price * fill.quantity) / (
            order.filled + fill.quantity
        )
        order.filled += fill.quantity
        order.status, order.done_at = Status.FILLED, fill.executed_at
        order.done_text = f"Filled Size: {order.filled.normalize():f}"
        done = Execution(
            exec_id=f"0000e0d5.{order.perm_id:08x}.{len(self.state.executions) + 1:02d}.01",
            perm_id=order.perm_id,
            quantity=fill.quantity,
            price=fill.price,
            cumulative=order.filled,
            average_price=order.average_price,
            commission_usd=commission,
            executed_at=fill.executed_at,
        )
        self.state.executions.append(done)
        self._events.append(Executed(order, done))
        self._after_fill(order, fill)

    def _after_fill(self, order: GatewayOrder, fill: Fill) -> None:
        """Wake the children; end the siblings and the rest of the one-cancels-all group."""
        for other in list(self.live()):
            group = order.ticket.oca_group
            if other.parent_perm_id == order.perm_id:
                self._activate(other, fill.executed_at, fill.price)
            elif (order.parent_perm_id and other.parent_perm_id == order.parent_perm_id) or (
                group and other.ticket.oca_group == group
            ):
                self._end(other, "Cancelled by System: one cancels all", fill.executed_at)

    def _end(self, order: GatewayOrder, text: str, at: datetime) -> None:
        order.status, order.done_at, order.done_text, order.is_staged = Status.CANCELLED, at, text, False
        self._events.append(OrderCancelled(order, text))
        if order.filled == 0:
            self._end_children(order, at)

    def _end_children(self, parent: GatewayOrder, at: datetime) -> None:
        for child in self.state.orders:
            if child.parent_perm_id == parent.perm_id and not child.is_done:
                self._end(child, "Cancelled by System: parent ended", at)
