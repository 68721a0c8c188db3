"""Did a replay keep what is promised of every book? Judged from its orders, fills and raw facts, not by its checks.

The arithmetic is written a second time on purpose: a promise that is audited by the code that keeps it is not audited.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from math import isfinite

import numpy as np

from trading.analysis.facts import Facts, utc64
from trading.domain.instruments import VIX, Symbol
from trading.domain.orders import Order, OrderPurpose, Side
from trading.domain.series import BarSeries
from trading.engine.hours import Timeline
from trading.engine.result import ReplayResult
from trading.engine.washed import Washed, washed_sales

_NOISE = 1e-9
PROMISES = {
    "wash_sale": "no sale of the desk's own choosing is a wash sale, and no purchase makes one of an earlier loss",
    "vix": "no entry was decided with the newest VIX over its limit, unknown, or older than one session",
    "asset_cap": "no entry could fill above the cap of a name",
    "sector_cap": "no entry could fill above the cap of a sector",
    "gross_cap": "no entry could fill into the cash buffer",
    "state": "no entry was decided while the trading state was not ACTIVE",
}


@dataclass(frozen=True, slots=True)
class Breach:
    """A promise that was not kept.

    Attributes:
        promise: a key of `PROMISES`. at: of the decision, or the sale.
    """

    promise: str
    at: datetime
    symbol: Symbol
    detail: str


@dataclass(frozen=True, slots=True)
class CalmBefore:
    """An entry whose session closed with a VIX over the limit, which nobody could know when it was decided."""

    session_on: date
    symbol: Symbol
    vix_seen: float
    vix_close: float


@dataclass(frozen=True, slots=True)
class Audit:
    """What the audit of a replay found.

    Attributes:
        entry_count: entries that were sent; each was judged by every promise.
        breaches: empty when every promise was kept.
        washed: every wash sale, also those that a way out of risk may be.
        calm_before: entries before a later close over the limit: no breach, but worth knowing.
        highest: the largest part of NAV [0–1] that an entry could have led to: of a name, a sector, and in all.
    """

    entry_count: int
    breaches: tuple[Breach, ...]
    washed: tuple[Washed, ...]
    calm_before: tuple[CalmBefore, ...]
    highest: tuple[float, float, float]


def audit(result: ReplayResult, facts: Facts, timeline: Timeline) -> Audit:
    """Return what a replay kept of its promises."""
    entries = _Entries(result)
    vix = _Vix(result, facts, timeline)
    washed = washed_sales(result, facts, timeline)
    breaches = [
        *(Breach("wash_sale", w.sold_at, w.symbol, w.sentence) for w in washed if w.is_breach),
        *(breach for order in entries.orders for breach in vix.breaches(order, entries.row(order))),
        *entries.over_caps(),
        *entries.out_of_state(),
    ]
    calm = tuple(found for order in entries.orders if (found := vix.calm_before(order, entries.row(order))))
    ordered = sorted(breaches, key=lambda b: (b.at, b.promise, b.symbol))
    return Audit(len(entries.orders), tuple(ordered), washed, calm, entries.highest())


class _Entries:
    """The entries that were sent, and what the book would be if each filled at its dearest."""

    def __init__(self, result: ReplayResult) -> None:
        self.result = result
        self.orders = [o for o in result.orders if o.purpose is OrderPurpose.ENTRY and o.side is Side.BUY]
        self._filled_at = {f.order_id: f.executed_at for f in reversed(result.fills)}
        self._parts = [self._parts_of(place, order) for place, order in enumerate(self.orders)]

    def row(self, order: Order) -> int:
        """Return the row of the decision: the last hour that its cut-off had seen."""
        return int(np.searchsorted(self.result.curve.as_of, utc64(order.planned_at), side="right")) - 1

    def _parts_of(self, place: int, order: Order) -> tuple[float, float, float]:
        """Return the parts of NAV that the name, its sector and everything would be, buys under way counted."""
        result, row = self.result, self.row(order)
        panel, curve, sector_of = result.panel, result.curve, result.spec.universe.sector_of
        held = np.where(curve.quantity[row] > 0, curve.quantity[row] * panel.price[row], 0.0).tolist()
        worth = dict(zip(panel.symbols, held, strict=True))
        for other in (*self._under_way(place, order), order):
            worth[other.symbol] += self._dearest(other, row)
        nav = float(curve.nav_usd[row])
        sector = [value for symbol, value in worth.items() if sector_of[symbol] is sector_of[order.symbol]]
        return float(worth[order.symbol]) / nav, float(sum(sector)) / nav, float(sum(worth.values())) / nav

    def _under_way(self, place: int, order: Order) -> Iterator[Order]:
        """Yield the entries sent before `order` that still waited for their fill when it was decided."""
        for other in self.orders[:place]:
            filled_at = self._filled_at.get(other.order_id)
            has_filled = filled_at is not None and filled_at < order.planned_at
            has_ended = other.expires_at is not None and other.expires_at <= order.planned_at
            if not has_filled and not has_ended and self._is_recent(other, order):
                yield other

    def _is_recent(self, other: Order, order: Order) -> bool:
        """Return whether nothing else can have ended an order without an end of its own: that of a session does."""
        return other.expires_at is not None or other.planned_at.date() == order.planned_at.date()

    def _dearest(self, order: Order, row: int) -> float:
        place = self.result.panel.column[order.symbol]
        last = float(self.result.panel.price[row, place])
        price = last if order.limit_price is None else float(order.limit_price)
        return float(order.quantity) * price

    def highest(self) -> tuple[float, float, float]:
        """Return the largest part of NAV that an entry could have led to: of a name, a sector, and in all."""
        name, sector, whole = (max((parts[place] for parts in self._parts), default=0.0) for place in range(3))
        return name, sector, whole

    def over_caps(self) -> Iterator[Breach]:
        """Yield the entries that could have filled above a cap; an unknown NAV is one."""
        sizing = self.result.spec.sizing
        caps = (
            ("asset_cap", sizing.asset_cap_frac),
            ("sector_cap", sizing.sector_cap_frac),
            ("gross_cap", 1.0 - sizing.cash_buffer_frac),
        )
        for order, parts in zip(self.orders, self._parts, strict=True):
            for (promise, cap), part in zip(caps, parts, strict=True):
                if not part <= cap + _NOISE:
                    yield Breach(promise, order.planned_at, order.symbol, f"{part:.3%} of NAV, over {cap:.0%}")

    def out_of_state(self) -> Iterator[Breach]:
        """Yield the entries that were decided while the newest change of the trading state was not to ACTIVE."""
        for order in self.orders:
            told = [sentence for as_of, sentence in self.result.state_changes if as_of <= order.planned_at]
            if told and "ACTIVE" not in told[-1]:
                yield Breach("state", order.planned_at, order.symbol, told[-1])


def _days_of(series: BarSeries) -> list[date]:
    days: list[date] = series.starts_at.astype("datetime64[D]").tolist()
    return days


class _Vix:
    """The raw bars of the index, ascending by their ends."""

    def __init__(self, result: ReplayResult, facts: Facts, timeline: Timeline) -> None:
        self._result, self._previous_on = result, timeline.previous_on
        daily = facts.daily(VIX)
        every = (*facts.intraday(VIX), *((daily,) if daily is not None else ()))
        ends, known, starts, closes = (
            np.concatenate([getattr(series, name) for series in every]) if every else np.array([])
            for name in ("ends_at", "known_at", "starts_at", "close")
        )
        order = np.argsort(ends, kind="stable")
        self._ends, self._known, self._levels = ends[order], known[order], closes[order]
        self._days = starts[order].astype("datetime64[D]").tolist()
        self._closes = {} if daily is None else dict(zip(_days_of(daily), daily.close.tolist(), strict=True))

    def _newest(self, order: Order, row: int) -> tuple[date, float] | None:
        """Return session and level of the newest bar that had ended by `as_of` and was known by the cut-off."""
        if not len(self._ends):
            return None
        could_know = (self._ends <= self._result.curve.as_of[row]) & (self._known <= utc64(order.planned_at))
        places = np.flatnonzero(could_know)
        return (self._days[places[-1]], float(self._levels[places[-1]])) if len(places) else None

    def breaches(self, order: Order, row: int) -> Iterator[Breach]:
        """Yield what stands against an entry."""
        newest, limit = self._newest(order, row), self._result.spec.protection.max_vix
        if newest is None:
            yield Breach("vix", order.planned_at, order.symbol, "no VIX was known")
            return
        session_on, level = newest
        if not level <= limit or not isfinite(level):
            yield Breach("vix", order.planned_at, order.symbol, f"VIX {level:.2f} of {session_on}, over {limit:g}")
        if session_on < self._previous_on[self._session_on(row)]:
            yield Breach("vix", order.planned_at, order.symbol, f"the newest VIX was of {session_on}")

    def calm_before(self, order: Order, row: int) -> CalmBefore | None:
        """Return the entry if its session closed with a VIX over the limit."""
        newest, session_on = self._newest(order, row), self._session_on(row)
        close = self._closes.get(session_on)
        if newest is None or close is None or close <= self._result.spec.protection.max_vix:
            return None
        return CalmBefore(session_on, order.symbol, newest[1], close)

    def _session_on(self, row: int) -> date:
        on: date = self._result.curve.session_on[row].astype("datetime64[D]").item()
        return on
