"""Hours in which a book trades plainly, from its events alone and on plain numbers.

A book trades plainly if whole positions come and go at the market, stops and targets are tested on closes, and names
are bought in order while cash lasts. What a position does is then known when it begins (`courses`), so that only hours
are looked at in which one ends or a name may be bought. The functions that size, price, charge and plan are those of
the step; orders, fills and lots are made where somebody asks (`plain_trades`). Whatever is not plain is handed to the
step: a check that could say no, a drawdown, a corporate action, a price or a bar that is missing. Tests hold both
against each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from math import fsum

from trading.accounting.lots import cost_per_share
from trading.domain.fills import Lot
from trading.domain.instruments import Symbol
from trading.domain.money import whole_shares
from trading.domain.orders import OrderPurpose, Side
from trading.domain.portfolio import Portfolio, Position, TradingState
from trading.domain.signals import RuleRole
from trading.engine.arrival import Market
from trading.engine.courses import BY_RULE, UNPRICED, Course, Courses, first_from
from trading.engine.hours import Hours
from trading.engine.landing import Landing, navs
from trading.engine.lookout import Lookout
from trading.engine.plain_trades import Filled, Maker, Ride, Sent
from trading.engine.state import BookState
from trading.engine.step import Gate, exit_rule, purpose_of
from trading.engine.tracks import NEVER
from trading.engine.watch import PositionWatch
from trading.execution.matching import market_price
from trading.strategy.sizing import in_order
from trading.strategy.spec import StrategySpec

NEEDLESS = frozenset({"STATE", "DUPLICATE", "BAD_QTY", "BAD_PRICE", "PRICE_COLLAR", "WOULD_SHORT"})
"""Checks that no plain order of an active book fails: one a symbol, whole shares, no limit, of what is held."""


class _Holding:
    """A position while it lives.

    Attributes:
        closes: what a sale closes. high_water: its mark before the hour `row`.
        ends_at: the hour in which it is sold, and why. acts_at: the next hour with a split or dividend.
    """

    __slots__ = ("acts_at", "closes", "course", "ends_at", "high_water", "price", "quantity", "row", "shares", "why")

    def __init__(
        self,
        course: Course,
        quantity: Decimal,
        closes: Filled | tuple[Lot, ...],
        row: int,
        high_water: float,
        average_cost: float,
        acts_at: int,
    ) -> None:
        self.course, self.quantity, self.closes = course, quantity, closes
        self.shares, self.price = float(quantity), course.price
        self.row, self.high_water, self.acts_at = row, high_water, acts_at
        self.ends_at, self.why = course.end(row, high_water, average_cost)

    def mark(self, row: int) -> float:
        """Return the mark of the position as the hours before `row` left it."""
        return max([self.high_water, *self.price[self.row : row]])


def is_plain(spec: StrategySpec, hours: Hours, gate: Gate) -> bool:
    """Return whether a book of `spec` may ever trade plainly: in order, at the market, on closes, past every check."""
    protection, sizing = spec.protection, spec.sizing
    return (
        (protection.rests, sizing.rule, sizing.entry_order) == ("on_closes", "in_order", "market")
        and not hours.panel.trades_daily
        and not hours.judgement.shrinks
        and all(check.code in NEEDLESS for check in gate.checks)
        # A long book without debt falls by all of it at most, and no name is more than the whole of it.
        and min(protection.breaker_frac, protection.lifetime_halt_frac, sizing.trim_above_frac) >= 1.0
    )


class Express:
    """Takes a book from one event to the next while it trades plainly."""

    def __init__(
        self,
        spec: StrategySpec,
        hours: Hours,
        market: Market,
        lookout: Lookout,
        watch: PositionWatch,
        acting: Mapping[Symbol, Sequence[int]],
    ) -> None:
        """Prepare for the hours of a replay.

        Args:
            acting: hours with a split or dividend, ascending, by symbol.
        """
        self.spec, self.hours, self.market, self.lookout, self.acting = spec, hours, market, lookout, acting
        self._watch = watch
        self._courses = Courses(hours, market.tape, spec.protection)
        self.exit_rules = [name for role, name, _ in hours.judgement.verdicts if role is RuleRole.EXIT]

    def course(self, column: int) -> Course:
        """Return the course of the symbol in `column`."""
        return self._courses.of(column, self.lookout.prices(self.hours.panel.symbols[column]))

    def takes(self, state: BookState, row: int) -> bool:
        """Return whether the book trades plainly from the hour `row` on, which has not arrived."""
        return (
            state.trading_state is TradingState.ACTIVE
            and state.breaker.tripped_on is None
            and state.unsettled is None
            and not state.working
            and not any(row in self.acting.get(symbol, ()) for symbol in state.held)
        )

    def ride(self, state: BookState, row: int, maker: Maker) -> tuple[BookState, int, bool, Ride]:
        """Return the book before the next hour to step, that hour, whether it has arrived, and what was done."""
        trip = _Trip(self, self._watch.settled(state, list(state.held), row), row)
        stops_at, has_arrived = trip.run()
        after = trip.left(stops_at, maker, has_arrived=has_arrived)
        self._watch.look(after, stops_at - 1, stops_at)
        return after, stops_at, has_arrived, trip.done


class _Trip:
    """One ride: from an hour on until something has to be handed over."""

    def __init__(self, every: Express, state: BookState, row: int) -> None:
        self._every, self._state, self._first = every, state, row
        self._cash = state.portfolio.cash_usd
        self._cash_float = float(self._cash)
        self._held: dict[int, _Holding] = {}
        self._mask, self._sent = 0, list[Sent]()
        self._aims: dict[Symbol, float] = {}
        self._enters, self._rows = every.lookout.enters, len(every.hours)
        self.done = Ride(row, cash_usd=[(row, self._cash_float)])
        for symbol, position in state.portfolio.positions.items():
            course = every.course(every.hours.panel.column[symbol])
            self._hold(course, position.quantity, position.lots, row, position.high_water_price, position.average_cost)
        self._ends_at, self._acts_at = self._next()

    def run(self) -> tuple[int, bool]:
        """Go on until something is not plain; return the hour in which it is, and whether that has arrived."""
        row = self._first
        while row < min(self._acts_at, self._rows):
            if self._sent:
                if not self._may_fill(row):
                    break
                self._fill(row)
            row = self._quiet(row)
            if row < min(self._acts_at, self._rows):
                if not self._decide(row):
                    return row, True
                row += 1
        return row, False

    def _quiet(self, row: int) -> int:
        """Return the first hour from `row` on in which something may be decided."""
        enters, free = self._enters, ~self._mask
        stop = min(self._ends_at, self._acts_at, self._rows)
        while row < stop:
            if enters[row] & free and self._affords(row):
                return row
            row += 1
        return stop

    def _affords(self, row: int) -> bool:
        """Return whether cash lasts for one more name, whichever it is."""
        sizing, nav = self._every.spec.sizing, self._nav(row)
        least = sizing.asset_cap_frac * nav - self._every.lookout.barred.dearest[row]
        return least * (1.0 - 1e-9) <= self._cash_float - sizing.cash_buffer_frac * nav

    def _nav(self, row: int) -> float:
        return fsum([self._cash_float, *[h.shares * h.price[row] for h in self._held.values()]])

    def _decide(self, row: int) -> bool:
        """Decide what is sold and bought; return False, and nothing is, where that is not plain."""
        self._sent = sent = list[Sent]()
        if row == self._ends_at:
            for column, holding in self._held.items():
                if holding.ends_at == row:
                    if holding.why is UNPRICED:
                        return False
                    cause = self._rule(row, column) if holding.why is BY_RULE else holding.why
                    sent.append(Sent(row, column, holding.quantity, purpose_of(cause), cause))
        if waiting := self._enters[row] & ~self._mask:
            self._buy(row, waiting, sent)
        self.done.sent += sent
        return True

    def _rule(self, row: int, column: int) -> str:
        rules = self._every.exit_rules
        return rules[0] if len(rules) == 1 else exit_rule(self._every.hours.judgement, row, column)

    def _buy(self, row: int, waiting: int, sent: list[Sent]) -> None:
        """Add what is bought of the names that may be entered, in order, while cash lasts."""
        sizing, nav, panel = self._every.spec.sizing, self._nav(row), self._every.hours.panel
        columns, price = _columns(waiting), panel.price
        places = in_order(
            sizing,
            (price.item(row, column) for column in columns),
            nav_usd=nav,
            free_usd=self._cash_float,
            dearest=self._every.lookout.barred.dearest[row],
        )
        for column in [columns[place] for place in places]:
            last = price.item(row, column)
            if (shares := whole_shares(sizing.asset_cap_frac * nav, last)) >= 1:
                sent.append(Sent(row, column, Decimal(shares), OrderPurpose.ENTRY, None))
                self._aims[panel.symbols[column]] = float(shares) * last / nav

    def _may_fill(self, row: int) -> bool:
        """Return whether each order on its way meets a bar that plainly fills it."""
        every, symbols = self._every, self._every.hours.panel.symbols
        return all(
            every.course(one.column).opens.bar[row] >= 0 and row not in every.acting.get(symbols[one.column], ())
            for one in self._sent
        )

    def _fill(self, row: int) -> None:
        """Fill what is on its way at the opens of its bars, the earliest first."""
        todo = [(course.opens.start[row], course.symbol, one, course) for one, course in self._on_the_way()]
        cash = self._cash
        for _, _, one, course in sorted(todo) if len(todo) > 1 else todo:
            self._meet(row, one, course)
        self._sent = []
        if self._cash != cash:
            self._cash_float = float(self._cash)
            self.done.cash_usd.append((row, self._cash_float))
        self._ends_at, self._acts_at = self._next()

    def _on_the_way(self) -> Iterator[tuple[Sent, Course]]:
        return ((one, self._every.course(one.column)) for one in self._sent)

    def _meet(self, row: int, one: Sent, course: Course) -> None:
        """Fill one order; a purchase that cash does not cover is refused."""
        costs, symbol, quantity = self._every.market.costs, course.symbol, one.quantity
        bar, on = course.opens.bar[row], course.opens.on[row]
        side = Side.BUY if one.purpose is OrderPurpose.ENTRY else Side.SELL
        price = market_price(course.open_price.item(bar), side, symbol, costs)
        charged = costs.charge_usd(side, quantity, price, on)
        if side is Side.BUY:
            cost = quantity * price + charged
            if cost > self._cash:
                return
            self._cash -= cost
            filled = Filled(one, bar, on, price, ())
            self._hold(course, quantity, filled, row, float(price), float(cost_per_share(cost, quantity)))
        else:
            self._cash += quantity * price - charged
            holding = self._held.pop(one.column)
            self._mask ^= 1 << one.column
            filled = Filled(one, bar, on, price, holding.closes)
        self.done.filled.append(filled)
        self.done.held.setdefault(symbol, []).append((row, float(quantity) if side is Side.BUY else 0.0))

    def _hold(
        self, course: Course, quantity: Decimal, closes: Filled | tuple[Lot, ...], row: int, high: float, cost: float
    ) -> None:
        """Begin the life of a position."""
        rows = self._every.acting.get(course.symbol)
        acts_at = NEVER if rows is None else first_from(rows, row)
        self._held[course.column] = _Holding(course, quantity, closes, row, high, cost, acts_at)
        self._mask |= 1 << course.column

    def _next(self) -> tuple[int, int]:
        """Return the hours in which the next life ends, and in which the next split or dividend comes."""
        held = self._held.values()
        return min([h.ends_at for h in held], default=NEVER), min([h.acts_at for h in held], default=NEVER)

    def left(self, row: int, maker: Maker, *, has_arrived: bool) -> BookState:
        """Return the book before the hour `row` is decided, and complete what was done."""
        every, done = self._every, self.done
        done.nav_usd = navs(every.hours.panel, self._state, done, row)
        positions = {
            holding.course.symbol: Position(holding.course.symbol, maker.lots(holding.closes), holding.mark(row))
            for holding in self._held.values()
        }
        landing = Landing(every.hours, maker, done, row, row if has_arrived else row - 1)
        return landing.book(
            self._state,
            Portfolio(self._state.book, self._state.portfolio.as_of, self._cash, positions),
            self._sent,
            self._aims,
        )


def _columns(names: int) -> list[int]:
    """Return the columns of a set of symbols, ascending."""
    found: list[int] = []
    while names:
        lowest = names & -names
        found.append(lowest.bit_length() - 1)
        names ^= lowest
    return found
