"""What analysis works on: the facts known so far, and the instants to judge them at."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from trading.domain.gates import Parking
from trading.domain.instruments import Symbol
from trading.domain.market import CorporateAction, EarningsReport, Filing, MacroPoint, NewsItem, Resolution, Slot
from trading.domain.panel import FloatArray, TimeArray, Why
from trading.domain.series import BarSeries
from trading.domain.signals import canonical

type DateArray = NDArray[np.datetime64]


@dataclass(frozen=True)
class Facts:
    """Everything a reader returned; analysis itself cuts it at each decision time.

    Attributes:
        bars: raw bars by (symbol, resolution).
        parked: symbols that quality gates hold back, with the gates.
    """

    bars: Mapping[tuple[Symbol, Resolution], BarSeries] = field(default_factory=dict)
    news: Sequence[NewsItem] = ()
    filings: Sequence[Filing] = ()
    macro: Sequence[MacroPoint] = ()
    actions: Sequence[CorporateAction] = ()
    parked: Mapping[Symbol, Sequence[Parking]] = field(default_factory=dict)
    earnings: Sequence[EarningsReport] = ()

    def remembered[Made](self, key: Hashable, make: Callable[[], Made]) -> Made:
        """Return what `make` makes of these facts, which do not change, made once for each key."""
        kept: dict[Hashable, Made] = self.__dict__.setdefault("made", {})
        if key not in kept:
            kept[key] = make()
        return kept[key]

    def actions_of(self, symbol: Symbol) -> Sequence[CorporateAction]:
        """Return the splits and dividends of `symbol`, in the order given."""
        return self._actions_by_symbol.get(symbol, ())

    def filings_of(self, symbol: Symbol) -> Sequence[Filing]:
        """Return the filings of `symbol`, in the order given."""
        return self._filings_by_symbol.get(symbol, ())

    @cached_property
    def _actions_by_symbol(self) -> dict[Symbol, list[CorporateAction]]:
        return _by_symbol(self.actions)

    @cached_property
    def _filings_by_symbol(self) -> dict[Symbol, list[Filing]]:
        return _by_symbol(self.filings)

    def daily(self, symbol: Symbol) -> BarSeries | None:
        """Return the daily bars of `symbol`, or None."""
        return self.bars.get((symbol, Resolution.DAY))

    def intraday(self, symbol: Symbol) -> tuple[BarSeries, ...]:
        """Return the half-hour and hour bars of `symbol` that exist."""
        found = (self.bars.get((symbol, r)) for r in (Resolution.HALF_HOUR, Resolution.HOUR))
        return tuple(series for series in found if series is not None)


def _by_symbol[Item: (CorporateAction, Filing)](items: Iterable[Item]) -> dict[Symbol, list[Item]]:
    found: dict[Symbol, list[Item]] = {}
    for item in items:
        found.setdefault(item.symbol, []).append(item)
    return found


@dataclass(frozen=True)
class DecisionTimes:
    """When decisions stand; arrays of one length, ascending.

    Attributes:
        as_of, cutoff_at: UTC instants; bars must end by the first, rows must be known by the second.
        session_on: New York date of each session. previous_on: the session before it.
    """

    as_of: TimeArray
    cutoff_at: TimeArray
    session_on: DateArray
    previous_on: DateArray

    def __len__(self) -> int:
        return len(self.as_of)

    def last_ended(self, ends_at: TimeArray) -> NDArray[np.intp]:
        """Return for each time the index of the last bar that ended by `as_of`; −1 where there is none.

        Most symbols have the same bars, so that their ends need to be looked up once.
        """
        known: list[tuple[TimeArray, NDArray[np.intp]]] = self.__dict__.setdefault("ended", [])
        for others, rows in known:
            if others is ends_at or np.array_equal(others, ends_at):
                return rows
        rows = last_known(ends_at, self.as_of)
        rows.flags.writeable = False
        self.__dict__["ended"] = [(ends_at, rows), *known[:1]]
        return rows

    def at(self, rows: NDArray[np.intp]) -> DecisionTimes:
        """Return the times at `rows`."""
        return DecisionTimes(self.as_of[rows], self.cutoff_at[rows], self.session_on[rows], self.previous_on[rows])

    def take(self, rows: slice) -> DecisionTimes:
        """Return the times in `rows`, without copying."""
        return DecisionTimes(self.as_of[rows], self.cutoff_at[rows], self.session_on[rows], self.previous_on[rows])


def decision_times(slots: Iterable[Slot], previous_on: Mapping[date, date], delay_minutes: int) -> DecisionTimes:
    """Return the decision times of `slots`; `previous_on` maps each session to the one before it."""
    rows = list(slots)
    as_of = utc64_all(s.as_of for s in rows)
    cutoff_at: TimeArray = np.add(as_of, np.timedelta64(delay_minutes, "m"))
    return DecisionTimes(
        as_of=as_of,
        cutoff_at=cutoff_at,
        session_on=dates64(s.session_on for s in rows),
        previous_on=dates64(previous_on[s.session_on] for s in rows),
    )


def dates64(dates: Iterable[date]) -> DateArray:
    """Return dates as NumPy's."""
    return (np.array([on.toordinal() for on in dates], dtype=np.int64) - _EPOCH.toordinal()).view("datetime64[D]")


def utc64(at: datetime) -> np.datetime64:
    """Return an aware instant as NumPy's (naive, UTC) one."""
    assert at.utcoffset() is not None, "instants are aware"
    return np.datetime64(at.replace(tzinfo=None) - at.utcoffset(), "us")  # type: ignore[operator]


def utc64_all(instants: Iterable[datetime]) -> TimeArray:
    """Return aware instants as NumPy's (naive, UTC) ones."""
    # A double holds the seconds of this century to a quarter of a microsecond.
    seconds = np.array([at.timestamp() for at in instants], dtype=np.float64)
    return np.rint(seconds * 1_000_000).astype(np.int64).view("datetime64[us]")


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def bar_sessions(series: BarSeries) -> DateArray:
    """Return the session date of each bar; a New York session never crosses midnight UTC."""
    return series.starts_at.astype("datetime64[D]")


def last_known(known_at: TimeArray, at: TimeArray) -> NDArray[np.intp]:
    """Return for each instant of `at` the index of the last row with `known_at <= at`; −1 where there is none."""
    # As integers: comparing instants that may be NaT takes twice as long.
    return np.asarray(np.searchsorted(known_at.view(np.int64), at.view(np.int64), side="right") - 1)


def count_known(known_at: TimeArray, at: TimeArray) -> NDArray[np.intp]:
    """Return how many of `known_at`, which ascend and lack none, are at or before each instant of `at`."""
    if len(known_at) > len(at) or (at[1:] < at[:-1]).any():
        return last_known(known_at, at) + 1
    # Few instants are found among many faster than many among few.
    first_rows = np.searchsorted(at.view(np.int64), known_at.view(np.int64), side="left")
    return np.asarray(np.cumsum(np.bincount(first_rows, minlength=len(at) + 1))[: len(at)])


def last_known_bar(series: BarSeries, times: DecisionTimes) -> NDArray[np.intp]:
    """Return for each time the index of the last bar that ended and was known, as were all bars before it; else −1.

    A bar that became known late hides those after it until then: indicators run over the bars before them.
    """
    ended = times.last_ended(series.ends_at)
    if np.array_equal(series.known_at, series.ends_at):
        return ended  # each was known as soon as it ended, and a cutoff is never before its hour's end
    known_at = np.maximum.accumulate(series.known_at)
    return np.minimum(ended, last_known(known_at, times.cutoff_at))


def pick(values: FloatArray, index: NDArray[np.intp], *, scale: FloatArray | None = None) -> FloatArray:
    """Return `values[index] × scale` in canonical form, NaN where the index is negative."""
    if len(values) == 0:
        return np.full(len(index), np.nan)
    if scale is not None and (scale == 1.0).all():
        scale = None
    if scale is None and len(values) < len(index):
        # Rounding is dear: fewer values than times are rounded before they are spread.
        values = canonical(values)
        return _spread(values, index)
    spread = _spread(values, index)
    return canonical(spread if scale is None else spread * scale)


def _spread(values: FloatArray, index: NDArray[np.intp]) -> FloatArray:
    if len(index) == 0 or index.min() >= 0:
        return values[index]
    return np.where(index >= 0, values[np.maximum(index, 0)], np.nan)


def pick_time(values: TimeArray, index: NDArray[np.intp]) -> TimeArray:
    """Return `values[index]`, NaT where the index is negative."""
    if len(values) == 0:
        return np.full(len(index), np.datetime64("NaT"), dtype="datetime64[us]")
    if len(index) == 0 or index.min() >= 0:
        return values[index]
    return np.where(index >= 0, values[np.maximum(index, 0)], np.datetime64("NaT"))


def code(condition: NDArray[np.bool_], why: Why, otherwise: NDArray[np.int8] | Why) -> NDArray[np.int8]:
    """Return `why` where the condition holds, else `otherwise`."""
    return np.where(condition, np.int8(why), np.asarray(otherwise, dtype=np.int8)).astype(np.int8)
