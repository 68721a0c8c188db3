"""Import what a replay of 2016–2023 needs from ../shared/data; used by tests and benchmarks.

Raw daily prices exist for every traded name: split-adjusted files are un-adjusted by the split table. GLD, SLV and
TSLA come from a file marked `split+div`, but they never paid a dividend, so its prices are split-adjusted ones (a
second source agrees, see test_import.py). SPY and QQQ exist only with dividends taken out; as benchmarks they are
stored under a source that says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from trading.adapters.imports.bars import Adjustment, BarImport
from trading.adapters.imports.rows import ImportFile
from trading.domain.instruments import VIX
from trading.domain.market import Resolution
from trading.ports import IngestCounts, MarketCalendar, Provenance, Store
from trading.tasks.import_data import import_actions, import_bars, import_macro, import_news

from tests.imported import cpi_of, deliveries_of, news_of, splits_of

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
SINCE = date(2012, 1, 3)
"""Four years before the replay: SMA 200 and the 600 bars of warm-up."""

BEFORE_NVDA_10_FOR_1 = date(2023, 12, 29)
TODAYS_BASIS = date(2026, 8, 1)

needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is not beside this checkout")


def bar_imports() -> Iterator[BarImport]:
    """Yield every bar file of the recipe, with what its manifest says about it."""
    splits = splits_of(SHARED / "prices/splits.csv", "shared:splits")

    def daily(file: str, source: str, symbols: str, basis_on: date, **options) -> BarImport:
        return BarImport(
            file=ImportFile(SHARED / "prices" / file, {"source": source}, SINCE),
            source=f"shared:{source}",
            resolution=Resolution.DAY,
            adjustment=options.pop("adjustment", Adjustment.SPLIT),
            splits=splits,
            basis_on=basis_on,
            symbols=frozenset(symbols.split()),
            **options,
        )

    yield daily("daily_alt.csv.gz", "dieper", "AAPL AMD MSFT NVDA", BEFORE_NVDA_10_FOR_1)
    yield daily("daily.csv.gz", "dieper", "NEM AEM", BEFORE_NVDA_10_FOR_1)
    yield daily("daily.csv.gz", "mlab", "GLD SLV TSLA", TODAYS_BASIS)
    yield daily("daily.csv.gz", "course1", "BOTZ", TODAYS_BASIS)
    yield daily("daily.csv.gz", "landon", "BOTZ", TODAYS_BASIS)
    yield daily(
        "daily.csv.gz", "mlab", "SPY QQQ", TODAYS_BASIS, adjustment=Adjustment.TOTAL_RETURN, total_return_as_price=True
    )
    yield BarImport(
        ImportFile(SHARED / "prices/vix_daily.csv.gz", since=SINCE),
        "shared:cboe",
        Resolution.DAY,
        symbols=frozenset({VIX}),
    )
    yield BarImport(
        file=ImportFile(SHARED / "prices/hourly.csv.gz", {"source": "dulaj_tradingview"}),
        source="shared:dulaj",
        resolution=Resolution.HOUR,
        adjustment=Adjustment.SPLIT,
        splits=splits,
        basis_on=TODAYS_BASIS,
    )


def import_shared(store: Store, calendar: MarketCalendar) -> IngestCounts:
    """Import bars, splits, headlines and consumer prices; skips the calling test where ../shared is absent."""
    if not SHARED.is_dir():
        pytest.skip("../shared/data is not beside this checkout")

    def origin(source: str) -> Provenance:
        return Provenance(source, "shared/data", datetime(2026, 11, 20, tzinfo=UTC), "import-shared")

    counts = IngestCounts()
    for request in bar_imports():
        counts += import_bars(store, deliveries_of(request, calendar=calendar), origin(request.source))
    counts += import_actions(store, splits_of(SHARED / "prices/splits.csv", "shared:splits"), origin("shared:splits"))
    counts += import_news(
        store, [news_of(ImportFile(SHARED / "news/headlines_2017_2020.csv.gz"))], origin("shared:headlines")
    )
    cpi = cpi_of(ImportFile(SHARED / "macro/cpi_us.csv", since=date(2010, 1, 1)), source="shared:bls")
    return counts + import_macro(store, cpi, origin("shared:bls"))
