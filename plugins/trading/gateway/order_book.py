"""Orders by id, family and group, so that nothing walks through history; and the events that were not told yet."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from datetime import date, datetime, timedelta

from trading.gateway.events import Event, Executed, OrderCancelled, OrderChanged, OrderMessage
from trading.gateway.listings import EASTERN
from trading.gateway.records import BrokerState, Execution, GatewayOrder


class OrderBook:
    """Every order of a `BrokerState`, indexed. An order that is done stays findable and is visited no more."""

    def __init__(self, state: BrokerState) -> None:
        self.state = state
        self._events: list[Event] = []
        self._by_perm_id: dict[int, GatewayOrder] = {}
        self._by_client: dict[tuple[int, int], GatewayOrder] = {}
        self._children: dict[int, list[GatewayOrder]] = {}
        self._unfinished: dict[int, GatewayOrder] = {}
        self._done_on: dict[date, list[GatewayOrder]] = {}
        self._executed_on: dict[date, list[Execution]] = {}
        for order in state.orders:
            self._index(order)
        for execution in state.executions:
            self._executed_on.setdefault(_day_of(execution.executed_at), []).append(execution)

    # --- finding --------------------------------------------------------------------------------

    def order(self, perm_id: int) -> GatewayOrder:
        """Return the order with that permanent id."""
        return self._by_perm_id[perm_id]

    def find(self, client_id: int, order_id: int) -> GatewayOrder | None:
        """Return the youngest order of that client with that id. Orders made by hand have id 0 and are not found."""
        return self._by_client.get((client_id, order_id)) if order_id else None

    def unfinished(self) -> list[GatewayOrder]:
        """Return the orders that can still change, staged ones included, oldest first."""
        return list(self._unfinished.values())

    def live(self) -> Iterator[GatewayOrder]:
        """Yield orders that everybody may see and that can still change, oldest first."""
        return (o for o in self.unfinished() if not o.is_staged and not o.is_done)

    def done_since(self, at: datetime) -> list[GatewayOrder]:
        """Return the orders that ended at `at` or later."""
        days = _days(at, self.state.clock)
        return [o for day in days for o in self._done_on.get(day, ()) if o.done_at is not None and o.done_at >= at]

    def executed_since(self, at: datetime) -> list[Execution]:
        """Return the executions at `at` or later."""
        days = _days(at, self.state.clock)
        return [e for day in days for e in self._executed_on.get(day, ()) if e.executed_at >= at]

    def parent(self, order: GatewayOrder) -> GatewayOrder | None:
        """Return the order whose fill wakes this one, or None."""
        return self._by_perm_id.get(order.parent_perm_id)

    def children(self, parent: GatewayOrder) -> list[GatewayOrder]:
        """Return every order that this one wakes, done ones included."""
        return list(self._children.get(parent.perm_id, ()))

    def rivals(self, order: GatewayOrder) -> list[GatewayOrder]:
        """Return the live orders that a fill of `order` cancels or reduces: its siblings and its group."""
        siblings = self._children.get(order.parent_perm_id, ()) if order.parent_perm_id else ()
        group = order.ticket.oca_group
        grouped = (o for o in self.live() if group and o.ticket.oca_group == group)
        found = {o.perm_id: o for o in (*siblings, *grouped) if not o.is_done and o is not order}
        return list(found.values())

    # --- changing -------------------------------------------------------------------------------

    def add(self, order: GatewayOrder) -> None:
        """Take a new order in."""
        self.state.orders.append(order)
        self._index(order)

    def forget_done(self, order: GatewayOrder) -> None:
        """Visit `order` no more: it is done."""
        assert order.is_done, f"{order.perm_id} is {order.status}, it still works"
        assert order.done_at is not None, f"{order.perm_id} ended at no time"
        self._unfinished.pop(order.perm_id, None)
        self._done_on.setdefault(_day_of(order.done_at), []).append(order)

    def add_execution(self, order: GatewayOrder, execution: Execution) -> None:
        """Take a fill in and tell it."""
        self.state.executions.append(execution)
        self._executed_on.setdefault(_day_of(execution.executed_at), []).append(execution)
        self._events.append(Executed(copy(order), execution))

    def _index(self, order: GatewayOrder) -> None:
        self._by_perm_id[order.perm_id] = order
        self._by_client[order.client_id, order.ticket.order_id] = order
        if order.parent_perm_id:
            self._children.setdefault(order.parent_perm_id, []).append(order)
        if order.done_at is None:
            self._unfinished[order.perm_id] = order
        else:
            self._done_on.setdefault(_day_of(order.done_at), []).append(order)

    # --- telling --------------------------------------------------------------------------------

    def tell_changed(self, order: GatewayOrder) -> None:
        """Tell the order's present state."""
        self._events.append(OrderChanged(copy(order)))

    def tell_cancelled(self, order: GatewayOrder, reason: str, cancelled_by: int | None) -> None:
        """Tell that the order is cancelled."""
        self._events.append(OrderCancelled(copy(order), reason, cancelled_by))

    def tell_message(self, order: GatewayOrder, code: int, text: str) -> None:
        """Tell an error message about the order."""
        self._events.append(OrderMessage(copy(order), code, text))

    def take_events(self) -> list[Event]:
        """Return and forget what happened since the last call."""
        events, self._events = self._events, []
        return events


def _day_of(at: datetime) -> date:
    return at.astimezone(EASTERN).date()


def _days(first_at: datetime, last_at: datetime) -> list[date]:
    first_on = _day_of(first_at)
    return [first_on + timedelta(days=n) for n in range((_day_of(last_at) - first_on).days + 1)]
