"""May the desk trade at all: interlock, trading state, losses, the books' proof, the decision's age and code."""

from __future__ import annotations

from datetime import timedelta

from trading.domain.orders import Order, Side
from trading.domain.portfolio import TradingState
from trading.execution.checks.check import Breach
from trading.execution.desk import Desk
from trading.execution.limits import Limits

MINUTE = timedelta(minutes=1)


def live_interlock(order: Order, desk: Desk, limits: Limits) -> Breach | None:
    """Real money needs every condition of the live interlock."""
    missing = desk.missing_for_live
    return Breach("; ".join(missing), float(len(missing)), 0.0) if missing else None


def trading_state(order: Order, desk: Desk, limits: Limits) -> Breach | None:
    """Entries need ACTIVE; reducing orders also go in REDUCE_ONLY."""
    if desk.state is TradingState.ACTIVE or (desk.state is TradingState.REDUCE_ONLY and order.side is Side.SELL):
        return None
    return Breach(f"trading state is {desk.state}")


def drawdown_breaker(order: Order, desk: Desk, limits: Limits) -> Breach | None:
    """No entry while the drawdown breaker is tripped, whoever set the state to ACTIVE in between."""
    return None if desk.tripped_on is None else Breach(f"the drawdown breaker tripped on {desk.tripped_on}")


def daily_loss(order: Order, desk: Desk, limits: Limits) -> Breach | None:
    """No entry on a day that has lost too much already."""
    if desk.previous_nav_usd is None:
        return None
    if desk.nav_usd is None or not desk.previous_nav_usd > 0:
        return Breach("today's loss is unknown", None, limits.loss_a_day_frac)
    lost = 1.0 - desk.nav_usd / desk.previous_nav_usd
    if lost <= limits.loss_a_day_frac:
        return None
    detail = f"NAV fell {lost:.2%} since the previous close, over {limits.loss_a_day_frac:.0%}"
    return Breach(detail, lost, limits.loss_a_day_frac)


def unproven_books(order: Order, desk: Desk, limits: Limits) -> Breach | None:
    """Entries need books that equal the broker's, by a comparison that is young enough. Numbers are minutes of age."""
    if desk.open_break is not None:
        return Breach(desk.open_break)
    if desk.proof_due_at is None:
        return None
    allowed = (desk.now - desk.proof_due_at) / MINUTE
    if desk.proven_at is None:
        return Breach("the book was never compared with the broker; run ./airdesk reconcile run", None, allowed)
    if desk.proven_at >= desk.proof_due_at:
        return None
    detail = (
        f"last clean comparison with the broker: {desk.proven_at:%Y-%m-%d %H:%M} UTC, due since "
        f"{desk.proof_due_at:%Y-%m-%d %H:%M} UTC; run ./airdesk reconcile run"
    )
    return Breach(detail, (desk.now - desk.proven_at) / MINUTE, allowed)


def decision_expired(order: Order, desk: Desk, limits: Limits) -> Breach | None:
    """An entry is sent while its decision speaks for the book and its own time runs. Numbers: minutes past the end."""
    ends = [at for at in (order.expires_at, desk.sendable_until) if at is not None]
    if not ends or desk.now < min(ends):
        return None
    return Breach(f"its time ended at {min(ends):%Y-%m-%d %H:%M} UTC", (desk.now - min(ends)) / MINUTE, 0.0)


def other_version(order: Order, desk: Desk, limits: Limits) -> Breach | None:
    """What was decided by other code or another strategy is not sent by this one."""
    if desk.decided_by == desk.running:
        return None
    return Breach(f"decided by {desk.decided_by or 'unknown code'}, running is {desk.running or 'unknown code'}")
