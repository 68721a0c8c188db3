"""Bars from CSV: named anchor, named adjustment, stored as traded or refused with a sentence."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

import numpy as np

from trading.adapters.csv_import import CsvFile, RowErrors, day, instant, number, rows
from trading.analysis.adjustment import unadjusted
from trading.analysis.quality import (
    IMPORT_JUMP_FACTOR,
    INDEX_JUMP_FACTOR,
    check_bars,
    expected_windows,
)
from trading.domain.instruments import VIX, Symbol
from trading.domain.market import Bar, BarFault, CorporateAction, Resolution, TimeWindow
from trading.errors import DataRejected
from trading.ports import MarketCalendar

TOTAL_RETURN_SUFFIX = "/total-return"
"""Marks the `source` of bars whose prices have dividends taken out of them: an approximation, stored on request."""


class Anchor(StrEnum):
    """Where hours begin: at the session's open, or on the clock."""

    SESSION = "session"
    CLOCK = "clock"


class Adjustment(StrEnum):
    """What the file's prices were scaled for."""

    RAW = "raw"
    SPLIT = "split"
    TOTAL_RETURN = "split+div"


@dataclass(frozen=True, slots=True)
class BarImport:
    """What a person says about a file of bars.

    Attributes:
        source: stored with each bar.
        splits: the split table; needed for every adjustment but RAW.
        basis_on: day on whose share basis the prices are quoted; None for RAW.
        symbols: the only symbols taken; empty takes all.
        total_return_as_price: store `split+div` prices as if they were prices. They are too low by every later
            dividend, so P/E, stops and sizes that rest on them are approximate; benchmarks only lose nothing.
    """

    file: CsvFile
    source: str
    resolution: Resolution
    anchor: Anchor = Anchor.SESSION
    adjustment: Adjustment = Adjustment.RAW
    splits: tuple[CorporateAction, ...] | None = None
    basis_on: date | None = None
    symbols: frozenset[Symbol] = frozenset()
    total_return_as_price: bool = False

    def __post_init__(self) -> None:
        if self.anchor is Anchor.CLOCK and self.resolution is Resolution.HOUR:
            raise DataRejected(
                "clock-anchored hours mix the session with what came before it and are refused; import "
                "session-anchored hours (09:30 New York) or half hours"
            )
        if self.adjustment is Adjustment.TOTAL_RETURN and not self.total_return_as_price:
            raise DataRejected(
                "split+div prices contain later dividends: they serve returns, not prices; import raw or split "
                "prices, or accept the approximation with --total-return-as-price"
            )
        if self.adjustment is not Adjustment.RAW and (self.splits is None or self.basis_on is None):
            raise DataRejected(
                f"{self.adjustment} prices need the split table and the day of their share basis; "
                "give --splits FILE and --basis-on DATE"
            )


@dataclass(frozen=True, slots=True)
class BarsRead:
    """Bars as traded, by symbol.

    Attributes:
        missing_count: bars that the calendar expects between first and last and the file lacks.
        repeated_count: identical copies.
        outside_count: rows wholly before the open or after the close of a session (late prints of
            half days, holidays of an index).
    """

    bars: Mapping[Symbol, tuple[Bar, ...]]
    missing_count: int
    repeated_count: int
    outside_count: int


def read_bars(request: BarImport, calendar: MarketCalendar) -> BarsRead:
    """Return the bars of a file, un-adjusted to prices as traded; each is known when it ended.

    Raises:
        DataRejected: any wanted row is not usable; the text lists them.
    """
    errors = RowErrors(request.file.path)
    drafts = _drafts(request, errors)
    errors.refuse_if_any()
    if not drafts:
        raise DataRejected(f"{request.file.path.name} holds no wanted row; check --filter, --symbols and --since")
    taken: dict[Symbol, tuple[Bar, ...]] = {}
    missing_count = repeated_count = outside_count = 0
    for symbol, of_symbol in drafts.items():
        inside = _inside_sessions(request, symbol, of_symbol, calendar)
        outside_count += len(of_symbol) - len(inside)
        bars, lines, windows = _placed(request, symbol, inside, calendar, errors)
        checked = check_bars(
            bars,
            previous=None,
            actions=[a for a in request.splits or () if a.symbol == symbol],
            cutoff_at=windows[-1].ends_at,
            expected=windows,
            jump_factor=INDEX_JUMP_FACTOR if symbol == VIX else IMPORT_JUMP_FACTOR,
            trades_shares=symbol != VIX,
        )
        for bar, fault in checked.rejected:
            errors.add(lines[id(bar)], f"{symbol} {bar.starts_at:%Y-%m-%d %H:%M}Z {_FAULTS.get(fault, fault)}")
        taken[symbol] = checked.accepted
        missing_count += len(checked.missing)
        repeated_count += checked.repeated_count
    errors.refuse_if_any()
    return BarsRead(taken, missing_count, repeated_count, outside_count)


_LENGTHS = {
    Resolution.HALF_HOUR: timedelta(minutes=30),
    Resolution.HOUR: timedelta(hours=1),
    Resolution.DAY: timedelta(days=1),
}
_FAULTS = {
    BarFault.OFF_THE_GRID: "off_the_grid (not a session, or not anchored at its open)",
    BarFault.JUMP: "jump (a split is missing from the table, or the share basis is another)",
    BarFault.DUPLICATE: "duplicate (another row says otherwise)",
    BarFault.CONFLICTING: "conflicting (another row says otherwise)",
}


@dataclass(frozen=True, slots=True)
class _Draft:
    """One row as written: line, day, start (None for a daily bar), open, high, low, close, volume."""

    line: int
    on: date
    starts_at: datetime | None
    values: tuple[float, ...]


def _drafts(request: BarImport, errors: RowErrors) -> dict[Symbol, list[_Draft]]:
    prices = ("open", "high", "low", "close")
    daily = request.resolution is Resolution.DAY
    has_volume = request.symbols != {VIX}
    drafts: dict[Symbol, list[_Draft]] = defaultdict(list)
    for line, row in rows(request.file, ("symbol", "ts", *prices, *(("volume",) if has_volume else ()))):
        symbol = row["symbol"].strip().upper()
        if request.symbols and symbol not in request.symbols:
            continue
        try:
            starts_at = None if daily else instant(row["ts"])
            on = day(row["ts"]) if starts_at is None else starts_at.date()
            volume = number(row["volume"]) if has_volume else 0.0
            draft = _Draft(line, on, starts_at, (*(number(row[name]) for name in prices), volume))
        except ValueError as error:
            errors.add(line, f"{symbol} {error}")
            continue
        if request.basis_on is not None and on > request.basis_on:
            errors.add(line, f"{symbol} {on} is later than the share basis {request.basis_on}")
        drafts[symbol].append(draft)
    return drafts


def _inside_sessions(
    request: BarImport, symbol: Symbol, drafts: list[_Draft], calendar: MarketCalendar
) -> list[_Draft]:
    """Return the rows that touch a session. VIX is also computed on holidays; any other row there is left to be
    refused."""
    sessions = {s.session_on: s for s in calendar.sessions(min(d.on for d in drafts), max(d.on for d in drafts))}
    if not sessions:
        raise DataRejected(f"{request.file.path.name}: {symbol} has no row on a trading day; check its dates")
    length = _LENGTHS[request.resolution]

    def touches(draft: _Draft) -> bool:
        session = sessions.get(draft.on)
        if session is None:
            return symbol != VIX
        if draft.starts_at is None:
            return True
        return draft.starts_at < session.closes_at and draft.starts_at + length > session.opens_at

    return [draft for draft in drafts if touches(draft)]


def _placed(
    request: BarImport, symbol: Symbol, drafts: list[_Draft], calendar: MarketCalendar, errors: RowErrors
) -> tuple[list[Bar], dict[int, int], list[TimeWindow]]:
    """Return bars as traded on the calendar's grid, the line of each, and the spans that were to be expected."""
    days = [draft.on for draft in drafts]
    sessions = calendar.sessions(min(days), max(days))
    windows = expected_windows(sessions, request.resolution, through=sessions[-1].closes_at)
    opens = {session.session_on: session.opens_at for session in sessions}
    ends = {window.starts_at: window.ends_at for window in windows}
    factors = _factors(request, symbol, days)
    source = request.source + (TOTAL_RETURN_SUFFIX if request.adjustment is Adjustment.TOTAL_RETURN else "")
    bars: list[Bar] = []
    lines: dict[int, int] = {}
    for draft, factor in zip(drafts, factors, strict=True):
        starts_at = draft.starts_at or opens.get(draft.on)
        if starts_at is None or (ends_at := ends.get(starts_at)) is None:
            errors.add(draft.line, f"{symbol} {draft.starts_at or draft.on} {_FAULTS[BarFault.OFF_THE_GRID]}")
            continue
        opened, high, low, close = (round(price * factor, 6) for price in draft.values[:4])
        volume = round(draft.values[4] / factor, 3)
        bar = Bar(symbol, request.resolution, starts_at, ends_at, opened, high, low, close, volume, source, ends_at)
        bars.append(bar)
        lines[id(bar)] = draft.line
    first = min((bar.starts_at for bar in bars), default=windows[0].starts_at)
    last = max((bar.starts_at for bar in bars), default=first)
    return bars, lines, [window for window in windows if first <= window.starts_at <= last]


def _factors(request: BarImport, symbol: Symbol, days: list[date]) -> list[float]:
    if request.splits is None or request.basis_on is None:
        return [1.0] * len(days)
    own = [action for action in request.splits if action.symbol == symbol]
    dates = np.array(days, dtype="datetime64[D]")
    factors: list[float] = unadjusted(np.ones(len(days)), dates, own, basis_on=request.basis_on).tolist()
    return factors
