"""The book that a ride leaves behind, and what it was worth at every hour."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from heapq import heappop, heappush
from itertools import pairwise
from math import fsum

import numpy as np

from trading.accounting.wash_sales import WASH_MEMORY
from trading.domain.instruments import Symbol
from trading.domain.locks import STOP_MEMORY, StopOut
from trading.domain.money import from_ticks
from trading.domain.orders import SOFTWARE_STOP, OrderStatus
from trading.domain.panel import FeaturePanel, FloatArray
from trading.domain.portfolio import Balance, Breaker, Portfolio
from trading.domain.records import changed
from trading.engine.hours import Hours
from trading.engine.plain_trades import Filled, Maker, Ride, Sent
from trading.engine.state import BookState


def navs(panel: FeaturePanel, before: BookState, done: Ride, row: int) -> list[float]:
    """Return the NAV of each hour of a ride before the hour `row` [USD]; it began with the book `before`."""
    first, count, price = done.first, row - done.first, panel.price
    places: list[FloatArray] = []
    free: list[tuple[int, int]] = []
    for start, end, symbol, shares in sorted(_lives(before, done, row)):
        # A place in which a position ended holds the next one: so many columns as positions at a time.
        if free and free[0][0] <= start:
            place = heappop(free)[1]
        else:
            place = len(places)
            places.append(np.zeros(count))
        heappush(free, (end, place))
        places[place][start - first : end - first] = shares * price[start:end, panel.column[symbol]]
    cash = spread(done.cash_usd, first, count)
    # Added up exactly, as the step does, whatever the order.
    return list(map(fsum, zip(cash.tolist(), *[worth.tolist() for worth in places], strict=True)))


def _lives(before: BookState, done: Ride, row: int) -> Iterator[tuple[int, int, Symbol, float]]:
    """Yield (first hour, hour after the last one, symbol, shares) of each position of a ride before the hour `row`."""
    for symbol in dict.fromkeys((*before.held, *done.held)):
        changes = [(done.first, float(before.held.get(symbol, 0))), *done.held.get(symbol, ()), (row, 0.0)]
        for (start, shares), (end, _) in pairwise(changes):
            if shares and start < end:
                yield start, min(end, row), symbol, shares


def spread(changes: Sequence[tuple[int, float]], first: int, count: int) -> FloatArray:
    """Return the value that stood at each of `count` hours from `first` on; 0 before the first change."""
    at = [min(row - first, count) for row, _ in changes]
    return np.repeat(np.array([0.0, *[value for _, value in changes]]), np.diff([0, *at, count]))


class Landing:
    """What follows for a book from a ride."""

    def __init__(self, hours: Hours, maker: Maker, done: Ride, row: int, seen: int) -> None:
        """Prepare for the book that finds the hour `row`, after the bars of the hour `seen`."""
        self._hours, self._maker, self._done, self._row = hours, maker, done, row
        self._symbols = hours.panel.symbols
        self._seen_on = hours.timeline.sessions[hours.timeline.grid.session.item(seen)].session_on

    def book(
        self, before: BookState, portfolio: Portfolio, sent: Sequence[Sent], aims: Mapping[Symbol, float]
    ) -> BookState:
        """Return the book after the ride.

        Args:
            portfolio: what it holds. sent: what is on its way. aims: what the ride brought names to.
        """
        traded_usd, traded_on = self._traded(before)
        keep_from, stops_from = self._seen_on - WASH_MEMORY, self._seen_on - STOP_MEMORY
        sold = [d for f in self._since(keep_from) if f.sent.cause is not None for d in self._maker.booking(f).disposals]
        stops = [self._stop(f) for f in self._since(stops_from) if f.sent.cause == SOFTWARE_STOP]
        state = changed(
            before,
            portfolio=portfolio,
            working=tuple(changed(self._maker.order(one), status=OrderStatus.SUBMITTED) for one in sent),
            disposals=(*[d for d in before.disposals if d.disposed_on >= keep_from], *sold),
            stops=(*[s for s in before.stops if s.on >= stops_from], *stops),
            traded_usd=traded_usd,
            traded_on=traded_on,
        )
        return self._decided(state, aims) if self._done.nav_usd else state

    def _decided(self, state: BookState, aims: Mapping[Symbol, float]) -> BookState:
        """Return the book with what its decisions left behind."""
        navs, first, breaker, balance = self._done.nav_usd, self._done.first, state.breaker, state.balance
        grid, sent, top = self._hours.timeline.grid, self._done.sent, self._done.top_usd()
        session = grid.session.item(self._row - 1)
        session_on = self._hours.timeline.sessions[session].session_on
        opens = int(np.searchsorted(grid.session, session)) - first
        closing, orders_today = state.closing_nav_usd, state.orders_today
        if session_on != state.session_on:
            closing, orders_today = navs[opens - 1] if opens > 0 else state.newest_nav_usd, 0
        return changed(
            state,
            breaker=Breaker(
                max(breaker.peak_nav_usd, top), max(breaker.lifetime_peak_usd, top), None, breaker.sessions_since_trip
            ),
            balance=Balance({**balance.aims, **aims}, balance.sessions_since, balance.buys_wait) if aims else balance,
            session_on=session_on,
            orders_today=orders_today + len(sent) - bisect_left(sent, first + opens, key=lambda one: one.row),
            newest_nav_usd=navs[-1],
            closing_nav_usd=closing,
        )

    def _traded(self, before: BookState) -> tuple[float, date | None]:
        """Return what was bought and sold on the day of the newest fill [USD], and that day."""
        if not self._done.filled:
            return before.traded_usd, before.traded_on
        on = _day(self._done.filled[-1].at)
        worth = before.traded_usd if before.traded_on == on else 0.0
        for filled in self._since(on):
            worth += float(Decimal(filled.sent.quantity) * from_ticks(filled.ticks))
        return worth, on

    def _since(self, day: date) -> Iterator[Filled]:
        """Yield what was filled from a day on, in order."""
        done, place = self._done.filled, len(self._done.filled)
        since = (day - date(1970, 1, 1)).days * _DAY
        while place and done[place - 1].at >= since:
            place -= 1
        return iter(done[place:])

    def _stop(self, filled: Filled) -> StopOut:
        symbol = self._symbols[filled.sent.column]
        return StopOut(symbol, _day(filled.at), self._maker.order(filled.sent).order_id)


_DAY = 86_400_000_000
"""Microseconds."""


def _day(at: int) -> date:
    """Return the UTC day of an instant [µs since 1970]."""
    return date(1970, 1, 1) + timedelta(days=at // _DAY)
