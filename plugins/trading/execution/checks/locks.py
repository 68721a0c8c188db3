"""Is the symbol, or the book, locked: a rest after stops, an operator's list, a client who may not buy it."""

from __future__ import annotations

from trading.domain.orders import Order
from trading.execution.checks.check import Breach
from trading.execution.desk import Desk
from trading.execution.limits import Limits


def restricted(order: Order, desk: Desk, limits: Limits) -> Breach | None:
    """No entry of what an operator put on the restricted list, until the day that was named."""
    why = desk.restricted.get(order.symbol)
    return None if why is None else Breach(f"on the restricted list: {why}")


def no_document(order: Order, desk: Desk, limits: Limits) -> Breach | None:
    """No entry of a fund without a key information document for a client who needs one; selling it stays allowed."""
    if order.symbol not in desk.signal_only:
        return None
    return Breach("signal only: there is no key information document (KID) for it, so this client may not buy it")


def stop_guard(order: Order, desk: Desk, limits: Limits) -> Breach | None:
    """No entry after too many stops in few days, as if the book were REDUCE_ONLY."""
    until = desk.guarded_until
    return None if until is None else Breach(f"too many stops in few days: exits only until {until:%Y-%m-%d}")


def cooldown(order: Order, desk: Desk, limits: Limits) -> Breach | None:
    """No entry of a symbol right after a stop sold it."""
    until = desk.resting_until.get(order.symbol)
    return None if until is None or desk.session_on > until else Breach(f"stopped out, it rests until {until:%Y-%m-%d}")
