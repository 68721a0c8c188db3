"""What an import reads from a file, before anything is stored."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

from trading.adapters.imports import facts, news
from trading.adapters.imports.bars import BarImport, checked_bars, read_rows
from trading.adapters.imports.rows import ImportFile
from trading.adapters.imports.tally import Tally
from trading.adapters.market_calendar import NyseCalendar
from trading.domain.market import Bar, CorporateAction, MacroPoint, NewsItem

CALENDAR = NyseCalendar()
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def deliveries_of(request: BarImport, tally: Tally | None = None, calendar=CALENDAR):
    """Yield the bars of a file, delivery by delivery."""
    counted = tally or Tally()
    with read_rows(request, counted) as spill:
        yield from checked_bars(request, spill, calendar, counted, now=NOW)


def bars_of(request: BarImport, tally: Tally | None = None) -> dict[str, list[Bar]]:
    """Return the bars of a file by symbol."""
    found: dict[str, list[Bar]] = defaultdict(list)
    for delivery in deliveries_of(request, tally):
        for bar in delivery:
            found[bar.symbol].append(bar)
    return dict(found)


def news_of(file: ImportFile, tally: Tally | None = None) -> list[NewsItem]:
    """Return the stories of a file."""
    return [item for items in news.read_news(file, CALENDAR, tally or Tally(), now=NOW) for item in items]


def splits_of(path: Path, source: str = "TEST") -> tuple[CorporateAction, ...]:
    """Return the splits of a file."""
    return facts.read_splits(ImportFile(path), source=source, tally=Tally())


def cpi_of(file: ImportFile, series: str = "CUUR0000SA0", source: str = "TEST") -> tuple[MacroPoint, ...]:
    """Return the consumer prices of a file."""
    return facts.read_cpi(file, series=series, source=source, tally=Tally())
