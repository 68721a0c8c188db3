"""Candidates that cannot be entered whatever the order: closed market, trading state, locks, full book, model.

The pre-trade checks, or the model behind them, would deny each of them, hour after hour. Their verdict is foreseen
here from a few numbers, so that these hours need no step; a candidate for which it cannot be foreseen is planned and
vetted. Tests hold both against each other.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from trading.accounting.wash_sales import ALONE, by_symbol, last_washable, washing
from trading.domain.fills import Disposal, Lot
from trading.domain.instruments import Symbol
from trading.domain.locks import StopOut
from trading.domain.panel import FeaturePanel, FloatArray
from trading.domain.portfolio import TradingState
from trading.engine.hours import Hours
from trading.engine.locks import guarded, resting
from trading.engine.shrinking import MODEL
from trading.engine.state import BookState
from trading.engine.step import Gate, sleeve_weights
from trading.engine.tracks import NEVER
from trading.strategy.spec import StrategySpec

type Bits = int
"""A set of symbols: bit n is column n of the panel."""
type _Ends = list[tuple[int, Bits]]
"""(hour from which a purchase is free again, symbol), the latest first."""

FORESEEN = frozenset({"STATE", "DD_BREAKER", "MARKET_CLOSED", "STOP_GUARD", "NO_KID", "COOLDOWN", "WASH_BLOCK"})
"""Checks whose verdict is foreseen for any way of sizing; for sleeves those of their caps, too."""
_DAY = timedelta(days=1)
MANY = 16
"""Of more names than so many most have no place in a book."""
_WORD = 8
"""Bytes of a number that NumPy has; wider sets are put together one by one."""
_NOISE = 1e-6
"""Room for rounding, as a fraction of NAV; what lies within it is left to the checks."""


def bits(mask: NDArray[np.bool_]) -> list[Bits]:
    """Return each row of a mask of shape (times, symbols) as a set of symbols."""
    packed = np.packbits(mask, axis=1, bitorder="little")
    if packed.shape[1] <= _WORD:
        words = np.zeros((len(mask), _WORD), dtype=np.uint8)
        words[:, : packed.shape[1]] = packed
        found: list[Bits] = words.view("<u8").ravel().tolist()
        return found
    width, whole = packed.shape[1], packed.tobytes()
    return [int.from_bytes(whole[at : at + width], "little") for at in range(0, len(whole), width)]


def columns_of(symbols: Bits) -> list[int]:
    """Return the columns of a set of symbols, ascending."""
    packed = np.frombuffer(symbols.to_bytes((symbols.bit_length() + 7) // 8, "little"), dtype=np.uint8)
    found: list[int] = np.flatnonzero(np.unpackbits(packed, bitorder="little")).tolist()
    return found


class Barred:
    """What is the same for every book: hours, prices and caps."""

    def __init__(self, spec: StrategySpec, hours: Hours, gate: Gate) -> None:
        panel, grid = hours.panel, hours.timeline.grid
        self.spec, self.panel = spec, panel
        self.codes = frozenset(check.code for check in gate.checks)
        closes_at = grid.as_of[np.searchsorted(grid.session, grid.session, side="right") - 1]
        is_closed = (hours.times.cutoff_at >= closes_at) & ("MARKET_CLOSED" in self.codes)
        is_shut = hours.judgement.kept_frac <= 0.0
        self.shut = bits(is_shut) if is_shut.any() else None
        self.foresees = bool(self.codes & FORESEEN) or spec.sizing.rule == "sleeves" or self.shut is not None
        self.is_closed: list[bool] = is_closed.tolist()
        self.dearest: list[float] = _dearest(panel).tolist()
        self._last_rows: list[int] = (
            np.searchsorted(grid.session, np.arange(len(hours.timeline.sessions)), side="right")
        ).tolist()
        self._sessions_on = [session.session_on for session in hours.timeline.sessions]
        sizing = spec.sizing
        self.is_in_order = sizing.rule == "in_order"
        self.sees_cash = self.is_in_order or "GROSS_CAP" in self.codes
        self.sees_sleeves = not self.is_in_order and "SECTOR_CAP" in self.codes
        self.least_frac = sizing.asset_cap_frac if self.is_in_order else sizing.asset_floor_frac
        # A few names mostly have a place, which the step works out in any case.
        self.foresees_weights = not self.is_in_order and len(panel.symbols) > MANY
        self.reach = 1.0 + (0.0 if self.is_in_order else sizing.limit_offset_frac) + 1e-3
        self._washable: dict[Symbol, tuple[list[Disposal], tuple[Lot, ...], date | None]] = {}
        self._rest_of: tuple[StopOut, ...] = ()
        self._rest_ends: _Ends = []
        self.sleeves = tuple(
            sum(1 << i for i, s in enumerate(spec.universe.sectors) if s is sector)
            for sector in dict.fromkeys(spec.universe.sectors)
        )

    @cached_property
    def basis(self) -> list[int]:
        """How often the volatilities changed until each hour."""
        found: list[int] = _changes(self.panel.volatility_frac).tolist()
        return found

    def newcomers(self, held: Sequence[int], waiting: Bits, row: int) -> list[tuple[Bits, int, float]]:
        """Return (bit, column, target weight) of the candidates that the sizing gives a place beside what is held."""
        candidates = columns_of(waiting)
        weights = sleeve_weights(self.spec, held, candidates, self.panel.volatility_frac[row])
        return [(1 << column, column, weights[column]) for column in candidates if column in weights]

    def for_book(self, state: BookState) -> BarredInBook:
        """Return the verdicts for a book to which nothing happens."""
        return BarredInBook(self, state)

    def locks(self, state: BookState) -> list[_Locked]:
        """Return the locks of single symbols that end by themselves, in the order of their checks."""
        found: list[tuple[str, _Ends]] = []
        if (barred := self.spec.universe.signal_only(state.client_category)) and "NO_KID" in self.codes:
            found.append(("NO_KID", [(NEVER, 1 << self.panel.column[symbol]) for symbol in barred]))
        if (state.disposals or state.related.disposals) and "WASH_BLOCK" in self.codes:
            found.append(("WASH_BLOCK", self._washed(state)))
        if state.stops and "COOLDOWN" in self.codes:
            found.append(("COOLDOWN", self._resting(state.stops)))
        return [_Locked(code, list(ends)) for code, ends in found]

    def guard(self, state: BookState) -> range:
        """Return the hours in which the stop-loss guard holds, from the newest stop on."""
        if not state.stops or "STOP_GUARD" not in self.codes:
            return range(0)
        spell = guarded(state.stops, self.spec.protection, max(stop.on for stop in state.stops))
        return range(0) if spell is None else range(self._row_after(spell[0] - _DAY), self._row_after(spell[1]))

    def _washed(self, state: BookState) -> _Ends:
        until, positions = dict[Symbol, date](), state.portfolio.positions
        if state.related is not ALONE and state.related != ALONE:
            lots_of = {symbol: position.lots for symbol, position in positions.items()}
            return self._ends(washing(state.disposals, lots_of, related=state.related))
        for symbol, sold in by_symbol(state.disposals).items():
            lots = positions[symbol].lots if symbol in positions else ()
            known = self._washable.get(symbol)
            if known is None or known[1] is not lots or known[0] != sold:
                known = self._washable[symbol] = sold, lots, last_washable(sold, lots)
            if known[2] is not None:
                until[symbol] = known[2]
        return self._ends(until)

    def _resting(self, stops: tuple[StopOut, ...]) -> _Ends:
        if stops is not self._rest_of:
            self._rest_of, self._rest_ends = stops, self._ends(resting(stops, self.spec.protection))
        return self._rest_ends

    def _ends(self, until: Mapping[Symbol, date]) -> _Ends:
        column = self.panel.column
        return sorted(((self._row_after(on), 1 << column[s]) for s, on in until.items() if s in column), reverse=True)

    def _row_after(self, on: date) -> int:
        """Return the first hour of the sessions after `on`."""
        session = bisect_right(self._sessions_on, on)
        return self._last_rows[session - 1] if session else 0


class _Locked:
    """The symbols that one check keeps out; asked for ascending hours."""

    def __init__(self, code: str, ends: _Ends) -> None:
        self.code, self._ends = code, ends
        self._symbols = sum(bit for _, bit in ends)

    def at(self, row: int) -> Bits:
        """Return what is locked in the hour `row`."""
        while self._ends and row >= self._ends[-1][0]:
            self._symbols ^= self._ends.pop()[1]
        return self._symbols

    @property
    def ends_at(self) -> int:
        """The hour in which the next lock ends."""
        return self._ends[-1][0] if self._ends else NEVER


class BarredInBook:
    """What keeps candidates out of one book; asked for ascending hours."""

    def __init__(self, every: Barred, state: BookState) -> None:
        self._every, self._state, sizing = every, state, every.spec.sizing
        self._why_all = _standing(state, every.codes)
        self._locks, self._guard = every.locks(state), every.guard(state)
        self._cash = float(state.portfolio.cash_usd)
        self._buffer_frac, self._cap_frac = sizing.cash_buffer_frac, sizing.sector_cap_frac
        self._newcomers: dict[tuple[Bits, int], list[tuple[Bits, int, float]]] = {}
        self._locked: tuple[Bits, int, list[tuple[str, Bits]]] = 0, -1, []

    @cached_property
    def _held(self) -> list[tuple[float, int]]:
        """Shares and column of each position."""
        return [(float(q), self._every.panel.column[s]) for s, q in self._state.held.items()]

    def is_for(self, state: BookState) -> bool:
        """Return whether the verdicts hold for `state` as well: nothing happened to what they were made from."""
        mine = self._state
        return (
            state.portfolio.held is mine.portfolio.held
            and state.portfolio.cash_usd is mine.portfolio.cash_usd
            and state.disposals is mine.disposals
            and state.stops is mine.stops
            and state.trading_state is mine.trading_state
            and state.breaker.tripped_on is mine.breaker.tripped_on
        )

    def split(self, waiting: Bits, row: int, nav_usd: float) -> tuple[Bits, list[tuple[str, Bits]]]:
        """Return the candidates that may be entered for all that is known here, and those that cannot, by check."""
        if self._why_all is not None:
            return 0, [(self._why_all, waiting)]
        if self._every.is_closed[row]:
            return 0, [("MARKET_CLOSED", waiting)]
        if row in self._guard:
            return 0, [("STOP_GUARD", waiting)]
        if waiting == self._locked[0] and row < self._locked[1]:
            return 0, self._locked[2]
        left, found = waiting, list[tuple[str, Bits]]()
        for lock in self._locks:
            if locked := left & lock.at(row):
                found.append((lock.code, locked))
                left ^= locked
        if not left and self._locks:
            # Nothing is left to ask about until a lock ends: the same holds for the next hours.
            self._locked = waiting, min(lock.ends_at for lock in self._locks), found
        if self._every.shut is not None and (shut := left & self._every.shut[row]):
            found.append((MODEL, shut))
            left ^= shut
        if not left:
            return 0, found
        # An entry is worth its weight less one share at most, and no weight is under the floor.
        least = self._every.least_frac * nav_usd - self._every.dearest[row] * self._every.reach
        room = _NOISE * nav_usd
        if self._every.sees_cash and least > self._cash - self._buffer_frac * nav_usd + room:
            # The names of a strategy that buys in order while cash lasts are not planned at all.
            return 0, found if self._every.is_in_order else [*found, ("GROSS_CAP", left)]
        for sleeve, worth in self._full_sleeves(row, left) if self._every.sees_sleeves else ():
            if worth + least > self._cap_frac * nav_usd + room:
                found.append(("SECTOR_CAP", left & sleeve))
                left &= ~sleeve
        if left and self._every.foresees_weights:
            left = self._left_of_newcomers(waiting, left, row, nav_usd, found)
        return left, found

    def _left_of_newcomers(
        self, waiting: Bits, left: Bits, row: int, nav_usd: float, found: list[tuple[str, Bits]]
    ) -> Bits:
        """Return what may be entered of `left`: names that get a target weight, whose cost may fit under the caps."""
        key = waiting, self._every.basis[row]
        if key not in self._newcomers:
            self._newcomers[key] = self._every.newcomers([column for _, column in self._held], waiting, row)
        price, room, may_enter = self._every.panel.price, _NOISE * nav_usd, 0
        free = self._cash - self._buffer_frac * nav_usd + room
        for bit, column, weight in self._newcomers[key]:
            if not left & bit:
                continue
            least = weight * nav_usd - price.item(row, column) * self._every.reach
            if self._every.sees_cash and least > free:
                found.append(("GROSS_CAP", bit))
            elif self._every.sees_sleeves and any(
                worth + least > self._cap_frac * nav_usd + room for _, worth in self._full_sleeves(row, bit)
            ):
                found.append(("SECTOR_CAP", bit))
            else:
                may_enter |= bit
        return may_enter

    def _full_sleeves(self, row: int, waiting: Bits) -> Iterator[tuple[Bits, float]]:
        """Yield the sleeves of what waits, with what is held in each [USD]."""
        price = self._every.panel.price
        for sleeve in self._every.sleeves:
            if sleeve & waiting:
                yield sleeve, sum(shares * price.item(row, c) for shares, c in self._held if sleeve >> c & 1)


def _standing(state: BookState, codes: frozenset[str]) -> str | None:
    """Return the check that stops every entry of the book, if there is one."""
    if state.trading_state is not TradingState.ACTIVE and "STATE" in codes:
        return "STATE"
    return "DD_BREAKER" if state.breaker.tripped_on is not None and "DD_BREAKER" in codes else None


def _changes(array: FloatArray) -> NDArray[np.intp]:
    """Return how often the rows changed until each of them: two of one number are alike."""
    same = (array[1:] == array[:-1]) | (np.isnan(array[1:]) & np.isnan(array[:-1]))
    return np.concatenate([[0], np.cumsum(~same.all(axis=1))])


def _dearest(panel: FeaturePanel) -> NDArray[np.float64]:
    """Return the highest price of each hour [USD/share]; 0 without any."""
    return np.asarray(np.fmax.reduce(panel.price, axis=1, initial=0.0))
