"""When a book is brought back to its targets: each quarter, after a shift of the market, and for buys that waited.

The same answer for a live hour, a replayed session and a replay in memory: it rests on the book and the hour alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from trading.domain.instruments import Symbol
from trading.domain.orders import IN_FULL, Order, Side
from trading.domain.panel import Why
from trading.domain.portfolio import Balance, TradingState
from trading.engine.desk_view import prices_of
from trading.engine.state import BookState, Hour, Step
from trading.execution.desk import Desk, cost_usd
from trading.execution.planner import held_weights
from trading.strategy.spec import Sizing, StrategySpec

QUARTER = "the first session of the quarter"
WAITED = "buys that waited for their sales"
_SESSIONS_TO_WAIT = 1
"""How many sessions later waiting buys may still be made; after that the market is another one."""


def due(spec: StrategySpec, taken: Step, hour: Hour) -> str | None:
    """Return why the book is rebalanced after the hourly step `taken`; None if it is not.

    A book that holds nothing has nothing to balance, and one that is sized in order has no targets.
    """
    state = taken.state
    if spec.sizing.rule != "sleeves" or not state.held:
        return None
    if hour.starts_quarter:
        return QUARTER
    if hour.slot.is_closing:
        return None
    if buys_are_due(state):
        return WAITED
    return market_shift(spec.sizing, spec.universe.sector_of, taken, hour)


def buys_are_due(state: BookState) -> bool:
    """Return whether the buys of the last rebalance are made in the next hour that can make them."""
    balance = state.balance
    return balance.buys_wait and (balance.sessions_since or 0) <= _SESSIONS_TO_WAIT


def market_shift(sizing: Sizing, sector_of: Mapping[Symbol, str], taken: Step, hour: Hour) -> str | None:
    """Return the sentence for a significant shift of the market since the book was last brought to its targets.

    It is acted upon only in a book that trades, and only some sessions after its last rebalance.
    """
    state, nav, panel = taken.state, taken.nav_usd, hour.panel
    since = state.balance.sessions_since
    if state.trading_state is not TradingState.ACTIVE or (since is not None and since < sizing.shift_pause_sessions):
        return None
    rise = panel.vix_change_frac.item(hour.row, 0)
    if panel.why_vix[hour.row, 0] == Why.KNOWN and rise > sizing.shift_vix_frac:
        return f"the VIX rose by {rise:.0%} in a session, over {sizing.shift_vix_frac:.0%}"
    if nav is None:
        return None
    return next(_shifted(sizing, sector_of, state, dict(held_weights(state.held, prices_of(hour), nav))), None)


def _shifted(
    sizing: Sizing, sector_of: Mapping[Symbol, str], state: BookState, weights: Mapping[Symbol, float]
) -> Iterator[str]:
    """Yield a sentence for each sector that has moved away, or has grown too large."""
    for sector, members in members_of(sector_of, state.held).items():
        weight = sum(weights.get(symbol, 0.0) for symbol in members)
        if weight > sizing.shift_sector_frac:
            yield f"{sector} is {weight:.1%} of NAV, over {sizing.shift_sector_frac:.0%}"
        aims = [state.balance.aims.get(symbol) for symbol in members]
        known = [aim for aim in aims if aim is not None]
        if len(known) == len(aims) and abs(weight - sum(known)) > sizing.shift_drift_frac:
            points = f"{100 * sizing.shift_drift_frac:.0f} points"
            yield f"{sector} went from {sum(known):.1%} to {weight:.1%} of NAV, over {points}"


def members_of(sector_of: Mapping[Symbol, str], held: Iterable[Symbol]) -> dict[str, list[Symbol]]:
    """Return what is held by sector; a name without a sector is in none."""
    members: dict[str, list[Symbol]] = {}
    for symbol in held:
        if (sector := sector_of.get(symbol)) is not None:
            members.setdefault(sector, []).append(symbol)
    return members


def aimed(balance: Balance, desk: Desk, orders: Iterable[Order]) -> Balance:
    """Return the balance with what `orders` bring their names to."""
    if not desk.nav_usd:
        return balance
    aims = dict(balance.aims)
    for order in orders:
        if order.is_protective or order.purpose in IN_FULL or order.symbol not in desk.prices:
            continue
        held_usd = float(desk.held.get(order.symbol, 0)) * desk.prices[order.symbol]
        sign = 1.0 if order.side is Side.BUY else -1.0
        aims[order.symbol] = (held_usd + sign * cost_usd(order, desk.prices)) / desk.nav_usd
    return Balance(aims, balance.sessions_since, balance.buys_wait)


def rebalanced(balance: Balance, desk: Desk, orders: Iterable[Order], *, buys_wait: bool) -> Balance:
    """Return the balance after a rebalance: what is held aims at what it is, changed by `orders`."""
    if not desk.nav_usd:
        return Balance(balance.aims, balance.sessions_since)
    here = dict(held_weights(desk.held, desk.prices, desk.nav_usd))
    return aimed(Balance(here, 0, buys_wait), desk, orders)
