"""Bars of a file: named anchor, named adjustment, stored as traded or refused with a sentence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trading.adapters.imports.rows import Column, ImportFile, Kind, Row, rows
from trading.adapters.imports.spill import Spill
from trading.adapters.imports.tally import RowErrors, Tally
from trading.adapters.imports.values import day, instant, number_in, symbol, text
from trading.analysis.adjustment import unadjusted
from trading.analysis.quality import (
    IMPORT_JUMP_FACTOR,
    INDEX_JUMP_FACTOR,
    check_bars,
    expected_windows,
)
from trading.domain.instruments import VIX, Symbol
from trading.domain.market import Bar, BarFault, CorporateAction, Resolution, Session, TimeWindow
from trading.errors import DataRejected
from trading.ports import MarketCalendar

BARS_AT_ONCE = 50_000
"""Bars of one delivery, if a symbol has no more; they are objects, of about 400 bytes each."""

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

    file: ImportFile
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


@contextmanager
def read_rows(request: BarImport, tally: Tally) -> Iterator[Spill]:
    """Read the file once and lend its wanted rows, sorted out by symbol.

    Raises:
        DataRejected: the file cannot be read, a wanted row is not even a bar, or no row is wanted.
    """
    errors = RowErrors(request.file.path, tally)
    with Spill() as spill:
        for number_of_row, row in rows(request.file, _columns(request), dated_by="ts", tally=tally, errors=errors):
            try:
                name = symbol(row["symbol"])
                if request.symbols and name not in request.symbols:
                    tally.left_out += 1
                    continue
                spill.add(name, (number_of_row, *_parsed(request, row)))
            except ValueError as error:
                errors.add(number_of_row, f"{text(row['symbol'])} {error}".strip())
        errors.refuse_if_any()
        if not any(spill):
            raise DataRejected(f"{request.file.path.name} holds no wanted row; check --filter, --symbols and --since")
        yield spill


def checked_bars(
    request: BarImport, spill: Spill, calendar: MarketCalendar, tally: Tally, *, now: datetime
) -> Iterator[list[Bar]]:
    """Yield deliveries of bars, un-adjusted to prices as traded; each bar is known when it ended.

    One symbol is in memory at a time. What is yielded may be stored only in a transaction that an error undoes: a
    refusal comes at the end, so that it can name the rows of every symbol.

    Args:
        now: nothing that ends later is believed.

    Raises:
        DataRejected: any wanted row is not usable; the text lists the first 20.
    """
    errors = RowErrors(request.file.path, tally)
    delivery: list[Bar] = []
    for name in spill:
        bars = _checked(request, name, spill.of(name), calendar, tally, errors, now)
        if not errors:
            delivery += bars
        if len(delivery) >= BARS_AT_ONCE:
            yield delivery
            delivery = []
    errors.refuse_if_any()
    yield delivery


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
    BarFault.FROM_THE_FUTURE: "from_the_future (it has not ended yet)",
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_PRICES = ("open", "high", "low", "close")


def _columns(request: BarImport) -> tuple[Column, ...]:
    when = Kind.DAY if request.resolution is Resolution.DAY else Kind.INSTANT
    prices = (Column(name, Kind.NUMBER) for name in _PRICES)
    # An index trades no shares.
    volume = Column("volume", Kind.NUMBER, is_required=request.symbols != {VIX})
    return (Column("symbol", Kind.TEXT), Column("ts", when), *prices, volume)


def _parsed(request: BarImport, row: Row) -> tuple[int, float, float, float, float, float]:
    """Return when (ordinal of a day, or microseconds since 1970), the four prices and the volume."""
    opened, high, low, close = (number_in(row, name) for name in _PRICES)
    volume = 0.0 if request.symbols == {VIX} and row["volume"] is None else number_in(row, "volume")
    if request.resolution is Resolution.DAY:
        on = day(row["ts"])
        at = on.toordinal()
    else:
        starts_at = instant(row["ts"])
        on, at = starts_at.date(), (starts_at - _EPOCH) // _MICROSECOND
    if request.basis_on is not None and on > request.basis_on:
        raise ValueError(f"{on} is later than the share basis {request.basis_on}")
    return at, opened, high, low, close, volume


@dataclass(frozen=True, slots=True)
class _Draft:
    """One row as written: line, day, start (None for a daily bar), open, high, low, close, volume."""

    line: int
    on: date
    starts_at: datetime | None
    values: tuple[float, ...]


def _drafts(request: BarImport, spilled: NDArray[Any]) -> list[_Draft]:
    drafts = []
    for line, at, *values in spilled.tolist():
        starts_at = None if request.resolution is Resolution.DAY else _EPOCH + at * _MICROSECOND
        drafts.append(_Draft(line, starts_at.date() if starts_at else date.fromordinal(at), starts_at, tuple(values)))
    return drafts


def _checked(
    request: BarImport,
    name: Symbol,
    spilled: NDArray[Any],
    calendar: MarketCalendar,
    tally: Tally,
    errors: RowErrors,
    now: datetime,
) -> tuple[Bar, ...]:
    """Return the usable bars of one symbol, ascending; what is wrong with the others goes to `errors`."""
    drafts = _drafts(request, spilled)
    sessions = _sessions(request, name, drafts, calendar)
    inside = _inside_sessions(request, name, drafts, sessions)
    tally.outside += len(drafts) - len(inside)
    bars, lines, windows = _placed(request, name, inside, sessions, errors)
    checked = check_bars(
        bars,
        previous=None,
        actions=[a for a in request.splits or () if a.symbol == name],
        cutoff_at=now,
        expected=windows,
        jump_factor=INDEX_JUMP_FACTOR if name == VIX else IMPORT_JUMP_FACTOR,
        trades_shares=name != VIX,
    )
    for bar, fault in checked.rejected:
        errors.add(lines[id(bar)], f"{name} {bar.starts_at:%Y-%m-%d %H:%M}Z {_FAULTS.get(fault, fault)}")
    tally.missing += len(checked.missing)
    tally.repeated += checked.repeated_count
    return checked.accepted


def _sessions(request: BarImport, name: Symbol, drafts: list[_Draft], calendar: MarketCalendar) -> tuple[Session, ...]:
    days = [draft.on for draft in drafts]
    try:
        return calendar.sessions(min(days), max(days))
    except DataRejected as error:
        raise DataRejected(
            f"{request.file.path.name}: {name}: {error}, or leave earlier rows out with --since"
        ) from None


def _inside_sessions(
    request: BarImport, name: Symbol, drafts: list[_Draft], sessions: Sequence[Session]
) -> list[_Draft]:
    """Return the rows that touch a session. VIX is also computed on holidays; any other row there is left to be
    refused."""
    by_day = {session.session_on: session for session in sessions}
    length = _LENGTHS[request.resolution]

    def touches(draft: _Draft) -> bool:
        session = by_day.get(draft.on)
        if session is None:
            return name != VIX
        if draft.starts_at is None:
            return True
        return draft.starts_at < session.closes_at and draft.starts_at + length > session.opens_at

    return [draft for draft in drafts if touches(draft)]


def _placed(
    request: BarImport, name: Symbol, drafts: list[_Draft], sessions: Sequence[Session], errors: RowErrors
) -> tuple[list[Bar], dict[int, int], list[TimeWindow]]:
    """Return bars as traded on the calendar's grid, the line of each, and the spans that were to be expected."""
    windows = expected_windows(sessions, request.resolution, through=sessions[-1].closes_at) if sessions else []
    opens = {session.session_on: session.opens_at for session in sessions}
    ends = {window.starts_at: window.ends_at for window in windows}
    factors = _factors(request, name, [draft.on for draft in drafts])
    source = request.source + (TOTAL_RETURN_SUFFIX if request.adjustment is Adjustment.TOTAL_RETURN else "")
    bars: list[Bar] = []
    lines: dict[int, int] = {}
    for draft, factor in zip(drafts, factors, strict=True):
        starts_at = draft.starts_at or opens.get(draft.on)
        if starts_at is None or (ends_at := ends.get(starts_at)) is None:
            errors.add(draft.line, f"{name} {_off_the_grid(request, draft)}")
            continue
        opened, high, low, close = (round(price * factor, 6) for price in draft.values[:4])
        volume = round(draft.values[4] / factor, 3)
        bar = Bar(name, request.resolution, starts_at, ends_at, opened, high, low, close, volume, source, ends_at)
        bars.append(bar)
        lines[id(bar)] = draft.line
    first = min((bar.starts_at for bar in bars), default=_EPOCH)
    last = max((bar.starts_at for bar in bars), default=_EPOCH)
    return bars, lines, [window for window in windows if first <= window.starts_at <= last]


def _off_the_grid(request: BarImport, draft: _Draft) -> str:
    if draft.starts_at is None:
        return f"{draft.on} {_FAULTS[BarFault.OFF_THE_GRID]}"
    is_clock = request.resolution is Resolution.HOUR and draft.starts_at.minute == 0
    hint = "; clock-anchored hours mix the session with what came before it" if is_clock else ""
    return f"{draft.starts_at:%Y-%m-%d %H:%M}Z {_FAULTS[BarFault.OFF_THE_GRID]}{hint}"


def _factors(request: BarImport, name: Symbol, days: list[date]) -> list[float]:
    if request.splits is None or request.basis_on is None:
        return [1.0] * len(days)
    own = [action for action in request.splits if action.symbol == name]
    dates = np.array(days, dtype="datetime64[D]")
    factors: list[float] = unadjusted(np.ones(len(days)), dates, own, basis_on=request.basis_on).tolist()
    return factors
