"""Pre-trade checks: one tuple of functions, run at the decision and again before sending.

Each check returns why the order must not go, or None. ENTRY checks judge buys; ALL checks judge every order, so
that nothing but state, sanity and quantity can stop a way out of a position.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from trading.domain.money import ZERO
from trading.domain.orders import Order, OrderPurpose, OrderStatus, OrderType, Side
from trading.domain.portfolio import TradingState
from trading.execution.desk import Applies, Desk, Veto, worst_price

# Kept apart from the strategy: these limits hold for any strategy.
MINUTES_TO_CLOSE = 5
MAX_ORDERS_A_DAY = 20
MAX_SHARES = 1_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """Caps of the book, as fractions of NAV [0–1]."""

    asset_cap_frac: float
    sector_cap_frac: float
    cash_buffer_frac: float
    collar_frac: float
    vix: float


type Check = Callable[[Order, Desk, Limits], str | None]


def trading_state(order: Order, desk: Desk, limits: Limits) -> str | None:
    """Entries need ACTIVE; reducing orders also go in REDUCE_ONLY."""
    if desk.state is TradingState.ACTIVE or (desk.state is TradingState.REDUCE_ONLY and order.side is Side.SELL):
        return None
    return f"trading state is {desk.state}"


def market_closed(order: Order, desk: Desk, limits: Limits) -> str | None:
    """Entries need an open market."""
    return None if desk.closes_at is not None and desk.now < desk.closes_at else "the market is closed"


def too_late(order: Order, desk: Desk, limits: Limits) -> str | None:
    """Entries need five minutes to the close."""
    if desk.closes_at is None or desk.closes_at - desk.now >= timedelta(minutes=MINUTES_TO_CLOSE):
        return None
    return f"less than {MINUTES_TO_CLOSE} minutes to the close"


def bad_quantity(order: Order, desk: Desk, limits: Limits) -> str | None:
    """Whole shares, at least one, not absurdly many."""
    if order.quantity == order.quantity.to_integral_value() and 1 <= order.quantity <= MAX_SHARES:
        return None
    return f"{order.quantity} shares is not a whole number from 1 to {MAX_SHARES}"


def bad_price(order: Order, desk: Desk, limits: Limits) -> str | None:
    """A priced order needs a price; every buy needs a price to be sized and collared against."""
    if order.order_type is OrderType.LIMIT and (order.limit_price is None or order.limit_price <= ZERO):
        return "a limit order without a limit"
    if order.side is Side.BUY and desk.prices.get(order.symbol, 0.0) <= 0.0:
        return "no last price"
    return None


def price_collar(order: Order, desk: Desk, limits: Limits) -> str | None:
    """A limit stays within the collar of the last price; protections stand away from it by design."""
    last = desk.prices.get(order.symbol)
    if order.limit_price is None or last is None or order.is_protective:
        return None
    gap = abs(float(order.limit_price) / last - 1.0)
    return (
        None if gap <= limits.collar_frac else f"limit is {gap:.1%} from the last price, over {limits.collar_frac:.0%}"
    )


def would_short(order: Order, desk: Desk, limits: Limits) -> str | None:
    """A sale never exceeds the position."""
    held = desk.held.get(order.symbol, ZERO)
    if order.side is Side.BUY or order.is_protective or order.quantity <= held:
        return None
    return f"sells {order.quantity} of {held} shares held"


def unfit_symbol(order: Order, desk: Desk, limits: Limits) -> str | None:
    """No entry on a missing, stale or parked price."""
    return desk.unfit.get(order.symbol)


def vix_block(order: Order, desk: Desk, limits: Limits) -> str | None:
    """No entry while the VIX is high, or unknown."""
    if desk.vix is None:
        return "the VIX is unknown"
    return None if desk.vix <= limits.vix else f"VIX {desk.vix:.1f} is above {limits.vix:g}"


def working_order(order: Order, desk: Desk, limits: Limits) -> str | None:
    """One order at a time in a symbol."""
    return "an order in this symbol is still working" if order.symbol in desk.working else None


def wash_block(order: Order, desk: Desk, limits: Limits) -> str | None:
    """No purchase within 30 days after a realised loss."""
    until = desk.wash_until.get(order.symbol)
    return None if until is None or desk.session_on > until else f"wash-sale window until {until:%Y-%m-%d}"


def no_cash(order: Order, desk: Desk, limits: Limits) -> str | None:
    """The worst-case fill is paid from cash, and the buffer stays."""
    if desk.nav_usd is None:
        return "NAV is unknown: a held symbol has no price"
    left = float(desk.cash_usd - order.quantity * worst_price(order, desk))
    buffer = limits.cash_buffer_frac * desk.nav_usd
    return None if left >= buffer else f"would leave {left:,.2f} USD, under the buffer of {buffer:,.2f}"


def asset_cap(order: Order, desk: Desk, limits: Limits) -> str | None:
    """No name above its cap after the worst-case fill."""
    return _over_cap(order, desk, desk.value_usd(order.symbol), limits.asset_cap_frac, order.symbol)


def sector_cap(order: Order, desk: Desk, limits: Limits) -> str | None:
    """No sleeve above its cap after the worst-case fill."""
    sector = desk.sectors.get(order.symbol)
    if sector is None:
        return "not in the traded universe"
    return _over_cap(order, desk, desk.sector_value_usd(sector), limits.sector_cap_frac, sector)


def daily_limit(order: Order, desk: Desk, limits: Limits) -> str | None:
    """A runaway strategy is stopped by count."""
    return None if desk.orders_today < MAX_ORDERS_A_DAY else f"{desk.orders_today} orders today already"


def _over_cap(order: Order, desk: Desk, value_usd: float, cap_frac: float, name: str) -> str | None:
    if desk.nav_usd is None or desk.nav_usd <= 0:
        return "NAV is unknown: a held symbol has no price"
    after = (value_usd + float(order.quantity * worst_price(order, desk))) / desk.nav_usd
    return None if after <= cap_frac + 1e-9 else f"{name} would be {after:.2%} of NAV, over {cap_frac:.0%}"


CHECKS: tuple[tuple[str, Applies, Check], ...] = (
    ("STATE", Applies.ALL, trading_state),
    ("BAD_QTY", Applies.ALL, bad_quantity),
    ("BAD_PRICE", Applies.ALL, bad_price),
    ("PRICE_COLLAR", Applies.ALL, price_collar),
    ("WOULD_SHORT", Applies.ALL, would_short),
    ("MARKET_CLOSED", Applies.ENTRY, market_closed),
    ("TOO_LATE", Applies.ENTRY, too_late),
    ("UNFIT_SYMBOL", Applies.ENTRY, unfit_symbol),
    ("VIX_BLOCK", Applies.ENTRY, vix_block),
    ("WORKING_ORDER", Applies.ENTRY, working_order),
    ("WASH_BLOCK", Applies.ENTRY, wash_block),
    ("ASSET_CAP", Applies.ENTRY, asset_cap),
    ("SECTOR_CAP", Applies.ENTRY, sector_cap),
    ("NO_CASH", Applies.ENTRY, no_cash),
    ("DAILY_LIMIT", Applies.ENTRY, daily_limit),
)


def vet(
    orders: Sequence[Order],
    desk: Desk,
    limits: Limits,
    checks: Sequence[tuple[str, Applies, Check]] = CHECKS,
) -> tuple[tuple[Order, ...], tuple[Veto, ...]]:
    """Return the orders that may go and the vetoes of those that may not, both in the order given.

    Each order that passes counts for the ones after it. A protection goes, or falls, with its entry; the denied
    legs come back with status DENIED and the reason.
    """
    passed: list[Order] = []
    vetoes: list[Veto] = []
    denied: dict[str, Veto] = {}
    for order in orders:
        parent = denied.get(order.parent_id) if order.parent_id else None
        veto = Veto(_deny(order, parent.code, parent.detail), parent.code, parent.detail) if parent else None
        if veto is None and not (order.is_protective and order.parent_id):
            veto = _first_veto(order, desk, limits, checks)
        if veto is not None:
            vetoes.append(veto)
            denied[order.order_id] = veto
            continue
        passed.append(order)
        if not order.is_protective:
            desk = desk.after(order)
    return tuple(passed), tuple(vetoes)


def _first_veto(order: Order, desk: Desk, limits: Limits, checks: Sequence[tuple[str, Applies, Check]]) -> Veto | None:
    is_entry = order.purpose is OrderPurpose.ENTRY
    for code, applies, check in checks:
        if applies is Applies.ENTRY and not is_entry:
            continue
        if (detail := check(order, desk, limits)) is not None:
            return Veto(_deny(order, code, detail), code, detail)
    return None


def _deny(order: Order, code: str, detail: str) -> Order:
    return replace(order, status=OrderStatus.DENIED, detail=f"{code}: {detail}")
