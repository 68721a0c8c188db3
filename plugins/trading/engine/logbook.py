"""What a replay writes down while it runs: few objects, and changes instead of hours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

import numpy as np

from trading.domain.fills import Booking
from trading.domain.instruments import BookId, Symbol
from trading.domain.orders import Order
from trading.domain.panel import FloatArray
from trading.engine.corporate import Dividend
from trading.engine.hours import Hours
from trading.engine.lookout import Lookout, Stretch
from trading.engine.market import Traffic
from trading.engine.plain_trades import Filled, Ledger, Maker, Ride, Sent
from trading.engine.result import BreakerTurn, EquityCurve, ReplayResult
from trading.engine.state import BookState, Hour, Step
from trading.strategy.spec import StrategySpec


class Logbook:
    """Collects what the hours of one replay did.

    Attributes:
        maker: makes the objects of what was done without a step.
    """

    def __init__(self, hours: Hours, lookout: Lookout, maker: Maker) -> None:
        self._hours, self._lookout, self.maker = hours, lookout, maker
        self._nav_usd: list[float] = []
        self._cash: list[tuple[int, float]] = []
        self._cash_usd: Decimal | None = None
        self._held: Mapping[Symbol, Decimal] = {}
        self._holdings: dict[Symbol, list[tuple[int, float]]] = {}
        self._orders: list[Order | Sent] = []
        self._bookings: list[Booking | Filled] = []
        self._dividends: list[Dividend] = []
        self._denials: Counter[str] = Counter()
        self._state_changes: list[tuple[datetime, str]] = []
        self._turns: list[BreakerTurn] = []
        self._rebalances: list[tuple[datetime, str]] = []

    def arrived(self, row: int, state: BookState, traffic: Traffic, dividends: tuple[Dividend, ...]) -> None:
        """Write down what happened to the book before the hour was decided."""
        cash_usd, held = state.portfolio.cash_usd, state.held
        if not self._cash or cash_usd != self._cash_usd:
            self._cash.append((row, float(cash_usd)))
            self._cash_usd = cash_usd
        if held is not self._held and held != self._held:
            for symbol in (*held, *(s for s in self._held if s not in held)):
                if held.get(symbol) != self._held.get(symbol):
                    self._holdings.setdefault(symbol, []).append((row, float(held.get(symbol, 0))))
            self._held = held
        self._bookings += traffic.bookings
        self._dividends += dividends

    def add(self, hour: Hour, taken: Step) -> None:
        """Write down what one hour decided."""
        row = hour.row
        self._nav_usd.append(np.nan if taken.nav_usd is None else taken.nav_usd)
        self._orders += taken.orders
        if taken.state_change:
            self._state_changes.append((hour.slot.as_of, taken.state_change))
            self._turns.append(BreakerTurn.of(hour, taken))
        if taken.nav_usd is not None:
            self._count_denials(taken, row, taken.nav_usd)

    def rebalanced(self, hour: Hour, taken: Step, reason: str) -> None:
        """Write down a rebalance that followed the hour's decision."""
        self._orders += taken.orders
        self._rebalances.append((hour.slot.as_of, reason))
        self._denials.update(veto.code for veto in taken.vetoes if veto.denials)

    def _count_denials(self, taken: Step, row: int, nav_usd: float) -> None:
        """Count each candidate once, by the check that was foreseen to stop it, else by the first one that did."""
        foreseen, found = self._lookout.stopped(taken.state, row, nav_usd)
        for code, names in found:
            self._denials[code] += names.bit_count()
        column = self._hours.panel.column
        for veto in taken.vetoes:
            if veto.denials and not (foreseen >> column[veto.order.symbol] & 1):
                self._denials[veto.code] += 1

    def pass_by(self, passed: Stretch) -> None:
        """Write down the hours that nothing happened in."""
        self._nav_usd += passed.nav_usd
        for code, count in passed.barred.items():
            self._denials[code] += count

    def rode(self, done: Ride, state: BookState) -> None:
        """Write down what was done without a step, and what the book holds after it."""
        if self._cash and self._cash_usd is not None and done.cash_usd[0][1] == self._cash[-1][1]:
            self._cash += done.cash_usd[1:]
        else:
            self._cash += done.cash_usd
        for symbol, changes in done.held.items():
            self._holdings.setdefault(symbol, []).extend(changes)
        self._cash_usd, self._held = state.portfolio.cash_usd, state.held
        self._nav_usd += done.nav_usd
        self._orders += done.sent
        self._bookings += done.filled
        self._denials.update(done.denials)

    def result(self, spec: StrategySpec, book: BookId, starting_usd: float, final: BookState) -> ReplayResult:
        """Return what the replay did."""
        return ReplayResult(
            book=book,
            spec=spec,
            starting_usd=starting_usd,
            panel=self._hours.panel,
            judgement=self._hours.judgement,
            curve=self._curve(),
            ledger=Ledger(self._orders, self._bookings, self.maker),
            dividends=tuple(self._dividends),
            denials=dict(sorted(self._denials.items())),
            state_changes=tuple(self._state_changes),
            breaker_turns=tuple(self._turns),
            rebalances=tuple(self._rebalances),
            final=final,
        )

    def _curve(self) -> EquityCurve:
        timeline, panel = self._hours.timeline, self._hours.panel
        rows = len(self._hours)
        quantity = np.zeros((rows, len(panel.symbols)), order="F")
        for symbol, changes in self._holdings.items():
            quantity[:, panel.column[symbol]] = _spread(changes, rows)
        times = self._hours.times
        return EquityCurve(
            as_of=times.as_of,
            session_on=times.session_on,
            is_closing=timeline.grid.is_closing,
            nav_usd=np.array(self._nav_usd),
            cash_usd=_spread(self._cash, rows),
            quantity=quantity,
        )


def _spread(changes: list[tuple[int, float]], rows: int) -> FloatArray:
    """Return the value that stood at each of `rows` hours; 0 before the first change."""
    at, values = [row for row, _ in changes], [value for _, value in changes]
    hours = np.diff([0, *at, rows])
    return np.repeat(np.array([0.0, *values]), hours)
