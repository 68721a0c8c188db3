"""One ride of a plain book: from an hour on until something has to be handed to the step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import fsum

import numpy as np

from trading.accounting.lots import cost_per_share
from trading.domain.decisions import DecisionKind, decision_id_for
from trading.domain.fills import Lot
from trading.domain.instruments import Symbol
from trading.domain.money import LEDGER_STEP, TICKS, from_ticks, whole_shares
from trading.domain.orders import OrderPurpose, Side
from trading.domain.portfolio import Portfolio, Position
from trading.engine.barred import MANY, Barred, BarredInBook, Bits
from trading.engine.courses import BY_RULE, UNPRICED, Course
from trading.engine.desk_view import desk_of, prices_of
from trading.engine.hours import Hours
from trading.engine.landing import Landing, navs
from trading.engine.plain_trades import Filled, Maker, Ride, Sent
from trading.engine.state import BookState
from trading.engine.step import Gate, decided, exit_rule, purpose_of, terms_of
from trading.engine.tracks import NEVER
from trading.execution.costs import CostModel
from trading.execution.matching import market_ticks
from trading.strategy.sizing import in_order
from trading.strategy.spec import StrategySpec

_MARGIN = 1e-9
"""Relative room around a level that is compared here in another order of operations than in the step."""
_MICROS = 1_000_000
"""Cash is counted in so many parts of a USD, the finest that the ledger keeps."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What has to be looked at on the way; worked out once for a replay.

    Attributes:
        enters: which symbols may be entered, by hour.
        vets: whether a check may say no, so that every order is planned and judged when it is decided.
        acts: whether there are splits or dividends.
        watches: whether NAV of each hour is held against the breaker and the band.
    """

    spec: StrategySpec
    hours: Hours
    costs: CostModel
    gate: Gate
    enters: Sequence[Bits]
    barred: Barred
    vets: bool
    acts: bool
    watches: bool
    exit_rules: tuple[str, ...]


class _Holding:
    """A position while it lives.

    Attributes:
        closes: what a sale closes. high_water: its mark before the hour `row`.
        ends_at: the hour in which it is sold, and why. acts_at: the next hour with a split or dividend.
    """

    __slots__ = ("acts_at", "closes", "course", "ends_at", "high_water", "price", "quantity", "row", "shares", "why")

    def __init__(
        self, course: Course, quantity: int, closes: Filled | tuple[Lot, ...], row: int, high: float, cost: float
    ) -> None:
        self.course, self.quantity, self.closes = course, quantity, closes
        self.shares, self.price = float(quantity), course.price
        self.row, self.high_water = row, high
        self.ends_at, self.why = course.end(row, high, cost)
        self.acts_at = course.acts_at(row) if course.acting else NEVER

    def mark(self, row: int) -> float:
        """Return the mark of the position as the hours before `row` left it."""
        return max([self.high_water, *self.price[self.row : row]])


class Trip:
    """One ride.

    Attributes:
        done: what happened on the way.
    """

    def __init__(self, plan: Plan, course: Callable[[int], Course], maker: Maker, state: BookState, row: int) -> None:
        self._plan, self._course, self._maker, self._state, self._first = plan, course, maker, state, row
        self._cash = int(state.portfolio.cash_usd * _MICROS)
        self._cash_usd = float(state.portfolio.cash_usd)
        self._held: dict[int, _Holding] = {}
        self._mask, self._way = 0, list[tuple[Course, Sent]]()
        self._aims: dict[Symbol, float] = {}
        self._bars: BarredInBook | None = None
        self._peaks = state.breaker.peak_nav_usd, state.breaker.lifetime_peak_usd
        self.done = Ride(row, cash_usd=[(row, self._cash_usd)])
        for symbol, position in state.portfolio.positions.items():
            held, high, cost = position.quantity, position.high_water_price, position.average_cost
            self._hold(course(plan.hours.panel.column[symbol]), int(held), position.lots, row, high, cost)
        self._look_ahead()

    def run(self) -> tuple[int, bool]:
        """Go on until something is not plain; return the hour in which it is, and whether that has arrived."""
        row, quiet = self._first, self._watched if self._plan.watches else self._quiet
        while row < self._until:
            if self._way and not self._fill(row):
                break
            row = quiet(row)
            if row < self._until:
                if not self._decide(row):
                    return row, True
                row += 1
        return row, False

    def left(self, row: int, *, has_arrived: bool) -> BookState:
        """Return the book before the hour `row` is decided, and complete what was done."""
        if not self._plan.watches:
            self.done.nav_usd = navs(self._plan.hours.panel, self._state, self.done, row)
        return self._book(row, row if has_arrived else row - 1)

    def _quiet(self, row: int) -> int:
        """Return the first hour from `row` on in which something may be decided."""
        enters, free = self._plan.enters, ~self._mask
        stop = min(self._ends_at, self._until)
        while row < stop:
            if enters[row] & free and self._affords(row, self._nav(row)):
                return row
            row += 1
        return stop

    def _watched(self, row: int) -> int:
        """Return the same hour, or one before it in which a level is touched; note what passes until then."""
        enters, free, passed, plan = self._plan.enters, ~self._mask, self.done.nav_usd, self._plan
        stop = min(self._ends_at, self._until)
        while row < stop:
            nav = self._level_nav(row)
            if nav is None:
                return row
            if waiting := enters[row] & free:
                if not plan.vets:
                    if self._affords(row, nav):
                        return row
                else:
                    left, found = self._split(waiting, row, nav)
                    if left:
                        return row
                    self._count(found)
            passed.append(nav)
            row += 1
        return stop

    def _level_nav(self, row: int) -> float | None:
        """Return the NAV of an hour; None where the breaker or the band may act."""
        protection, values = self._plan.spec.protection, [h.shares * h.price[row] for h in self._held.values()]
        nav = fsum([self._cash_usd, *values])
        peak, lifetime = self._peaks
        floor = max(lifetime * (1 - protection.lifetime_halt_frac), peak * (1 - protection.breaker_frac))
        if nav < floor * (1 + _MARGIN):
            return None
        if values and max(values) > self._plan.spec.sizing.trim_above_frac * (1 - _MARGIN) * nav:
            return None
        if nav > peak or nav > lifetime:
            self._peaks = max(peak, nav), max(lifetime, nav)
        return nav

    def _affords(self, row: int, nav: float) -> bool:
        """Return whether cash lasts for one more name, whichever it is."""
        sizing = self._plan.spec.sizing
        least = sizing.asset_cap_frac * nav - self._plan.barred.dearest[row]
        return least * (1.0 - _MARGIN) <= self._cash_usd - sizing.cash_buffer_frac * nav

    def _split(self, waiting: Bits, row: int, nav: float) -> tuple[Bits, list[tuple[str, Bits]]]:
        """Return the candidates that may be entered for all that is foreseen, and those that cannot, by check."""
        if not self._plan.barred.foresees:
            return waiting, []
        if self._bars is None:
            self._bars = self._plan.barred.for_book(self._book(row, row))
        return self._bars.split(waiting, row, nav)

    def _count(self, found: list[tuple[str, Bits]]) -> None:
        for code, names in found:
            self.done.denials[code] += names.bit_count()

    def _nav(self, row: int) -> float:
        return fsum([self._cash_usd, *[h.shares * h.price[row] for h in self._held.values()]])

    def _decide(self, row: int) -> bool:
        """Decide what is sold and bought; return False, and nothing is, where that is not plain."""
        leaving: dict[int, str] = {}
        if row == self._ends_at:
            for column, holding in self._held.items():
                if holding.ends_at == row:
                    if holding.why is UNPRICED:
                        return False
                    leaving[column] = self._rule(row, column) if holding.why is BY_RULE else holding.why
        waiting = self._plan.enters[row] & ~self._mask
        if self._plan.watches:
            if (nav := self._level_nav(row)) is None:
                return False
            self.done.nav_usd.append(nav)
            if self._plan.vets:
                self._send_vetted(row, nav, waiting, leaving)
                return True
        for column, cause in leaving.items():
            holding = self._held[column]
            self._send(holding.course, Sent(row, column, holding.quantity, purpose_of(cause), cause))
        if waiting:
            self._buy(row, waiting)
        return True

    def _rule(self, row: int, column: int) -> str:
        rules = self._plan.exit_rules
        return rules[0] if len(rules) == 1 else exit_rule(self._plan.hours.judgement, row, column)

    def _send(self, course: Course, one: Sent) -> None:
        self._way.append((course, one))
        self.done.sent.append(one)

    def _buy(self, row: int, waiting: Bits) -> None:
        """Buy of the names that may be entered, in order, while cash lasts."""
        sizing, nav, panel = self._plan.spec.sizing, self._nav(row), self._plan.hours.panel
        columns, price = _columns(waiting), panel.price
        dearest, prices = self._plan.barred.dearest[row], (price.item(row, column) for column in columns)
        for place in in_order(sizing, prices, nav_usd=nav, free_usd=self._cash_usd, dearest=dearest):
            column, last = columns[place], price.item(row, columns[place])
            if (shares := whole_shares(sizing.asset_cap_frac * nav, last)) >= 1:
                self._send(self._course(column), Sent(row, column, shares, OrderPurpose.ENTRY, None))
                self._aims[panel.symbols[column]] = shares * last / nav

    def _send_vetted(self, row: int, nav: float, waiting: Bits, leaving: Mapping[int, str]) -> None:
        """Send what the checks let pass, and count what they do not."""
        plan, hour = self._plan, self._plan.hours.hour(row)
        state, symbols, column = self._book(row + 1, row), hour.panel.symbols, hour.panel.column
        decision_id = decision_id_for(state.book, DecisionKind.HOURLY, hour.slot.as_of)
        desk = desk_of(plan.spec, state, hour, prices_of(hour), nav)
        causes = {symbols[place]: cause for place, cause in leaving.items()}
        orders, vetoes = decided(
            plan.spec, terms_of(plan.spec, state.book, hour, decision_id), desk, hour, causes, plan.gate
        )
        for order in orders:
            one = Sent(row, column[order.symbol], int(order.quantity), order.purpose, order.cause)
            one.made = order
            self._send(self._course(one.column), one)
            if order.purpose is OrderPurpose.ENTRY:
                self._aims[order.symbol] = one.quantity * desk.prices[order.symbol] / nav
        left, found = self._split(waiting, row, nav) if waiting else (0, [])
        self._count(found)
        foreseen = waiting & ~left
        for veto in vetoes:
            if veto.denials and not foreseen >> column[veto.order.symbol] & 1:
                self.done.denials[veto.code] += 1

    def _fill(self, row: int) -> bool:
        """Fill what is on its way at the opens of its bars, the earliest first; return False where one is not plain."""
        way, cash = self._way, self._cash
        for course, _ in way:
            if course.opens.bar[row] < 0 or row in course.acting:
                return False
        if len(way) > 1:
            way.sort(key=lambda one: (one[0].opens.start[row], one[0].symbol))
        for course, one in way:
            self._meet(row, one, course)
        self._way = []
        if self._cash != cash:
            self._cash_usd = self._cash / _MICROS
            self.done.cash_usd.append((row, self._cash_usd))
        self._bars = None
        self._look_ahead()
        return True

    def _meet(self, row: int, one: Sent, course: Course) -> None:
        """Fill one order; a purchase that cash does not cover is refused."""
        bar, at, quantity, symbol = course.opens.bar[row], course.opens.start[row], one.quantity, course.symbol
        side = Side.BUY if one.cause is None else Side.SELL
        ticks = market_ticks(course.open_price.item(bar), side, symbol, self._plan.costs)
        worth, charged = quantity * ticks * (_MICROS // TICKS), self._charged(row, side, quantity, ticks, course)
        if side is Side.SELL:
            self._cash += worth - charged
            self._mask ^= 1 << one.column
            filled, shares = Filled(one, bar, at, ticks, self._held.pop(one.column).closes), 0.0
        elif worth + charged > self._cash:
            return
        else:
            self._cash -= worth + charged
            filled, shares, high = Filled(one, bar, at, ticks, ()), float(quantity), ticks / TICKS
            self._hold(course, quantity, filled, row, high, _each(worth + charged, quantity) if charged else high)
        self.done.filled.append(filled)
        self.done.held[symbol].append((row, shares))

    def _charged(self, row: int, side: Side, quantity: int, ticks: int, course: Course) -> int:
        """Return commission and fees of a trade [1/1,000,000 USD]."""
        costs = self._plan.costs
        if costs.is_free:
            return 0
        return int(costs.charge_usd(side, Decimal(quantity), from_ticks(ticks), course.opens.on[row]) * _MICROS)

    def _hold(
        self, course: Course, quantity: int, closes: Filled | tuple[Lot, ...], row: int, high: float, cost: float
    ) -> None:
        """Begin the life of a position."""
        self._held[course.column] = _Holding(course, quantity, closes, row, high, cost)
        self._mask |= 1 << course.column

    def _look_ahead(self) -> None:
        """Note when the next life ends, and until when nothing else may happen to what is held."""
        held = self._held.values()
        self._ends_at = min([h.ends_at for h in held], default=NEVER)
        self._until = len(self._plan.enters)
        if self._plan.acts:
            self._until = min([self._until, *[h.acts_at for h in held]])

    def _book(self, row: int, seen: int) -> BookState:
        """Return the book before the hour `row` is decided, which has met the bars of the hour `seen`."""
        before, maker = self._state.portfolio, self._maker
        positions = {
            holding.course.symbol: Position(holding.course.symbol, maker.lots(holding.closes), holding.mark(row))
            for holding in self._held.values()
        }
        cash_usd = (Decimal(self._cash) / _MICROS).quantize(LEDGER_STEP) if self.done.filled else before.cash_usd
        landing = Landing(self._plan.hours, maker, self.done, row, seen)
        portfolio = Portfolio(before.book, before.as_of, cash_usd, positions)
        return landing.book(self._state, portfolio, [one for _, one in self._way], self._aims)


def _each(cost: int, quantity: int) -> float:
    """Return what a share cost [USD] of so many that cost so much [1/1,000,000 USD]."""
    return float(cost_per_share(Decimal(cost) / _MICROS, Decimal(quantity)))


def _columns(names: Bits) -> list[int]:
    """Return the columns of a set of symbols, ascending."""
    if names.bit_count() > MANY:
        packed = np.frombuffer(names.to_bytes((names.bit_length() + 7) // 8, "little"), np.uint8)
        every: list[int] = np.flatnonzero(np.unpackbits(packed, bitorder="little")).tolist()
        return every
    found: list[int] = []
    while names:
        lowest = names & -names
        found.append(lowest.bit_length() - 1)
        names ^= lowest
    return found
