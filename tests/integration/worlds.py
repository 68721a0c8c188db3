"""A database filled with the SYNTHETIC market."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from trading.domain.market import SYNTHETIC
from trading.ports import MarketCalendar, Provenance, Store
from trading.strategy.three_sector import UNIVERSE
from trading.synthetic.market import SyntheticMarket
from trading.synthetic.past import store_past, synthetic_sources

SEED = 7
SINCE = datetime(2020, 1, 1, tzinfo=UTC)


def fill_with_synthetic_market(store: Store, calendar: MarketCalendar, *, until: datetime, days: int) -> None:
    """Store what was known by `until`: daily bars and filings since 2020, half hours and news of the last `days`."""
    sources = synthetic_sources(SyntheticMarket(SEED, calendar))
    origin = Provenance(SYNTHETIC, "test", until, "test")
    store_past(store, sources, UNIVERSE, origin, since=SINCE, until=until, recent=timedelta(days=days))
