"""Locks: why no entry of a symbol, or of the whole book, goes now, and until when.

What follows from stops is not stored but worked out from them, so that a replay and a live book have the same locks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta

from trading.accounting.tax.records import WINDOW
from trading.accounting.wash_sales import washing
from trading.domain.instruments import Symbol
from trading.domain.locks import Lock, StopOut
from trading.engine.outlooks import LotsOf
from trading.engine.state import BookState
from trading.execution.limits import Limits
from trading.strategy.spec import Protection


def resting(stops: Sequence[StopOut], rules: Protection) -> Mapping[Symbol, date]:
    """Return the last day on which each stopped symbol gets no entry; nothing where the cooldown is off."""
    if rules.cooldown_days <= 0:
        return {}
    return {symbol: on + timedelta(days=rules.cooldown_days) for symbol, on in _newest(stops).items()}


def guarded(stops: Sequence[StopOut], rules: Protection, on: date) -> tuple[date, date] | None:
    """Return the first and the last day of the stop-loss guard that holds the whole book on `on`; None without one."""
    return next((spell for spell in _spells(stops, rules) if spell[0] <= on <= spell[1]), None)


def locks_of(state: BookState, rules: Protection, limits: Limits, on: date) -> Iterator[Lock]:
    """Yield the locks of a book on one day that follow from the book itself, those of the whole book first."""
    yield from _of_the_book(state, rules, limits, on)
    for symbol, until in resting(state.stops, rules).items():
        if on <= until:
            since = until - timedelta(days=rules.cooldown_days)
            yield Lock("COOLDOWN", symbol, since, until, f"stopped out on {since}")
    lots_of = LotsOf(state.portfolio.positions)
    for symbol, until in washing(state.disposals, lots_of, state.order_of_fill, state.related).items():
        if on <= until:
            yield Lock("WASH_BLOCK", symbol, until - WINDOW, until, "sold at a loss: buying back washes it")
    for restriction in state.restricted.values():
        if restriction.holds_on(on):
            since, until_on = restriction.since, restriction.until
            yield Lock("RESTRICTED", restriction.symbol, since, until_on, restriction.reason)
    for symbol, reason in state.untradable.items():
        yield Lock("NOT_TRADABLE", symbol, None, None, reason)


def _of_the_book(state: BookState, rules: Protection, limits: Limits, on: date) -> Iterator[Lock]:
    if (spell := guarded(state.stops, rules, on)) is not None:
        window = f"{rules.guard_stops} stops in {rules.guard_window_days} days: exits only"
        yield Lock("STOP_GUARD", None, *spell, window)
    nav, before = state.newest_nav_usd, state.closing_nav_usd
    if nav is not None and before and 1.0 - nav / before > limits.loss_a_day_frac:
        lost = f"NAV fell {1.0 - nav / before:.2%} since the previous close, over {limits.loss_a_day_frac:.0%}"
        yield Lock("DAILY_LOSS", None, on, on, lost)
    if state.orders_today >= limits.orders_a_day:
        yield Lock("DAILY_LIMIT", None, on, on, f"{state.orders_today} orders today already")
    elif nav and state.traded_on == on and state.traded_usd >= limits.turnover_a_day_frac * nav:
        yield Lock("DAILY_LIMIT", None, on, on, f"{state.traded_usd / nav:.1%} of NAV bought and sold today already")


def _newest(stops: Sequence[StopOut]) -> dict[Symbol, date]:
    last: dict[Symbol, date] = {}
    for stop in stops:
        last[stop.symbol] = max(stop.on, last.get(stop.symbol, date.min))
    return last


def _spells(stops: Sequence[StopOut], rules: Protection) -> Iterator[tuple[date, date]]:
    """Yield, youngest first, the days on which the guard holds: from each stop that was one too many."""
    if rules.guard_stops <= 0:
        return
    days, before = sorted([stop.on for stop in stops]), rules.guard_stops - 1
    for place in range(len(days) - 1, before - 1, -1):
        if days[place] - days[place - before] < timedelta(days=rules.guard_window_days):
            yield days[place], days[place] + timedelta(days=rules.guard_pause_days)
