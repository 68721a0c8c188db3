"""Orders whose time runs out between two hours, as a broker ends them: before the next decision, not at the next bar.

A working order keeps its symbol from a new one, so an order that is over must not be carried on only because no later
bar has shown it yet. What a bar that is still incomplete may fill is waited for.
"""

from __future__ import annotations

from datetime import datetime

from trading.domain.orders import Order, OrderRef, TimeInForce
from trading.domain.records import changed
from trading.engine.market import Traffic, without_ended
from trading.engine.state import BookState
from trading.engine.tape import Tape


def without_missed_auctions(state: BookState, opens_at: datetime, tape: Tape, traffic: Traffic) -> BookState:
    """Return the book after an open: a market-on-open order of a symbol without an opening print is over."""
    missed = {
        o.order_id: opens_at
        for o in state.working
        if o.time_in_force is TimeInForce.OPENING and not tape.starts_bar(o.symbol, opens_at)
    }
    return _ended(state, missed, traffic)


def without_expired(state: BookState, at: datetime, tape: Tape, traffic: Traffic, *, closes_at: datetime) -> BookState:
    """Return the book without the orders that ran out by `at`, a cutoff in the session that ends at `closes_at`."""
    over = {
        o.order_id: ends_at
        for o in state.working
        if (ends_at := _ends_at(o, closes_at)) is not None
        and ends_at <= at
        and not tape.is_pending(o.symbol, o.planned_at, ends_at, at)
    }
    return _ended(state, over, traffic)


def _ends_at(order: Order, closes_at: datetime) -> datetime | None:
    """Return when the order runs out by itself; None if not before the next session."""
    if order.expires_at is not None:
        return order.expires_at
    is_todays = order.time_in_force is TimeInForce.DAY and order.planned_at < closes_at
    return closes_at if is_todays else None


def _ended(state: BookState, over: dict[OrderRef, datetime], traffic: Traffic) -> BookState:
    """Return the book without the orders in `over`, by the time of their end, and what waited for them."""
    return changed(state, working=tuple(without_ended(state.working, over, traffic))) if over else state
