"""A database filled with the SYNTHETIC market."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from trading.domain.market import SYNTHETIC, Resolution, TimeWindow
from trading.ports import MarketCalendar, Provenance, Store
from trading.strategy.three_sector import UNIVERSE
from trading.synthetic.market import SyntheticMarket
from trading.synthetic.source import SyntheticBarSource, SyntheticFundamentalsSource, SyntheticNewsSource

SEED = 7
SINCE = datetime(2020, 1, 1, tzinfo=UTC)


def fill_with_synthetic_market(store: Store, calendar: MarketCalendar, *, until: datetime, days: int) -> None:
    """Store what was known by `until`: daily bars and filings since 2020, half hours and news of the last `days`."""
    market = SyntheticMarket(SEED, calendar)
    bars, news, facts = SyntheticBarSource(market), SyntheticNewsSource(market), SyntheticFundamentalsSource(market)
    whole, recent = TimeWindow(SINCE, until), TimeWindow(until - timedelta(days=days), until)
    symbols = UNIVERSE.data
    origin = Provenance(SYNTHETIC, "test", until, "test")
    with store.transaction() as tx:
        rows = [b for s in symbols for b in bars.bars(s, whole, Resolution.DAY)]
        rows += [b for s in symbols for b in bars.bars(s, recent, Resolution.HALF_HOUR)]
        tx.market.add_bars(rows, origin)
        tx.market.add_news(list(news.news(UNIVERSE.traded, recent)), origin)
        tx.market.add_filings(list(facts.filings(symbols, whole)), origin)
        tx.market.add_macro(list(facts.macro(whole)), origin)
        tx.market.add_actions(list(facts.corporate_actions(symbols, whole)), origin)
