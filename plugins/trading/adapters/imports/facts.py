"""Splits, dividends and monthly series of a file."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from trading.adapters.imports.rows import Column, ImportFile, Kind, Row, rows
from trading.adapters.imports.tally import RowErrors, Tally, keep_first
from trading.adapters.imports.values import Cell, day, number, number_in, symbol, text
from trading.domain.instruments import Symbol
from trading.domain.market import ActionKind, CorporateAction, MacroPoint, MacroSeries
from trading.errors import DataRejected
from trading.ports import MarketCalendar

_NEW_YORK = ZoneInfo("America/New_York")
_EX_AT = time(4, 0)
_SPLIT_COLUMNS = (Column("symbol", Kind.TEXT), Column("ex_date", Kind.DAY), Column("ratio", Kind.NUMBER))
_DIVIDEND_COLUMNS = (
    Column("symbol", Kind.TEXT),
    Column("ex_date", Kind.DAY),
    Column("amount", Kind.NUMBER),
    Column("declared_on", Kind.DAY, is_required=False),
)


def read_splits(file: ImportFile, *, source: str, tally: Tally) -> tuple[CorporateAction, ...]:
    """Return splits; announcement days are absent, so each is known at 04:00 New York on its ex-date."""
    errors = RowErrors(file.path, tally)
    splits = _Actions(errors, tally)
    for line, row in rows(file, _SPLIT_COLUMNS, dated_by="ex_date", tally=tally, errors=errors):
        try:
            name, ex_on = symbol(row["symbol"]), day(row["ex_date"])
            ratio = _ratio(row)
        except ValueError as error:
            errors.add(line, str(error))
            continue
        splits.add(line, CorporateAction(name, ActionKind.SPLIT, ex_on, ratio, source, _morning_of(ex_on)))
    errors.refuse_if_any()
    return splits.found


def read_dividends(
    file: ImportFile, calendar: MarketCalendar, *, source: str, tally: Tally
) -> tuple[CorporateAction, ...]:
    """Return cash dividends [USD/share]; known at the open after their declaration, else at 04:00 on the ex-date."""
    errors = RowErrors(file.path, tally)
    dividends = _Actions(errors, tally)
    for line, row in rows(file, _DIVIDEND_COLUMNS, dated_by="ex_date", tally=tally, errors=errors):
        try:
            name, ex_on = symbol(row["symbol"]), day(row["ex_date"])
            amount = number_in(row, "amount", positive=True)
            known_at = _declared(row["declared_on"], ex_on, calendar)
        except ValueError as error:
            errors.add(line, str(error))
            continue
        dividends.add(line, CorporateAction(name, ActionKind.DIVIDEND, ex_on, amount, source, known_at))
    errors.refuse_if_any()
    return dividends.found


def _ratio(row: Row) -> float:
    ratio = number_in(row, "ratio", positive=True)
    if not 0.001 <= ratio <= 1000 or ratio == 1:
        raise ValueError(f"a ratio of {ratio:g} is no split (new shares per old share)")
    return ratio


def _declared(cell: Cell, ex_on: date, calendar: MarketCalendar) -> datetime:
    if not text(cell):
        return _morning_of(ex_on)
    if (declared_on := day(cell)) > ex_on:
        raise ValueError(f"was declared on {declared_on}, after its ex-date {ex_on}")
    return min(_morning_of(ex_on), calendar.next_session(declared_on).opens_at)


class _Actions:
    """Actions by symbol and day: an equal row is a repeat, another value for the same day is wrong."""

    def __init__(self, errors: RowErrors, tally: Tally) -> None:
        self._errors, self._tally = errors, tally
        self._by_key: dict[tuple[Symbol, date], CorporateAction] = {}

    @property
    def found(self) -> tuple[CorporateAction, ...]:
        """The actions, in the order of the file."""
        return tuple(self._by_key.values())

    def add(self, line: int, action: CorporateAction) -> None:
        """Take an action, or say why not."""
        first = keep_first(self._by_key, (action.symbol, action.ex_on), action, self._tally)
        if first is not None:
            self._errors.add(line, f"{action.symbol} {action.ex_on} is listed twice, with {first.value:g} before")


def _morning_of(ex_on: date) -> datetime:
    return datetime.combine(ex_on, _EX_AT, _NEW_YORK).astimezone(UTC)


CPI_SERIES: Mapping[str, MacroSeries] = {"CUUR0000SA0": MacroSeries.CPI_NSA}
"""Statistics-office series → ours. Only the unadjusted one: adjusted ones are revised every year."""

_CPI_PUBLISHED_AFTER, _CPI_PUBLISHED_AT = timedelta(days=14), time(13, 30, tzinfo=UTC)
_GPR_PUBLISHED_AFTER, _GPR_PUBLISHED_AT = timedelta(days=7), time(0, tzinfo=UTC)


def read_cpi(file: ImportFile, *, series: str, source: str, tally: Tally) -> tuple[MacroPoint, ...]:
    """Return a monthly series; first-published days are absent, so each is known 14 days after its month's end."""
    if series not in CPI_SERIES:
        raise DataRejected(f"no rule reads the series {series}; give --series {' or '.join(CPI_SERIES)}")
    published = (_CPI_PUBLISHED_AFTER, _CPI_PUBLISHED_AT)
    return _monthly(file, CPI_SERIES[series], published, source=source, tally=tally, taken=series)


def read_gpr(file: ImportFile, *, source: str, tally: Tally) -> tuple[MacroPoint, ...]:
    """Return monthly means of the geopolitical-risk index, each known 7 days after its month's end."""
    return _monthly(file, MacroSeries.GPR, (_GPR_PUBLISHED_AFTER, _GPR_PUBLISHED_AT), source=source, tally=tally)


def _monthly(
    file: ImportFile,
    series: MacroSeries,
    published: tuple[timedelta, time],
    *,
    source: str,
    tally: Tally,
    taken: str | None = None,
) -> tuple[MacroPoint, ...]:
    errors = RowErrors(file.path, tally)
    points: dict[date, MacroPoint] = {}
    for line, written, cell in _monthly_rows(file, tally, errors, taken):
        try:
            month, value = day(written).replace(day=1), number(cell, positive=True)
        except ValueError as error:
            errors.add(line, str(error))
            continue
        month_end = month.replace(day=monthrange(month.year, month.month)[1])
        point = MacroPoint(series, month, value, source, datetime.combine(month_end + published[0], published[1]))
        if (first := keep_first(points, month, point, tally)) is not None:
            errors.add(line, f"{month:%Y-%m} is listed twice, with {first.value:g} before")
    errors.refuse_if_any()
    if not points:
        wanted = f"row of the series {taken}" if taken else "wanted row"
        raise DataRejected(f"{file.path.name} holds no {wanted}; check --series, --filter and --since")
    return tuple(points.values())


def _monthly_rows(
    file: ImportFile, tally: Tally, errors: RowErrors, taken: str | None
) -> Iterator[tuple[int, Cell, Cell]]:
    columns = [Column("ts", Kind.DAY), Column("value", Kind.NUMBER)]
    if taken is not None:
        columns.append(Column("series", Kind.TEXT))
    for line, row in rows(file, columns, dated_by="ts", tally=tally, errors=errors):
        if taken is not None and text(row["series"]) != taken:
            tally.left_out += 1
        else:
            yield line, row["ts"], row["value"]
