"""Headlines, splits and consumer prices from CSV."""

from __future__ import annotations

import hashlib
from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from trading.adapters.csv_import import CsvFile, RowErrors, day, instant, number, rows
from trading.domain.market import ActionKind, CorporateAction, MacroPoint, MacroSeries, NewsItem
from trading.errors import DataRejected
from trading.ports import MarketCalendar

TITLE_LIMIT = 2000
"""Characters of a headline that are kept; a longer text is an attack or a body, not a headline."""

_NEW_YORK = ZoneInfo("America/New_York")
_EX_AT = time(4, 0)
_PUBLISHED_AT = time(13, 30, tzinfo=UTC)
_PUBLISHED_AFTER = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class NewsRead:
    """Stories, and how many rows were left out because they name no symbol or hold no headline."""

    items: tuple[NewsItem, ...]
    without_symbol: int
    without_headline: int


def read_news(file: CsvFile, calendar: MarketCalendar) -> NewsRead:
    """Return stories that name a symbol; one with a date only is known at the next session's open.

    The text is kept as written, cut to 2,000 characters, without NUL, which Postgres cannot hold.
    """
    errors = RowErrors(file.path)
    items: dict[str, NewsItem] = {}
    opens: dict[date, datetime] = {}
    without_symbol = without_headline = 0
    for line, row in rows(file, ("ts", "headline", "source", "symbols")):
        title = (row["headline"] or "").replace("\x00", "").strip()[:TITLE_LIMIT]
        symbols = tuple(s.strip().upper() for s in (row["symbols"] or "").split("|") if s.strip())
        if not symbols or not title:
            without_symbol += not symbols
            without_headline += bool(symbols)
            continue
        try:
            published_at, known_at = _news_times(row["ts"], calendar, opens)
        except ValueError as error:
            errors.add(line, str(error))
            continue
        item_id = hashlib.sha256(f"{row['source']}\n{row['ts'][:10]}\n{title}".encode()).hexdigest()[:24]
        items.setdefault(item_id, NewsItem(item_id, symbols, published_at, known_at, title, row["source"]))
    errors.refuse_if_any()
    return NewsRead(tuple(items.values()), without_symbol, without_headline)


def _news_times(text: str, calendar: MarketCalendar, opens: dict[date, datetime]) -> tuple[datetime, datetime]:
    if len(text) > len("YYYY-MM-DD"):
        published_at = instant(text)
        return published_at, published_at
    published_on = day(text)
    if published_on not in opens:
        opens[published_on] = calendar.next_session(published_on).opens_at
    return datetime.combine(published_on, time(0), UTC), opens[published_on]


def read_splits(file: CsvFile, *, source: str) -> tuple[CorporateAction, ...]:
    """Return splits; announcement days are absent, so each is known at 04:00 New York on its ex-date."""
    errors = RowErrors(file.path)
    splits: dict[tuple[str, date], CorporateAction] = {}
    for line, row in rows(file, ("symbol", "ex_date", "ratio")):
        try:
            symbol, ex_on, ratio = (
                row["symbol"].strip().upper(),
                day(row["ex_date"]),
                number(row["ratio"], positive=True),
            )
        except ValueError as error:
            errors.add(line, str(error))
            continue
        if (symbol, ex_on) in splits:
            errors.add(line, f"{symbol} {ex_on} is listed twice")
        known_at = datetime.combine(ex_on, _EX_AT, _NEW_YORK).astimezone(UTC)
        splits[symbol, ex_on] = CorporateAction(symbol, ActionKind.SPLIT, ex_on, ratio, source, known_at)
    errors.refuse_if_any()
    return tuple(splits.values())


CPI_SERIES: Mapping[str, MacroSeries] = {"CUUR0000SA0": MacroSeries.CPI_NSA}
"""Statistics-office series → ours. Only the unadjusted one: adjusted ones are revised every year."""


def read_cpi(file: CsvFile, *, series: str, source: str) -> tuple[MacroPoint, ...]:
    """Return a monthly series; first-published days are absent, so each is known 14 days after its month's end."""
    if series not in CPI_SERIES:
        raise DataRejected(f"no rule reads the series {series}; give --series {' or '.join(CPI_SERIES)}")
    errors = RowErrors(file.path)
    points: list[MacroPoint] = []
    for line, row in rows(file, ("series", "ts", "value")):
        if row["series"] != series:
            continue
        try:
            month, value = day(row["ts"]).replace(day=1), number(row["value"])
        except ValueError as error:
            errors.add(line, str(error))
            continue
        month_end = month.replace(day=monthrange(month.year, month.month)[1])
        known_at = datetime.combine(month_end + _PUBLISHED_AFTER, _PUBLISHED_AT)
        points.append(MacroPoint(CPI_SERIES[series], month, value, source, known_at))
    errors.refuse_if_any()
    if not points:
        raise DataRejected(f"{file.path.name} holds no row of the series {series}; check --series and --since")
    return tuple(points)
